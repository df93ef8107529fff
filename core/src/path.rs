//! Where a datagram came from and where one goes.

use std::net::SocketAddr;

/// What carries a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// One UDP datagram, one packet.
    Udp,
    /// One RFC 4571 frame in a TCP connection, one packet.
    Tcp,
}

/// Names one local end: a listening UDP socket, the own socket of a `PlainTransport`, or a TCP connection. A UDP socket
/// bound to a wildcard has one for every local address that was addressed, so that answers leave from there.
///
/// Ids are given by the I/O loop and are not used again within the life of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u32);

/// One way between the worker and a remote address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// UDP or TCP.
    pub protocol: Protocol,
    /// The socket the datagram arrived on, or is to leave by.
    pub socket: SocketId,
    /// The remote address (IPv4-mapped IPv6 addresses are given as IPv4).
    pub remote: SocketAddr,
}

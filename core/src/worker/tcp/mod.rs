//! ICE-TCP (RFC 6544, passive candidates): connections that carry RFC 4571 frames instead of datagrams.

mod connection;
mod connections;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

pub(super) use self::connection::Closed;
pub(super) use self::connections::Connections;

/// Connections that the kernel keeps for us until they are accepted.
const BACKLOG: i32 = 256;
/// Longest segment that either side sends: it fits a path of 1,200 bytes over IPv4, of 1,220 over IPv6. Peers come here also
/// since their path swallows long packets, and nobody may have told TCP of that.
const MAX_SEGMENT: u32 = 1_160;

/// Listens on `address`, without blocking.
pub(super) fn listen(address: SocketAddr, dual_stack: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!dual_stack)?;
    }
    // Connections of the process before may linger in TIME_WAIT; a restart is not to wait for them.
    socket.set_reuse_address(true)?;
    socket.set_tcp_mss(MAX_SEGMENT)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

//! A UDP socket as a worker uses it: non-blocking, with large buffers, GRO, a drop count and packet info.

use std::io;
use std::net::{SocketAddr, UdpSocket as StdUdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use socket2::{Domain, Protocol, Socket, Type};

use super::check;

/// Sizes of a socket's kernel buffers in bytes of data. (The kernel doubles what is asked for, for its own records.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferSizes {
    /// Of what was received and not read yet.
    pub receive: usize,
    /// Of what was sent and has not left yet.
    pub send: usize,
}

impl BufferSizes {
    /// The smaller of each.
    pub fn min(self, other: BufferSizes) -> BufferSizes {
        BufferSizes { receive: self.receive.min(other.receive), send: self.send.min(other.send) }
    }
}

/// A bound UDP socket.
pub struct UdpSocket {
    socket: StdUdpSocket,
    local: SocketAddr,
    ipv6: bool,
    buffers: BufferSizes,
}

impl UdpSocket {
    /// Binds to `address` with buffers as large as the system grants, up to `wanted`.
    ///
    /// `dual_stack` lets a socket of `[::]` serve IPv4 as well. On a wildcard address each datagram tells the local
    /// address it was sent to, so that the answer can leave from there. `gro` lets the kernel join datagrams.
    pub fn bind(address: SocketAddr, wanted: BufferSizes, dual_stack: bool, gro: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(!dual_stack)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let socket = StdUdpSocket::from(socket);
        let local = socket.local_addr()?;
        if address.ip().is_unspecified() {
            if address.is_ipv4() {
                set_option(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
            } else {
                set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
            }
        }
        set_option(&socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)?;
        if gro {
            set_option(&socket, libc::SOL_UDP, libc::UDP_GRO, 1)?;
        }
        let buffers = BufferSizes {
            receive: size_buffer(&socket, libc::SO_RCVBUF, libc::SO_RCVBUFFORCE, wanted.receive)?,
            send: size_buffer(&socket, libc::SO_SNDBUF, libc::SO_SNDBUFFORCE, wanted.send)?,
        };
        Ok(UdpSocket { ipv6: address.is_ipv6(), socket, local, buffers })
    }

    /// Has the kernel tell when each datagram came, however late it is read ([`Datagram::arrived`]).
    ///
    /// [`Datagram::arrived`]: super::Datagram::arrived
    pub fn stamp_arrivals(&self) -> io::Result<()> {
        set_option(&self.socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)
    }

    /// The address it is bound to, with the port that the system chose.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Whether it is of the IPv6 family (and names IPv4 peers by mapped addresses).
    pub fn is_ipv6(&self) -> bool {
        self.ipv6
    }

    /// The buffers granted.
    pub fn buffers(&self) -> BufferSizes {
        self.buffers
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Asks for a buffer of `wanted` bytes, first beyond the system's limit (which takes CAP_NET_ADMIN); returns what was
/// granted.
fn size_buffer(socket: &StdUdpSocket, option: i32, force: i32, wanted: usize) -> io::Result<usize> {
    let value = wanted.min(i32::MAX as usize / 2) as libc::c_int;
    if set_option(socket, libc::SOL_SOCKET, force, value).is_err() {
        set_option(socket, libc::SOL_SOCKET, option, value)?;
    }
    let mut granted: libc::c_int = 0;
    let mut len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `granted` and `len` are valid for writing, and `len` is the size of `granted`.
    check(unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, (&raw mut granted).cast(), &raw mut len)
    })?;
    Ok((granted / 2) as usize)
}

fn set_option(socket: &StdUdpSocket, level: i32, option: i32, value: libc::c_int) -> io::Result<()> {
    // SAFETY: `value` is a readable int, and its size is passed.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    })
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: BufferSizes = BufferSizes { receive: 65_536, send: 65_536 };

    #[test]
    fn buffers_are_reported_as_granted() {
        let socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap(), WANTED, false, true).unwrap();
        assert_eq!(socket.buffers(), WANTED);
        assert_ne!(socket.local_address().port(), 0);
    }

    #[test]
    fn an_ipv6_wildcard_leaves_the_port_to_ipv4_unless_it_is_to_serve_both() {
        // The port is IPv4's first: of one that IPv6 got, IPv4 may be somebody else's already.
        let v4 = UdpSocket::bind("0.0.0.0:0".parse().unwrap(), WANTED, false, true).unwrap();
        let v6 = SocketAddr::from(([0_u16; 8], v4.local_address().port()));
        UdpSocket::bind(v6, WANTED, false, true).unwrap();
        assert!(UdpSocket::bind(v6, WANTED, true, true).is_err());
    }
}

//! One UDP socket, which belongs to one connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

/// Bursts are not to be lost at our side. The kernel may grant less.
const RECEIVE_BUFFER: libc::c_int = 1 << 20;
const UDP_GRO: libc::c_int = 104;

pub struct Socket {
    socket: UdpSocket,
    local: SocketAddr,
}

impl Socket {
    /// A socket at the address from which `remote` is reached, and which talks to it alone.
    pub fn towards(remote: SocketAddr) -> io::Result<Socket> {
        let any: IpAddr = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(remote)?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        for (level, name, value) in [
            (libc::SOL_SOCKET, libc::SO_RCVBUF, RECEIVE_BUFFER),
            (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1),
            // Kernels without it deliver datagram by datagram.
            (libc::SOL_UDP, UDP_GRO, 1),
        ] {
            set_option(socket.as_raw_fd(), level, name, value);
        }
        Ok(Socket { socket, local })
    }

    /// Where it is bound.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends one datagram. What the kernel has no room for is lost, as on any network.
    pub fn send(&self, datagram: &[u8]) {
        let _ = self.socket.send(datagram);
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[allow(unsafe_code)]
fn set_option(socket: RawFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) {
    let length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: `value` outlives the call and `length` is its size. A refusal changes nothing.
    unsafe { libc::setsockopt(socket, level, name, (&raw const value).cast(), length) };
}

/// Raises the limit of open files of this process to what is needed, as far as it may.
#[allow(unsafe_code)]
pub fn raise_file_limit(needed: u64) -> Result<(), String> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for both calls.
    let is_enough = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 && {
            limit.rlim_cur = limit.rlim_cur.max(needed);
            limit.rlim_max = limit.rlim_max.max(limit.rlim_cur);
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) == 0
        }
    };
    if is_enough {
        return Ok(());
    }
    Err(format!("the plan needs {needed} open files, which is more than this process may have (ulimit -n)"))
}

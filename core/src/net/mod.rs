//! The kernel: the only place with `unsafe`.
//!
//! Thin owned types over the Linux calls that std does not have: batched UDP in ([`ReceiveBatch`]) and out
//! ([`SendBatch`]) with GRO and GSO, [`Epoll`], [`EventFd`], and what a thread can ask for itself ([`thread`]).
#![allow(unsafe_code)]

mod address;
mod control;
mod epoll;
mod event_fd;
mod probe;
mod receive;
mod send;
pub mod thread;
mod udp;

pub use self::epoll::{Epoll, Interest, Ready};
pub use self::event_fd::EventFd;
pub use self::probe::{Offloads, probe_offloads};
pub use self::receive::{Datagram, ReceiveBatch};
pub use self::send::{LocalEnd, SendBatch, SendReport};
pub use self::udp::{BufferSizes, UdpSocket};

/// The result of a system call that answers −1 on failure.
fn check(result: libc::c_int) -> std::io::Result<libc::c_int> {
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(result) }
}

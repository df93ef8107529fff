//! Datagrams in, many per system call: recvmmsg(2), and UDP GRO where a sender's run arrives as one buffer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::address::RawAddress;
use super::control::Control;
use super::udp::UdpSocket;

/// Room for the largest buffer that GRO joins. A little more than the 65,535 bytes of an IP packet, so that slots do
/// not fall on the same cache sets.
const SLOT_LEN: usize = 65_536 + 192;

/// Buffers of one batch, and what the kernel put into them.
///
/// The kernel's structures point into the other vectors, which are never resized.
pub struct ReceiveBatch {
    headers: Vec<libc::mmsghdr>,
    iovecs: Vec<libc::iovec>,
    addresses: Vec<RawAddress>,
    controls: Vec<Control>,
    data: Vec<u8>,
    used: usize,
}

/// One received message: a datagram, or several of equal size (but the last) that were joined.
pub struct Datagram<'a> {
    /// The sender.
    pub remote: SocketAddr,
    /// The local address it was sent to, where the socket is bound to a wildcard.
    pub local: Option<IpAddr>,
    /// Datagrams that the kernel has dropped on this socket so far, modulo 2³²; None while there were none.
    pub drops: Option<u32>,
    /// When it came, since the Unix epoch, where [`UdpSocket::stamp_arrivals`] was called; of those that were joined,
    /// when the first came.
    pub arrived: Option<Duration>,
    data: &'a mut [u8],
    segment_size: usize,
}

impl<'a> Datagram<'a> {
    /// The datagrams that were joined, one by one. Nothing for an empty one.
    pub fn segments(self) -> impl Iterator<Item = &'a mut [u8]> {
        self.data.chunks_mut(self.segment_size)
    }
}

impl ReceiveBatch {
    /// Room for `messages` per call. The memory behind them is touched as far as it is needed.
    pub fn new(messages: usize) -> Self {
        let mut batch = ReceiveBatch {
            headers: Vec::with_capacity(messages),
            iovecs: Vec::with_capacity(messages),
            addresses: vec![RawAddress::EMPTY; messages],
            controls: vec![Control::EMPTY; messages],
            data: vec![0; messages * SLOT_LEN],
            used: 0,
        };
        for slot in batch.data.chunks_exact_mut(SLOT_LEN) {
            batch.iovecs.push(libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: SLOT_LEN });
        }
        for index in 0..messages {
            // SAFETY: an all-zero mmsghdr is valid (null pointers and zero lengths).
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_name = (&raw mut batch.addresses[index]).cast();
            header.msg_hdr.msg_iov = &raw mut batch.iovecs[index];
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = (&raw mut batch.controls[index]).cast();
            batch.headers.push(header);
        }
        // Every slot is to be prepared before the first call.
        batch.used = messages;
        batch
    }

    /// How many messages fit one call. As many received means that more may wait.
    pub fn capacity(&self) -> usize {
        self.headers.len()
    }

    /// Takes what waits on `socket`, without blocking. Returns how many messages there are, to be read by
    /// [`message`](Self::message); 0 where there is nothing.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        // The kernel has overwritten lengths and flags of those that were used.
        for header in &mut self.headers[..self.used] {
            header.msg_hdr.msg_namelen = size_of::<RawAddress>() as libc::socklen_t;
            header.msg_hdr.msg_controllen = Control::CAPACITY as _;
            header.msg_hdr.msg_flags = 0;
        }
        self.used = 0;
        // SAFETY: each header points to an address, a control buffer and an iovec of this struct, which live on the
        // heap, are never resized, and are borrowed mutably by `self` for the length of the call.
        let result = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        match super::check(result) {
            Ok(count) => self.used = count as usize,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        Ok(self.used)
    }

    /// The message of that index, below what [`receive`](Self::receive) returned. None where it has no sender's
    /// address or was cut off, which the kernel does not do with buffers of this size.
    pub fn message(&mut self, index: usize) -> Option<Datagram<'_>> {
        let header = &self.headers[..self.used][index];
        if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        let remote = self.addresses[index].decode()?;
        let control = self.controls[index].read(header.msg_hdr.msg_controllen);
        let len = header.msg_len as usize;
        let data = &mut self.data[index * SLOT_LEN..][..len];
        Some(Datagram {
            remote,
            local: control.local,
            drops: control.drops,
            arrived: control.arrived,
            segment_size: control.segment_size.unwrap_or(len).max(1),
            data,
        })
    }
}

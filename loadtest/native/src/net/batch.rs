//! `recvmmsg` and `sendmmsg`. The only place that talks to the kernel by raw pointers.
#![allow(unsafe_code)]

use std::ops::Deref;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::time::{Duration, SystemTime};

use super::Socket;

/// Messages of one `recvmmsg`.
const MESSAGES: usize = 16;
/// A message may be a run of datagrams (GRO).
const MESSAGE_LEN: usize = 65_536;
/// Room for a time stamp and a segment size.
const CONTROL_LEN: usize = 128;
const UDP_GRO: libc::c_int = 104;
/// Datagrams of one `sendmmsg`.
const SENDS: usize = 64;

/// What came in.
pub struct Datagram<'a> {
    pub data: &'a [u8],
    /// When the kernel took it, if it says so.
    pub received: Option<SystemTime>,
}

/// Buffers for many messages, shared by all sockets of a thread.
pub struct ReceiveBatch {
    data: Vec<[u8; MESSAGE_LEN]>,
    control: Vec<Control>,
}

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_LEN]);

impl ReceiveBatch {
    pub fn new() -> Self {
        let data = vec![[0; MESSAGE_LEN]; MESSAGES];
        ReceiveBatch { data, control: vec![Control([0; CONTROL_LEN]); MESSAGES] }
    }

    /// Receives what there is and hands each datagram to `each`. Returns whether there may be more.
    pub fn receive(&mut self, socket: &Socket, mut each: impl FnMut(Datagram<'_>)) -> bool {
        let mut vectors: [libc::iovec; MESSAGES] = std::array::from_fn(|index| libc::iovec {
            iov_base: self.data[index].as_mut_ptr().cast(),
            iov_len: MESSAGE_LEN,
        });
        // SAFETY: all zeros is a valid `mmsghdr`.
        let mut headers: [libc::mmsghdr; MESSAGES] = unsafe { std::mem::zeroed() };
        for (index, header) in headers.iter_mut().enumerate() {
            header.msg_hdr.msg_iov = &raw mut vectors[index];
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = self.control[index].0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL_LEN;
        }
        let count = MESSAGES as libc::c_uint;
        // SAFETY: the headers point at buffers of `self` and at `vectors`, which all outlive the call.
        let received = unsafe {
            libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, libc::MSG_DONTWAIT, ptr::null_mut())
        };
        let received = usize::try_from(received).unwrap_or(0);
        for (header, data) in headers.iter().zip(&self.data).take(received) {
            let (stamp, segment) = read_control(&header.msg_hdr);
            let data = &data[..header.msg_len as usize];
            for datagram in data.chunks(segment.unwrap_or(MESSAGE_LEN)) {
                each(Datagram { data: datagram, received: stamp });
            }
        }
        received == MESSAGES
    }
}

/// The time stamp and the size of a run's segments.
fn read_control(header: &libc::msghdr) -> (Option<SystemTime>, Option<usize>) {
    let (mut stamp, mut segment) = (None, None);
    // SAFETY: the kernel wrote the control messages of `header` and their total length, within our buffer.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: the macros walk over whole messages only; reads are unaligned, and of the sizes that the kernel
        // writes for these types.
        unsafe {
            let data = libc::CMSG_DATA(message);
            match ((*message).cmsg_level, (*message).cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    let time: libc::timespec = ptr::read_unaligned(data.cast());
                    stamp = Some(SystemTime::UNIX_EPOCH + Duration::new(time.tv_sec as u64, time.tv_nsec as u32));
                }
                (libc::SOL_UDP, UDP_GRO) => {
                    let size: libc::c_int = ptr::read_unaligned(data.cast());
                    segment = usize::try_from(size).ok().filter(|size| *size > 0);
                }
                _ => {}
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    (stamp, segment)
}

impl Socket {
    /// Sends datagrams one by one, as browsers do: a run (GSO) would stay in one piece on the loopback interface, up
    /// to the bridge, which no network does. What the kernel has no room for is lost.
    pub fn send_all<D: Deref<Target = [u8]>>(&self, datagrams: &[D]) {
        if let [single] = datagrams {
            return self.send(single);
        }
        datagrams.chunks(SENDS).for_each(|chunk| send_chunk(self.as_raw_fd(), chunk));
    }
}

fn send_chunk<D: Deref<Target = [u8]>>(socket: RawFd, datagrams: &[D]) {
    let mut vectors = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; SENDS];
    // SAFETY: all zeros is a valid `mmsghdr`.
    let mut headers: [libc::mmsghdr; SENDS] = unsafe { std::mem::zeroed() };
    for (index, datagram) in datagrams.iter().enumerate() {
        let data: &[u8] = datagram;
        vectors[index] = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
        headers[index].msg_hdr.msg_iov = &raw mut vectors[index];
        headers[index].msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: the headers point at `vectors` and these at `datagrams`, which the kernel only reads and which outlive
    // the call.
    unsafe { libc::sendmmsg(socket, headers.as_mut_ptr(), datagrams.len() as libc::c_uint, libc::MSG_DONTWAIT) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn datagrams_arrive_whole_and_stamped() {
        let peer = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let socket = Socket::towards(peer.local_addr().expect("bound")).expect("a socket");
        assert_eq!(socket.local().ip(), peer.local_addr().expect("bound").ip());
        socket.send_all(&[b"one".as_slice(), b"two", b"three"]);
        let mut buffer = [0; 64];
        for expected in [b"one".as_slice(), b"two", b"three"] {
            let (length, from) = peer.recv_from(&mut buffer).expect("a datagram");
            assert_eq!(&buffer[..length], expected);
            peer.send_to(&buffer[..length], from).expect("sent");
        }
        let (mut batch, mut got) = (ReceiveBatch::new(), Vec::new());
        while got.len() < 3 {
            batch.receive(&socket, |datagram| got.push((datagram.data.to_vec(), datagram.received.is_some())));
        }
        assert_eq!(got, [(b"one".to_vec(), true), (b"two".to_vec(), true), (b"three".to_vec(), true)]);
    }
}

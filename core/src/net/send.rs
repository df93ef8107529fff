//! Datagrams out, many per system call: sendmmsg(2), and UDP GSO for runs of equal size to one destination.
//!
//! The packets stay where they are: the kernel gathers them from the transmit queue.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use rustc_hash::FxHashSet;

use super::address::RawAddress;
use super::check;
use super::control::Control;
use super::udp::UdpSocket;
use crate::path::{Path, SocketId};
use crate::transmit::PacketsOf;

/// Messages per call at most.
const MESSAGES: usize = 256;
/// Packets per call at most.
const PACKETS: usize = 1_024;
/// Segments that the kernel takes in one GSO send (`UDP_MAX_SEGMENTS`).
const MAX_SEGMENTS: usize = 64;
/// Bytes of one GSO send at most: with its headers it has to fit an IP packet of 65,535 bytes.
const MAX_RUN_BYTES: usize = 65_000;
/// How long one call to `send` waits for room in full send buffers, in milliseconds. What has not left by then is
/// dropped: late media is worth less than the time of everybody else on this worker.
const MAX_WAIT_MS: libc::c_int = 1;
/// Destinations remembered as not reachable by GSO (a path with a smaller MTU). Forgotten all at once when full.
const MAX_PLAIN_DESTINATIONS: usize = 1_024;

/// The local end that a packet leaves by.
#[derive(Clone, Copy)]
pub struct LocalEnd<'a> {
    /// The socket.
    pub socket: &'a UdpSocket,
    /// The address to send from, where the socket is bound to a wildcard.
    pub source: Option<IpAddr>,
}

/// What became of the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendReport {
    /// Taken by the kernel.
    pub sent: u64,
    /// Refused by the kernel, or dropped since its buffers stayed full.
    pub failed: u64,
    /// System calls made.
    pub calls: u64,
}

#[derive(Clone, Copy)]
struct Message {
    remote: SocketAddr,
    source: Option<IpAddr>,
    first_packet: usize,
    packets: usize,
}

/// Structures for one batch. The kernel's ones point into the other vectors, which are never resized.
pub struct SendBatch {
    headers: Vec<libc::mmsghdr>,
    iovecs: Vec<libc::iovec>,
    addresses: Vec<RawAddress>,
    controls: Vec<Control>,
    messages: Vec<Message>,
    packets: usize,
    gso: bool,
    plain_destinations: FxHashSet<SocketAddr>,
    waited: bool,
}

impl SendBatch {
    /// An empty batch. `gso` tells whether the kernel has it ([`probe_offloads`](super::probe_offloads)).
    pub fn new(gso: bool) -> Self {
        // SAFETY: all-zero mmsghdrs are valid (null pointers and zero lengths).
        let empty_header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        let mut batch = SendBatch {
            headers: vec![empty_header; MESSAGES],
            iovecs: vec![libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; PACKETS],
            addresses: vec![RawAddress::EMPTY; MESSAGES],
            controls: vec![Control::EMPTY; MESSAGES],
            messages: Vec::with_capacity(MESSAGES),
            packets: 0,
            gso,
            plain_destinations: FxHashSet::default(),
            waited: false,
        };
        for index in 0..MESSAGES {
            batch.headers[index].msg_hdr.msg_name = (&raw mut batch.addresses[index]).cast();
        }
        batch
    }

    /// Whether GSO is in use. It ends for good when a device refuses it.
    pub fn gso(&self) -> bool {
        self.gso
    }

    /// Sends all packets of `flows`, each flow by the local end that `resolve` names; those without are counted as
    /// failed. Packets of a flow leave in order. A packet that the kernel refuses does not hold up the others.
    pub fn send<'q, 's>(
        &mut self,
        flows: impl Iterator<Item = (Path, PacketsOf<'q>)>,
        resolve: impl Fn(SocketId) -> Option<LocalEnd<'s>>,
    ) -> SendReport {
        let mut report = SendReport::default();
        let mut current: Option<&UdpSocket> = None;
        self.waited = false;
        for (path, packets) in flows {
            let Some(end) = resolve(path.socket) else {
                report.failed += packets.len() as u64;
                continue;
            };
            if let Some(socket) = current
                && !std::ptr::eq(socket, end.socket)
            {
                self.flush(socket, &mut report);
            }
            current = Some(end.socket);
            self.gather(end, path.remote, packets, &mut report);
        }
        if let Some(socket) = current {
            self.flush(socket, &mut report);
        }
        report
    }

    /// Adds the packets of one flow, in runs that GSO can take.
    fn gather(&mut self, end: LocalEnd<'_>, remote: SocketAddr, packets: PacketsOf<'_>, report: &mut SendReport) {
        let joinable = self.gso && !self.plain_destinations.contains(&remote);
        // The size of the run's segments and its bytes so far; None where the next packet starts a new one.
        let mut run: Option<(usize, usize)> = None;
        for packet in packets {
            if self.packets == PACKETS {
                self.flush(end.socket, report);
                run = None;
            }
            run = match run {
                Some((segment, bytes)) if packet.len() <= segment && bytes + packet.len() <= MAX_RUN_BYTES => {
                    let message = self.messages.last_mut().expect("a run has a message");
                    message.packets += 1;
                    // A shorter packet is the last of its run.
                    (packet.len() == segment && message.packets < MAX_SEGMENTS)
                        .then_some((segment, bytes + packet.len()))
                }
                _ => {
                    if self.messages.len() == MESSAGES {
                        self.flush(end.socket, report);
                    }
                    self.messages.push(Message { remote, source: end.source, first_packet: self.packets, packets: 1 });
                    joinable.then_some((packet.len(), packet.len()))
                }
            };
            self.iovecs[self.packets] = iovec_of(packet);
            self.packets += 1;
        }
    }

    /// Hands everything gathered to the kernel and empties the batch.
    fn flush(&mut self, socket: &UdpSocket, report: &mut SendReport) {
        for index in 0..self.messages.len() {
            self.prepare(index, socket);
        }
        let mut next = 0;
        while next < self.messages.len() {
            report.calls += 1;
            // SAFETY: the headers from `next` on point to addresses, control buffers and iovecs of this struct, which
            // live on the heap and are never resized. The iovecs point to packets that `send`'s caller lends for the
            // length of its call, and the kernel only reads them.
            let result = check(unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    self.headers[next..].as_mut_ptr(),
                    (self.messages.len() - next) as libc::c_uint,
                    libc::MSG_DONTWAIT as _,
                )
            });
            match result {
                Ok(count) => {
                    let taken = &self.messages[next..next + count as usize];
                    report.sent += taken.iter().map(|message| message.packets as u64).sum::<u64>();
                    next += count as usize;
                }
                Err(error) => next += self.recover(socket, next, &error, report),
            }
        }
        self.messages.clear();
        self.packets = 0;
    }

    /// Fills in the header of one message.
    fn prepare(&mut self, index: usize, socket: &UdpSocket) {
        let message = self.messages[index];
        let control = &mut self.controls[index];
        let mut control_len = 0;
        if let Some(source) = message.source {
            control_len = control.write_source(control_len, source, socket.is_ipv6());
        }
        if message.packets > 1 {
            let segment_size = self.iovecs[message.first_packet].iov_len as u16;
            control_len = control.write_segment_size(control_len, segment_size);
        }
        let header = &mut self.headers[index].msg_hdr;
        header.msg_namelen = self.addresses[index].encode(message.remote, socket.is_ipv6());
        header.msg_iov = &raw mut self.iovecs[message.first_packet];
        header.msg_iovlen = message.packets as _;
        header.msg_control =
            if control_len == 0 { std::ptr::null_mut() } else { (&raw mut self.controls[index]).cast() };
        header.msg_controllen = control_len as _;
    }

    /// Deals with the refusal of message `index`; returns how many messages are done with.
    fn recover(&mut self, socket: &UdpSocket, index: usize, error: &io::Error, report: &mut SendReport) -> usize {
        let message = self.messages[index];
        match error.raw_os_error() {
            Some(libc::EINTR) => 0,
            Some(libc::EAGAIN | libc::ENOBUFS) => {
                if !self.waited {
                    self.waited = true;
                    wait_for_room(socket);
                    return 0;
                }
                // The time is used up: what is left would fail the same way.
                let rest = &self.messages[index..];
                report.failed += rest.iter().map(|message| message.packets as u64).sum::<u64>();
                rest.len()
            }
            // EIO: the device cannot do it. EINVAL, EMSGSIZE: the path's MTU is below the segment size.
            Some(code @ (libc::EIO | libc::EINVAL | libc::EMSGSIZE)) if message.packets > 1 => {
                if code == libc::EIO {
                    self.gso = false;
                } else {
                    if self.plain_destinations.len() >= MAX_PLAIN_DESTINATIONS {
                        self.plain_destinations.clear();
                    }
                    self.plain_destinations.insert(message.remote);
                }
                self.send_one_by_one(socket, index, report);
                1
            }
            // EPERM, ENETUNREACH, EHOSTUNREACH, EACCES …: about this destination only.
            _ => {
                report.failed += message.packets as u64;
                1
            }
        }
    }

    /// Sends the packets of a message that was refused as a run.
    fn send_one_by_one(&mut self, socket: &UdpSocket, index: usize, report: &mut SendReport) {
        let message = self.messages[index];
        let mut control_len = 0;
        if let Some(source) = message.source {
            control_len = self.controls[index].write_source(0, source, socket.is_ipv6());
        }
        let header = &mut self.headers[index].msg_hdr;
        header.msg_iovlen = 1;
        header.msg_controllen = control_len as _;
        for packet in message.first_packet..message.first_packet + message.packets {
            header.msg_iov = &raw mut self.iovecs[packet];
            report.calls += 1;
            // SAFETY: as in `flush`.
            let result = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const *header, libc::MSG_DONTWAIT) };
            if result < 0 { report.failed += 1 } else { report.sent += 1 }
        }
    }
}

/// The kernel only reads through it, although the type says otherwise.
fn iovec_of(packet: &[u8]) -> libc::iovec {
    libc::iovec { iov_base: packet.as_ptr().cast_mut().cast(), iov_len: packet.len() }
}

/// Waits a moment for room in the send buffer. Whether there is any, the next send tells.
fn wait_for_room(socket: &UdpSocket) {
    let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: one valid pollfd is passed.
    unsafe { libc::poll(&raw mut poll, 1, MAX_WAIT_MS) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{BufferSizes, ReceiveBatch};
    use crate::path::Protocol;
    use crate::transmit::TransmitQueue;

    const BUFFERS: BufferSizes = BufferSizes { receive: 1 << 20, send: 1 << 20 };

    fn bind(address: &str) -> UdpSocket {
        UdpSocket::bind(address.parse().unwrap(), BUFFERS, false, true).unwrap()
    }

    fn path(remote: SocketAddr) -> Path {
        Path { protocol: Protocol::Udp, socket: SocketId(0), remote }
    }

    fn receive_all(socket: &UdpSocket) -> Vec<Vec<u8>> {
        let mut batch = ReceiveBatch::new(16);
        let mut all = Vec::new();
        loop {
            let count = batch.receive(socket).unwrap();
            if count == 0 {
                return all;
            }
            for index in 0..count {
                all.extend(batch.message(index).unwrap().segments().map(|segment| segment.to_vec()));
            }
        }
    }

    fn packets(sizes: &[usize]) -> Vec<Vec<u8>> {
        sizes.iter().enumerate().map(|(index, size)| vec![index as u8; *size]).collect()
    }

    fn queue_of(remote: SocketAddr, packets: &[Vec<u8>]) -> TransmitQueue {
        let mut queue = TransmitQueue::new();
        let flow = queue.flow(path(remote));
        packets.iter().for_each(|packet| queue.push(flow, packet));
        queue
    }

    fn send(batch: &mut SendBatch, socket: &UdpSocket, queue: &TransmitQueue) -> SendReport {
        batch.send(queue.flows(), |_| Some(LocalEnd { socket, source: None }))
    }

    #[test]
    fn runs_of_any_sizes_arrive_whole_and_in_order() {
        let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let mut sizes = vec![1_200; 70];
        sizes.extend([300, 1_200, 1_200, 80, 80, 81, 80, 1]);
        let packets = packets(&sizes);
        let queue = queue_of(b.local_address(), &packets);
        for gso in [true, false] {
            let report = send(&mut SendBatch::new(gso), &a, &queue);
            assert_eq!((report.sent, report.failed), (78, 0));
            assert_eq!(receive_all(&b), packets);
        }
    }

    #[test]
    fn more_than_one_call_can_take_is_sent_in_several() {
        let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let packets = packets(&[100; PACKETS + 10]);
        let report = send(&mut SendBatch::new(true), &a, &queue_of(b.local_address(), &packets));
        assert_eq!(report, SendReport { sent: PACKETS as u64 + 10, failed: 0, calls: 2 });
        assert_eq!(receive_all(&b), packets);
    }

    #[test]
    fn a_destination_that_is_refused_does_not_hold_up_the_others() {
        let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let mut queue = TransmitQueue::new();
        // A socket bound to loopback cannot reach a broadcast address.
        for remote in [b.local_address(), "255.255.255.255:9".parse().unwrap(), b.local_address()] {
            let flow = queue.flow(path(remote));
            queue.push(flow, b"one");
            queue.push(flow, b"two");
        }
        let report = send(&mut SendBatch::new(true), &a, &queue);
        assert_eq!((report.sent, report.failed), (4, 2));
        assert_eq!(receive_all(&b).len(), 4);
    }

    #[test]
    fn a_run_that_is_refused_is_sent_one_by_one_from_then_on() {
        let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let packets = packets(&[500, 500, 400]);
        let queue = queue_of(b.local_address(), &packets);
        let mut batch = SendBatch::new(true);
        let mut report = SendReport::default();
        let end = LocalEnd { socket: &a, source: None };
        for (path, packets) in queue.flows() {
            batch.gather(end, path.remote, packets, &mut report);
        }
        batch.prepare(0, &a);
        assert_eq!(batch.recover(&a, 0, &io::Error::from_raw_os_error(libc::EINVAL), &mut report), 1);
        assert_eq!(receive_all(&b), packets);
        assert!(batch.gso());
        assert!(batch.plain_destinations.contains(&b.local_address()));
        assert_eq!(batch.recover(&a, 0, &io::Error::from_raw_os_error(libc::EIO), &mut report), 1);
        assert!(!batch.gso());
        assert_eq!((report.sent, report.failed), (6, 0));
    }

    #[test]
    fn answers_leave_from_the_address_that_was_addressed() {
        for (wildcard, addressed) in [("0.0.0.0:0", "127.0.0.77"), ("[::]:0", "::1")] {
            let a = bind(wildcard);
            let addressed: IpAddr = addressed.parse().unwrap();
            let b = bind(if addressed.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" });
            let to_a = SocketAddr::new(addressed, a.local_address().port());
            send(&mut SendBatch::new(true), &b, &queue_of(to_a, &packets(&[10, 10])));

            let mut received = ReceiveBatch::new(4);
            assert!(received.receive(&a).unwrap() > 0);
            let source = received.message(0).unwrap().local;
            assert_eq!(source, Some(addressed));

            let queue = queue_of(b.local_address(), &packets(&[10, 10]));
            SendBatch::new(true).send(queue.flows(), |_| Some(LocalEnd { socket: &a, source }));
            assert!(received.receive(&b).unwrap() > 0);
            assert_eq!(received.message(0).unwrap().remote, to_a);
        }
    }
}

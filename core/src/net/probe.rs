//! Finds out what the kernel can do by doing it: a version number tells little about containers and back-ports.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use super::receive::ReceiveBatch;
use super::send::{LocalEnd, SendBatch};
use super::udp::{BufferSizes, UdpSocket};
use crate::path::{Path, Protocol, SocketId};
use crate::transmit::TransmitQueue;

/// Enough for the probe's few packets.
const BUFFERS: BufferSizes = BufferSizes { receive: 65_536, send: 65_536 };
/// Sizes of the packets sent: one run.
const PACKET_SIZES: [usize; 3] = [1_000, 1_000, 10];

/// What the kernel can do for UDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// Sending runs (`UDP_SEGMENT`).
    pub gso: bool,
    /// Receiving runs (`UDP_GRO`).
    pub gro: bool,
}

/// Sends a run over loopback with and without each of them. Takes well under a millisecond.
pub fn probe_offloads() -> Offloads {
    Offloads {
        gso: matches!(run(true, false), Ok((1, true))),
        // Sent as one run, it arrives as one message where GRO works; without GSO it cannot be told, and does no harm.
        gro: matches!(run(true, true), Ok((_, true))),
    }
}

/// Sends one run; returns the number of system calls that took, and whether it arrived as it was sent.
fn run(gso: bool, gro: bool) -> io::Result<(u64, bool)> {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let sender = UdpSocket::bind(loopback, BUFFERS, false, false)?;
    let receiver = UdpSocket::bind(loopback, BUFFERS, false, gro)?;
    let mut queue = TransmitQueue::new();
    let path = Path { protocol: Protocol::Udp, socket: SocketId(0), remote: receiver.local_address() };
    let flow = queue.flow(path);
    for size in PACKET_SIZES {
        queue.push(flow, &vec![size as u8; size]);
    }
    let report = SendBatch::new(gso).send(queue.flows(), |_| Some(LocalEnd { socket: &sender, source: None }));

    // Loopback delivers before the send returns.
    let mut batch = ReceiveBatch::new(PACKET_SIZES.len());
    let mut sizes = Vec::new();
    for index in 0..batch.receive(&receiver)? {
        if let Some(datagram) = batch.message(index) {
            sizes.extend(datagram.segments().map(|segment| segment.len()));
        }
    }
    Ok((report.calls, sizes == PACKET_SIZES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_arrives_with_and_without_offloads() {
        for (gso, gro) in [(false, false), (false, true), (true, false), (true, true)] {
            let (_, whole) = run(gso, gro).unwrap();
            assert!(whole);
        }
    }
}

//! Packets on their way out, gathered by destination so that the I/O loop can send them in runs.
//!
//! The engine writes finished packets; the I/O loop drains the queue after each batch it handed in. Packets of one
//! [`Flow`] stay in order, and runs of equal size become one UDP GSO send.

use crate::path::Path;

/// One destination within one drain of the queue. Handed out by [`TransmitQueue::flow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow(u32);

/// No packet: the end of a chain.
const NONE: u32 = u32::MAX;

struct FlowEntry {
    path: Path,
    first: u32,
    last: u32,
    packets: u32,
}

struct PacketEntry {
    offset: u32,
    len: u32,
    next: u32,
}

/// Packets to send, grouped by destination. Grows to its high-water mark and allocates nothing after that.
#[derive(Default)]
pub struct TransmitQueue {
    /// The bytes of all packets, one after the other, up to `used`. What lies behind is left from earlier rounds: to
    /// clear it before each packet would cost as much as composing the packet.
    arena: Vec<u8>,
    used: usize,
    packets: Vec<PacketEntry>,
    flows: Vec<FlowEntry>,
    generation: u64,
}

impl TransmitQueue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes with every [`clear`](Self::clear): a caller that keeps a [`Flow`] keeps this beside it, and asks for a
    /// new flow when it differs.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Opens a flow to `path`. Two flows may have the same path; only packets within one are gathered into runs.
    pub fn flow(&mut self, path: Path) -> Flow {
        let flow = Flow(self.flows.len() as u32);
        self.flows.push(FlowEntry { path, first: NONE, last: NONE, packets: 0 });
        flow
    }

    /// Appends one packet of at most `max_len` bytes to `flow`. `fill` writes into the slice, whose content is
    /// arbitrary, and returns how many bytes the packet has, or `None` for no packet after all.
    #[inline]
    pub fn push_with(&mut self, flow: Flow, max_len: usize, fill: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let offset = self.used;
        if self.arena.len() < offset + max_len {
            self.grow(offset + max_len);
        }
        let Some(len) = fill(&mut self.arena[offset..offset + max_len]) else {
            return false;
        };
        assert!(len <= max_len, "a packet of {len} bytes does not fit the {max_len} asked for");
        self.used += len;
        let index = self.packets.len() as u32;
        self.packets.push(PacketEntry { offset: offset as u32, len: len as u32, next: NONE });
        let entry = &mut self.flows[flow.0 as usize];
        if entry.last == NONE {
            entry.first = index;
        } else {
            self.packets[entry.last as usize].next = index;
        }
        entry.last = index;
        entry.packets += 1;
        true
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        self.arena.resize(len.next_power_of_two(), 0);
    }

    /// Appends a copy of `packet` to `flow`.
    pub fn push(&mut self, flow: Flow, packet: &[u8]) {
        self.push_with(flow, packet.len(), |out| {
            out.copy_from_slice(packet);
            Some(packet.len())
        });
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// How many packets wait.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// The flows that have packets, each with its path and its packets in order.
    pub fn flows(&self) -> impl Iterator<Item = (Path, PacketsOf<'_>)> {
        self.flows
            .iter()
            .filter(|flow| flow.first != NONE)
            .map(|flow| (flow.path, PacketsOf { queue: self, next: flow.first, left: flow.packets as usize }))
    }

    /// Empties the queue and keeps its memory. Flows handed out before are void.
    pub fn clear(&mut self) {
        self.used = 0;
        self.packets.clear();
        self.flows.clear();
        self.generation += 1;
    }
}

/// The packets of one flow, in order.
pub struct PacketsOf<'a> {
    queue: &'a TransmitQueue,
    next: u32,
    left: usize,
}

impl<'a> Iterator for PacketsOf<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.next == NONE {
            return None;
        }
        let entry = &self.queue.packets[self.next as usize];
        self.next = entry.next;
        self.left -= 1;
        Some(&self.queue.arena[entry.offset as usize..(entry.offset + entry.len) as usize])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for PacketsOf<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::{Protocol, SocketId};

    fn path(port: u16) -> Path {
        Path { protocol: Protocol::Udp, socket: SocketId(0), remote: ([127, 0, 0, 1], port).into() }
    }

    #[test]
    fn packets_of_a_flow_stay_together_and_in_order() {
        let mut queue = TransmitQueue::new();
        let a = queue.flow(path(1));
        let b = queue.flow(path(2));
        queue.push(a, b"a1");
        queue.push(b, b"b1");
        queue.push(a, b"a2");
        let got: Vec<(u16, Vec<Vec<u8>>)> =
            queue.flows().map(|(p, packets)| (p.remote.port(), packets.map(<[u8]>::to_vec).collect())).collect();
        assert_eq!(got, [(1, vec![b"a1".to_vec(), b"a2".to_vec()]), (2, vec![b"b1".to_vec()])]);
    }

    #[test]
    fn a_packet_that_is_given_up_leaves_nothing() {
        let mut queue = TransmitQueue::new();
        let a = queue.flow(path(1));
        assert!(!queue.push_with(a, 100, |_| None));
        assert!(queue.is_empty());
        assert_eq!(queue.flows().count(), 0);
    }

    #[test]
    fn a_queue_that_was_cleared_starts_over_in_the_same_memory() {
        let mut queue = TransmitQueue::new();
        let a = queue.flow(path(1));
        queue.push(a, &[1; 100]);
        let capacity = queue.arena.len();
        queue.clear();
        let b = queue.flow(path(2));
        queue.push_with(b, 100, |out| {
            out[..2].copy_from_slice(b"b1");
            Some(2)
        });
        queue.push(b, b"b2");
        let got: Vec<&[u8]> = queue.flows().flat_map(|(_, packets)| packets).collect();
        assert_eq!(got, [b"b1", b"b2"]);
        assert_eq!(queue.arena.len(), capacity);
    }
}

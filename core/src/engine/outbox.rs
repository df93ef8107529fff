//! What the engine has for others: packets, events, sockets to close, counters.

use std::collections::VecDeque;

use super::Counters;
use crate::event::Event;
use crate::path::SocketId;
use crate::transmit::TransmitQueue;

/// What waits to be taken out of the engine.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) transmits: TransmitQueue,
    pub(super) events: VecDeque<Event>,
    pub(super) released: Vec<SocketId>,
    pub(super) counters: Counters,
}

impl Outbox {
    pub(super) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// Counts a packet of this many bytes that was put into the queue, if there was one.
    #[inline]
    pub(super) fn sent(&mut self, bytes: Option<usize>) -> bool {
        if let Some(bytes) = bytes {
            self.counters.packets_sent += 1;
            self.counters.bytes_sent += bytes as u64;
        }
        bytes.is_some()
    }
}

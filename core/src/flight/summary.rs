//! What a second of a transport looked like.

use std::collections::VecDeque;

/// Ten minutes of them.
const MAX_SUMMARIES: usize = 600;
/// Bytes of one in a record.
pub(super) const SUMMARY_LEN: usize = 40;

/// One second. Rates in bit/s, times in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// When it ended, since the worker's start.
    pub at: u32,
    /// What the line is thought to carry.
    pub estimate: u32,
    /// What was allocated, and what would have been if the line allowed it.
    pub allocated: u32,
    /// See `allocated`.
    pub desired: u32,
    /// Bytes that left, of all kinds.
    pub bytes: u32,
    /// Of those, what was sent only to probe the line.
    pub probe_bytes: u32,
    /// Packets that left.
    pub packets: u16,
    /// Packets that were sent again.
    pub retransmissions: u16,
    /// Packets that waited too long and were never sent.
    pub dropped: u16,
    /// How much was lost lately, of 10,000.
    pub loss: u16,
    /// The round trip; 65,535 while it is not known.
    pub round_trip: u16,
    /// How long packets wait on the line; 65,535 while it is not known.
    pub queue_delay: u16,
    /// How long packets wait in the pacer.
    pub pacer_queue: u16,
    /// Nothing yet.
    pub reserved: u16,
}

impl Summary {
    fn write(&self, out: &mut Vec<u8>) {
        for value in [self.at, self.estimate, self.allocated, self.desired, self.bytes, self.probe_bytes] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        let small = [
            self.packets,
            self.retransmissions,
            self.dropped,
            self.loss,
            self.round_trip,
            self.queue_delay,
            self.pacer_queue,
            self.reserved,
        ];
        for value in small {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// The last ten minutes, second by second: 24 KiB.
#[derive(Default)]
pub(super) struct Summaries(VecDeque<Summary>);

impl Summaries {
    pub(super) fn push(&mut self, summary: Summary) {
        if self.0.len() == MAX_SUMMARIES {
            self.0.pop_front();
        }
        self.0.push_back(summary);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|summary| summary.write(out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_minutes_are_kept_in_the_length_that_is_promised() {
        let mut summaries = Summaries::default();
        for at in 0..1_000 {
            summaries.push(Summary { at, reserved: 0x0102, ..Summary::default() });
        }
        let mut out = Vec::new();
        summaries.write(&mut out);
        assert_eq!((summaries.len(), out.len()), (MAX_SUMMARIES, MAX_SUMMARIES * SUMMARY_LEN));
        assert_eq!((&out[..4], &out[38..40]), (&400_u32.to_le_bytes()[..], &[2, 1][..]));
    }
}

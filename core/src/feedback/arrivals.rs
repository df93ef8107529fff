//! Which of the packets of one sequence arrived when, until that is told.

use crate::sequence;
use crate::time::Time;

/// Packets that wait at most to be told of. What is older when it is reached is never told of.
pub(super) const MAX_WAITING: usize = 1_024;

/// See the module.
#[derive(Default)]
pub(super) struct Arrivals {
    /// Extended sequence number of the first of `times`; none before the first packet.
    base: Option<u64>,
    times: Vec<Option<Time>>,
}

impl Arrivals {
    /// A packet arrived. False where that is not told: it comes after its loss was, and the sender has reacted.
    #[inline]
    pub(super) fn received(&mut self, now: Time, sequence_number: u16) -> bool {
        let base = *self.base.get_or_insert(sequence::first(sequence_number));
        // The last one told of or waiting is the best guess where the sequence stands.
        let reference = base + self.times.len() as u64;
        let sequence = sequence::nearest(reference, sequence_number);
        let Some(index) = sequence.checked_sub(base) else { return false };
        match self.times.get_mut(index as usize) {
            Some(time) => {
                time.get_or_insert(now);
            }
            None => self.append(now, sequence, index as usize),
        }
        true
    }

    fn append(&mut self, now: Time, sequence: u64, index: usize) {
        if index >= MAX_WAITING {
            self.times.clear();
            self.base = Some(sequence);
        } else {
            self.times.resize(index, None);
        }
        self.times.push(Some(now));
    }

    /// Sequence number of the first packet that waits to be told of, or would; none before the first packet.
    pub(super) fn first(&self) -> Option<u16> {
        self.base.map(|base| base as u16)
    }

    /// When that packet and those after it arrived; the last one has.
    pub(super) fn times(&self) -> &[Option<Time>] {
        &self.times
    }

    /// So many packets were told of.
    pub(super) fn told(&mut self, count: usize) {
        self.times.drain(..count);
        self.base = self.base.map(|base| base + count as u64);
    }
}

//! Which of the packets of one sequence arrived when, until that is told.

use crate::sequence;
use crate::time::Time;

/// Packets that wait at most to be told of. What is older when it is reached is never told of.
pub(super) const MAX_WAITING: usize = 1_024;

/// Packets that were told of and may be told of once more, at least and at most: what was told to be missing may still come.
const REMEMBERED: usize = 128;
pub(super) const MAX_REMEMBERED: usize = 2 * REMEMBERED;

/// See the module.
#[derive(Default)]
pub(super) struct Arrivals {
    /// Extended sequence number of the first of `times`; none before the first packet.
    base: Option<u64>,
    times: Vec<Option<Time>>,
    /// So many of them were told of.
    told: usize,
}

impl Arrivals {
    /// A packet arrived. False where that is not told: it was before, or it comes too late. One that others overtook and that was
    /// told to be missing is told of after all, and those after it once more, as libwebrtc does: a sender takes it for lost otherwise.
    #[inline]
    pub(super) fn received(&mut self, now: Time, sequence_number: u16) -> bool {
        let base = *self.base.get_or_insert(sequence::first(sequence_number));
        // The last one told of or waiting is the best guess where the sequence stands.
        let reference = base + self.times.len() as u64;
        let sequence = sequence::nearest(reference, sequence_number);
        let Some(index) = sequence.checked_sub(base) else { return false };
        let index = index as usize;
        match self.times.get_mut(index) {
            Some(Some(_)) if index < self.told => return false,
            Some(time) => {
                time.get_or_insert(now);
                self.told = self.told.min(index);
            }
            None => self.append(now, sequence, index),
        }
        true
    }

    fn append(&mut self, now: Time, sequence: u64, index: usize) {
        if index - self.told >= MAX_WAITING {
            self.times.clear();
            (self.base, self.told) = (Some(sequence), 0);
        } else {
            self.times.resize(index, None);
        }
        self.times.push(Some(now));
    }

    /// Sequence number of the first packet that waits to be told of, or would; none before the first packet.
    pub(super) fn first(&self) -> Option<u16> {
        self.base.map(|base| (base + self.told as u64) as u16)
    }

    /// When that packet and those after it arrived; the last one has.
    pub(super) fn times(&self) -> &[Option<Time>] {
        &self.times[self.told..]
    }

    /// So many packets were told of.
    pub(super) fn told(&mut self, count: usize) {
        self.told += count;
        // Now and then, since those after it move each time.
        if self.told >= MAX_REMEMBERED {
            let forgotten = self.told - REMEMBERED;
            self.times.drain(..forgotten);
            self.told = REMEMBERED;
            self.base = self.base.map(|base| base + forgotten as u64);
        }
    }

    /// How many packets it holds, told of or not.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.times.len()
    }
}

//! Which packets of a stream have come already.
//!
//! A packet may come several times: by itself and by retransmission. Only the first is forwarded, for a second packet
//! under one outgoing sequence number would be encrypted with a key stream that was used before.

/// How far back packets are told apart, in sequence numbers. Older ones are taken for duplicates.
pub const WINDOW: u64 = 1_024;

const WORDS: usize = (WINDOW / 64) as usize;

/// A bit for each of the last [`WINDOW`] sequence numbers up to the highest.
#[derive(Clone, Debug)]
pub struct ReceivedWindow {
    highest: u64,
    bits: [u64; WORDS],
}

impl ReceivedWindow {
    /// A window in which only `first` has come.
    pub fn starting_with(first: u64) -> Self {
        let mut window = ReceivedWindow { highest: first, bits: [0; WORDS] };
        window.set(first);
        window
    }

    /// The highest number that has come.
    #[inline]
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Marks `sequence` as come. False if it had, or is too old to tell.
    #[inline]
    pub fn insert(&mut self, sequence: u64) -> bool {
        if sequence > self.highest {
            self.advance(sequence);
        } else if self.highest - sequence >= WINDOW || self.is_set(sequence) {
            return false;
        }
        self.set(sequence);
        true
    }

    #[inline]
    fn advance(&mut self, sequence: u64) {
        if sequence == self.highest + 1 {
            self.clear(sequence);
        } else if sequence - self.highest >= WINDOW {
            self.bits = [0; WORDS];
        } else {
            (self.highest + 1..=sequence).for_each(|passed| self.clear(passed));
        }
        self.highest = sequence;
    }

    fn word_and_bit(sequence: u64) -> (usize, u64) {
        ((sequence / 64) as usize % WORDS, 1 << (sequence % 64))
    }

    fn is_set(&self, sequence: u64) -> bool {
        let (word, bit) = Self::word_and_bit(sequence);
        self.bits[word] & bit != 0
    }

    fn set(&mut self, sequence: u64) {
        let (word, bit) = Self::word_and_bit(sequence);
        self.bits[word] |= bit;
    }

    fn clear(&mut self, sequence: u64) {
        let (word, bit) = Self::word_and_bit(sequence);
        self.bits[word] &= !bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_number_is_new_once(steps in prop::collection::vec((0_u64..40, 0_u64..1_200), 1..500)) {
            let mut window = ReceivedWindow::starting_with(70_000);
            let mut seen = std::collections::HashSet::from([70_000]);
            let mut base = 70_000;
            for (ahead, behind) in steps {
                base += if ahead == 39 { 3_000 } else { ahead };
                let sequence = base - if behind > 1_100 { behind } else { behind % 20 };
                let too_old = sequence + WINDOW <= window.highest();
                let new = window.insert(sequence);
                prop_assert_eq!(new, !too_old && !seen.contains(&sequence));
                if !too_old {
                    seen.insert(sequence);
                }
            }
        }
    }
}

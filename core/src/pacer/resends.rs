//! Packets that were asked for again and wait for their turn. Only what was asked for is kept: the packet is composed
//! when it leaves, if it still helps by then.

use std::collections::VecDeque;

use crate::time::Time;

/// Requests of one transport that wait at most: some ten seconds' worth on a thin line, of which most come too late.
const MAX_WAITING: usize = 256;
/// Copies of one transport that wait at most; past it, the receiver has to ask once more.
const MAX_COPIES: usize = 64;

/// A packet to send again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedAgain {
    /// Key of the consumer whose it is.
    pub consumer: usize,
    /// As it was sent before.
    pub sequence_number: u16,
}

/// In the order in which they were asked for.
#[derive(Default)]
pub(super) struct Resends {
    waiting: VecDeque<AskedAgain>,
    /// What was sent again and is to be once more, and when.
    copies: VecDeque<(Time, AskedAgain)>,
}

impl Resends {
    /// Appends one, unless it waits already. False where too many wait.
    pub(super) fn push(&mut self, asked: AskedAgain) -> bool {
        if self.waiting.contains(&asked) {
            return true;
        }
        if self.waiting.len() >= MAX_WAITING {
            return false;
        }
        self.waiting.push_back(asked);
        true
    }

    pub(super) fn pop(&mut self) -> Option<AskedAgain> {
        self.waiting.pop_front()
    }

    /// Has a packet that was just sent again be sent once more then; times rise.
    pub(super) fn copy(&mut self, due: Time, asked: AskedAgain) {
        if self.copies.len() < MAX_COPIES {
            self.copies.push_back((due, asked));
        }
    }

    pub(super) fn pop_copy(&mut self, now: Time) -> Option<AskedAgain> {
        (self.copy_due() <= now).then(|| self.copies.pop_front())?.map(|(_, asked)| asked)
    }

    /// When the next copy is to leave; [`Time::MAX`] for never.
    #[inline]
    pub(super) fn copy_due(&self) -> Time {
        self.copies.front().map_or(Time::MAX, |(due, _)| *due)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.copies.clear();
    }

    /// Forgets those of a consumer that ended.
    pub(super) fn forget(&mut self, consumer: usize) {
        self.waiting.retain(|asked| asked.consumer != consumer);
        self.copies.retain(|(_, asked)| asked.consumer != consumer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_waits_once_in_order_and_not_too_many() {
        let mut resends = Resends::default();
        let asked = |consumer, sequence_number| AskedAgain { consumer, sequence_number };
        for number in [5, 6, 5, 7] {
            assert!(resends.push(asked(1, number)));
        }
        resends.push(asked(2, 5));
        resends.forget(2);
        assert_eq!(resends.len(), 3);
        assert_eq!(resends.pop(), Some(asked(1, 5)));
        let taken = (0..1_000).filter(|number| resends.push(asked(3, *number))).count();
        assert_eq!((taken, resends.len()), (MAX_WAITING - 2, MAX_WAITING));
        resends.clear();
        assert!(resends.is_empty());
    }
}

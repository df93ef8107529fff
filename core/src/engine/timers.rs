//! When each transport wants to be looked after: one instant per transport, in a dense array.

use std::time::Duration;

use crate::time::Time;

/// Instants are rounded up to multiples of this, so that timers that are due about the same time share one wake-up.
pub const TICK: Duration = Duration::from_millis(5);

/// One instant per transport, by its key.
pub struct Timers {
    due: Vec<Time>,
    /// No later than the earliest instant in `due`.
    next: Time,
    /// Whose turn it is first: those behind the last one that was taken.
    first: usize,
}

impl Timers {
    /// No timers.
    pub fn new() -> Self {
        Timers { due: Vec::new(), next: Time::MAX, first: 0 }
    }

    /// Sets the timer of `key`.
    pub fn set(&mut self, key: usize, at: Time) {
        if key >= self.due.len() {
            self.due.resize(key + 1, Time::MAX);
        }
        let at = align(at);
        self.due[key] = at;
        self.next = self.next.min(at);
    }

    /// Sets the timer of `key` unless it is earlier already.
    #[inline]
    pub fn no_later_than(&mut self, key: usize, at: Time) {
        if at < self.due[key] {
            self.set(key, at);
        }
    }

    /// Forgets the timer of `key`.
    pub fn clear(&mut self, key: usize) {
        if let Some(due) = self.due.get_mut(key) {
            *due = Time::MAX;
        }
    }

    /// The earliest instant, or a little before it where timers were moved to later.
    pub fn next(&self) -> Time {
        self.next
    }

    /// The keys whose time has come by `now`, at most so many, appended to `keys`. Their timers are cleared; the others'
    /// turn comes at the next call.
    pub fn take_due(&mut self, now: Time, most: usize, keys: &mut Vec<usize>) {
        if self.next > now {
            return;
        }
        self.next = Time::MAX;
        let (before, behind) = (0..self.first.min(self.due.len()), self.first.min(self.due.len())..self.due.len());
        let mut taken = 0;
        for key in behind.chain(before) {
            let due = &mut self.due[key];
            if *due > now {
                self.next = self.next.min(*due);
            } else if taken == most {
                self.next = *due;
                self.first = key;
                return;
            } else {
                *due = Time::MAX;
                keys.push(key);
                taken += 1;
            }
        }
    }
}

fn align(at: Time) -> Time {
    let tick = TICK.as_nanos() as u64;
    at.as_nanos().div_ceil(tick).checked_mul(tick).map_or(Time::MAX, Time::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(timers: &mut Timers, at: Time) -> Vec<usize> {
        let mut keys = Vec::new();
        timers.take_due(at, usize::MAX, &mut keys);
        keys
    }

    #[test]
    fn instants_are_aligned_and_fire_once() {
        let mut timers = Timers::new();
        assert_eq!(timers.next(), Time::MAX);
        timers.set(2, Time::from_nanos(5_000_001));
        timers.set(0, Time::from_millis(20));
        assert_eq!(timers.next(), Time::from_millis(10));
        assert_eq!(due(&mut timers, Time::from_millis(9)), []);
        assert_eq!(due(&mut timers, Time::from_millis(10)), [2]);
        assert_eq!(due(&mut timers, Time::from_millis(10)), []);
        assert_eq!(timers.next(), Time::from_millis(20));
    }

    #[test]
    fn many_that_are_due_at_once_are_taken_part_by_part_in_turn() {
        let mut timers = Timers::new();
        for key in 0..5 {
            timers.set(key, Time::from_millis(10));
        }
        let now = Time::from_millis(12);
        let take = |timers: &mut Timers| {
            let mut keys = Vec::new();
            timers.take_due(now, 2, &mut keys);
            keys
        };
        assert_eq!(take(&mut timers), [0, 1]);
        assert!(timers.next() <= now, "the others wait");
        // Who was served waits behind those who were not.
        timers.set(0, Time::from_millis(12));
        assert_eq!(take(&mut timers), [2, 3]);
        timers.set(0, Time::from_millis(10));
        assert_eq!(take(&mut timers), [4, 0]);
        assert_eq!(take(&mut timers), []);
        assert_eq!(timers.next(), Time::MAX);
    }

    #[test]
    fn never_stays_never_and_cleared_timers_do_not_fire() {
        let mut timers = Timers::new();
        timers.set(0, Time::MAX);
        assert_eq!(timers.next(), Time::MAX);
        timers.no_later_than(0, Time::from_millis(5));
        timers.no_later_than(0, Time::from_millis(50));
        assert_eq!(timers.next(), Time::from_millis(5));
        timers.clear(0);
        assert_eq!(due(&mut timers, Time::from_millis(60)), []);
        assert_eq!(timers.next(), Time::MAX);
    }
}

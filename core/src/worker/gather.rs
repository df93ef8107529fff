//! When to wait a moment for company, as network cards do: at light load waking up is what costs.

use std::time::Duration;

/// Weight of the newest batch in the average, as a power of two.
const SHIFT: u32 = 4;
/// Unit of the average: 1/256 of a packet.
const ONE: u32 = 256;
/// Waiting is worth its price (one more sleep) from this many packets a batch on, in units of the average.
const WORTHWHILE: u32 = ONE * 3 / 2;
/// One batch of so many tries how it would be with waiting, while it is not done.
const TRY_EVERY: u32 = 16;

/// Decides by how much company the last waits brought.
pub(super) struct Gather {
    wait: Duration,
    /// Average packets per batch after waiting.
    average: u32,
    since_try: u32,
    waited: bool,
}

impl Gather {
    /// Waits `wait` where it pays; zero never waits.
    pub fn new(wait: Duration) -> Self {
        Gather { wait, average: 0, since_try: 0, waited: false }
    }

    /// How long to wait after the thread was woken from idling.
    pub fn after_wake(&mut self) -> Option<Duration> {
        self.since_try += 1;
        self.waited = !self.wait.is_zero() && (self.average >= WORTHWHILE || self.since_try >= TRY_EVERY);
        self.waited.then_some(self.wait)
    }

    /// Tells how many packets came in the batch after that.
    pub fn batch(&mut self, packets: usize) {
        if std::mem::take(&mut self.waited) {
            self.since_try = 0;
            let sample = (packets as u32).min(1_024) * ONE;
            self.average = self.average - (self.average >> SHIFT) + (sample >> SHIFT);
        }
    }
}

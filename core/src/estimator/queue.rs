//! How long packets wait on the line, from when they were sent and when they arrived.
//!
//! Each delay is measured against the shortest one seen lately. What counts is the *standing* queue: the shortest wait
//! within a short window. It is blind to jitter and to the burst of a single frame, which both leave some packet alone,
//! and sees what does not go away between two frames. Trend filters, as GCC has, need the change to last and mistake
//! the one for the other.

use std::collections::VecDeque;
use std::time::Duration;

use super::hold_ups::HoldUps;
use crate::time::Time;

/// Packets sent within this time are one burst: a pacer sends in steps.
const BURST: Duration = Duration::from_millis(5);
/// Bursts remembered: half a second at least of what has one every five milliseconds.
const MAX_BURSTS: usize = 128;
/// Over how much of what was sent last the standing queue is the minimum: three frames.
const STANDING_WINDOW: Duration = Duration::from_millis(110);
/// The same for the early warning.
const EARLY_WINDOW: Duration = Duration::from_millis(35);
/// Bursts that the early warning needs at least.
const EARLY_BURSTS: usize = 3;
/// The shortest delay is that of the last one to two such times: long enough to see an empty queue, short enough for
/// clocks that drift apart (100 ppm: 2 ms) and for paths that change.
const BASE_HALF: Duration = Duration::from_secs(12);
/// Bursts over which the jitter is smoothed.
const JITTER_BURSTS: u32 = 64;
/// So many times as long as packets are held up by chance the shortest wait is looked for beyond the standing window: it is in
/// between two of them.
const BETWEEN: f64 = 10.0;
/// What arrives within this share of its time on the wire after what was sent well before it came together with that.
const TOGETHER: f64 = 0.5;
/// What one packet is taken to have been overtaken by at most, in nanoseconds.
const MAX_OVERTAKEN: i64 = 200_000_000;
/// What the time on the wire of one packet is taken for at most.
const MAX_SERIALISATION: i64 = 60_000_000;

/// Packets sent together.
#[derive(Clone, Copy, Debug)]
struct Burst {
    first_sent: Time,
    /// Of the last packet, by the peer's clock, in nanoseconds.
    arrived: i64,
    /// The shortest, in nanoseconds, without the packet's own time on the wire.
    delay: i64,
    /// All that arrived up to its end, since bursts are remembered.
    total: u64,
}

/// See the module.
pub(super) struct Queue {
    bursts: VecDeque<Burst>,
    total: u64,
    /// Shortest delay, time on the wire included, of the current and of the last half window.
    base: [i64; 2],
    base_since: Time,
    /// Mean distance between the delays of successive bursts, and of how many, up to [`JITTER_BURSTS`].
    jitter: f64,
    distances: u32,
    hold_ups: HoldUps,
    /// The last arrival of all packets so far, in nanoseconds.
    latest: i64,
    /// By how much packets come before such as left before them, smoothed over all packets, in nanoseconds.
    overtaking: f64,
}

impl Queue {
    pub(super) fn new() -> Self {
        Queue {
            bursts: VecDeque::with_capacity(MAX_BURSTS),
            total: 0,
            base: [i64::MAX; 2],
            base_since: Time::ZERO,
            jitter: 0.0,
            distances: 0,
            hold_ups: HoldUps::default(),
            latest: i64::MIN,
            overtaking: 0.0,
        }
    }

    /// A packet arrived. `arrived` is by the peer's clock in nanoseconds; `nanos_per_byte` is what a byte takes at the
    /// rate that the line is thought to carry.
    pub(super) fn received(&mut self, sent: Time, arrived: i64, size: u32, nanos_per_byte: f64) {
        if self.bursts.back().is_some_and(|last| sent < last.first_sent) {
            // Told of after such as were sent after it.
            return;
        }
        let delay = arrived - sent.as_nanos() as i64;
        if sent.since(self.base_since) > BASE_HALF {
            self.base = [i64::MAX, self.base[0]];
            self.base_since = sent;
        }
        self.base[0] = self.base[0].min(delay);
        let overtaken = self.latest.saturating_sub(arrived).clamp(0, MAX_OVERTAKEN) as f64;
        self.overtaking += (overtaken - self.overtaking) / f64::from(JITTER_BURSTS);
        self.latest = self.latest.max(arrived);
        self.total += u64::from(size);
        let wait = delay - ((f64::from(size) * nanos_per_byte) as i64).min(MAX_SERIALISATION);
        let before_last = self.bursts.len().checked_sub(2).map_or(0, |index| self.bursts[index].total);
        match self.bursts.back_mut() {
            Some(burst) if sent.since(burst.first_sent) <= BURST => {
                burst.arrived = burst.arrived.max(arrived);
                burst.delay = burst.delay.min(wait);
                burst.total = self.total;
            }
            last => {
                if let Some(last) = last {
                    let distance = ((wait - last.delay).abs() as f64).min(1e8);
                    self.distances = (self.distances + 1).min(JITTER_BURSTS);
                    self.jitter += (distance - self.jitter) / f64::from(self.distances);
                    let together = ((arrived - last.arrived) as f64) < f64::from(size) * nanos_per_byte * TOGETHER;
                    let gap = sent.since(last.first_sent).as_nanos() as f64;
                    let explained = (last.total - before_last) as f64 * nanos_per_byte;
                    self.hold_ups.add(gap, (wait - last.delay) as f64, explained, together);
                }
                if self.bursts.len() == MAX_BURSTS {
                    self.bursts.pop_front();
                }
                self.bursts.push_back(Burst { first_sent: sent, arrived, delay: wait, total: self.total });
            }
        }
    }

    /// So many bytes arrived that were not told of.
    pub(super) fn untold(&mut self, bytes: u64) {
        self.total += bytes;
    }

    /// What packets wait is no queue: it takes them so long now.
    pub(super) fn path_is_longer(&mut self) {
        if let Some(shortest) = self.shortest(STANDING_WINDOW, 1) {
            self.base = [shortest, i64::MAX];
        }
    }

    /// Forgets the bursts, since what comes next has no connection with them: nothing came.
    pub(super) fn interrupted(&mut self) {
        self.bursts.clear();
        self.total = 0;
        self.latest = i64::MIN;
    }

    /// The standing queue.
    pub(super) fn standing(&self) -> Option<Duration> {
        self.wait(STANDING_WINDOW + self.held_up().mul_f64(BETWEEN), 1)
    }

    /// For how long packets are held up by chance, with those behind them, beyond what is common.
    pub(super) fn held_up(&self) -> Duration {
        self.hold_ups.typical()
    }

    /// The queue of the last few bursts: sees more, sooner, and is more easily deceived.
    pub(super) fn early(&self) -> Option<Duration> {
        self.wait(EARLY_WINDOW, EARLY_BURSTS)
    }

    /// How much delays vary from burst to burst.
    pub(super) fn jitter(&self) -> Duration {
        Duration::from_nanos(self.jitter as u64)
    }

    /// By how much packets overtake each other, twice the mean of all: in a queue nobody does, so that delays that differ
    /// by less are none.
    pub(super) fn overtaking(&self) -> Duration {
        Duration::from_nanos((2.0 * self.overtaking) as u64)
    }

    /// The rate in bit/s at which packets arrived during the last `window`; none where too few did.
    pub(super) fn arrival_rate(&self, window: Duration) -> Option<f64> {
        let newest = self.bursts.back()?;
        let start = newest.arrived - window.as_nanos() as i64;
        let oldest = self.bursts.iter().rev().take_while(|burst| burst.arrived >= start).last()?;
        let (bytes, nanos) = (newest.total - oldest.total, newest.arrived - oldest.arrived);
        (nanos >= window.as_nanos() as i64 / 3 && bytes > 0).then(|| bytes as f64 * 8e9 / nanos as f64)
    }

    /// The rate in bit/s at which packets arrived since the queue was last shorter than `wait`, within the last
    /// `window`, and how long that is: what the line carries, or our share of it. None where too few arrived.
    pub(super) fn busy_rate(&self, wait: Duration, window: Duration) -> Option<(f64, Duration)> {
        let newest = self.bursts.back()?;
        let busy = self.base[0].min(self.base[1]).saturating_add(wait.as_nanos() as i64);
        let start = newest.arrived - window.as_nanos() as i64;
        let bursts = self.bursts.iter().rev();
        let oldest = bursts.take_while(|burst| burst.delay > busy && burst.arrived >= start).last()?;
        let (bytes, nanos) = (newest.total - oldest.total, newest.arrived - oldest.arrived);
        (nanos > 0 && bytes > 0).then(|| (bytes as f64 * 8e9 / nanos as f64, Duration::from_nanos(nanos as u64)))
    }

    fn wait(&self, window: Duration, bursts: usize) -> Option<Duration> {
        let shortest = self.shortest(window, bursts)?;
        Some(Duration::from_nanos(u64::try_from(shortest - self.base[0].min(self.base[1])).unwrap_or(0)))
    }

    /// The shortest delay of at least so many bursts that reach back over `window`.
    fn shortest(&self, window: Duration, bursts: usize) -> Option<i64> {
        let newest = self.bursts.back()?.first_sent;
        let recent = self.bursts.iter().rev().enumerate();
        let recent = recent.take_while(|(n, burst)| *n < bursts || newest.since(burst.first_sent) <= window);
        recent.map(|(_, burst)| burst.delay).min()
    }
}

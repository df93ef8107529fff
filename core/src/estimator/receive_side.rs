//! What the line from a publisher carries, where the publisher cannot find out by itself: it negotiated REMB
//! (draft-alvestrand-rmcat-remb-03) and no transport-wide feedback.
//!
//! When a packet was sent is taken from its RTP timestamp: the first packet of a picture shows how long the queue was
//! before it. The rule is that of [`rate_control`](super::rate_control), made coarse: REMB is sent once a second.

use std::time::Duration;

use super::queue::Queue;
use super::rates::Meter;
use crate::bitrate::Bitrate;
use crate::time::Time;

/// Sources of which the queue is watched: what a simulcast of two cameras has.
const MAX_SOURCES: usize = 6;
/// Distance of messages while packets come.
const INTERVAL: Duration = Duration::from_secs(1);
/// Falls follow one another no sooner: so long a publisher takes to heed one, and its queue to drain.
const FALL_INTERVAL: Duration = Duration::from_millis(400);
/// The queue that is too long, beside twice the jitter; below half of it the estimate may rise.
const LONG_QUEUE: Duration = Duration::from_millis(60);
/// Share of what arrives that is asked for then.
const FALL: f64 = 0.85;
/// By how much the estimate rises in a second, and until it fell for the first time.
const RISE: f64 = 1.08;
const FIRST_RISE: f64 = 1.5;
/// It rises no further above what arrives, for nothing is known of that.
const ABOVE_RECEIVED: f64 = 1.5;
/// Above this loss it falls by half of the loss, below that one it may rise (draft-ietf-rmcat-gcc-02, section 6).
const MANY_LOST: f64 = 0.10;
const FEW_LOST: f64 = 0.02;
/// Bounds, in bit/s: the lowest picture, and more than any camera.
const MIN: f64 = 50_000.0;
const MAX: f64 = 20_000_000.0;
/// A timestamp further from where the clock says it is belongs to a source that started over.
const MAX_LEAP: Duration = Duration::from_secs(2);

/// The queue as one source sees it.
struct Source {
    ssrc: u32,
    queue: Queue,
    /// The newest timestamp, and the time it stands for.
    timestamp: u32,
    sent: Time,
    heard: Time,
}

/// See the module.
pub struct ReceiveSideEstimator {
    sources: Vec<Source>,
    received: Meter,
    bitrate: f64,
    has_fallen: bool,
    fell: Option<Time>,
    lost: f64,
    due: Option<Time>,
    told: Time,
}

impl ReceiveSideEstimator {
    /// One that begins with `start`.
    pub fn new(start: Bitrate) -> Self {
        ReceiveSideEstimator {
            sources: Vec::new(),
            received: Meter::new(),
            bitrate: start.as_bps() as f64,
            has_fallen: false,
            fell: None,
            lost: 0.0,
            due: None,
            told: Time::ZERO,
        }
    }

    /// A packet of video came in its own right, not sent once more.
    pub fn received(&mut self, now: Time, ssrc: u32, timestamp: u32, clock_rate: u32, size: usize) {
        self.received.add(now, size as u32);
        if self.due.is_none() {
            self.due = Some(now.max(self.told + INTERVAL));
        }
        let nanos_per_byte = 8e9 / self.bitrate;
        let Some(source) = self.source(now, ssrc, timestamp) else { return };
        source.heard = now;
        let ahead = timestamp.wrapping_sub(source.timestamp);
        if ahead >= 1 << 31 {
            // Of an earlier picture: overtaken, it says nothing of the queue.
            return;
        }
        let ahead = Duration::from_nanos(u64::from(ahead) * 1_000_000_000 / u64::from(clock_rate.max(1)));
        let sent = source.sent + ahead;
        let leap = if sent > now { sent.since(now) } else { now.since(sent) };
        if leap > MAX_LEAP {
            (source.queue, source.sent) = (Queue::new(), now);
        } else {
            source.sent = sent;
        }
        source.timestamp = timestamp;
        source.queue.received(source.sent, now.as_nanos() as i64, size as u32, nanos_per_byte);
        self.watch_queue(now);
    }

    /// Share of packets that the last second lost.
    pub fn lost(&mut self, now: Time, share: f64) {
        self.lost = share;
        if share > MANY_LOST && self.bitrate > MIN {
            self.fall(now, self.bitrate * (1.0 - share / 2.0));
        }
    }

    /// When [`poll`](Self::poll) has something to say; [`Time::MAX`] for never.
    pub fn poll_timeout(&self) -> Time {
        self.due.unwrap_or(Time::MAX)
    }

    /// What the line carries, by what is known now.
    pub fn bitrate(&self) -> Bitrate {
        Bitrate::bps(self.bitrate as u64)
    }

    /// What to ask the publisher for now: once a second while packets come, and at once when it fell.
    pub fn poll(&mut self, now: Time) -> Option<Bitrate> {
        if self.poll_timeout() > now {
            return None;
        }
        if now.since(self.told) >= INTERVAL {
            self.rise(now);
        }
        (self.due, self.told) = (None, now);
        Some(self.bitrate())
    }

    fn source(&mut self, now: Time, ssrc: u32, timestamp: u32) -> Option<&mut Source> {
        if let Some(index) = self.sources.iter().position(|source| source.ssrc == ssrc) {
            return Some(&mut self.sources[index]);
        }
        if self.sources.len() == MAX_SOURCES {
            self.sources.retain(|source| now.since(source.heard) < MAX_LEAP);
        }
        if self.sources.len() == MAX_SOURCES {
            return None;
        }
        self.sources.push(Source { ssrc, queue: Queue::new(), timestamp, sent: now, heard: now });
        self.sources.last_mut()
    }

    /// The shortest queue that a source sees: they share the line, and one may take long to encode.
    fn queue(&self, now: Time) -> Option<(Duration, Duration)> {
        let live = self.sources.iter().filter(|source| now.since(source.heard) < INTERVAL);
        live.filter_map(|source| Some((source.queue.standing()?, source.queue.jitter()))).min()
    }

    fn watch_queue(&mut self, now: Time) {
        let Some((queue, jitter)) = self.queue(now) else { return };
        let has_time = self.fell.is_none_or(|fell| now.since(fell) >= FALL_INTERVAL);
        if queue > LONG_QUEUE + 2 * jitter.min(LONG_QUEUE) && has_time {
            let received = self.received.rate(now);
            self.fall(now, received * FALL);
        }
    }

    fn fall(&mut self, now: Time, bitrate: f64) {
        self.fell = Some(now);
        let bitrate = bitrate.max(MIN);
        if bitrate < self.bitrate {
            (self.bitrate, self.has_fallen, self.due) = (bitrate, true, Some(now));
        }
    }

    fn rise(&mut self, now: Time) {
        let is_short = self.queue(now).is_none_or(|(queue, jitter)| queue < LONG_QUEUE / 2 + jitter.min(LONG_QUEUE));
        let is_calm = self.fell.is_none_or(|fell| now.since(fell) >= INTERVAL);
        if is_short && is_calm && self.lost < FEW_LOST {
            let factor = if self.has_fallen { RISE } else { FIRST_RISE };
            let bound = (self.received.rate(now) * ABOVE_RECEIVED).min(MAX);
            self.bitrate = self.bitrate.max(bound.min(self.bitrate * factor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 90_000;

    /// A camera that sends what it was asked for over a line with a queue of half a second.
    struct Call {
        estimator: ReceiveSideEstimator,
        asked: f64,
        free: u64,
        told: Vec<(u64, f64)>,
    }

    impl Call {
        fn new() -> Call {
            let estimator = ReceiveSideEstimator::new(Bitrate::kbps(300));
            Call { estimator, asked: 300_000.0, free: 0, told: Vec::new() }
        }

        /// The longest wait, and what arrived, both in the second half of the stretch, in ms and bit/s.
        fn run(&mut self, from_ms: u64, to_ms: u64, capacity: f64) -> (u64, f64) {
            let (mut longest, mut arrived) = (0, 0.0);
            let mut due = std::collections::VecDeque::new();
            for ms in from_ms..to_ms {
                if ms % 33 == 0 {
                    let timestamp = (ms as u32).wrapping_mul(90).wrapping_add(4_294_000_000);
                    let mut left = self.asked / 30.3 / 8.0;
                    while left > 0.0 {
                        let size = left.min(1_100.0);
                        left -= size;
                        let begin = self.free.max(ms * 1_000);
                        if begin - ms * 1_000 < 500_000 {
                            self.free = begin + (size * 8e6 / capacity) as u64;
                            due.push_back((self.free, ms, timestamp, size));
                        }
                    }
                }
                while due.front().is_some_and(|(at, ..)| *at <= ms * 1_000) {
                    let (at, sent, timestamp, size) = due.pop_front().unwrap();
                    let now = Time::from_millis(at / 1_000 + 1);
                    self.estimator.received(now, 7, timestamp, RATE, size as usize);
                    if ms > (from_ms + to_ms) / 2 {
                        longest = longest.max(at / 1_000 - sent);
                        arrived += size * 8.0;
                    }
                }
                if let Some(bitrate) = self.estimator.poll(Time::from_millis(ms + 1)) {
                    self.asked = bitrate.as_bps() as f64;
                    self.told.push((ms, self.asked));
                }
            }
            (longest, arrived * 2_000.0 / (to_ms - from_ms) as f64)
        }
    }

    #[test]
    fn a_publisher_finds_out_what_its_line_carries_and_when_it_carries_less() {
        let mut call = Call::new();
        let (longest, arrived) = call.run(0, 40_000, 1_000_000.0);
        assert!(arrived > 700_000.0 && longest < 250, "{arrived} bit/s, {longest} ms");
        let (longest, arrived) = call.run(40_000, 80_000, 300_000.0);
        assert!(arrived > 200_000.0 && longest < 250, "{arrived} bit/s, {longest} ms");
        let (_, arrived) = call.run(80_000, 140_000, 2_000_000.0);
        assert!(arrived > 900_000.0, "{arrived} bit/s");
        let first_fall = call.told.iter().find(|(ms, _)| *ms > 40_000).unwrap();
        assert!(first_fall.0 < 41_000, "told at once: {first_fall:?}");
    }

    #[test]
    fn it_is_told_once_a_second_and_only_while_packets_come() {
        let mut call = Call::new();
        call.run(0, 10_000, 10_000_000.0);
        assert!((8..=11).contains(&call.told.len()), "{}", call.told.len());
        let told = call.told.len();
        call.asked = 0.0;
        call.run(10_000, 20_000, 10_000_000.0);
        assert!(call.told.len() <= told + 1);
    }

    #[test]
    fn much_loss_lowers_it_and_leaps_of_the_clock_do_not() {
        let mut estimator = ReceiveSideEstimator::new(Bitrate::kbps(300));
        for n in 0..100_u32 {
            let now = Time::from_millis(u64::from(n) * 33);
            estimator.received(now, n % 9, n.wrapping_mul(0x3fff_ffff), RATE, 1_000);
            assert!(estimator.sources.len() <= MAX_SOURCES);
        }
        assert_eq!(estimator.bitrate, 300_000.0);
        estimator.lost(Time::from_millis(4_000), 0.2);
        assert_eq!(estimator.poll(Time::from_millis(4_000)), Some(Bitrate::kbps(270)));
    }
}

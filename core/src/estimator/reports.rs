//! What follows from receiver reports (RFC 3550 section 6.4), of peers that tell nothing of single packets: some SIP
//! clients, FFmpeg, GStreamer. Once a second or more seldom they say how much was lost, and how long a round trip takes.
//!
//! A queue shows in the round trip of our own reports, since those wait in it. What is lost without one is left to the
//! loss model.

use std::time::Duration;

use crate::time::Time;

/// A verdict is made of the reports of so long, and of so many packets.
const PERIOD: Duration = Duration::from_millis(400);
const PACKETS: u32 = 20;
/// Below this loss beyond that by chance the estimate may rise. Where no round trip is known, above that one it falls.
const FEW: f64 = 0.02;
const MANY: f64 = 0.10;
/// Where so much is lost that our own report is, too, a queue overflows.
const MOST: f64 = 0.3;
/// So much more than by chance is lost where a queue overflows.
const OVERFLOW: f64 = 0.05;
/// By how much it rises in a period, and until it fell for the first time.
const RISE: f64 = 1.01;
const FIRST_RISE: f64 = 1.15;
/// A round trip this much longer than the shortest one seen lately, and twice the jitter, is a queue: the estimate yields
/// a little …
const QUEUED: Duration = Duration::from_millis(40);
const EASE: f64 = 0.95;
/// … and one this much longer is too long: it falls below what arrives.
const LONG_QUEUE: Duration = Duration::from_millis(90);
/// A queue that is this much shorter than a period before drains, and is given time for that.
const DRAINING: f64 = 0.8;
/// Falls in a row that left the queue as it was: then it is not ours, or the way has become longer.
const IN_VAIN: u32 = 3;
/// The jitter taken into account is bounded.
const MAX_JITTER: Duration = Duration::from_millis(10);
/// As much of what round trips take beyond the shortest is taken for chance at most.
const MAX_CHANCE: Duration = Duration::from_millis(20);
/// The shortest round trip is that of the last one to two such times.
const BASE_HALF: Duration = Duration::from_secs(30);
/// What reports said so long ago does not hold any more: they come while something is sent.
const HISTORY: Duration = Duration::from_secs(8);
/// Distance of reports before it is known, and at most.
const UNKNOWN_DISTANCE: Duration = Duration::from_secs(1);
const MAX_DISTANCE: Duration = Duration::from_secs(6);

/// What a period says of the estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// It may be multiplied by so much, as far as that much was sent.
    Grow(f64),
    /// It is to be multiplied by so much.
    Yield(f64),
    /// It is to fall below what arrived, which was this share of what was sent.
    Drain { arrived: f64 },
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Reports {
    since: Option<Time>,
    lost: f64,
    expected: u32,
    /// The shortest round trip of the period: one that is long by chance is none.
    period: Option<Duration>,
    round_trip: Option<Duration>,
    /// Mean round trip while there was no queue.
    usual: Option<Duration>,
    /// Mean distance of successive round trips.
    jitter: Duration,
    last_sample: Option<Duration>,
    /// The shortest of the current and of the last half window.
    base: [Option<Duration>; 2],
    base_since: Time,
    /// Of the last period.
    queue: Option<Duration>,
    in_vain: u32,
    /// Whether much more was lost in the last period than by chance.
    overflows: bool,
    fraction: f64,
    has_fallen: bool,
    last_report: Option<Time>,
    distance: Option<Duration>,
}

impl Reports {
    /// A report on one stream.
    pub(super) fn report(&mut self, now: Time, lost: f64, expected: u32, round_trip: Option<Duration>) {
        // Blocks of one report come together.
        if let Some(distance) = self.last_report.map(|last| now.since(last)).filter(|distance| !distance.is_zero()) {
            let distance = distance.min(MAX_DISTANCE);
            self.distance = Some(self.distance.map_or(distance, |before| distance.max(before * 7 / 8)));
        }
        self.last_report = Some(now);
        self.since.get_or_insert(now);
        self.lost += lost * f64::from(expected);
        self.expected = self.expected.saturating_add(expected);
        if let Some(sample) = round_trip {
            self.measured(now, sample);
        }
    }

    /// All that came together was taken in. `chance` is the share that is lost whatever is sent. Returns a verdict at the
    /// end of a period that says something.
    pub(super) fn conclude(&mut self, now: Time, chance: f64) -> Option<Verdict> {
        let since = self.since?;
        if now.since(since) < PERIOD || self.expected < PACKETS {
            return None;
        }
        let lost = self.lost / f64::from(self.expected);
        self.fraction += 0.4 * (lost - self.fraction);
        let queue = self.period.zip(self.shortest()).map(|(sample, shortest)| sample.saturating_sub(shortest));
        let before = std::mem::replace(&mut self.queue, queue);
        (self.since, self.lost, self.expected) = (Some(now), 0.0, 0);
        self.overflows = lost > chance + OVERFLOW;
        let sample = self.period.take();
        let noise = self.jitter() * 2;
        let Some(queue) = queue else {
            self.has_fallen |= lost > MOST;
            return if lost > MOST {
                Some(Verdict::Drain { arrived: 1.0 - lost })
            } else {
                self.verdict_on_loss(lost, chance)
            };
        };
        if queue < QUEUED + noise {
            self.in_vain = 0;
            self.usual = sample.map(|sample| self.usual.map_or(sample, |usual| (usual * 3 + sample) / 4));
            return self.verdict_on_loss(lost, chance).filter(|verdict| matches!(verdict, Verdict::Grow(_)));
        }
        if before.is_some_and(|before| queue < before.mul_f64(DRAINING)) {
            return None;
        }
        self.has_fallen = true;
        if queue < LONG_QUEUE + noise {
            return Some(Verdict::Yield(EASE));
        }
        // While it overflows there is still more sent than it takes.
        self.in_vain = if self.overflows { 0 } else { self.in_vain + 1 };
        if self.in_vain > IN_VAIN {
            (self.base, self.base_since, self.in_vain) = ([sample, None], now, 0);
            self.usual = sample;
            return None;
        }
        Some(Verdict::Drain { arrived: 1.0 - lost })
    }

    fn verdict_on_loss(&mut self, lost: f64, chance: f64) -> Option<Verdict> {
        if lost > MANY.max(chance + FEW) {
            self.has_fallen = true;
            Some(Verdict::Yield(1.0 - lost / 2.0))
        } else if lost < chance + FEW {
            Some(Verdict::Grow(if self.has_fallen { RISE } else { FIRST_RISE }))
        } else {
            None
        }
    }

    fn measured(&mut self, now: Time, sample: Duration) {
        if now.since(self.base_since) > BASE_HALF {
            self.base = [None, self.base[0]];
            self.base_since = now;
        }
        self.base[0] = Some(self.base[0].map_or(sample, |shortest| shortest.min(sample)));
        self.period = Some(self.period.map_or(sample, |shortest| shortest.min(sample)));
        if let Some(last) = self.last_sample.replace(sample) {
            self.jitter = (self.jitter * 7 + sample.abs_diff(last).min(MAX_JITTER)) / 8;
        }
        self.round_trip = Some(self.round_trip.map_or(sample, |before| (before * 3 + sample) / 4));
    }

    /// The estimate fell for another reason.
    pub(super) fn fell(&mut self) {
        self.has_fallen = true;
    }

    fn shortest(&self) -> Option<Duration> {
        self.base.into_iter().flatten().min()
    }

    /// Smoothed.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// What a round trip takes while nothing waits.
    pub(super) fn usual(&self) -> Option<Duration> {
        let shortest = self.shortest()?;
        Some(self.usual.unwrap_or(shortest).min(shortest + MAX_CHANCE))
    }

    /// How much round trips vary.
    pub(super) fn jitter(&self) -> Duration {
        self.jitter
    }

    /// How much longer the round trip is than the shortest one seen lately.
    pub(super) fn queue(&self) -> Option<Duration> {
        Some(self.round_trip?.saturating_sub(self.shortest()?))
    }

    /// Whether nothing waited on the line lately, and no more was lost than by chance.
    pub(super) fn is_calm(&self, now: Time) -> bool {
        let is_history = self.last_report.is_some_and(|last| now.since(last) > HISTORY);
        is_history || !self.overflows && self.queue.is_some_and(|queue| queue < QUEUED + self.jitter() * 2)
    }

    /// Share of packets lost lately.
    pub(super) fn fraction(&self) -> f64 {
        self.fraction
    }

    /// How long an answer in a report may take.
    pub(super) fn patience(&self) -> Duration {
        self.distance.unwrap_or(UNKNOWN_DISTANCE) * 2 + self.round_trip.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(reports: &mut Reports, from_s: u64, seconds: u64, lost: f64, millis: u64) -> Vec<Option<Verdict>> {
        let report = |second| {
            let (now, round_trip) = (Time::from_millis((from_s + second) * 1_000), Some(Duration::from_millis(millis)));
            reports.report(now, lost, 50, round_trip);
            reports.conclude(now, 0.0)
        };
        (0..seconds).map(report).collect()
    }

    #[test]
    fn rises_once_a_second_while_little_is_lost() {
        let mut reports = Reports::default();
        let grow = Some(Verdict::Grow(FIRST_RISE));
        assert_eq!(verdicts(&mut reports, 1, 4, 0.01, 50), [None, grow, grow, grow]);
        reports.report(Time::from_millis(4_100), 0.5, 50, None);
        assert_eq!(reports.conclude(Time::from_millis(4_100), 0.0), None, "too soon");
    }

    #[test]
    fn a_queue_counts_and_loss_by_chance_does_not() {
        let mut reports = Reports::default();
        verdicts(&mut reports, 1, 20, 0.0, 50);
        assert_eq!(verdicts(&mut reports, 21, 1, 0.05, 50), [None]);
        assert_eq!(verdicts(&mut reports, 22, 1, 0.2, 50), [None], "left to the loss model");
        assert_eq!(verdicts(&mut reports, 23, 1, 0.0, 110), [Some(Verdict::Yield(EASE))]);
        assert_eq!(verdicts(&mut reports, 24, 1, 0.25, 350), [Some(Verdict::Drain { arrived: 0.75 })]);
        assert_eq!(verdicts(&mut reports, 25, 1, 0.0, 200), [None], "it drains");
        assert_eq!(verdicts(&mut reports, 26, 1, 0.0, 50), [Some(Verdict::Grow(RISE))]);
        assert!(reports.queue().is_some_and(|queue| queue > Duration::from_millis(30)));
    }

    #[test]
    fn a_queue_that_stands_whatever_is_sent_is_not_ours() {
        let mut reports = Reports::default();
        verdicts(&mut reports, 1, 5, 0.0, 50);
        let drain = Some(Verdict::Drain { arrived: 1.0 });
        assert_eq!(verdicts(&mut reports, 6, 5, 0.0, 250)[..], [drain, drain, drain, None, Some(Verdict::Grow(RISE))]);
    }

    #[test]
    fn without_a_round_trip_loss_alone_lowers_it() {
        let mut reports = Reports::default();
        let mut verdict = |millis, chance| {
            reports.report(Time::from_millis(millis), 0.2, 50, None);
            reports.conclude(Time::from_millis(millis), chance)
        };
        assert_eq!(verdict(1_000, 0.0), None);
        assert_eq!(verdict(2_000, 0.0), Some(Verdict::Yield(0.9)));
        assert_eq!(verdict(3_000, 0.25), Some(Verdict::Grow(RISE)));
    }

    #[test]
    fn a_few_packets_say_nothing() {
        let mut reports = Reports::default();
        for millis in [1_000, 2_000] {
            reports.report(Time::from_millis(millis), 1.0, 5, None);
            assert_eq!(reports.conclude(Time::from_millis(millis), 0.0), None);
        }
    }
}

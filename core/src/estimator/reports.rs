//! What follows from receiver reports alone (RFC 3550 section 6.4), of peers that tell nothing of single packets: some SIP
//! clients. Once a second they say how much was lost, and how long a round trip takes: slow, and coarse, so the estimate
//! rises carefully. The rule for losses is that of GCC (draft-ietf-rmcat-gcc-02 section 6).

use std::time::Duration;

use crate::time::Time;

/// A verdict is made of the reports of so long, and of so many packets.
const PERIOD: Duration = Duration::from_millis(900);
const PACKETS: u32 = 20;
/// Below this loss the estimate may rise, above that one it falls, in between it stays.
const FEW: f64 = 0.02;
const MANY: f64 = 0.10;
/// By how much it rises in a period, and until it fell for the first time.
const RISE: f64 = 1.06;
const FIRST_RISE: f64 = 1.15;
/// A round trip this much longer than the shortest one seen lately is a queue: it keeps the estimate from rising …
const QUEUED: Duration = Duration::from_millis(80);
/// … and one this much longer lowers it, by so much.
const LONG_QUEUE: Duration = Duration::from_millis(200);
const YIELD: f64 = 0.85;
/// The shortest round trip is that of the last one to two such times.
const BASE_HALF: Duration = Duration::from_secs(30);

/// What the estimate is to be multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    Grow(f64),
    Fall(f64),
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Reports {
    since: Option<Time>,
    lost: f64,
    expected: u32,
    /// The longest round trip of the period.
    longest: Option<Duration>,
    round_trip: Option<Duration>,
    /// The shortest of the current and of the last half window.
    base: [Option<Duration>; 2],
    base_since: Time,
    fraction: f64,
    has_fallen: bool,
}

impl Reports {
    /// A report on one stream. Returns a verdict at the end of a period that says something.
    pub(super) fn report(
        &mut self,
        now: Time,
        lost: f64,
        expected: u32,
        round_trip: Option<Duration>,
    ) -> Option<Verdict> {
        let since = *self.since.get_or_insert(now);
        self.lost += lost * f64::from(expected);
        self.expected = self.expected.saturating_add(expected);
        if let Some(sample) = round_trip {
            self.measured(now, sample);
        }
        if now.since(since) < PERIOD || self.expected < PACKETS {
            return None;
        }
        let lost = self.lost / f64::from(self.expected);
        self.fraction += 0.4 * (lost - self.fraction);
        let queue = self.longest.zip(self.shortest()).map(|(longest, shortest)| longest.saturating_sub(shortest));
        (self.since, self.lost, self.expected, self.longest) = (Some(now), 0.0, 0, None);
        self.has_fallen |= lost > MANY || queue.is_some_and(|queue| queue > LONG_QUEUE);
        if lost > MANY {
            Some(Verdict::Fall(1.0 - lost / 2.0))
        } else if queue.is_some_and(|queue| queue > LONG_QUEUE) {
            Some(Verdict::Fall(YIELD))
        } else if lost < FEW && queue.is_none_or(|queue| queue < QUEUED) {
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
        self.longest = self.longest.max(Some(sample));
        self.round_trip = Some(self.round_trip.map_or(sample, |before| (before * 3 + sample) / 4));
    }

    fn shortest(&self) -> Option<Duration> {
        self.base.into_iter().flatten().min()
    }

    /// Smoothed.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// How much longer the round trip is than the shortest one seen lately.
    pub(super) fn queue(&self) -> Option<Duration> {
        Some(self.round_trip?.saturating_sub(self.shortest()?))
    }

    /// Share of packets lost lately.
    pub(super) fn fraction(&self) -> f64 {
        self.fraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(reports: &mut Reports, from_s: u64, seconds: u64, lost: f64, millis: u64) -> Vec<Option<Verdict>> {
        let report = |second| {
            let round_trip = Some(Duration::from_millis(millis));
            reports.report(Time::from_millis((from_s + second) * 1_000), lost, 50, round_trip)
        };
        (0..seconds).map(report).collect()
    }

    #[test]
    fn rises_once_a_second_while_little_is_lost() {
        let mut reports = Reports::default();
        let grow = Some(Verdict::Grow(FIRST_RISE));
        assert_eq!(verdicts(&mut reports, 1, 4, 0.01, 50), [None, grow, grow, grow]);
        assert_eq!(reports.report(Time::from_millis(4_100), 0.5, 50, None), None, "another stream, in the same second");
    }

    #[test]
    fn falls_by_half_of_what_is_lost_and_by_a_long_round_trip() {
        let mut reports = Reports::default();
        verdicts(&mut reports, 1, 3, 0.0, 50);
        assert_eq!(verdicts(&mut reports, 4, 1, 0.2, 50), [Some(Verdict::Fall(0.9))]);
        assert_eq!(verdicts(&mut reports, 5, 1, 0.05, 50), [None]);
        assert_eq!(verdicts(&mut reports, 6, 1, 0.0, 150), [None]);
        assert_eq!(verdicts(&mut reports, 7, 1, 0.0, 300), [Some(Verdict::Fall(YIELD))]);
        assert_eq!(verdicts(&mut reports, 8, 1, 0.0, 50), [Some(Verdict::Grow(RISE))]);
        assert!(reports.queue().is_some_and(|queue| queue > Duration::from_millis(50)));
    }

    #[test]
    fn a_few_packets_say_nothing() {
        let mut reports = Reports::default();
        assert_eq!(reports.report(Time::from_millis(1_000), 1.0, 5, None), None);
        assert_eq!(reports.report(Time::from_millis(2_000), 1.0, 5, None), None);
    }
}

//! Which packets of an incoming stream to ask for again, and when (RFC 4585, section 6.2.1).

use std::collections::VecDeque;
use std::time::Duration;

use super::twice;
use crate::time::Time;

/// How long a gap may be mere disorder before the first request.
const REORDER_DELAY: Duration = Duration::from_millis(5);
/// Round trip assumed before one was measured.
const DEFAULT_ROUND_TRIP: Duration = Duration::from_millis(100);
/// Requests for one packet are at least this far apart.
const MIN_RETRY_INTERVAL: Duration = Duration::from_millis(20);
/// How much each gap counts in the share of lost packets.
const GAP_WEIGHT: f64 = 0.1;
/// Requests for one packet at most.
const MAX_TRIES: u8 = 10;
/// Packets that are waited for at most. Past it, all are given up: the line is broken rather than lossy.
const MAX_MISSING: usize = 512;

#[derive(Clone, Copy, Debug)]
struct Missing {
    sequence: u64,
    since: Time,
    asked: Time,
    due: Time,
    tries: u8,
}

/// The missing packets of one stream. It is told every arrival, by extended sequence number.
pub struct NackGenerator {
    /// In order of sequence numbers.
    missing: VecDeque<Missing>,
    highest: Option<u64>,
    next_due: Time,
    round_trip: Option<Duration>,
    max_age: Duration,
    given_up: Option<u64>,
    gaps: Gaps,
}

/// What is lost in the long run, from one gap to the next.
#[derive(Default)]
struct Gaps {
    last: Option<u64>,
    /// Packets from one to the next, and of those the lost ones, on average.
    packets: f64,
    lost: f64,
}

impl Gaps {
    /// A gap of so many packets ends before `sequence`.
    fn ended(&mut self, sequence: u64, lost: usize) {
        let Some(last) = self.last.replace(sequence) else { return };
        let packets = sequence.saturating_sub(last) as f64;
        let weight = if self.packets == 0.0 { 1.0 } else { GAP_WEIGHT };
        self.packets += weight * (packets - self.packets);
        self.lost += weight * (lost as f64 - self.lost);
    }

    fn are_lossy(&self) -> bool {
        self.lost > twice::LOSSY * self.packets
    }
}

impl NackGenerator {
    /// A generator that asks for packets until they have been missing for `max_age`.
    pub fn new(max_age: Duration) -> Self {
        NackGenerator {
            missing: VecDeque::new(),
            highest: None,
            next_due: Time::MAX,
            round_trip: None,
            max_age,
            given_up: None,
            gaps: Gaps::default(),
        }
    }

    /// Sets the round trip to the sender, by which retries are spaced.
    pub fn set_round_trip_time(&mut self, round_trip: Duration) {
        self.round_trip = Some(round_trip);
    }

    /// A packet arrived, by itself or by retransmission. Returns how long it had been asked for, if exactly one
    /// request had been sent for it: a sample of the round trip.
    #[inline]
    pub fn received(&mut self, now: Time, sequence: u64) -> Option<Duration> {
        match self.highest {
            Some(highest) if sequence == highest + 1 => self.highest = Some(sequence),
            Some(highest) if sequence > highest => self.gap(now, highest, sequence),
            Some(_) => return self.recovered(now, sequence),
            None => self.highest = Some(sequence),
        }
        None
    }

    #[cold]
    fn gap(&mut self, now: Time, highest: u64, sequence: u64) {
        self.highest = Some(sequence);
        let count = (sequence - highest - 1) as usize;
        if self.missing.len() + count > MAX_MISSING {
            self.missing.clear();
            self.given_up = Some(sequence - 1);
            // So that somebody looks.
            self.next_due = now;
            return;
        }
        self.gaps.ended(sequence, count);
        let due = now + REORDER_DELAY;
        self.next_due = self.next_due.min(due);
        let missing = |sequence| Missing { sequence, since: now, asked: now, due, tries: 0 };
        self.missing.extend((highest + 1..sequence).map(missing));
    }

    #[cold]
    fn recovered(&mut self, now: Time, sequence: u64) -> Option<Duration> {
        let at = self.missing.binary_search_by_key(&sequence, |missing| missing.sequence).ok()?;
        let missing = self.missing.remove(at)?;
        if self.missing.is_empty() && self.given_up.is_none() {
            self.next_due = Time::MAX;
        }
        (missing.tries == 1).then(|| now.since(missing.asked))
    }

    /// Appends the sequence numbers to ask for now to `requests`.
    pub fn poll(&mut self, now: Time, requests: &mut Vec<u16>) {
        if now < self.next_due {
            return;
        }
        let retry_at = now + self.retry_interval();
        let again_after = self.gaps.are_lossy().then(|| twice::again_after(self.round_trip()));
        let max_age = self.max_age;
        let mut next_due = Time::MAX;
        let mut given_up = self.given_up;
        self.missing.retain_mut(|missing| {
            if missing.due <= now {
                if missing.tries == MAX_TRIES || now.since(missing.since) > max_age {
                    given_up = given_up.max(Some(missing.sequence));
                    return false;
                }
                requests.push(missing.sequence as u16);
                missing.tries += 1;
                missing.asked = now;
                missing.due = match (again_after, missing.tries) {
                    (Some(again_after), 1) => now + again_after,
                    (Some(again_after), 2) => retry_at - again_after,
                    _ => retry_at,
                };
            }
            next_due = next_due.min(missing.due);
            true
        });
        self.next_due = next_due;
        self.given_up = given_up;
    }

    /// The newest packet that was given up since the last call: a picture that needs it takes a keyframe to heal.
    pub fn take_given_up(&mut self) -> Option<u64> {
        self.given_up.take()
    }

    /// When [`poll`](Self::poll) has something to say; [`Time::MAX`] for never.
    #[inline]
    pub fn poll_timeout(&self) -> Time {
        self.next_due
    }

    /// Forgets everything: the stream starts anew.
    pub fn reset(&mut self) {
        self.missing.clear();
        self.highest = None;
        self.next_due = Time::MAX;
        self.given_up = None;
        self.gaps = Gaps::default();
    }

    fn round_trip(&self) -> Duration {
        self.round_trip.unwrap_or(DEFAULT_ROUND_TRIP)
    }

    fn retry_interval(&self) -> Duration {
        let round_trip = self.round_trip();
        (round_trip + round_trip / 8).max(MIN_RETRY_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX_AGE: Duration = Duration::from_secs(1);

    fn polled(generator: &mut NackGenerator, millis: u64) -> Vec<u16> {
        let mut requests = Vec::new();
        generator.poll(Time::from_millis(millis), &mut requests);
        requests
    }

    #[test]
    fn gaps_are_asked_for_once_they_are_no_disorder() {
        // (what arrives at 0 ms, what is asked for at 10 ms)
        let cases: [(&[u64], &[u16]); 7] = [
            (&[100_000, 100_001, 100_002], &[]),
            (&[65_534, 65_535, 65_538], &[0, 1]),
            (&[70_000, 70_003], &[4_465, 4_466]),
            (&[70_000, 70_003, 70_001, 70_002], &[]),
            (&[70_000, 70_005, 70_002], &[4_465, 4_467, 4_468]),
            (&[70_000, 69_990], &[]),
            (&[70_000, 70_000], &[]),
        ];
        for (arrivals, requests) in cases {
            let mut generator = NackGenerator::new(MAX_AGE);
            for sequence in arrivals {
                generator.received(Time::ZERO, *sequence);
            }
            assert_eq!(polled(&mut generator, 0), [], "too early for {arrivals:?}");
            assert_eq!(polled(&mut generator, 10), requests, "{arrivals:?}");
        }
    }

    #[test]
    fn retries_are_a_round_trip_apart_and_end() {
        let mut generator = NackGenerator::new(Duration::from_secs(60));
        generator.set_round_trip_time(Duration::from_millis(80));
        generator.received(Time::ZERO, 70_000);
        generator.received(Time::ZERO, 70_002);
        let mut asked_at = Vec::new();
        while generator.poll_timeout() != Time::MAX {
            let at = generator.poll_timeout().as_millis();
            if !polled(&mut generator, at).is_empty() {
                asked_at.push(at);
            }
        }
        let expected: Vec<u64> = (0..u64::from(MAX_TRIES)).map(|n| 5 + 90 * n).collect();
        assert_eq!(asked_at, expected);
        assert_eq!(generator.take_given_up(), Some(70_001));
        assert_eq!(generator.take_given_up(), None);
    }

    #[test]
    fn the_first_request_is_sent_twice_where_much_is_lost() {
        for (every, expected) in [(10, [5, 25, 95, 185]), (100, [5, 95, 185, 275])] {
            let mut generator = NackGenerator::new(MAX_AGE);
            generator.set_round_trip_time(Duration::from_millis(80));
            for sequence in (70_000..71_000).filter(|sequence| sequence % every != 5) {
                generator.received(Time::ZERO, sequence);
            }
            for lost in (70_000..71_000).filter(|sequence| sequence % every == 5) {
                generator.received(Time::ZERO, lost);
            }
            generator.received(Time::ZERO, 71_001);
            let asked_at = (0..=300).filter(|at| !polled(&mut generator, *at).is_empty());
            assert_eq!(asked_at.take(4).collect::<Vec<_>>(), expected, "one in {every}");
        }
    }

    #[test]
    fn old_packets_are_given_up() {
        let mut generator = NackGenerator::new(Duration::from_millis(150));
        generator.received(Time::ZERO, 70_000);
        generator.received(Time::ZERO, 70_002);
        assert_eq!(polled(&mut generator, 5).len(), 1);
        assert_eq!(polled(&mut generator, 120).len(), 1);
        assert_eq!(polled(&mut generator, 240), []);
        assert_eq!(generator.take_given_up(), Some(70_001));
        assert_eq!(generator.poll_timeout(), Time::MAX);
    }

    #[test]
    fn a_hole_too_large_is_given_up_at_once() {
        let mut generator = NackGenerator::new(MAX_AGE);
        generator.received(Time::ZERO, 70_000);
        generator.received(Time::ZERO, 70_002);
        generator.received(Time::ZERO, 71_000);
        assert_eq!(generator.poll_timeout(), Time::ZERO);
        assert_eq!(polled(&mut generator, 10), []);
        assert_eq!(generator.take_given_up(), Some(70_999));
        assert_eq!(generator.poll_timeout(), Time::MAX);
    }

    #[test]
    fn the_first_answer_measures_the_round_trip() {
        let mut generator = NackGenerator::new(MAX_AGE);
        generator.received(Time::ZERO, 70_000);
        generator.received(Time::ZERO, 70_002);
        polled(&mut generator, 10);
        assert_eq!(generator.received(Time::from_millis(52), 70_001), Some(Duration::from_millis(42)));
        assert_eq!(generator.poll_timeout(), Time::MAX);
    }

    proptest! {
        #[test]
        fn only_the_missing_are_asked_for_and_memory_is_bounded(
            steps in prop::collection::vec((0_u64..40, 0_u64..30), 1..300),
        ) {
            let mut generator = NackGenerator::new(MAX_AGE);
            let mut seen = std::collections::HashSet::new();
            let (mut base, mut now) = (65_000_u64, 0);
            for (ahead, wait) in steps {
                base += ahead / 4;
                now += wait;
                let sequence = base + ahead % 4;
                generator.received(Time::from_millis(now), sequence);
                seen.insert(sequence as u16);
                for request in polled(&mut generator, now) {
                    prop_assert!(!seen.contains(&request));
                }
                prop_assert!(generator.missing.len() <= MAX_MISSING);
            }
        }
    }
}

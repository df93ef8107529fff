//! Probes: short trains of packets, faster than the estimate, that show at once whether the line carries more.
//!
//! When one leaves, how fast, and what follows from what it showed. How that is read: `train.rs`.

use std::time::Duration;

use super::Probe;
use super::train::{Limit, Outcome, Received, Tries, WHOLE};
use crate::bitrate::Bitrate;
use crate::time::Time;

/// How long a probe lasts: twice the line's rate for this long makes a queue as long. Shorter where it is so
/// many times what is known.
const LENGTH: Duration = Duration::from_millis(35);
const SHORT_LENGTH: Duration = Duration::from_millis(25);
const FAR: f64 = 2.5;
/// So many times the jitter at least, up to that: what is no longer than the jitter shows the jitter.
const LENGTHS_OF_JITTER: u32 = 3;
const LONGEST: Duration = Duration::from_millis(80);
/// So many times as long where only the round trip of what follows it tells of it.
const TRAIN: u32 = 2;
/// Packets of a probe at least. The first one only starts the clock.
const PACKETS: usize = 3;
/// Probes followed at once: the feedback on one may come while the next is being sent.
const CLUSTERS: usize = 4;
/// What is not told of by then is never told of.
const PATIENCE: Duration = Duration::from_millis(1_000);

/// Probes of one transport: the first goes to this multiple of the start, each that succeeds is followed by this
/// multiple of what it showed.
const FIRST: f64 = 3.0;
const NEXT: f64 = 2.0;
/// A later probe goes this much above the estimate.
const FURTHER: f64 = 2.0;
/// How far above what is wanted a probe goes.
const ABOVE_DESIRED: f64 = 1.25;
/// Between probes while more is wanted than the line is known to carry.
const INTERVAL: Duration = Duration::from_millis(2_000);
/// Until a probe that showed nothing clear is sent once more, and how often it is.
const REPEAT: Duration = Duration::from_millis(50);
const REPEATS: u32 = 3;
/// Until the first train that shows a limit is followed by another: what one train shows of a new line may be chance.
const CONFIRM: Duration = Duration::from_millis(500);
/// A train that arrives stretched by less than so many times the jitter may owe that to chance.
const CHANCE: f64 = 2.0;
/// What is no more than so many times the limit that was seen is that limit.
const CONFIRMS: f64 = 1.1;
/// The jitter taken into account is bounded: a queue that the probe makes looks like jitter, too.
const MAX_JITTER: Duration = Duration::from_millis(8);
/// The same while nothing is sent.
const IDLE_INTERVAL: Duration = Duration::from_millis(5_000);
/// Until it is looked again whether a probe may be sent.
const RETRY: Duration = Duration::from_millis(100);
/// A probe under way.
#[derive(Clone, Copy, Debug)]
struct Cluster {
    id: u32,
    rate: f64,
    bytes: u64,
    packets: u64,
    deadline: Time,
    received: Option<Received>,
}

/// Decides on probes and reads their outcome.
pub(super) struct Prober {
    clusters: [Option<Cluster>; CLUSTERS],
    next_id: u32,
    /// To be sent as soon as it is asked for, in bit/s.
    wanted: Option<f64>,
    /// When the next periodic one may start.
    next_at: Time,
    /// When one that is to be repeated may start, and its rate in bit/s.
    again: Option<(Time, f64)>,
    tries: Tries,
    /// Whether the first one was asked for.
    started: bool,
    /// Whether one more was asked for after the first that showed a limit.
    confirmed: bool,
}

/// What probes depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    /// The estimate in bit/s.
    pub(super) estimate: f64,
    /// What is wanted at most, in bit/s.
    pub(super) desired: f64,
    /// Start and bound of the estimate in bit/s.
    pub(super) start: f64,
    pub(super) max: f64,
    /// Whether nothing is known of the line yet.
    pub(super) unknown: bool,
    /// Whether less is sent because of a queue.
    pub(super) yielding: bool,
    /// Whether nothing waits on the line.
    pub(super) calm: bool,
    /// Whether more may be tried now.
    pub(super) allowed: bool,
    /// Whether nothing was sent lately.
    pub(super) idle: bool,
    /// Bytes of the packets that are sent, on average.
    pub(super) packet: f64,
    /// What the line was seen to carry at most, in bit/s.
    pub(super) limit: Option<f64>,
    /// How much delays vary by themselves: none where so much is sent that they do so because of that.
    pub(super) jitter: Duration,
    /// How long the answer to a train may take, where the peer tells nothing of single packets.
    pub(super) answer: Option<Duration>,
}

impl Situation {
    /// No probe goes above this.
    fn ceiling(&self) -> f64 {
        (self.desired * ABOVE_DESIRED).max(self.start).min(self.max)
    }

    fn wants_more(&self) -> bool {
        self.estimate * 1.02 < self.ceiling() / ABOVE_DESIRED.min(1.2)
    }
}

impl Prober {
    pub(super) fn new() -> Self {
        Prober {
            clusters: [None; CLUSTERS],
            next_id: 0,
            wanted: None,
            next_at: Time::ZERO,
            again: None,
            tries: Tries::default(),
            started: false,
            confirmed: false,
        }
    }

    /// The next probe, if it is time for one.
    pub(super) fn poll(&mut self, now: Time, situation: &Situation) -> Option<Probe> {
        for index in 0..CLUSTERS {
            if let Some(cluster) = self.clusters[index].take_if(|cluster| cluster.deadline <= now) {
                self.showed_nothing(cluster.rate);
            }
        }
        if let Some((_, rate)) = self.again.filter(|(at, _)| *at <= now) {
            if situation.calm && self.is_clear() {
                self.again = None;
                self.wanted = self.wanted.or(Some(rate));
            } else {
                self.again = Some((now + RETRY, rate));
            }
        }
        if self.wanted.is_none() && now >= self.next_at && situation.wants_more() {
            if !self.started && (situation.unknown || situation.allowed) {
                self.started = true;
                self.wanted = Some(situation.start * FIRST);
            } else if situation.allowed && self.is_clear() && self.again.is_none() {
                self.tries = Tries::default();
                self.wanted = Some(situation.estimate * FURTHER);
            } else {
                self.next_at = now + RETRY;
            }
        }
        let rate = self.wanted.take()?.min(situation.ceiling());
        if rate < situation.estimate * 1.05 {
            return None;
        }
        self.next_at = now + if situation.idle { IDLE_INTERVAL } else { INTERVAL };
        let far = rate >= situation.estimate * FAR;
        let length = if far { SHORT_LENGTH } else { LENGTH };
        let length = length.max((situation.jitter * LENGTHS_OF_JITTER).min(LONGEST));
        Some(match situation.answer {
            Some(patience) => self.begin(now, rate, length * TRAIN, patience),
            None => self.begin(now, rate, length, PATIENCE),
        })
    }

    /// Whether no probe is under way.
    fn is_clear(&self) -> bool {
        self.clusters.iter().all(Option::is_none)
    }

    /// More is wanted than before: the next probe need not wait for its time.
    pub(super) fn hurry(&mut self, now: Time) {
        self.next_at = self.next_at.min(now);
        self.again = None;
    }

    /// A train was answered by a report.
    pub(super) fn answered(&mut self, id: u32) {
        self.clusters[id as usize % CLUSTERS].take_if(|cluster| cluster.id == id);
    }

    /// A probe could not be sent: it is tried again soon.
    pub(super) fn not_sent(&mut self, now: Time, id: u32) {
        self.clusters[id as usize % CLUSTERS].take_if(|cluster| cluster.id == id && cluster.received.is_none());
        self.next_at = now + RETRY;
    }

    /// Has a probe sent as soon as nothing waits on the line.
    pub(super) fn try_again(&mut self, now: Time, rate: f64) {
        self.again = Some((now + REPEAT, rate));
    }

    /// Has a probe sent once more, unless a faster one follows it anyway.
    pub(super) fn confirm(&mut self, now: Time, rate: f64) {
        if self.wanted.is_none() {
            self.try_again(now, rate);
        }
    }

    /// No probes for now.
    pub(super) fn hold(&mut self, until: Time) {
        (self.wanted, self.again, self.tries) = (None, None, Tries::default());
        self.clusters = [None; CLUSTERS];
        self.next_at = self.next_at.max(until);
    }

    /// When [`poll`](Self::poll) may have something.
    pub(super) fn poll_timeout(&self, situation: &Situation) -> Time {
        if self.wanted.is_some() {
            return Time::ZERO;
        }
        let again = self.again.map_or(Time::MAX, |(at, _)| at);
        if situation.wants_more() { again.min(self.next_at) } else { again }
    }

    fn begin(&mut self, now: Time, rate: f64, length: Duration, patience: Duration) -> Probe {
        let id = self.next_id;
        self.next_id += 1;
        let bitrate = Bitrate::bps(rate as u64);
        let bytes = bitrate.bytes_in(length).max(400);
        let cluster = Cluster { id, rate, bytes, packets: PACKETS as u64, deadline: now + patience, received: None };
        self.clusters[id as usize % CLUSTERS] = Some(cluster);
        Probe { id, bitrate, bytes: bytes as usize, packets: PACKETS }
    }

    /// A packet of a probe arrived, at `arrived` nanoseconds of the peer's clock. Returns what the probe showed, when
    /// enough of it has arrived.
    pub(super) fn received(&mut self, id: u32, sent: Time, arrived: i64, size: u64) -> Option<Outcome> {
        let slot = &mut self.clusters[id as usize % CLUSTERS];
        let cluster = slot.as_mut().filter(|cluster| cluster.id == id)?;
        let received = match &mut cluster.received {
            None => cluster.received.insert(Received::new(sent, arrived, size)),
            Some(received) => {
                received.add(sent, arrived, size);
                received
            }
        };
        // A lost packet must not make the whole probe void.
        let enough = received.is_share_of(80, cluster.packets, cluster.bytes);
        let rate = cluster.rate;
        let outcome = enough.then(|| received.outcome(rate))?;
        // More of it may come: the outcome of all is better than that of the first ones.
        if received.is_share_of(100, cluster.packets, cluster.bytes) {
            *slot = None;
            if outcome.is_none() {
                self.showed_nothing(rate);
            }
        }
        outcome
    }

    /// A probe was lost, or arrived in a lump: it is sent again, but not for ever.
    fn showed_nothing(&mut self, rate: f64) {
        if self.tries.count < REPEATS && self.again.is_none() {
            self.tries.count += 1;
            self.again = Some((Time::ZERO, rate));
        }
    }

    /// Draws the conclusion from a probe and those of its rate before it, and what follows from that: the next probe,
    /// twice as fast, or the same once more where chance may have had a part in it.
    pub(super) fn conclude(&mut self, now: Time, outcome: Outcome, jitter: Duration, situation: &Situation) -> Outcome {
        let tries = self.tries.and(&outcome);
        let share = tries.sending / tries.receiving;
        let stretched = tries.receiving - tries.sending;
        let chance = CHANCE * jitter.min(MAX_JITTER).as_nanos() as f64 * f64::from(tries.count).sqrt();
        let asked = outcome.asked;
        self.tries = Tries::default();
        if share >= WHOLE || outcome.limit == Limit::Probe {
            // A train that left no faster than the line is known to carry, since the machine was busy, says nothing of what is beyond.
            let is_more = situation.limit.is_none_or(|limit| outcome.rate > limit * CONFIRMS);
            if is_more && !situation.yielding && outcome.rate < situation.ceiling() * 0.95 {
                self.wanted = Some(outcome.rate * NEXT);
            }
            return Outcome { limit: Limit::Probe, ..outcome };
        }
        let rate = tries.rate() * outcome.net_of(situation.packet);
        if stretched > chance || tries.count > REPEATS {
            if !self.confirmed && outcome.packet.is_some() {
                self.confirmed = true;
                self.again = Some((now + CONFIRM, rate * FURTHER));
            }
            return Outcome { rate, limit: Limit::Line, ..outcome };
        }
        self.tries = tries;
        self.again = Some((now + REPEAT, asked));
        Outcome { rate, limit: Limit::Unclear, ..outcome }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(estimate: f64, desired: f64) -> Situation {
        Situation {
            estimate,
            desired,
            start: 300_000.0,
            max: 5e7,
            unknown: false,
            yielding: false,
            calm: true,
            allowed: true,
            idle: false,
            packet: 500.0,
            limit: None,
            jitter: Duration::ZERO,
            answer: None,
        }
    }

    /// Has a probe arrive that takes so many times as long to arrive as it took to send.
    fn arrive(prober: &mut Prober, now: Time, probe: &Probe, stretch: f64) -> Outcome {
        let step = probe.bitrate.time_for(probe.bytes as u64) / 4;
        let mut outcome = None;
        for n in 0..5_u32 {
            let arrived = (step.as_nanos() as f64 * f64::from(n) * stretch) as i64;
            outcome = prober.received(probe.id, now + step * n, arrived, probe.bytes as u64 / 4).or(outcome);
        }
        outcome.expect("all of it arrived")
    }

    #[test]
    fn what_arrives_whole_is_followed_by_twice_as_much_up_to_what_is_wanted() {
        let mut prober = Prober::new();
        let now = Time::from_millis(1_000);
        let situation = situation(300_000.0, 1_000_000.0);
        let probe = prober.poll(now, &situation).expect("the first");
        assert_eq!(probe.bitrate, Bitrate::kbps(900));
        let outcome = arrive(&mut prober, now, &probe, 1.0);
        let verdict = prober.conclude(now, outcome, Duration::from_millis(5), &situation);
        assert_eq!(verdict.limit, Limit::Probe);
        let next = prober.poll(now, &situation).expect("it follows at once");
        assert_eq!(next.bitrate, Bitrate::kbps(1_250), "a quarter above what is wanted");
    }

    #[test]
    fn a_train_that_left_no_faster_than_the_known_limit_is_not_followed() {
        let now = Time::from_millis(1_000);
        for (limit, followed) in [(None, true), (Some(850_000.0), false), (Some(500_000.0), true)] {
            let mut prober = Prober::new();
            let situation = Situation { limit, ..situation(300_000.0, 2_000_000.0) };
            let probe = prober.poll(now, &situation).expect("the first");
            let outcome = arrive(&mut prober, now, &probe, 1.0);
            let verdict = prober.conclude(now, outcome, Duration::from_millis(5), &situation);
            assert_eq!(verdict.limit, Limit::Probe);
            assert_eq!(prober.poll(now, &situation).is_some(), followed, "limit {limit:?}");
        }
    }

    #[test]
    fn what_is_doubted_is_sent_once_more_unless_a_faster_one_follows() {
        let now = Time::from_millis(1_000);
        for (desired, next) in [(2_000_000.0, 1_800), (600_000.0, 750)] {
            let mut prober = Prober::new();
            let situation = situation(300_000.0, desired);
            let probe = prober.poll(now, &situation).expect("the first");
            let outcome = arrive(&mut prober, now, &probe, 1.0);
            prober.conclude(now, outcome, Duration::from_millis(5), &situation);
            prober.confirm(now, outcome.asked);
            let next_probe = prober.poll(now + REPEAT, &situation).expect("it is looked at once more");
            assert_eq!(next_probe.bitrate, Bitrate::kbps(next));
        }
    }

    #[test]
    fn what_jitter_may_have_stretched_is_sent_again_until_it_is_clear() {
        let mut prober = Prober::new();
        let mut now = Time::from_millis(1_000);
        let situation = situation(300_000.0, 2_000_000.0);
        for tried in 0..=REPEATS {
            let probe = prober.poll(now, &situation).expect("once more");
            assert_eq!(probe.bitrate, Bitrate::kbps(900));
            let outcome = arrive(&mut prober, now, &probe, 1.2);
            let verdict = prober.conclude(now, outcome, Duration::from_millis(100), &situation);
            assert_eq!(verdict.limit, if tried < REPEATS { Limit::Unclear } else { Limit::Line });
            assert_eq!(prober.poll(now, &situation), None, "not at once");
            now += REPEAT;
        }
        assert_eq!(prober.poll(now, &situation), None, "that was enough");
    }

    #[test]
    fn a_line_that_stretches_it_far_beyond_the_jitter_is_believed_at_once() {
        let mut prober = Prober::new();
        let now = Time::from_millis(1_000);
        let situation = situation(300_000.0, 2_000_000.0);
        let probe = prober.poll(now, &situation).expect("the first");
        let outcome = arrive(&mut prober, now, &probe, 3.0);
        let verdict = prober.conclude(now, outcome, Duration::from_millis(5), &situation);
        assert_eq!(verdict.limit, Limit::Line);
        assert!((280_000.0..320_000.0).contains(&verdict.rate), "{verdict:?}");
    }

    #[test]
    fn one_that_could_not_be_sent_and_a_demand_that_rises_do_not_wait_for_their_time() {
        let mut prober = Prober::new();
        let now = Time::from_millis(1_000);
        let little = situation(300_000.0, 100_000.0);
        assert_eq!((prober.poll(now, &little), prober.poll_timeout(&little)), (None, Time::MAX));
        let more = situation(300_000.0, 2_000_000.0);
        let probe = prober.poll(now, &more).expect("more is wanted");
        prober.not_sent(now, probe.id);
        assert_eq!(prober.poll(now, &more), None);
        let probe = prober.poll(now + RETRY, &more).expect("it is tried again");
        let outcome = arrive(&mut prober, now, &probe, 3.0);
        prober.conclude(now, outcome, Duration::ZERO, &more);
        assert_eq!(prober.poll(now + RETRY * 2, &more), None);
        prober.hurry(now + RETRY * 2);
        assert!(prober.poll(now + RETRY * 2, &more).is_some());
    }
}

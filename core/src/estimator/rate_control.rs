//! What rate follows from the queue: grow while there is none, fall below what arrives when there is one until it is
//! gone, and come back to just below what arrived.
//!
//! The line's rate is not guessed by multiplying down: while a queue stands, packets arrive exactly as fast as the line
//! (or our share of it) carries them, and that is measured.

use std::time::Duration;

use super::queue::Queue;
use super::train::{Limit, Outcome};
use crate::time::Time;

/// A standing queue up to here, and the jitter, is none.
const EMPTY: Duration = Duration::from_millis(7);
/// A standing queue from here, and one and a half times the jitter, is too much: at this rate in bit/s, by so much less for every
/// doubling, and at least. Of flows on one line the larger yields first, and so they become alike.
const TOO_LONG: Duration = Duration::from_millis(20);
const TOO_LONG_RATE: f64 = 600_000.0;
const TOO_LONG_STEP: f64 = 0.010;
const TOO_LONG_LEAST: Duration = Duration::from_millis(12);
/// An early warning is one from here.
const ALARM: Duration = Duration::from_millis(50);
/// The jitter taken into account is bounded, but for what packets overtake each other by.
const MAX_JITTER: Duration = Duration::from_millis(12);
/// Where packets are held up by chance for longer than is common, a queue counts from so many times that later on.
const HELD_UP_EMPTY: f64 = 1.5;
const HELD_UP_TOO_LONG: f64 = 2.0;
const HELD_UP_ALARM: f64 = 4.0;
/// Below this rate in bit/s less of it does, and no less than this share: there a queue of one's own costs more.
const HELD_UP_RATE: f64 = 600_000.0;
const HELD_UP_THIN: f64 = 0.4;
/// Over how long arrivals are averaged at most.
const BUSY_WINDOW: Duration = Duration::from_millis(500);
/// Busy times shorter than this say little about the rate.
const MIN_BUSY: Duration = Duration::from_millis(120);

/// How much of what arrives is sent while the queue drains: at most, at least, and the time within which it is to
/// drain.
const DRAIN_MOST: f64 = 0.90;
const DRAIN_LEAST: f64 = 0.60;
const DRAIN_TIME: f64 = 0.5;
/// How long a queue is given to shrink, beyond a round trip and its own length.
const DRAIN_PATIENCE: Duration = Duration::from_millis(250);
/// It shrinks by so much of what is sent less, at least and at most; less than this share of the time tells nothing.
const SHRINKS: std::ops::Range<f64> = 0.5..2.0;
const LEAST_SHRINK: f64 = 0.05;
/// Who sends more than this multiple of what was to drain it has shown nothing.
const HEEDED: f64 = 1.15;
/// How many times in a row it may fail to shrink, with less and less sent, until it is taken for that of somebody else:
/// what is our own shrinks.
const DRAINS: u32 = 3;
/// While somebody else keeps a queue up it is looked again whether they still do, after this, or so many times what
/// that takes, and then more and more seldom up to that.
const CONTEND_FIRST: Duration = Duration::from_secs(3);
const CONTEND_DRAINS: u32 = 6;
const CONTEND_LONGEST: Duration = Duration::from_secs(12);
/// How much of it once the queue has drained.
const RESUME: f64 = 0.95;
/// What is decided for seconds goes by the limit that was seen, where that is more than what is sent at the moment, but by no more than
/// this: what is tried and taken back beside it is noise there.
const STEADY: f64 = 1.06;
/// A probe that arrives whole so many times above what the line was known to carry makes that history.
const HISTORY: f64 = 1.2;
/// Where one shows more than is known, another has to within this.
const SURPRISE: Duration = Duration::from_secs(2);
/// A probe that shows no more than this share above or below what was known to be the line's limit confirms that.
const CONFIRMS: f64 = 0.1;
/// How much of what a probe showed is believed while chance may have had a part in it.
const UNCLEAR: f64 = 0.75;
/// A probe that shows less than was thought takes no more than the rest of it.
const CORRECTION: f64 = 0.85;
/// Where the application sends less than the estimate, a queue need not be ours: it lowers the estimate in steps …
const LIMITED_STEP: f64 = 0.75;
/// … unless it is this long, and no more than this share of what is sent arrives: then the line has become thinner than that.
const OUR_QUEUE: Duration = Duration::from_millis(80);
const OUR_SHARE: f64 = 0.8;
/// Less than this share of what arrived when a queue was seen: the line has fallen further.
const FELL: f64 = 0.85;
/// So long after that, or a round trip, enough has arrived to tell.
const MEASURED: Duration = Duration::from_millis(300);

/// Growth near the known capacity, in bit/s for a second and the fourth root of the rate: 4 % at 300 kbit/s, 1.6 % at
/// 1 Mbit/s. That flows on one line fall in proportion and grow nearly alike brings them together.
const NEAR_GROWTH: f64 = 513.0;
/// Growth against somebody who fills the queue: as TCP does by a packet of so many bits per round trip, and at
/// most this share of the rate in a second.
const CONTENDING_PACKET: f64 = 10_000.0;
const MAX_CONTENDING_GROWTH: f64 = 0.3;
/// So many times what arrived lately, and this in bit/s, is proven where no limit is known, and beyond one that is. Encoders send in
/// fits and starts: with 1.35 beyond it as well one that was asked for 235 kbit/s made a line of 282 pass for 360.
const PROVEN: f64 = 1.35;
const PROVEN_BEYOND: f64 = 1.25;
const PROVEN_AT_LEAST: f64 = 10_000.0;
/// Growth where none is known: in a second at first, how fast that doubles, and at most.
const FREE_GROWTH: f64 = 0.08;
const FREE_GROWTH_DOUBLES: f64 = 0.8;
const MAX_FREE_GROWTH: f64 = 0.5;
/// Growth beyond the known capacity in a second, for each part that it is beyond it.
const BEYOND_GROWTH: f64 = 2.0;
/// Up to this multiple of the known capacity growth is careful, and half as fast from this one on: every time that it
/// is overstepped somebody's picture waits.
const NEAR: f64 = 1.04;
const NEAREST: f64 = 0.96;
const NEAREST_GROWTH: f64 = 0.5;
/// From here on a probe may look whether there is more: what is sent fits where it did not before.
const BEYOND: f64 = 1.01;
/// Below this multiple of it there is no need to be.
const FAR: f64 = 0.8;

/// What else there is to know at an update.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    /// Smoothed.
    pub(super) round_trip: Duration,
    /// What arrived lately, in bit/s.
    pub(super) acknowledged: f64,
    /// What is sent, in bit/s.
    pub(super) sending: f64,
    /// Whether the application sends clearly less than it may.
    pub(super) limited: bool,
    /// Share of packets that is lost whatever is sent, 0–1.
    pub(super) random_loss: f64,
    /// Whether packets were lost beyond that.
    pub(super) losing: bool,
}

/// What the line was seen to carry, in bit/s, by a queue or only by a short probe.
#[derive(Clone, Copy, Debug, Default)]
struct Capacity {
    rate: Option<f64>,
    only_probed: bool,
}

impl Capacity {
    /// A probe that shows what is known already confirms it.
    fn probed(&mut self, rate: f64) {
        match self.rate {
            Some(known) if (rate / known - 1.0).abs() < CONFIRMS => self.only_probed = false,
            _ => *self = Capacity { rate: Some(rate), only_probed: true },
        }
    }

    fn saw(&mut self, rate: f64) {
        let rate = match self.rate {
            Some(mean) if (rate / mean - 1.0).abs() < 0.2 => mean + 0.35 * (rate - mean),
            _ => rate,
        };
        *self = Capacity { rate: Some(rate), only_probed: false };
    }
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Growing,
    /// Less than arrives is sent, so that the queue drains.
    Draining {
        since: Time,
        queue: Duration,
        arriving: f64,
        before: f64,
        /// Drains before this one that left the queue as it was.
        failed: u32,
        /// How long to go on contending should this one fail as well; none where we did not contend.
        contended: Option<Duration>,
    },
    /// The queue is kept up by somebody else, who does not care for delay: hold our own by losses.
    Contending {
        last_loss: Time,
        since: Time,
        until_test: Duration,
    },
}

/// See the module.
pub(super) struct RateControl {
    rate: f64,
    min: f64,
    max: f64,
    phase: Phase,
    /// Drains in a row after which packets waited as long as before, to the millisecond nearly.
    steady: u32,
    capacity: Capacity,
    updated: Time,
    /// Since when no queue was seen.
    clear_since: Time,
    /// Until then a queue is what is left of an outage.
    stale_until: Time,
    /// When a probe last showed more than is believed of one.
    surprised: Option<Time>,
}

impl RateControl {
    pub(super) fn new(start: f64, min: f64, max: f64) -> Self {
        RateControl {
            rate: start,
            min,
            max,
            phase: Phase::Growing,
            steady: 0,
            capacity: Capacity::default(),
            updated: Time::ZERO,
            clear_since: Time::ZERO,
            stale_until: Time::ZERO,
            surprised: None,
        }
    }

    /// In bit/s.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// In bit/s: what is sent again once the queue at hand has drained, which takes less time than it takes to change
    /// what is sent, and nearly what the line was seen to carry, since a publisher that is told of each look at the line is told
    /// to send less at once and more later. It takes more than one drain where the line has become much thinner, since what was sent until that
    /// was noticed comes on top. Where so many were not enough that the queue may be another's, nobody knows.
    pub(super) fn lasting(&self) -> f64 {
        let soon = match self.phase {
            Phase::Draining { arriving, before, failed, contended: None, .. } if failed < DRAINS => {
                self.rate.max(arriving.min(before) * RESUME)
            }
            _ => self.rate,
        };
        // What stands in the queue for longer may be another's, who takes of the limit.
        match (self.phase, self.limit()) {
            (Phase::Growing | Phase::Draining { failed: 0, contended: None, .. }, Some(known)) => {
                known.clamp(soon, soon * STEADY)
            }
            _ => soon,
        }
    }

    /// What the line was seen to carry at most, in bit/s, unless it has carried much more since.
    pub(super) fn limit(&self) -> Option<f64> {
        self.capacity.rate.filter(|known| self.rate <= known * HISTORY)
    }

    /// Whether the line looks as if it carried more than is known.
    pub(super) fn may_carry_more(&self, now: Time) -> bool {
        matches!(self.phase, Phase::Growing)
            && now.since(self.clear_since) > Duration::from_millis(400)
            && (self.only_probed_so_far()
                || self.capacity.rate.is_none_or(|known| self.rate > known * BEYOND || self.rate < known * FAR))
    }

    /// Whether less is sent than could be, since there is a queue.
    pub(super) fn is_yielding(&self) -> bool {
        !matches!(self.phase, Phase::Growing)
    }

    /// Whether the queue is empty and nothing is being done about it.
    pub(super) fn is_calm(&self, now: Time) -> bool {
        matches!(self.phase, Phase::Growing) && now.since(self.clear_since) > Duration::from_millis(400)
    }

    /// A probe showed what the line carries. Returns whether another is to show that, too, since all of it would be sent at once (it is
    /// not `limited`): a moment in which others send less lets a train pass whole.
    pub(super) fn on_probe(&mut self, now: Time, outcome: Outcome, limited: bool) -> bool {
        if !matches!(self.phase, Phase::Growing) {
            return false;
        }
        let is_more = outcome.limit == Limit::Probe && self.limit().is_some_and(|known| outcome.rate > known);
        if is_more && !limited && self.surprised.is_none_or(|at| now.since(at) > SURPRISE) {
            self.surprised = Some(now);
            return true;
        }
        let rate = match outcome.limit {
            Limit::Line => {
                self.capacity.probed(outcome.rate);
                // Also where that is less than was thought: it was sent above it.
                self.rate = self.rate.min(outcome.rate.max(self.rate * CORRECTION));
                outcome.rate * RESUME
            }
            Limit::Probe => {
                // What it was thought to carry at most is history.
                if self.capacity.rate.is_some_and(|known| known * HISTORY < outcome.rate) {
                    self.capacity = Capacity::default();
                }
                outcome.rate
            }
            // The next one will tell; a part of it is safe.
            Limit::Unclear => outcome.rate * UNCLEAR,
        };
        if rate > self.rate {
            self.rate = rate.min(self.max);
            self.updated = now;
        }
        false
    }

    /// The line is back after an outage: goes on with `rate`, and takes no queue for its own before `stale_until`.
    pub(super) fn resume(&mut self, now: Time, rate: f64, stale_until: Time) {
        self.restart(now, rate);
        self.stale_until = stale_until;
    }

    /// What arrives stands in front of what is sent, and is to be gone first.
    pub(super) fn wait_behind(&mut self, now: Time, arriving: f64) {
        if self.rate > arriving * DRAIN_LEAST {
            self.restart(now, arriving * DRAIN_LEAST);
        }
    }

    /// The line was seen to carry no more than `carries`, by somebody else: goes on with `rate`.
    pub(super) fn fall(&mut self, now: Time, rate: f64, carries: f64) {
        self.capacity.saw(carries);
        self.restart(now, rate);
    }

    /// Starts anew at `rate`: what was known of the line no longer holds.
    pub(super) fn restart(&mut self, now: Time, rate: f64) {
        self.rate = rate.clamp(self.min, self.max);
        self.phase = Phase::Growing;
        self.updated = now;
        self.clear_since = now;
    }

    /// Feedback came.
    pub(super) fn update(&mut self, now: Time, queue: &mut Queue, conditions: &Conditions) {
        let elapsed = now.since(self.updated).as_secs_f64().min(0.3);
        self.updated = now;
        let Some(standing) = queue.standing() else { return };
        let jitter = queue.jitter().min(MAX_JITTER) + queue.overtaking();
        let held_up = queue.held_up().mul_f64((self.rate / HELD_UP_RATE).clamp(HELD_UP_THIN, 1.0));
        let empty = EMPTY + jitter + held_up.mul_f64(HELD_UP_EMPTY);
        let too_long = self.too_long() + jitter.mul_f64(1.5) + held_up.mul_f64(HELD_UP_TOO_LONG);
        let alarm = queue.early().filter(|wait| *wait > ALARM + jitter * 3 + held_up.mul_f64(HELD_UP_ALARM));
        if standing > empty {
            self.clear_since = now;
        }
        match self.phase {
            Phase::Growing if standing > empty && now < self.stale_until => {}
            Phase::Growing if standing > too_long || alarm.is_some() => {
                let wait = standing.max(alarm.unwrap_or_default());
                let arriving = self.arriving(queue, empty, conditions);
                self.steady = 0;
                self.drain(now, wait, arriving, self.rate, 0, conditions);
            }
            Phase::Growing => self.grow(now, elapsed, standing > empty, conditions),
            Phase::Draining { since, queue: wait, arriving, before, failed, contended } => {
                let elapsed = now.since(since);
                let longest = standing.max(queue.early().unwrap_or_default());
                let lately = self.arriving(queue, empty, conditions);
                let has_fallen = lately < arriving * FELL && longest > wait;
                if standing > empty && has_fallen && is_thinner(longest, lately, conditions) {
                    // Until now the queue could have been another's.
                    self.drain(now, longest, lately, before, failed, conditions);
                } else if standing <= empty {
                    self.phase = Phase::Growing;
                    self.rate = self.rate.max(arriving.min(before) * RESUME).min(before);
                } else if elapsed > conditions.round_trip + DRAIN_PATIENCE + wait {
                    // What waited is to be gone by now.
                    let as_it_was = standing.abs_diff(wait) < EMPTY + jitter / 2 + wait / 16 && !conditions.losing;
                    let is_less = conditions.sending < self.rate * HEEDED;
                    self.steady = if as_it_was && is_less { self.steady + 1 } else { 0 };
                    let failed = match standing {
                        _ if conditions.limited || standing <= too_long => 0,
                        _ if self.shrank(queue, wait, standing, elapsed, conditions) => failed,
                        _ => failed + 1,
                    };
                    if self.steady >= DRAINS {
                        // Ever less was sent, and nothing changed: no queue stands so still.
                        queue.path_is_longer();
                        self.phase = Phase::Growing;
                        self.rate = self.rate.max(before);
                        self.clear_since = now;
                    } else if failed >= contended.map_or(DRAINS, |_| 1) {
                        let first = CONTEND_FIRST.max(elapsed * CONTEND_DRAINS);
                        let until_test = contended.map_or(first, |before| (before * 2).min(first.max(CONTEND_LONGEST)));
                        self.phase = Phase::Contending { last_loss: now, since: now, until_test };
                        self.rate = self.rate.max(arriving.min(before) * RESUME);
                    } else {
                        self.drain(now, standing, lately, before, failed, conditions);
                    }
                } else if has_fallen && standing > wait && elapsed > conditions.round_trip.min(MEASURED) {
                    // The line may have fallen further while we measured.
                    self.drain(now, standing, lately, before, failed, conditions);
                }
            }
            Phase::Contending { last_loss, since, until_test } => {
                if standing <= empty {
                    self.phase = Phase::Growing;
                } else if now.since(since) > until_test {
                    // Whoever it was may be gone: then the queue is ours, and shrinks.
                    let arriving = self.arriving(queue, empty, conditions);
                    self.drain(now, standing, arriving, self.rate, DRAINS - 1, conditions);
                    if let Phase::Draining { contended, .. } = &mut self.phase {
                        *contended = Some(until_test);
                    }
                } else if conditions.losing && now.since(last_loss) > conditions.round_trip {
                    self.rate *= 0.85;
                    self.phase = Phase::Contending { last_loss: now, since, until_test };
                } else {
                    let round_trip = conditions.round_trip.as_secs_f64().max(0.05);
                    let growth = CONTENDING_PACKET / (round_trip * round_trip);
                    self.rate += growth.min(self.rate * MAX_CONTENDING_GROWTH) * elapsed;
                }
            }
        }
        self.rate = self.rate.clamp(self.min, self.max);
    }

    /// Whether a queue shrank by just as much as less was sent than arrived: then it is our own, though it takes long to drain.
    fn shrank(
        &self,
        queue: &Queue,
        wait: Duration,
        standing: Duration,
        elapsed: Duration,
        conditions: &Conditions,
    ) -> bool {
        let Some(arriving) = queue.arrival_rate(BUSY_WINDOW) else { return false };
        let less = 1.0 - conditions.sending * (1.0 - conditions.random_loss) / arriving;
        let share = wait.saturating_sub(standing).as_secs_f64() / (elapsed.as_secs_f64() * less);
        less > LEAST_SHRINK && SHRINKS.contains(&share)
    }

    /// Whether it was tried for long enough what the line carries, and this is clearly more.
    fn is_beyond(&self) -> bool {
        !self.capacity.only_probed && self.capacity.rate.is_some_and(|known| self.rate > known * NEAR)
    }

    /// Whether all that is known is what a probe showed, and we have come up to that without a queue.
    fn only_probed_so_far(&self) -> bool {
        self.capacity.only_probed && self.capacity.rate.is_some_and(|known| self.rate > known * 0.97)
    }

    fn too_long(&self) -> Duration {
        let doublings = (self.rate / TOO_LONG_RATE).log2().max(0.0);
        TOO_LONG.saturating_sub(Duration::from_secs_f64(doublings * TOO_LONG_STEP)).max(TOO_LONG_LEAST)
    }

    /// What the line carries of ours, now that there is a queue. Where too little arrived to tell, a little less than
    /// we send.
    fn arriving(&self, queue: &Queue, empty: Duration, conditions: &Conditions) -> f64 {
        let busy = queue.busy_rate(empty, BUSY_WINDOW);
        let rate = match (busy, queue.arrival_rate(BUSY_WINDOW)) {
            (Some((rate, span)), _) if span >= MIN_BUSY => rate,
            (Some((rate, span)), Some(lately)) if span >= MIN_BUSY / 3 => rate.min(lately),
            (_, Some(lately)) => lately,
            _ => return self.rate * LIMITED_STEP,
        };
        rate / (1.0 - conditions.random_loss)
    }

    /// Sends less than arrives, the less the longer the queue, and the less the more often that did not help.
    fn drain(&mut self, now: Time, wait: Duration, arriving: f64, before: f64, failed: u32, conditions: &Conditions) {
        let limited = conditions.limited && !is_thinner(wait, arriving, conditions);
        if !limited {
            self.capacity.saw(arriving);
        }
        let step = (DRAIN_MOST - DRAIN_LEAST) / f64::from(DRAINS - 1);
        let most = (DRAIN_MOST - step * f64::from(failed)).max(DRAIN_LEAST);
        let share = (1.0 - wait.as_secs_f64() / DRAIN_TIME).clamp(DRAIN_LEAST, most);
        let mut target = arriving * share;
        if limited {
            target = target.max(self.rate * LIMITED_STEP);
        }
        // What others take of it while we yield is not lost for good.
        let arriving = match self.phase {
            Phase::Draining { arriving: first, .. } if failed > 0 => arriving.max(target).max(first),
            _ => arriving.max(target),
        };
        self.phase = Phase::Draining { since: now, queue: wait, arriving, before, failed, contended: None };
        self.rate = self.rate.min(target);
    }

    fn grow(&mut self, now: Time, elapsed: f64, queued: bool, conditions: &Conditions) {
        let share = self.capacity.rate.map_or(f64::INFINITY, |capacity| self.rate / capacity);
        let careful = if share > NEAREST && share < NEAR { NEAREST_GROWTH } else { 1.0 };
        let slow = NEAR_GROWTH * careful * self.rate.sqrt().sqrt() * elapsed;
        let clear = now.since(self.clear_since).as_secs_f64();
        let fast = (FREE_GROWTH * (clear / FREE_GROWTH_DOUBLES).exp2()).min(MAX_FREE_GROWTH) * self.rate * elapsed;
        let step = match self.capacity.rate {
            _ if queued => slow,
            Some(capacity) if self.rate > capacity * 0.9 && self.rate < capacity * NEAR => slow,
            // The further beyond it, the less it seems to hold.
            Some(capacity) if self.rate >= capacity => {
                let beyond = self.rate / capacity - 1.0;
                fast.min(BEYOND_GROWTH * beyond * self.rate * elapsed).max(slow)
            }
            _ => fast.max(slow),
        };
        // What was never sent was never proven.
        let share = if self.is_beyond() { PROVEN_BEYOND } else { PROVEN };
        let proven = conditions.acknowledged / (1.0 - conditions.random_loss) * share + PROVEN_AT_LEAST;
        if self.rate < proven {
            self.rate = (self.rate + step).min(proven);
        }
    }
}

/// Whether the line has become thinner than what is sent: a queue is this long, and less arrives.
fn is_thinner(wait: Duration, arriving: f64, conditions: &Conditions) -> bool {
    wait > OUR_QUEUE && arriving < conditions.sending * OUR_SHARE
}

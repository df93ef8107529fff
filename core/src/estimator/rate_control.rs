//! What rate follows from the queue: grow while there is none, fall below what arrives when there is one until it is
//! gone, and come back to just below what arrived.
//!
//! The line's rate is not guessed by multiplying down: while a queue stands, packets arrive exactly as fast as the line
//! (or our share of it) carries them, and that is measured.

use std::time::Duration;

use super::queue::Queue;
use crate::time::Time;

/// A standing queue up to here, and twice the jitter, is none.
const EMPTY: Duration = Duration::from_millis(7);
/// A standing queue from here, and twice the jitter, is too much.
const TOO_LONG: Duration = Duration::from_millis(22);
/// An early warning is one from here.
const ALARM: Duration = Duration::from_millis(50);
/// The jitter taken into account is bounded.
const MAX_JITTER: Duration = Duration::from_millis(12);
/// Over how long arrivals are averaged at most.
const BUSY_WINDOW: Duration = Duration::from_millis(500);
/// Busy times shorter than this say little about the rate.
const MIN_BUSY: Duration = Duration::from_millis(120);

/// How much of what arrives is sent while the queue drains: at most, at least, and the time within which it is to
/// drain.
const DRAIN_MOST: f64 = 0.90;
const DRAIN_LEAST: f64 = 0.60;
const DRAIN_TIME: f64 = 0.5;
/// How much of it once the queue has drained.
const RESUME: f64 = 0.94;
/// Where the application sends less than the estimate, a queue need not be ours: it lowers the estimate in steps.
const LIMITED_STEP: f64 = 0.75;

/// Growth near the known capacity, in bit/s for a second and the root of the rate: 4 % at 300 kbit/s, 2 % at 1 Mbit/s.
const NEAR_GROWTH: f64 = 22.0;
/// Growth where none is known: in a second at first, how fast that doubles, and at most.
const FREE_GROWTH: f64 = 0.08;
const FREE_GROWTH_DOUBLES: f64 = 0.8;
const MAX_FREE_GROWTH: f64 = 0.5;
/// Up to this multiple of the known capacity growth is careful.
const NEAR: f64 = 1.06;

/// What else there is to know at an update.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    /// Smoothed.
    pub(super) round_trip: Duration,
    /// What arrived lately, in bit/s.
    pub(super) acknowledged: f64,
    /// Whether the application sends clearly less than it may.
    pub(super) limited: bool,
    /// Share of packets that is lost whatever is sent, 0–1.
    pub(super) random_loss: f64,
    /// Whether packets were lost beyond that.
    pub(super) losing: bool,
}

/// What the line was seen to carry while it was busy.
#[derive(Clone, Copy, Debug, Default)]
struct Capacity(Option<f64>);

impl Capacity {
    fn saw(&mut self, rate: f64) {
        self.0 = match self.0 {
            Some(mean) if (rate / mean - 1.0).abs() < 0.2 => Some(mean + 0.35 * (rate - mean)),
            _ => Some(rate),
        };
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
    },
    /// The queue is kept up by somebody else, who does not care for delay: hold our own by losses.
    Contending {
        since: Time,
        last_loss: Time,
        tested: Time,
    },
}

/// See the module.
pub(super) struct RateControl {
    rate: f64,
    min: f64,
    max: f64,
    phase: Phase,
    capacity: Capacity,
    updated: Time,
    /// Since when no queue was seen.
    clear_since: Time,
}

impl RateControl {
    pub(super) fn new(start: f64, min: f64, max: f64) -> Self {
        RateControl {
            rate: start,
            min,
            max,
            phase: Phase::Growing,
            capacity: Capacity::default(),
            updated: Time::ZERO,
            clear_since: Time::ZERO,
        }
    }

    /// In bit/s.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Whether the line looks as if it carried more than is known.
    pub(super) fn may_carry_more(&self, now: Time) -> bool {
        matches!(self.phase, Phase::Growing)
            && now.since(self.clear_since) > Duration::from_millis(400)
            && self.capacity.0.is_none_or(|capacity| self.rate > capacity * NEAR)
    }

    /// Whether the queue is empty and nothing is being done about it.
    pub(super) fn is_calm(&self, now: Time) -> bool {
        matches!(self.phase, Phase::Growing) && now.since(self.clear_since) > Duration::from_millis(400)
    }

    /// A probe showed that the line carries `rate`; `limit` if it was the line that set it and not the probe.
    pub(super) fn on_probe(&mut self, now: Time, rate: f64, limit: bool) {
        if !matches!(self.phase, Phase::Growing) {
            return;
        }
        if limit {
            self.capacity = Capacity(Some(rate));
        }
        let rate = if limit { rate * RESUME } else { rate };
        if rate > self.rate {
            self.rate = rate.min(self.max);
            self.updated = now;
        }
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
        let jitter = queue.jitter().min(MAX_JITTER);
        let (empty, too_long) = (EMPTY + jitter, TOO_LONG + jitter * 2);
        let alarm = queue.early().filter(|wait| *wait > ALARM + jitter * 3);
        if standing > empty {
            self.clear_since = now;
        }
        match self.phase {
            Phase::Growing if standing > too_long || alarm.is_some() => {
                let wait = standing.max(alarm.unwrap_or_default());
                let arriving = self.arriving(queue, empty, conditions);
                self.drain(now, wait, arriving, self.rate, conditions);
            }
            Phase::Growing => self.grow(now, elapsed, standing > empty, conditions),
            Phase::Draining { since, queue: wait, arriving, before } => {
                let patience = conditions.round_trip + Duration::from_millis(250) + wait * 2;
                if standing <= empty {
                    self.phase = Phase::Growing;
                    self.rate = self.rate.max(arriving.min(before) * RESUME).min(before);
                } else if now.since(since) > patience {
                    if standing > wait.mul_f64(0.6) && !conditions.limited && standing > too_long {
                        self.phase = Phase::Contending { since: now, last_loss: now, tested: now };
                        self.rate = self.rate.max(arriving.min(before) * RESUME);
                    } else {
                        let arriving = self.arriving(queue, empty, conditions);
                        self.drain(now, standing, arriving, before, conditions);
                    }
                } else if now.since(since) > conditions.round_trip.min(Duration::from_millis(300)) {
                    // The line may have fallen further while we measured.
                    let now_arriving = self.arriving(queue, empty, conditions);
                    if now_arriving < arriving * 0.85 && standing > wait {
                        self.drain(now, standing, now_arriving, before, conditions);
                    }
                }
            }
            Phase::Contending { since, last_loss, tested } => {
                self.contend(now, elapsed, queue, conditions, standing <= empty, (since, last_loss, tested));
            }
        }
        self.rate = self.rate.clamp(self.min, self.max);
    }

    /// What the line carries of ours, now that there is a queue.
    fn arriving(&self, queue: &Queue, empty: Duration, conditions: &Conditions) -> f64 {
        let busy = queue.busy_rate(empty, BUSY_WINDOW);
        let lately = queue.arrival_rate(BUSY_WINDOW).unwrap_or(conditions.acknowledged);
        let rate = match busy {
            Some((rate, span)) if span >= MIN_BUSY => rate,
            Some((rate, span)) if span >= MIN_BUSY / 3 => rate.min(lately),
            _ => lately,
        };
        rate / (1.0 - conditions.random_loss)
    }

    fn drain(&mut self, now: Time, wait: Duration, arriving: f64, before: f64, conditions: &Conditions) {
        if !conditions.limited {
            self.capacity.saw(arriving);
        }
        let share = (1.0 - wait.as_secs_f64() / DRAIN_TIME).clamp(DRAIN_LEAST, DRAIN_MOST);
        let mut target = arriving * share;
        if conditions.limited {
            target = target.max(self.rate * LIMITED_STEP);
        }
        self.phase = Phase::Draining { since: now, queue: wait, arriving: arriving.max(target), before };
        self.rate = self.rate.min(target);
    }

    fn grow(&mut self, now: Time, elapsed: f64, queued: bool, conditions: &Conditions) {
        let slow = NEAR_GROWTH * self.rate.sqrt() * elapsed;
        let clear = now.since(self.clear_since).as_secs_f64();
        let fast = (FREE_GROWTH * (clear / FREE_GROWTH_DOUBLES).exp2()).min(MAX_FREE_GROWTH) * self.rate * elapsed;
        let step = match self.capacity.0 {
            _ if queued => slow,
            Some(capacity) if self.rate > capacity * 0.9 && self.rate < capacity * NEAR => slow,
            _ => fast.max(slow),
        };
        // What was never sent was never proven.
        let proven = conditions.acknowledged / (1.0 - conditions.random_loss) * 1.35 + 10_000.0;
        if self.rate < proven {
            self.rate = (self.rate + step).min(proven);
        }
    }

    fn contend(
        &mut self,
        now: Time,
        elapsed: f64,
        queue: &mut Queue,
        conditions: &Conditions,
        empty: bool,
        (since, last_loss, tested): (Time, Time, Time),
    ) {
        let _ = (queue, tested);
        if empty {
            self.phase = Phase::Growing;
            return;
        }
        let mut last_loss = last_loss;
        if conditions.losing && now.since(last_loss) > conditions.round_trip {
            self.rate *= 0.85;
            last_loss = now;
        } else {
            self.rate += NEAR_GROWTH * self.rate.sqrt() * elapsed;
        }
        self.phase = Phase::Contending { since, last_loss, tested };
    }
}

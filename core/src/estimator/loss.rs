//! What rate follows from losses, where a queue tells nothing: short queues, policers, radio.
//!
//! Loss by congestion goes away when less is sent, loss by chance does not. So a rise of the loss lowers the rate by as
//! much as was lost; what remains lost after that is taken for chance, and the rate is given back.

use std::time::Duration;

use crate::time::Time;

/// A period lasts for so long, and for so many packets, or at most for so long.
const PERIOD: Duration = Duration::from_millis(600);
const PACKETS: u32 = 50;
const LONGEST_PERIOD: Duration = Duration::from_secs(2);
/// Losses that end a period early.
const MANY_LOST: u32 = 12;
/// Loss beyond the usual that is always let pass.
const TOLERANCE: f64 = 0.025;
/// No more than this is taken for chance.
const MAX_CHANCE: f64 = 0.3;
/// Losses in a row are one event, and fewer events than this in a period say nothing about the rate.
const EVENTS: u32 = 3;
/// How much less the events of earlier periods count in how long one is.
const MEMORY: f64 = 0.9;
/// What arrives falls with what is sent where chance takes its share, and stays where the line does: no more than this share of the
/// cut …
const MARGINAL: f64 = 0.4;
/// … once that was to this or less of what was sent.
const CUT: f64 = 0.85;
/// Less loss than this beyond the usual is too little to tell that.
const CLEAR: f64 = 0.12;
/// Where a line drops what is too much and queues nothing, losses go away so far below what it carries; those that do not are chance.
const WELL_BELOW: f64 = 0.85;
/// Of what arrives so much is followed by a loss where too much is sent, whatever the radio does.
const SCATTERED: f64 = 0.15;
/// Loss that was taken for chance and is more than that is looked at again after this, then twice and up to so much as long: with so
/// much of what is sent.
const DOUBT: Duration = Duration::from_secs(4);
const DOUBT_LONGEST: Duration = Duration::from_secs(16);
const DOUBT_CUT: f64 = 0.7;
/// After a cut, what arrives is what the line carries; a little less is sent.
const RESUME: f64 = 0.94;
/// Growth of the cap in a second: up to this multiple of what was lost less at, up to that, and beyond.
const NEAR: f64 = 1.08;
const FAR: f64 = 1.25;
const NEAR_GROWTH: f64 = 0.04;
const GROWTH: f64 = 0.08;
const FAR_GROWTH: f64 = 0.3;

/// What the peer told of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) lost: u32,
    /// How many times something was lost: losses in a row are one.
    pub(super) events: u32,
    /// All of it.
    pub(super) packets: u32,
}

/// What else there is to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct LossConditions {
    /// What the packets told of were sent at, in bit/s.
    pub(super) sending: f64,
    /// What arrived of it, in bit/s.
    pub(super) arriving: f64,
    /// What delay allows, in bit/s.
    pub(super) other: f64,
    /// Whether a queue stands.
    pub(super) queued: bool,
    /// Smoothed.
    pub(super) round_trip: Duration,
}

/// A lowered rate, and what was lost before.
#[derive(Clone, Copy, Debug)]
struct Trial {
    lost_before: f64,
    /// Both in bit/s.
    sent_before: f64,
    arrived_before: f64,
    /// Whether losses were all over the period, as of what is sent too fast.
    scattered: bool,
    since: Time,
}

/// See the module.
pub(super) struct LossControl {
    lost: u32,
    events: u32,
    packets: u32,
    since: Time,
    /// Losses and events of all periods, the earlier the less.
    lost_so_far: f64,
    events_so_far: f64,
    /// Share lost by chance.
    chance: f64,
    cap: Option<f64>,
    /// At which cap less was lost.
    known: f64,
    /// When so much loss as few radios have is looked at again, and how long after that once more.
    doubted_at: Time,
    doubt: Duration,
    /// Whether the line loses by rate and has no queue: short trains tell nothing of it.
    policed: bool,
    trial: Option<Trial>,
    /// Smoothed, for reports.
    fraction: f64,
    losing: bool,
}

impl LossControl {
    pub(super) fn new() -> Self {
        LossControl {
            lost: 0,
            events: 0,
            packets: 0,
            since: Time::ZERO,
            lost_so_far: 0.0,
            events_so_far: 0.0,
            chance: 0.0,
            cap: None,
            known: 0.0,
            doubted_at: Time::ZERO,
            doubt: DOUBT,
            policed: false,
            trial: None,
            fraction: 0.0,
            losing: false,
        }
    }

    /// Bit/s that must not be exceeded.
    pub(super) fn cap(&self) -> Option<f64> {
        self.cap
    }

    /// Share of packets lost by chance.
    pub(super) fn chance(&self) -> f64 {
        self.chance
    }

    /// Share of packets lost lately.
    pub(super) fn fraction(&self) -> f64 {
        self.fraction
    }

    /// Whether more is lost than by chance.
    pub(super) fn is_losing(&self) -> bool {
        self.losing
    }

    /// Whether the line drops what is too much and queues nothing, as a token bucket does: that lets pass a train whole.
    pub(super) fn is_policed(&self) -> bool {
        self.policed
    }

    /// A probe arrived at this rate in bit/s: whatever was lost before, the line carries that.
    pub(super) fn on_probe(&mut self, rate: f64) {
        if !self.policed {
            self.cap = self.cap.map(|cap| cap.max(rate));
        }
    }

    /// What was counted says nothing about the line as it is now.
    pub(super) fn interrupted(&mut self, now: Time) {
        (self.lost, self.events, self.packets, self.since, self.trial) = (0, 0, 0, now, None);
    }

    /// Feedback came.
    pub(super) fn update(&mut self, now: Time, told: Told, conditions: &LossConditions) {
        self.lost += told.lost;
        self.events += told.events;
        self.packets += told.packets;
        let elapsed = now.since(self.since);
        let full = elapsed >= PERIOD && self.packets >= PACKETS;
        let many = self.lost >= MANY_LOST && self.lost * 5 >= self.packets && self.events >= EVENTS;
        if !full && !many && elapsed < LONGEST_PERIOD {
            return;
        }
        if self.packets >= 10 {
            self.period(now, elapsed.min(LONGEST_PERIOD).as_secs_f64(), conditions);
        }
        (self.lost, self.events, self.packets, self.since) = (0, 0, 0, now);
    }

    fn period(&mut self, now: Time, seconds: f64, conditions: &LossConditions) {
        let &LossConditions { sending: rate, arriving, other, queued, round_trip } = conditions;
        let packets = f64::from(self.packets);
        let lost = f64::from(self.lost) / packets;
        self.fraction += 0.4 * (lost - self.fraction);
        let usual = self.chance.max(0.02);
        let excess = lost - self.chance;
        // The longer an event is, the more periods differ by chance. Where most is lost, losses follow each other anyway.
        let event = (self.mean_event() * (1.0 - lost)).max(1.0);
        let spread = usual * (1.0 - usual) * (2.0 * event - 1.0) / packets;
        self.losing = self.events >= EVENTS && excess > TOLERANCE + 1.5 * spread.sqrt();
        self.lost_so_far = self.lost_so_far * MEMORY + f64::from(self.lost);
        self.events_so_far = self.events_so_far * MEMORY + f64::from(self.events);
        let scattered = f64::from(self.events) > SCATTERED * f64::from(self.packets - self.lost);
        let next = Trial { lost_before: lost, sent_before: rate, arrived_before: arriving, scattered, since: now };
        match self.trial {
            None if self.losing && self.policed && rate < self.known * FAR => {
                self.cap = Some(self.known * WELL_BELOW);
                self.trial = Some(next);
            }
            None if self.chance > CLEAR && now >= self.doubted_at => {
                (self.chance, self.cap, self.trial) = (0.0, Some(rate * DOUBT_CUT), Some(next));
                self.doubted_at = now + self.doubt;
                self.doubt = (self.doubt * 2).min(DOUBT_LONGEST);
            }
            None if self.losing => {
                self.cap = Some(rate * (1.0 - excess).max(0.5));
                (self.trial, self.policed) = (Some(next), false);
            }
            None => {
                let rise = if self.policed { 0.02 } else { 0.06 };
                let step = if excess > 0.0 { rise } else { 0.15 } * excess;
                self.chance = (self.chance + step).min(MAX_CHANCE);
                self.lift(seconds, other);
            }
            // What was lost in this period was sent before the rate was lowered.
            Some(trial) if now.since(trial.since) < round_trip + PERIOD => {}
            Some(trial) => {
                let helped = excess < 0.5 * (trial.lost_before - self.chance);
                let still = trial.scattered && trial.arrives_still(rate, arriving);
                if helped {
                    self.trial = None;
                    if !queued && still && trial.lost_before > CLEAR {
                        self.drops_what_is_too_much(arriving);
                    }
                } else if still && excess > CLEAR && !self.policed {
                    if !queued {
                        self.drops_what_is_too_much(arriving);
                    }
                    let carries = arriving / (1.0 - self.chance);
                    self.cap = Some((carries * RESUME).clamp(rate * 0.5, rate));
                    self.trial = Some(next);
                } else if queued {
                    self.cap = Some(rate * (1.0 - excess / 2.0).max(0.7));
                    self.trial = Some(next);
                } else {
                    self.chance = lost.min(MAX_CHANCE);
                    self.doubted_at = self.doubted_at.max(now + DOUBT);
                    self.trial = None;
                    self.cap = self.cap.filter(|_| self.policed);
                }
            }
        }
    }

    /// The line carries no more than what arrives, and drops the rest without a queue.
    fn drops_what_is_too_much(&mut self, arriving: f64) {
        self.policed = true;
        self.doubt = DOUBT;
        self.known = arriving / (1.0 - self.chance);
    }

    /// How many packets an event takes, on average.
    fn mean_event(&self) -> f64 {
        if self.events_so_far > 0.0 { self.lost_so_far / self.events_so_far } else { 1.0 }
    }

    fn lift(&mut self, seconds: f64, other: f64) {
        let Some(cap) = self.cap else { return };
        let growth = match cap / self.known {
            _ if !self.policed => GROWTH,
            share if share < NEAR => NEAR_GROWTH,
            share if share < FAR => GROWTH,
            _ => FAR_GROWTH,
        };
        self.cap = Some(cap * (1.0 + growth * seconds)).filter(|cap| *cap < other);
        self.policed &= self.cap.is_some();
    }
}

impl Trial {
    /// Whether as much arrives as before, though clearly less is sent.
    fn arrives_still(&self, rate: f64, arriving: f64) -> bool {
        let cut = rate / self.sent_before;
        cut < CUT && arriving > self.arrived_before * (1.0 - MARGINAL * (1.0 - cut))
    }
}

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
/// Where so much of it, smoothed by this over periods, is lost with no more than this share of what was taken for its limit, the line
/// loses by chance, and has no such limit.
const UNABATED: f64 = 0.1;
const SMOOTHING: f64 = 0.25;
const BELOW: f64 = 0.9;
/// What arrives while more is lost is its limit, within these bounds, however much is sent; else the limit is another one.
const LIMIT_HOLDS: std::ops::Range<f64> = 0.7..1.25;
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
    /// Counted as lost before, and there now.
    pub(super) found: u32,
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
    /// When so much loss as few radios have is looked at again, and how long after that once more.
    doubted_at: Time,
    doubt: Duration,
    /// What the line carries, in bit/s, where it loses by rate and has no queue: short trains tell nothing of that.
    policed: Option<f64>,
    /// Share lost of what was sent clearly below that, smoothed over periods.
    lost_below: f64,
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
            doubted_at: Time::ZERO,
            doubt: DOUBT,
            policed: None,
            lost_below: 0.0,
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
        self.policed.is_some()
    }

    /// A probe arrived at this rate in bit/s: whatever was lost before, the line carries that.
    pub(super) fn on_probe(&mut self, rate: f64) {
        if self.policed.is_none() {
            self.cap = self.cap.map(|cap| cap.max(rate));
        }
    }

    /// What was counted says nothing about the line as it is now.
    pub(super) fn interrupted(&mut self, now: Time) {
        (self.lost, self.events, self.packets, self.since, self.trial) = (0, 0, 0, now, None);
    }

    /// Feedback came.
    pub(super) fn update(&mut self, now: Time, told: Told, conditions: &LossConditions) {
        self.lost = (self.lost + told.lost).saturating_sub(told.found);
        self.events = (self.events + told.events).min(self.lost);
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
        // What was lost in this period was sent before the rate was lowered.
        let is_settling = self.trial.is_some_and(|trial| now.since(trial.since) < round_trip + PERIOD);
        if !is_settling && self.policed.is_some_and(|known| rate < known * BELOW) {
            self.lost_below += SMOOTHING * (lost - self.lost_below);
            if self.lost_below > UNABATED {
                (self.policed, self.cap, self.trial) = (None, None, None);
                self.chance = self.chance.max(self.lost_below).min(MAX_CHANCE);
            }
        }
        let next = Trial { lost_before: lost, sent_before: rate, arrived_before: arriving, scattered, since: now };
        let policed = self.policed.filter(|known| LIMIT_HOLDS.contains(&(arriving / known)));
        match self.trial {
            None if self.losing && policed.is_some() => {
                self.cap = policed.map(|known| known * WELL_BELOW);
                self.trial = Some(next);
            }
            None if self.chance > CLEAR && lost > TOLERANCE && now >= self.doubted_at => {
                (self.chance, self.cap, self.trial) = (0.0, Some(rate * DOUBT_CUT), Some(next));
                self.doubted_at = now + self.doubt;
                self.doubt = (self.doubt * 2).min(DOUBT_LONGEST);
            }
            None if self.losing => {
                // Where a queue overflowed, less is sent by the time that losses are told of: the line carries what arrives.
                let carries = if queued { arriving } else { 0.0 };
                self.cap = Some((rate * (1.0 - excess).max(0.5)).max(carries));
                (self.trial, self.policed) = (Some(next), None);
            }
            None => {
                let rise = if self.policed.is_some() { 0.02 } else { 0.06 };
                let step = if excess > 0.0 { rise } else { 0.15 } * excess;
                self.chance = (self.chance + step).min(MAX_CHANCE);
                self.lift(seconds, other);
            }
            Some(_) if is_settling => {}
            Some(trial) => {
                let helped = excess <= (0.5 * (trial.lost_before - self.chance)).max(0.0);
                let still = trial.scattered && trial.arrives_still(rate, arriving);
                if helped {
                    self.trial = None;
                    if !queued && still && trial.lost_before > CLEAR {
                        self.drops_what_is_too_much(arriving);
                    }
                } else if still && excess > CLEAR && self.policed.is_none() {
                    if !queued {
                        self.drops_what_is_too_much(arriving);
                    }
                    let carries = arriving / (1.0 - self.chance);
                    self.cap = Some((carries * RESUME).clamp(rate * 0.5, rate));
                    self.trial = Some(next);
                } else if queued {
                    self.cap = Some((rate * (1.0 - excess / 2.0).max(0.7)).max(arriving));
                    self.trial = Some(next);
                } else {
                    self.chance = lost.min(MAX_CHANCE);
                    self.doubted_at = self.doubted_at.max(now + DOUBT);
                    self.trial = None;
                    self.cap = self.cap.filter(|_| self.policed.is_some());
                }
            }
        }
    }

    /// The line carries no more than what arrives, and drops the rest without a queue.
    fn drops_what_is_too_much(&mut self, arriving: f64) {
        self.doubt = DOUBT;
        self.lost_below = 0.0;
        self.policed = Some(arriving / (1.0 - self.chance));
    }

    /// How many packets an event takes, on average.
    fn mean_event(&self) -> f64 {
        if self.events_so_far > 0.0 { self.lost_so_far / self.events_so_far } else { 1.0 }
    }

    fn lift(&mut self, seconds: f64, other: f64) {
        let Some(cap) = self.cap else { return };
        let growth = match self.policed.map(|known| cap / known) {
            None => GROWTH,
            Some(share) if share < WELL_BELOW => FAR_GROWTH,
            Some(share) if share < NEAR => NEAR_GROWTH,
            Some(share) if share < FAR => GROWTH,
            Some(_) => FAR_GROWTH,
        };
        self.cap = Some(cap * (1.0 + growth * seconds)).filter(|cap| *cap < other);
        self.policed = self.policed.filter(|_| self.cap.is_some());
    }
}

impl Trial {
    /// Whether as much arrives as before, though clearly less is sent.
    fn arrives_still(&self, rate: f64, arriving: f64) -> bool {
        let cut = rate / self.sent_before;
        cut < CUT && arriving > self.arrived_before * (1.0 - MARGINAL * (1.0 - cut))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of 1,000 bytes over a line, told of every 100 ms. `carried` says of each, by its number, by its place among
    /// those of its 100 ms and by how many these are, if it arrives. Sends as fast as the cap allows, 1 Mbit/s at most.
    fn run(seconds: u64, carried: impl Fn(u64, u64, u64) -> bool) -> LossControl {
        let mut control = LossControl::new();
        let (mut sent, mut last) = (0, true);
        for tick in 0..seconds * 10 {
            let sending = control.cap().map_or(1e6, |cap| cap.min(1e6));
            let offered = (sending / 80_000.0).round() as u64;
            let arrives: Vec<bool> = (0..offered).map(|place| carried(sent + place, place, offered)).collect();
            sent += offered;
            let lost = arrives.iter().filter(|arrives| !**arrives).count() as u32;
            let mut events = 0;
            for arrives in arrives {
                events += u32::from(last && !arrives);
                last = arrives;
            }
            let conditions = LossConditions {
                sending,
                arriving: sending * f64::from(offered as u32 - lost) / offered.max(1) as f64,
                other: 2e6,
                queued: false,
                round_trip: Duration::from_millis(50),
            };
            let told = Told { lost, found: 0, events, packets: offered as u32 };
            control.update(Time::from_millis(1_000 + tick * 100), told, &conditions);
        }
        control
    }

    #[test]
    fn what_is_lost_by_chance_lowers_nothing_for_long() {
        let control = run(60, |number, _, _| number % 12 != 5);
        assert!(control.cap().is_none_or(|cap| cap > 0.8e6), "{:?}", control.cap());
        assert!((0.04..0.13).contains(&control.chance()), "{}", control.chance());
        assert!(!control.is_policed());
    }

    #[test]
    fn a_long_burst_is_one_event_and_no_sign_of_a_full_line() {
        let control = run(6, |number, _, _| !(600..625).contains(&number));
        assert!(control.cap().is_none_or(|cap| cap > 0.9e6), "{:?}", control.cap());
    }

    #[test]
    fn losses_of_a_queue_that_overflowed_lower_nothing_below_what_the_line_carries() {
        for (queued, least, most) in [(true, 0.28e6, 0.28e6), (false, 0.09e6, 0.16e6)] {
            let mut control = LossControl::new();
            // So much less is sent already, and the queue is still worked off.
            let conditions = LossConditions {
                sending: 0.18e6,
                arriving: 0.28e6,
                other: 0.18e6,
                queued,
                round_trip: Duration::from_millis(400),
            };
            control.update(Time::from_millis(1_000), Told { lost: 12, found: 0, events: 8, packets: 30 }, &conditions);
            let cap = control.cap().expect("much was lost");
            assert!((least..=most).contains(&cap), "{cap} where the queue stands: {queued}");
        }
    }

    #[test]
    fn a_limit_that_losses_do_not_heed_is_given_up() {
        let mut control = LossControl::new();
        let mut at = Time::from_millis(1_000);
        let mut period = |control: &mut LossControl, sending: f64, lost: u32, arriving: f64| {
            at += PERIOD;
            let conditions =
                LossConditions { sending, arriving, other: 3e6, queued: false, round_trip: Duration::from_millis(50) };
            control.update(at, Told { lost, found: 0, events: lost, packets: 60 }, &conditions);
        };
        // Of a line that loses a fifth by chance, less is lost by chance once less is sent, and as much arrives.
        period(&mut control, 500_000.0, 15, 375_000.0);
        period(&mut control, 400_000.0, 12, 300_000.0);
        period(&mut control, 400_000.0, 3, 380_000.0);
        assert!(control.is_policed(), "so it looks");
        // Then as much is lost as before, of what it was seen to carry and of clearly less.
        period(&mut control, 380_000.0, 14, 300_000.0);
        for _ in 0..3 {
            period(&mut control, 320_000.0, 14, 250_000.0);
        }
        assert!(!control.is_policed());
        assert_eq!(control.cap(), None, "more may be tried");
        assert!(control.chance() > 0.15, "{}", control.chance());
    }

    #[test]
    fn a_line_that_drops_what_is_too_much_is_not_overrun() {
        // Six packets in 100 ms, which are 480 kbit/s: the others are lost between them.
        let control = run(60, |_, place, offered| offered <= 6 || (place + 1) * 6 / offered > place * 6 / offered);
        let cap = control.cap().unwrap();
        assert!((0.4e6..0.56e6).contains(&cap), "{cap}");
        assert!(control.chance() < 0.02, "it is not taken for chance: {}", control.chance());
    }

    #[test]
    fn what_is_lost_no_more_is_not_doubted() {
        let mut control = LossControl::new();
        let mut at = Time::from_millis(1_000);
        let mut period = |control: &mut LossControl, lost: u32| {
            at += PERIOD;
            let conditions = LossConditions {
                sending: 170_000.0,
                arriving: 170_000.0,
                other: 3e6,
                queued: lost == 0,
                round_trip: Duration::from_millis(50),
            };
            control.update(at, Told { lost, found: 0, events: lost, packets: 60 }, &conditions);
        };
        for _ in 0..9 {
            period(&mut control, 18);
        }
        for _ in 0..20 {
            let before = control.cap().unwrap_or(f64::INFINITY);
            period(&mut control, 0);
            let cap = control.cap().unwrap_or(f64::INFINITY);
            assert!(cap >= before, "{cap}, {before} before");
        }
    }

    #[test]
    fn what_comes_after_it_was_told_to_be_missing_was_not_lost() {
        let mut control = LossControl::new();
        let conditions = LossConditions {
            sending: 500_000.0,
            arriving: 500_000.0,
            other: 3e6,
            queued: false,
            round_trip: Duration::from_millis(50),
        };
        control.interrupted(Time::from_millis(1_000));
        for n in 1..60 {
            // Of twenty packets two are overtaken, and told of the next time.
            let told = Told { lost: 2, found: if n > 1 { 2 } else { 0 }, events: 2, packets: 20 };
            control.update(Time::from_millis(1_000 + n * 100), told, &conditions);
        }
        assert_eq!(control.cap(), None);
        assert!(control.chance() < 0.01 && control.fraction() < 0.01, "{} {}", control.chance(), control.fraction());
    }
}

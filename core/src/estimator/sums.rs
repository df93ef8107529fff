//! Peers that tell nothing of single packets, only sums: receiver reports, and their own estimate (REMB).
//!
//! What such a line carries beyond what is sent is found out by trains as well, with a report of ours as their last
//! packet. That waits behind the train where the line is slower than the train; and how long it waited, the peer's next
//! report tells by the round trip.

use std::time::Duration;

use super::loss::Told;
use super::reports::Verdict;
use super::train::Outcome;
use super::{Estimator, Probe};
use crate::bitrate::Bitrate;
use crate::event::EstimateSource;
use crate::report::ReportProgress;
use crate::time::Time;

/// How far above what is wanted an estimate grows without a train.
const ABOVE_DESIRED: f64 = 1.25;
/// How much of what arrives is sent while a queue drains.
const DRAIN: f64 = 0.75;
/// Where less is sent than may be, a queue need not be ours: the estimate falls in such steps.
const LIMITED_STEP: f64 = 0.75;
/// For so long after a fall no train is sent.
const AFTER_FALL: Duration = Duration::from_millis(1_500);
/// A line that a train was not sent on for so long is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(6_000);
/// Where nobody sends, it is looked after so long whether somebody does.
const NOBODY_SENDS: Duration = Duration::from_secs(5);
/// How much of what was sent and left no queue is believed before the first train was answered.
const UNPROVEN: f64 = 0.9;
/// The answer to a report is told to so much: of both times that it is made of, one is in units of 15 µs.
const TOLERANCE: Duration = Duration::from_millis(1);
/// A report may leave so long after the last packet of a train; later, the train has long left the line.
const LATE: Duration = Duration::from_millis(15);
/// Packets that one report tells of at most, whatever a peer says.
const MAX_EXPECTED: u32 = 1 << 16;
/// Losses are told of late: the time that reports take is added to the round trip.
const REPORTS_TAKE: Duration = Duration::from_secs(1);
/// A peer's own estimate falls where it is so much lower than the one before, and not above what is sent.
const REMB_FELL: f64 = 0.97;
const REMB_ABOVE: f64 = 1.05;
/// Until the first fall an estimate follows a peer's own by so much at a time at most.
const REMB_STEP: f64 = 1.15;
/// A peer's own estimate that did not rise for so long though more is sent is a wish.
const REMB_WISH: Duration = Duration::from_secs(5);

/// A train that is being sent, or whose answer is awaited.
#[derive(Clone, Copy, Debug)]
struct Train {
    probe: Probe,
    first_sent: Time,
    last_sent: Time,
    bytes: usize,
    packets: usize,
    /// When the report behind it left.
    reported: Option<Time>,
}

impl Train {
    fn is_whole(&self) -> bool {
        self.bytes >= self.probe.bytes && self.packets >= self.probe.packets
    }
}

/// A peer's own estimate.
#[derive(Clone, Copy, Debug)]
struct Remb {
    rate: f64,
    rose: Time,
}

/// What is known of such a peer beside its reports.
#[derive(Default)]
pub(super) struct Sums {
    train: Option<Train>,
    fell: Option<Time>,
    last_train: Time,
    /// When the newest report of ours left that was answered.
    answered: Time,
    remb: Option<Remb>,
    /// Whether a train was ever answered, or a queue seen.
    proven: bool,
}

impl Sums {
    /// A train begins.
    pub(super) fn begins(&mut self, now: Time, probe: &Probe) {
        let train = Train { probe: *probe, first_sent: now, last_sent: now, bytes: 0, packets: 0, reported: None };
        (self.train, self.last_train) = (Some(train), now);
    }

    /// A packet of a train leaves.
    pub(super) fn sent(&mut self, now: Time, id: u32, size: usize) {
        if let Some(train) = self.train.as_mut().filter(|train| train.probe.id == id && train.reported.is_none()) {
            if train.packets == 0 {
                train.first_sent = now;
            }
            train.last_sent = now;
            train.bytes += size;
            train.packets += 1;
        }
    }

    /// Whether a train was ever answered, or a queue seen: then the estimate is more than a guess.
    pub(super) fn is_proven(&self) -> bool {
        self.proven
    }

    /// Whether less is sent because of a queue.
    pub(super) fn is_yielding(&self, now: Time) -> bool {
        self.fell.is_some_and(|fell| now.since(fell) < AFTER_FALL)
    }

    /// Whether it is time to look at the line again.
    pub(super) fn looks_again(&self, now: Time) -> bool {
        now.since(self.last_train) > LOOK_AGAIN
    }

    /// When a report is to leave at once.
    pub(super) fn report_at(&self) -> Time {
        let train = self.train.as_ref().filter(|train| train.is_whole() && train.reported.is_none());
        train.map_or(Time::MAX, |train| train.last_sent)
    }
}

impl Estimator {
    /// Whether trains are of use though the peer tells nothing of single packets: it answers our reports, and somebody
    /// has said how much is wanted.
    pub fn takes_trains(&self) -> bool {
        !self.tells_packets() && self.desired.is_some() && self.reports.round_trip().is_some()
    }

    /// There is nothing that a train could be made of, or that a report behind one could be about: nobody sends. What a
    /// line carried that is not used any more says little, and at the start value things get going again.
    pub(super) fn nothing_to_probe_with(&mut self, now: Time) {
        self.sums.train = None;
        let start = self.config.start.as_bps() as f64;
        if self.rate_control.rate() < start {
            self.rate_control.restart(now, start);
        }
        self.prober.hold(now + NOBODY_SENDS);
    }

    /// A train was sent: a report on what we send is to leave now, behind it.
    pub fn wants_report(&self) -> bool {
        self.sums.report_at() != Time::MAX
    }

    /// That report left; or could not, since nothing is being sent that it could be about.
    pub fn report_left(&mut self, now: Time, left: bool) {
        let Some(train) = &mut self.sums.train else { return };
        if left && now.since(train.last_sent) < LATE {
            train.reported = Some(now);
        } else if left {
            let id = train.probe.id;
            self.sums.train = None;
            self.prober.not_sent(now, id);
        } else {
            self.nothing_to_probe_with(now);
        }
    }

    /// Whether the answer to a report behind a train is still to come: another report now would be answered instead.
    pub fn awaits_answer(&self, now: Time) -> bool {
        let reported = self.sums.train.as_ref().and_then(|train| train.reported);
        reported.is_some_and(|reported| now.since(reported) < self.reports.patience())
    }

    /// The peer tells its own estimate.
    ///
    /// It follows what the peer is sent: that it is low proves little, that it falls below what is sent tells of a queue.
    pub fn on_remb(&mut self, now: Time, bitrate: Bitrate) {
        let remb = bitrate.as_bps() as f64;
        let before = self.sums.remb;
        let rose = before.filter(|before| remb <= before.rate * 1.005).map_or(now, |before| before.rose);
        self.sums.remb = Some(Remb { rate: remb, rose });
        if self.tells_packets() {
            return;
        }
        self.source = EstimateSource::Remb;
        let (rate, sending) = (self.rate_control.rate(), self.sending.rate(now));
        let fell = before.is_some_and(|before| remb < before.rate * REMB_FELL) && remb < sending * REMB_ABOVE;
        let is_wish = sending > remb && now.since(rose) > REMB_WISH;
        if (fell || is_wish) && remb < rate {
            self.falls(now, remb, remb);
        } else if remb > rate && sending > rate * super::LIMITED && !self.sums.is_yielding(now) {
            self.rate_control.restart(now, remb.min(rate * REMB_STEP));
        }
    }

    /// A report of the peer on one of our sources.
    ///
    /// Where the peer tells nothing of single packets, the estimate follows from these, when they are
    /// [concluded](Self::conclude_reports).
    pub fn on_receiver_report(&mut self, now: Time, report: &ReportProgress) {
        if self.tells_packets() {
            return;
        }
        let &ReportProgress { lost, expected, round_trip, answers } = report;
        let expected = expected.min(MAX_EXPECTED);
        if self.sums.remb.is_none() {
            self.source = EstimateSource::ReceiverReports;
        }
        let sending = self.sending.rate(now);
        let conditions = super::LossConditions {
            sending,
            arriving: sending * (1.0 - lost),
            other: self.rate_control.rate(),
            queued: !self.reports.is_calm(now),
            round_trip: round_trip.unwrap_or(super::UNKNOWN_ROUND_TRIP) + REPORTS_TAKE,
        };
        let count = (lost * f64::from(expected)).round() as u32;
        self.loss.update(now, Told { found: 0, lost: count, events: count, packets: expected }, &conditions);
        let train = self.sums.train.and_then(|train| train.reported);
        let is_answer = train.zip(answers).is_some_and(|(reported, answers)| {
            answers.since(reported) <= TOLERANCE && reported.since(answers) <= TOLERANCE
        });
        // Where our reports are lost, it is the same one that is answered again.
        let is_news = answers.is_some_and(|answers| answers > self.sums.answered + TOLERANCE);
        self.sums.answered = self.sums.answered.max(answers.unwrap_or_default());
        let sample = round_trip.filter(|_| is_news && !is_answer);
        self.reports.report(now, lost, expected, sample);
        if let Some(round_trip) = round_trip.filter(|_| is_answer) {
            self.train_answered(now, round_trip);
        }
        self.round_trip = self.reports.round_trip();
    }

    /// All reports that came together were taken in.
    pub fn conclude_reports(&mut self, now: Time) {
        if self.tells_packets() {
            return;
        }
        if let Some(verdict) = self.reports.conclude(now, self.loss.chance()) {
            let sending = self.sending.rate(now);
            self.heed(now, verdict, sending);
        }
    }

    fn heed(&mut self, now: Time, verdict: Verdict, sending: f64) {
        let rate = self.rate_control.rate();
        let limited = sending < rate * super::LIMITED;
        match verdict {
            Verdict::Grow(factor) => {
                // What is not wanted, or not sent, was not tried either. Up to the start value it is believed all the
                // same: where nothing but sound is sent there may be nothing to make a train of.
                let wanted = self.desired.map_or(f64::MAX, |desired| desired * ABOVE_DESIRED);
                let start = self.config.start.as_bps() as f64;
                let most = if limited || self.sums.remb.is_some() { wanted.min(start) } else { wanted };
                // Where nothing is held back, what was sent is what was tried.
                let tried = if self.sums.proven { 0.0 } else { sending * UNPROVEN };
                self.rate_control.restart(now, (rate * factor).min(most.max(rate)).max(tried));
            }
            Verdict::Yield(factor) => self.falls(now, rate * factor, rate),
            Verdict::Drain { arrived } => {
                self.sums.proven |= self.reports.round_trip().is_some();
                let arriving = sending * arrived;
                let least = if limited { rate * LIMITED_STEP } else { 0.0 };
                self.falls(now, (arriving * DRAIN).clamp(least, rate * 0.9), arriving);
            }
        }
    }

    /// The line carries `carries`: `rate` is left of the estimate.
    fn falls(&mut self, now: Time, rate: f64, carries: f64) {
        self.rate_control.fall(now, rate, carries);
        self.reports.fell();
        self.sums.fell = Some(now);
        self.prober.hold(now + AFTER_FALL);
        // What its answer would say is of the line before.
        self.sums.train = None;
    }

    fn train_answered(&mut self, now: Time, round_trip: Duration) {
        let Some(train) = self.sums.train.take() else { return };
        let (Some(reported), Some(usual)) = (train.reported, self.reports.usual()) else { return };
        self.sums.proven = true;
        let sending = reported.since(train.first_sent);
        let waited = round_trip.saturating_sub(usual + self.reports.jitter());
        let asked = train.probe.bitrate.as_bps() as f64;
        let situation = self.situation(now);
        self.prober.answered(train.probe.id);
        let Some(outcome) = Outcome::of_train(asked, train.bytes as u64, sending, sending + waited) else { return };
        let outcome = self.prober.conclude(now, outcome, self.reports.jitter(), &situation);
        self.rate_control.on_probe(now, outcome, true);
        self.loss.on_probe(outcome.rate);
    }
}

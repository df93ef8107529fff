//! What a line to a peer carries: an estimator of the GCC class, fed by what was sent and by what the peer says of it.
//!
//! Sans-IO: one per transport, time is an argument. The transport tells it of every packet that carries a
//! transport-wide sequence number as it leaves ([`Estimator::sent`]), hands it the peer's feedback, and asks it for the
//! estimate and for probes to send.

mod history;
mod hold_ups;
mod loss;
mod per_source;
mod probe;
mod queue;
mod rate_control;
mod rates;
mod receive_side;
mod reports;
mod sums;
mod train;
mod transport_feedback;

use std::time::Duration;

use crate::bitrate::Bitrate;
use crate::event::EstimateSource;
use crate::time::Time;

use self::history::{Fate, History, KEEP, KEEP_IN_OUTAGE};
use self::loss::{LossConditions, LossControl, Told};
use self::per_source::Sources;
use self::probe::{Prober, Situation};
use self::queue::Queue;
use self::rate_control::{Conditions, RateControl};
use self::rates::Meter;
pub use self::receive_side::ReceiveSideEstimator;
use self::reports::Reports;
use self::sums::Sums;
use self::transport_feedback::LastFeedback;

/// The round trip before one is known.
const UNKNOWN_ROUND_TRIP: Duration = Duration::from_millis(200);
/// Feedback comes at least so often while packets arrive: the slowest setting of libwebrtc.
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(250);
/// Steps in which the estimate is halved while nothing is heard.
const OUTAGE_STEP: Duration = Duration::from_millis(250);
/// What remains of it then, in bit/s: sound may try on.
const OUTAGE_FLOOR: f64 = 30_000.0;
/// An outage shorter than this changes nothing that was known of the line.
const SHORT_OUTAGE: Duration = Duration::from_millis(2_000);
/// For how long after it packets are lost because of what was sent into it.
const STALE_QUEUE: Duration = Duration::from_millis(500);
/// A queue of what is stale that takes longer than this is waited for.
const STALE_TAKES: Duration = Duration::from_millis(300);
/// Share of the former estimate that is tried at once when the line is back; the rest is left to a probe.
const AFTER_OUTAGE: f64 = 0.6;
const AFTER_SHORT_OUTAGE: f64 = 0.85;
/// Arrivals are counted from here on, in nanoseconds: the first may not be the earliest.
const ARRIVAL_ORIGIN: i64 = 10_000_000_000;
/// A demand that rises by this much is worth a probe of its own.
const MORE: f64 = 1.1;
/// Packets over which their mean size is smoothed, and that to begin with, in bytes.
const PACKETS: f64 = 64.0;
const PACKET: f64 = 600.0;
/// The application sends less than it may below this share of the estimate.
const LIMITED: f64 = 0.75;

/// Bounds of an estimate.
#[derive(Clone, Copy, Debug)]
pub struct EstimatorConfig {
    /// Never below.
    pub min: Bitrate,
    /// To begin with.
    pub start: Bitrate,
    /// Never above.
    pub max: Bitrate,
}

impl Default for EstimatorConfig {
    fn default() -> Self {
        EstimatorConfig { min: Bitrate::kbps(10), start: Bitrate::kbps(300), max: Bitrate::kbps(50_000) }
    }
}

/// A packet as it leaves.
#[derive(Clone, Copy, Debug)]
pub struct SentPacket {
    /// Transport-wide sequence number.
    pub sequence_number: u16,
    /// Bytes of the datagram, UDP and IP headers left out.
    pub size: usize,
    /// The probe it belongs to.
    pub probe: Option<u32>,
}

/// A probe to send: packets at this rate until both amounts are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Rises with every probe.
    pub id: u32,
    /// The rate to send at.
    pub bitrate: Bitrate,
    /// Bytes to send at least.
    pub bytes: usize,
    /// Packets to send at least.
    pub packets: usize,
}

/// What is known of the line.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    /// What it carries.
    pub bitrate: Bitrate,
    /// The same without a moment in which less is sent so that a queue drains: for what is decided for seconds.
    pub lasting: Bitrate,
    /// What that follows from.
    pub source: EstimateSource,
    /// Whether it rises again where it was too low: the peer tells of single packets, or has answered a probe.
    pub proven: bool,
    /// What the line was seen to carry at most: a low estimate without that may only be young.
    pub limit: Option<Bitrate>,
    /// Smoothed round trip.
    pub round_trip: Option<Duration>,
    /// Of what was sent lately, 0–1.
    pub fraction_lost: f64,
    /// What of that is lost by chance, whatever is sent: 0–1; 0 while more is lost than that, or the line loses by rate.
    pub chance_lost: f64,
    /// How long packets wait on the line beyond the shortest time seen lately.
    pub queue_delay: Option<Duration>,
}

/// See the module.
pub struct Estimator {
    config: EstimatorConfig,
    history: History,
    queue: Queue,
    rate_control: RateControl,
    loss: LossControl,
    reports: Reports,
    prober: Prober,
    sending: Meter,
    /// Bytes of the packets that are sent, on average.
    packet: f64,
    arriving: Meter,
    /// Where the clock of `arriving` begins on that of the peer.
    arrival_origin: Option<i64>,
    last_feedback: Option<LastFeedback>,
    /// What the peer told of is known to be lost or received up to here.
    judged: u64,
    /// Whether the packet before that was lost.
    last_was_lost: bool,
    /// When the newest packet that arrived was sent.
    newest_arrived: Option<Time>,
    sources: Sources,
    round_trip: Option<Duration>,
    /// When the first packet left since the peer was last heard.
    unanswered_since: Option<Time>,
    outage: Option<Outage>,
    /// Packets from before this say nothing about the line as it is.
    ignore_before: Time,
    /// Losses of packets from before this are not counted: where the line was out, a queue was full of what is stale.
    losses_after: Time,
    desired: Option<f64>,
    sums: Sums,
    source: EstimateSource,
    last_sent: Time,
}

/// Nothing is heard of a peer that is sent to.
#[derive(Clone, Copy, Debug)]
struct Outage {
    since: Time,
    before: f64,
    next_step: Time,
}

impl Estimator {
    /// An estimator that knows nothing of its line.
    pub fn new(config: EstimatorConfig) -> Self {
        let start = config.start.clamp(config.min, config.max);
        let bps = |rate: Bitrate| rate.as_bps() as f64;
        Estimator {
            config: EstimatorConfig { start, ..config },
            history: History::new(),
            queue: Queue::new(),
            rate_control: RateControl::new(bps(start), bps(config.min), bps(config.max)),
            loss: LossControl::new(),
            reports: Reports::default(),
            prober: Prober::new(),
            sending: Meter::new(),
            packet: PACKET,
            arriving: Meter::new(),
            arrival_origin: None,
            last_feedback: None,
            judged: 0,
            last_was_lost: false,
            newest_arrived: None,
            sources: Sources::default(),
            round_trip: None,
            unanswered_since: None,
            outage: None,
            ignore_before: Time::ZERO,
            losses_after: Time::ZERO,
            desired: None,
            sums: Sums::default(),
            source: EstimateSource::Start,
            last_sent: Time::ZERO,
        }
    }

    /// A packet leaves now.
    #[inline]
    pub fn sent(&mut self, now: Time, packet: SentPacket) {
        self.history.push(now, packet, if self.outage.is_some() { KEEP_IN_OUTAGE } else { KEEP });
        self.sent_bytes(now, packet.size, packet.probe);
        self.unanswered_since.get_or_insert(now);
    }

    /// A packet leaves once more, as it was before: it has no number of its own.
    pub fn sent_again(&mut self, now: Time, size: usize, probe: Option<u32>) {
        self.sent_bytes(now, size, probe);
    }

    #[inline]
    fn sent_bytes(&mut self, now: Time, size: usize, probe: Option<u32>) {
        self.sending.add(now, size as u32);
        self.packet += (size as f64 - self.packet) / PACKETS;
        self.last_sent = now;
        if let Some(id) = probe {
            self.sums.sent(now, id, size);
        }
    }

    /// What the transport wants to send: allocated now, and desired if the line allowed it. Probes go no further.
    pub fn set_demand(&mut self, now: Time, allocated: Bitrate, desired: Bitrate) {
        let desired = desired.max(allocated).as_bps() as f64;
        if self.desired.is_some_and(|before| desired > before * MORE) {
            self.prober.hurry(now);
        }
        self.desired = Some(desired);
    }

    /// A probe that was asked for could not be sent.
    pub fn probe_not_sent(&mut self, now: Time, id: u32) {
        self.prober.not_sent(now, id);
        if self.takes_trains() {
            self.nothing_to_probe_with(now);
        }
    }

    /// The peer told of single packets.
    fn heard(&mut self, now: Time) {
        if let Some(outage) = self.outage.take() {
            self.line_is_back(now, &outage);
        }
        self.unanswered_since = None;
    }

    /// Whether the peer tells of single packets.
    fn tells_packets(&self) -> bool {
        self.last_feedback.is_some() || self.sources.has_heard()
    }

    fn received(&mut self, sequence: u64, arrived: Option<i64>, acknowledged: &mut Acknowledged) {
        let Some(sent) = self.history.get_mut(sequence) else { return };
        let late = match sent.fate {
            Fate::InFlight => false,
            Fate::Lost => true,
            Fate::Received | Fate::Empty => return,
        };
        sent.fate = Fate::Received;
        let sent = *sent;
        // One that was taken for lost is counted already.
        *(if late { &mut acknowledged.found } else { &mut acknowledged.received }) += 1;

        acknowledged.newest = acknowledged.newest.max(Some(sent.at));
        let Some(arrived) = arrived else { return };
        // By the peer's clock, since feedback comes in lumps; moved, since that clock may start anywhere.
        let origin = *self.arrival_origin.get_or_insert(arrived - ARRIVAL_ORIGIN);
        let arrived_at = Time::from_nanos((arrived - origin).max(0) as u64);
        self.arriving.add(arrived_at, sent.size);
        if sent.at < self.ignore_before {
            return;
        }
        if !late {
            let nanos_per_byte = 8e9 / self.rate_control.rate();
            self.queue.received(sent.at, arrived, sent.size, nanos_per_byte);
        }
        if let Some(outcome) =
            sent.probe.and_then(|probe| self.prober.received(probe, sent.at, arrived, u64::from(sent.size)))
        {
            acknowledged.probe = Some(outcome);
        }
    }

    /// So many bytes arrived about `arrived` of which no feedback tells.
    fn came_untold(&mut self, arrived: i64, bytes: u64) {
        if let Some(origin) = self.arrival_origin.filter(|_| bytes > 0) {
            let bytes = (bytes as f64 * (1.0 - self.loss.chance())) as u64;
            self.arriving.add(Time::from_nanos((arrived - origin).max(0) as u64), bytes as u32);
            self.queue.untold(bytes);
        }
    }

    /// Draws the conclusions from one feedback.
    fn conclude(&mut self, now: Time, acknowledged: &Acknowledged) {
        // What waited out an outage tells nothing of the round trip.
        if let Some(newest) = acknowledged.newest.filter(|sent| *sent >= self.ignore_before) {
            let sample = now.since(newest);
            let smoothed = self.round_trip.map_or(sample, |before| (before * 7 + sample) / 8);
            self.round_trip = Some(smoothed);
        }
        let round_trip = self.round_trip.unwrap_or(UNKNOWN_ROUND_TRIP);
        let sending = self.sending.rate(now);
        let arriving = self.arriving.last_rate();
        let limited = sending < self.bps() * LIMITED;
        let conditions = Conditions {
            round_trip,
            acknowledged: arriving,
            sending,
            limited,
            random_loss: self.loss.chance(),
            losing: self.loss.is_losing(),
        };
        self.rate_control.update(now, &mut self.queue, &conditions);
        self.wait_for_what_is_stale(now, acknowledged, &conditions);
        if let Some(outcome) = acknowledged.probe {
            let situation = self.situation(now);
            let outcome = self.prober.conclude(now, outcome, self.queue.jitter(), &situation);
            if self.rate_control.on_probe(now, outcome, limited) {
                self.prober.confirm(now, outcome.asked);
            } else {
                self.loss.on_probe(outcome.rate);
            }
        }
        let loss_conditions = LossConditions {
            sending,
            arriving,
            other: self.rate_control.rate(),
            queued: !self.rate_control.is_calm(now),
            round_trip,
        };
        let Acknowledged { lost, found, loss_events: events, received, .. } = *acknowledged;
        self.loss.update(now, Told { lost, found, events, packets: received + lost }, &loss_conditions);
    }

    /// The line is back for long enough that something sent since then should have come, and what comes was sent before:
    /// that stands in front of what is sent now, and comes as fast as the line carries it.
    fn wait_for_what_is_stale(&mut self, now: Time, acknowledged: &Acknowledged, conditions: &Conditions) {
        let stale = acknowledged.newest.is_some_and(|newest| newest < self.ignore_before);
        if stale && now.since(self.ignore_before) > conditions.round_trip + STALE_TAKES {
            self.rate_control.wait_behind(now, conditions.acknowledged);
        }
    }

    /// The next probe to send, if it is time for one.
    pub fn poll_probe(&mut self, now: Time) -> Option<Probe> {
        if self.outage.is_some() {
            return None;
        }
        let situation = self.situation(now);
        let probe = self.prober.poll(now, &situation)?;
        if situation.answer.is_some() {
            self.sums.begins(now, &probe);
        }
        Some(probe)
    }

    /// What is to be done as time goes by (no feedback for long, probes that have ended).
    pub fn handle_timeout(&mut self, now: Time) {
        let silent = now >= self.silent_at();
        match &mut self.outage {
            None if silent => {
                let before = self.rate_control.rate();
                self.rate_control.restart(now, (before * 0.5).max(OUTAGE_FLOOR));
                self.prober.hold(now);
                let since = self.unanswered_since.unwrap_or(now);
                self.outage = Some(Outage { since, before, next_step: now + OUTAGE_STEP });
            }
            Some(outage) if now >= outage.next_step => {
                outage.next_step = now + OUTAGE_STEP;
                let halved = (self.rate_control.rate() * 0.5).max(OUTAGE_FLOOR.min(outage.before));
                self.rate_control.restart(now, halved);
            }
            _ => {}
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) or [`poll_probe`](Self::poll_probe) has something to do;
    /// [`Time::MAX`] for never.
    pub fn poll_timeout(&self) -> Time {
        match &self.outage {
            Some(outage) if self.rate_control.rate() > OUTAGE_FLOOR => outage.next_step,
            Some(_) => Time::MAX,
            None => {
                let situation = self.situation(self.last_sent);
                self.silent_at().min(self.prober.poll_timeout(&situation)).min(self.sums.report_at())
            }
        }
    }

    /// What is known now.
    pub fn estimate(&self) -> Estimate {
        Estimate {
            bitrate: Bitrate::bps(self.bps() as u64),
            lasting: Bitrate::bps(self.bounded(self.rate_control.lasting()) as u64),
            source: self.source,
            proven: self.tells_packets() || self.sums.is_proven(),
            limit: self.rate_control.limit().map(|bps| Bitrate::bps(bps as u64)),
            round_trip: self.round_trip,
            fraction_lost: match self.source {
                EstimateSource::ReceiverReports | EstimateSource::Remb => self.reports.fraction(),
                _ => self.loss.fraction(),
            },
            chance_lost: if self.loss.is_policed() || self.loss.is_losing() { 0.0 } else { self.loss.chance() },
            queue_delay: match self.source {
                EstimateSource::ReceiverReports | EstimateSource::Remb => self.reports.queue(),
                _ => self.queue.standing(),
            },
        }
    }

    fn bps(&self) -> f64 {
        self.bounded(self.rate_control.rate())
    }

    fn bounded(&self, rate: f64) -> f64 {
        let rate = self.loss.cap().map_or(rate, |cap| rate.min(cap));
        rate.clamp(self.config.min.as_bps() as f64, self.config.max.as_bps() as f64)
    }

    fn situation(&self, now: Time) -> Situation {
        let sending = now.since(self.last_sent) < Duration::from_secs(1);
        let limited = self.sending.last_rate() < self.bps() * LIMITED;
        let mut situation = Situation {
            estimate: self.bps(),
            desired: self.desired.unwrap_or(f64::MAX),
            start: self.config.start.as_bps() as f64,
            max: self.config.max.as_bps() as f64,
            unknown: !self.tells_packets(),
            yielding: self.rate_control.is_yielding(),
            calm: self.rate_control.is_calm(now),
            allowed: !self.loss.is_policed()
                && if !sending || limited {
                    self.rate_control.is_calm(now)
                } else {
                    self.rate_control.may_carry_more(now)
                },
            idle: !sending,
            packet: self.packet,
            limit: self.rate_control.limit(),
            jitter: if limited { self.queue.jitter() } else { Duration::ZERO },
            answer: None,
        };
        if self.takes_trains() {
            situation.unknown = false;
            situation.yielding = self.sums.is_yielding(now);
            situation.calm = self.reports.is_calm(now) && !situation.yielding;
            situation.allowed = situation.calm && (situation.allowed || self.sums.looks_again(now));
            situation.answer = Some(self.reports.patience());
        }
        situation
    }

    /// When the peer has been silent for too long; never for one that has not told anything yet.
    fn silent_at(&self) -> Time {
        let Some(since) = self.unanswered_since.filter(|_| self.tells_packets()) else { return Time::MAX };
        since + self.round_trip.unwrap_or(UNKNOWN_ROUND_TRIP).min(Duration::from_secs(2)) * 2 + FEEDBACK_INTERVAL
    }

    fn line_is_back(&mut self, now: Time, outage: &Outage) {
        self.ignore_before = now;
        self.losses_after = now + STALE_QUEUE;
        self.queue.interrupted();
        self.loss.interrupted(now);
        let share = if now.since(outage.since) < SHORT_OUTAGE { AFTER_SHORT_OUTAGE } else { AFTER_OUTAGE };
        self.rate_control.resume(now, outage.before * share, self.losses_after);
        self.prober.try_again(now, outage.before);
    }
}

/// What one feedback told.
#[derive(Clone, Copy, Debug, Default)]
struct Acknowledged {
    received: u32,
    lost: u32,
    /// Arrived after they had been told to be missing.
    found: u32,
    /// Losses in a row are one.
    loss_events: u32,
    newest: Option<Time>,
    probe: Option<train::Outcome>,
}

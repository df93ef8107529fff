//! Probes: short trains of packets, faster than the estimate, that show at once whether the line carries more.

use std::time::Duration;

use super::Probe;
use crate::bitrate::Bitrate;
use crate::time::Time;

/// How long a probe lasts: twice the line's rate for this long makes a queue as long.
const LENGTH: Duration = Duration::from_millis(25);
/// Packets of a probe at least. The first one only starts the clock.
const PACKETS: usize = 5;
/// Probes followed at once: the feedback on one may come while the next is being sent.
const CLUSTERS: usize = 4;
/// What is not told of by then is never told of.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Probes of one transport: the first goes to this multiple of the start, each that succeeds is followed by this
/// multiple of what it showed.
const FIRST: f64 = 3.0;
const NEXT: f64 = 2.0;
/// A later probe goes this much above the estimate.
const FURTHER: f64 = 2.0;
/// How far above what is wanted a probe goes.
const ABOVE_DESIRED: f64 = 1.25;
/// Between probes while more is wanted than the line is known to carry.
const INTERVAL: Duration = Duration::from_millis(3_000);
/// The same while nothing is sent.
const IDLE_INTERVAL: Duration = Duration::from_millis(5_000);
/// Until it is looked again whether a probe may be sent.
const RETRY: Duration = Duration::from_millis(100);
/// What of the probe's rate must arrive for the line not to be the limit.
const WHOLE: f64 = 0.9;

/// What a probe showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    /// In bit/s.
    pub(super) rate: f64,
    /// Whether the line carried less than was sent.
    pub(super) limit: bool,
}

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

/// What of it arrived.
#[derive(Clone, Copy, Debug)]
struct Received {
    packets: u64,
    bytes: u64,
    first_sent: Time,
    last_sent: Time,
    first_arrived: i64,
    last_arrived: i64,
    first_size: u64,
    last_size: u64,
}

/// Decides on probes and reads their outcome.
pub(super) struct Prober {
    clusters: [Option<Cluster>; CLUSTERS],
    next_id: u32,
    /// To be sent as soon as it is asked for, in bit/s.
    wanted: Option<f64>,
    /// When the next periodic one may start.
    next_at: Time,
    /// Whether the first one was asked for.
    started: bool,
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
    /// Whether more may be tried now.
    pub(super) allowed: bool,
    /// Whether nothing was sent lately.
    pub(super) idle: bool,
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
        Prober { clusters: [None; CLUSTERS], next_id: 0, wanted: None, next_at: Time::ZERO, started: false }
    }

    /// The next probe, if it is time for one.
    pub(super) fn poll(&mut self, now: Time, situation: &Situation) -> Option<Probe> {
        for cluster in &mut self.clusters {
            cluster.take_if(|cluster| cluster.deadline <= now);
        }
        let ceiling = situation.ceiling();
        if !self.started {
            self.started = true;
            self.wanted = Some(situation.start * FIRST);
        }
        if self.wanted.is_none() && now >= self.next_at && situation.wants_more() {
            if situation.allowed && self.clusters.iter().all(Option::is_none) {
                self.wanted = Some(situation.estimate * FURTHER);
            } else {
                self.next_at = now + RETRY;
            }
        }
        let rate = self.wanted.take()?.min(ceiling);
        self.next_at = now + if situation.idle { IDLE_INTERVAL } else { INTERVAL };
        if rate < situation.estimate * 1.05 {
            return None;
        }
        Some(self.begin(now, rate))
    }

    /// Has a probe sent at once, whatever else goes on.
    pub(super) fn want(&mut self, rate: f64) {
        self.wanted = Some(rate);
    }

    /// No probes for now.
    pub(super) fn hold(&mut self, until: Time) {
        self.wanted = None;
        self.clusters = [None; CLUSTERS];
        self.next_at = self.next_at.max(until);
    }

    /// When [`poll`](Self::poll) may have something.
    pub(super) fn poll_timeout(&self, situation: &Situation) -> Time {
        if !self.started || self.wanted.is_some() {
            return Time::ZERO;
        }
        if situation.wants_more() { self.next_at } else { Time::MAX }
    }

    fn begin(&mut self, now: Time, rate: f64) -> Probe {
        let id = self.next_id;
        self.next_id += 1;
        let bitrate = Bitrate::bps(rate as u64);
        let bytes = bitrate.bytes_in(LENGTH).max(400);
        let cluster = Cluster { id, rate, bytes, packets: PACKETS as u64, deadline: now + PATIENCE, received: None };
        self.clusters[id as usize % CLUSTERS] = Some(cluster);
        Probe { id, bitrate, bytes: bytes as usize, packets: PACKETS }
    }

    /// A packet of a probe arrived, at `arrived` nanoseconds of the peer's clock. Returns what the probe showed, when
    /// enough of it has arrived.
    pub(super) fn received(&mut self, id: u32, sent: Time, arrived: i64, size: u64) -> Option<Outcome> {
        let slot = &mut self.clusters[id as usize % CLUSTERS];
        let cluster = slot.as_mut().filter(|cluster| cluster.id == id)?;
        let received = match &mut cluster.received {
            None => cluster.received.insert(Received {
                packets: 1,
                bytes: size,
                first_sent: sent,
                last_sent: sent,
                first_arrived: arrived,
                last_arrived: arrived,
                first_size: size,
                last_size: size,
            }),
            Some(received) => {
                received.packets += 1;
                received.bytes += size;
                if sent >= received.last_sent {
                    (received.last_sent, received.last_size) = (sent, size);
                }
                if arrived < received.first_arrived {
                    (received.first_arrived, received.first_size) = (arrived, size);
                }
                received.last_arrived = received.last_arrived.max(arrived);
                received
            }
        };
        // A lost packet must not make the whole probe void.
        let enough = received.packets * 5 >= cluster.packets * 4 && received.bytes * 5 >= cluster.bytes * 4;
        let outcome = enough.then(|| received.outcome(cluster.rate))?;
        // More of it may come: the outcome of all is better than that of the first ones.
        if received.packets >= cluster.packets && received.bytes >= cluster.bytes {
            *slot = None;
        }
        outcome
    }

    /// What follows from an outcome: the next probe, twice as fast.
    pub(super) fn follow_up(&mut self, outcome: Outcome, situation: &Situation) {
        if !outcome.limit && outcome.rate < situation.ceiling() * 0.95 {
            self.wanted = Some(outcome.rate * NEXT);
        }
    }
}

impl Received {
    fn outcome(&self, asked: f64) -> Option<Outcome> {
        let send_nanos = self.last_sent.since(self.first_sent).as_nanos() as f64;
        let receive_nanos = (self.last_arrived - self.first_arrived) as f64;
        if send_nanos <= 0.0 || receive_nanos <= 0.0 {
            return None;
        }
        let sending = (self.bytes - self.last_size) as f64 * 8e9 / send_nanos;
        let receiving = (self.bytes - self.first_size) as f64 * 8e9 / receive_nanos;
        // Far more than was sent: the packets were held back somewhere, and their distance says nothing.
        if receiving > sending * 2.0 {
            return None;
        }
        let sending = sending.min(asked * 1.3);
        let limit = receiving < sending * WHOLE;
        Some(Outcome { rate: sending.min(receiving), limit })
    }
}

//! The estimator over a record, in virtual time: what it would have concluded of the same line with other settings.
//!
//! What was sent, and what arrived of it, is as it was: an estimate that would have led to sending something else is told,
//! what would have come of that is not.

use std::time::Duration;

use super::{ARRIVAL_TICK_NANOS, Entry, FlightRecord};
use crate::bitrate::Bitrate;
use crate::estimator::{Estimator, EstimatorConfig, SentPacket};
use crate::packet::rtcp::{Packet, RtcpWriter, packets};
use crate::report::ReportProgress;
use crate::time::Time;

/// Distance of points.
const POINT_INTERVAL: Duration = Duration::from_millis(100);
/// A longer time in which nothing happened is left out.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Bytes of feedback that is made again: one packet with 65,535 statuses.
const MAX_FEEDBACK: usize = 256 * 1_024;

/// With what to replay. What is not given is as it was recorded, or the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayConfig {
    /// The estimate is never below.
    pub min: Option<Bitrate>,
    /// To begin with.
    pub start: Option<Bitrate>,
    /// The estimate is never above.
    pub max: Option<Bitrate>,
}

/// What was recorded, and what the replay concluded, at one instant. Rates in bit/s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplayPoint {
    /// When, since the worker's start.
    pub at: Time,
    /// What was told at the time; 0 before the first.
    pub recorded: u64,
    /// What is concluded now.
    pub replayed: u64,
    /// What was sent in the interval before.
    pub sent: u64,
    /// How long packets waited on the line, by the replay.
    pub queue_delay: Option<Duration>,
    /// What was lost lately, by the replay, 0–1.
    pub fraction_lost: f64,
}

/// Runs an estimator over `record`, and looks at it ten times a second.
pub fn replay(record: &FlightRecord, config: &ReplayConfig) -> Vec<ReplayPoint> {
    let mut replay = Replay::new(record, config);
    for (at, entry) in &record.entries {
        replay.advance(*at);
        replay.apply(*at, entry);
    }
    replay.points
}

struct Replay {
    estimator: Estimator,
    recorded: u64,
    sent: u64,
    /// The recorded probe that was sent last, and the one of the replay that it is taken for.
    probe: Option<(u32, Option<u32>)>,
    next_point: Time,
    points: Vec<ReplayPoint>,
    buffer: Vec<u8>,
}

impl Replay {
    fn new(record: &FlightRecord, config: &ReplayConfig) -> Self {
        let defaults = EstimatorConfig::default();
        let min = config.min.unwrap_or(defaults.min);
        let max = config.max.unwrap_or(defaults.max).max(min);
        // A record may begin in the middle of a call.
        let told = record.entries.iter().find_map(|(_, entry)| match entry {
            Entry::Estimate { bitrate, .. } => Some(Bitrate::bps(*bitrate)),
            _ => None,
        });
        let begins = record.entries.iter().find_map(|(_, entry)| match entry {
            Entry::Sent { number, .. } => Some(*number == 0),
            _ => None,
        });
        let recorded_start = told.filter(|_| begins == Some(false)).unwrap_or(defaults.start);
        let start = config.start.unwrap_or(recorded_start).clamp(min, max);
        Replay {
            estimator: Estimator::new(EstimatorConfig { min, start, max }),
            recorded: 0,
            sent: 0,
            probe: None,
            next_point: record.entries.first().map_or(Time::MAX, |(at, _)| *at + POINT_INTERVAL),
            points: Vec::new(),
            buffer: vec![0; MAX_FEEDBACK],
        }
    }

    /// Lets time pass: the estimator's own timers, and the points.
    fn advance(&mut self, until: Time) {
        if until.since(self.next_point) > LONGEST_PAUSE {
            self.next_point = until;
        }
        while self.next_point <= until {
            let now = self.next_point;
            if self.estimator.poll_timeout() <= now {
                self.estimator.handle_timeout(now);
            }
            let estimate = self.estimator.estimate();
            self.points.push(ReplayPoint {
                at: now,
                recorded: self.recorded,
                replayed: estimate.lasting.as_bps(),
                sent: Bitrate::of(std::mem::take(&mut self.sent), POINT_INTERVAL).as_bps(),
                queue_delay: estimate.queue_delay,
                fraction_lost: estimate.fraction_lost,
            });
            self.next_point += POINT_INTERVAL;
        }
    }

    fn apply(&mut self, now: Time, entry: &Entry) {
        match entry {
            Entry::Sent { number, size, probe } => {
                self.sent += *size as u64;
                let probe = probe.and_then(|probe| self.probe(now, probe));
                let packet = SentPacket { sequence_number: *number as u16, size: *size, probe };
                self.estimator.sent(now, packet);
            }
            Entry::Feedback { count, base, arrivals } => self.feedback(now, *count, *base, arrivals),
            Entry::Remb(bitrate) => self.estimator.on_remb(now, Bitrate::bps(*bitrate)),
            &Entry::Report { lost, expected, round_trip } => {
                // Which report of ours it answered was not recorded: probes that only a report answers show nothing.
                let progress = ReportProgress { lost, expected, round_trip, answers: None };
                self.estimator.on_receiver_report(now, &progress);
                self.estimator.conclude_reports(now);
            }
            Entry::Demand { allocated, desired } => {
                self.estimator.set_demand(now, Bitrate::bps(*allocated), Bitrate::bps(*desired));
            }
            Entry::Estimate { bitrate, .. } => self.recorded = *bitrate,
            Entry::Layers { .. } => {}
        }
    }

    /// The probe of the replay that a packet of a recorded one belongs to: the one that it would send as that began.
    fn probe(&mut self, now: Time, recorded: u32) -> Option<u32> {
        if self.probe.is_none_or(|(known, _)| known != recorded) {
            self.probe = Some((recorded, self.estimator.poll_probe(now).map(|probe| probe.id)));
        }
        self.probe?.1
    }

    /// Tells the estimator what arrived, as the peer did.
    fn feedback(&mut self, now: Time, count: u8, base: u16, arrivals: &[Option<i64>]) {
        let time = |ticks: i64| Time::from_nanos(ticks.saturating_mul(ARRIVAL_TICK_NANOS).max(0).cast_unsigned());
        let arrivals: Vec<Option<Time>> = arrivals.iter().map(|arrival| arrival.map(time)).collect();
        let mut writer = RtcpWriter::new(&mut self.buffer);
        if writer.transport_feedback(1, 0, count, base, &arrivals).is_none() {
            return;
        }
        let len = writer.len();
        if let Some(Ok(Packet::TransportFeedback(feedback))) = packets(&self.buffer[..len]).next() {
            self.estimator.on_transport_feedback(now, &feedback);
        }
    }
}

//! The flight recorder: what a transport sent, what its peer told of it, and what was concluded; so that a bad call can be
//! looked at afterwards, and replayed.
//!
//! Bounded: ten minutes of seconds (24 KiB), and packet by packet as far back as 224 KiB reach: about five minutes of a
//! line of 300 kbit/s. No payload, no addresses, no names. The format is described in `docs/flight-record.md`.

mod log;
mod read;
mod replay;
mod summary;
mod varint;

pub use self::log::FlightBudget;
use self::log::Log;
pub use self::read::{Entry, FlightRecord, RecordError};
pub use self::replay::{ReplayConfig, ReplayPoint, replay};
pub use self::summary::Summary;
use self::summary::{SUMMARY_LEN, Summaries};
use crate::estimator::{Estimate, SentPacket};
use crate::event::EstimateSource;
use crate::packet::rtcp::{Arrival, TransportFeedback};
use crate::params::TransportDemand;
use crate::time::{Time, WallClock};

/// What every record begins with.
const MAGIC: [u8; 8] = *b"BRFLIGHT";
/// Of the format.
const VERSION: u16 = 1;
/// Nanoseconds of a tick: what times of records are told in.
const TICK_NANOS: u64 = 100_000;
/// Nanoseconds of a tick of feedback.
const ARRIVAL_TICK_NANOS: i64 = 250_000;
/// Bytes of a record at most, but for feedback.
const MAX_SMALL: usize = 64;
/// Arrivals of one feedback that are recorded at most: what an RTCP packet of 1,500 bytes can tell.
const MAX_ARRIVALS: usize = 1_500;
/// Bytes that an arrival takes at most.
const MAX_ARRIVAL_LEN: usize = 6;

/// Kinds of entries, in the lowest three bits of each.
mod kind {
    pub const SENT: u64 = 0;
    pub const SENT_IN_PROBE: u64 = 1;
    pub const FEEDBACK: u64 = 2;
    pub const REMB: u64 = 3;
    pub const REPORT: u64 = 4;
    pub const DEMAND: u64 = 5;
    pub const ESTIMATE: u64 = 6;
    pub const LAYERS: u64 = 7;
}

/// The recorder of one transport. It takes memory with the first packet.
pub struct FlightRecorder {
    log: Log,
    summaries: Summaries,
    /// Packets sent so far.
    sent: u64,
    /// Feedback by source taken down so far.
    feedback_count: u8,
    /// When the newest entry was made, in ticks.
    last: u64,
    /// Counters at the last summary.
    before: Counted,
}

/// What a summary counts, since the transport was made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Packets that left.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of probes.
    pub probe_bytes: u64,
    /// Packets that were sent again.
    pub retransmissions: u64,
    /// Packets that were never sent.
    pub dropped: u64,
}

impl FlightRecorder {
    /// A recorder that shares `budget` with those of other transports.
    pub fn new(budget: FlightBudget) -> Self {
        let log = Log::new(budget);
        let summaries = Summaries::default();
        FlightRecorder { log, summaries, sent: 0, feedback_count: 0, last: 0, before: Counted::default() }
    }

    /// A packet leaves. They are numbered one after the other.
    #[inline]
    pub fn sent(&mut self, now: Time, packet: &SentPacket) {
        let size = packet.size as u64;
        match packet.probe {
            None => self.add(now, kind::SENT, MAX_SMALL, |out| varint::put(out, size)),
            Some(probe) => self.add(now, kind::SENT_IN_PROBE, MAX_SMALL, |out| {
                varint::put(out, size);
                varint::put(out, u64::from(probe));
            }),
        }
        self.sent += 1;
    }

    /// The peer tells what arrived.
    pub fn feedback(&mut self, now: Time, feedback: &TransportFeedback<'_>) {
        let head = (feedback.base_sequence_number, feedback.status_count, feedback.feedback_count);
        self.told(now, head, || feedback.arrivals());
    }

    /// The peer tells what arrived of each source, here by rising transport-wide sequence number. Taken down as
    /// transport-wide feedback that was counted through.
    pub fn arrivals(&mut self, now: Time, arrivals: &[Arrival]) {
        let (Some(first), Some(last)) = (arrivals.first(), arrivals.last()) else { return };
        let status_count = last.sequence_number.wrapping_sub(first.sequence_number).wrapping_add(1);
        self.told(now, (first.sequence_number, status_count, self.feedback_count), || arrivals.iter().copied());
        self.feedback_count = self.feedback_count.wrapping_add(1);
    }

    fn told<I: Iterator<Item = Arrival>>(
        &mut self,
        now: Time,
        (base, status_count, feedback_count): (u16, u16, u8),
        told: impl Fn() -> I,
    ) {
        let arrivals = || told().filter_map(|arrival| Some((arrival.sequence_number, arrival.nanos?)));
        let count = arrivals().count().min(MAX_ARRIVALS);
        self.add(now, kind::FEEDBACK, MAX_SMALL + count * MAX_ARRIVAL_LEN, |out| {
            varint::put(out, u64::from(base));
            varint::put(out, u64::from(status_count));
            varint::put(out, u64::from(feedback_count));
            varint::put(out, count as u64);
            let (mut next, mut last) = (base, 0);
            for (sequence_number, nanos) in arrivals().take(count) {
                let ticks = nanos / ARRIVAL_TICK_NANOS;
                varint::put(out, u64::from(sequence_number.wrapping_sub(next)));
                varint::put_signed(out, ticks - last);
                next = sequence_number.wrapping_add(1);
                last = ticks;
            }
        });
    }

    /// The peer tells its own estimate in bit/s.
    pub fn remb(&mut self, now: Time, bitrate: u64) {
        self.add(now, kind::REMB, MAX_SMALL, |out| varint::put(out, bitrate));
    }

    /// The peer reports on a stream.
    pub fn report(&mut self, now: Time, lost: f64, expected: u32, round_trip: Option<std::time::Duration>) {
        self.add(now, kind::REPORT, MAX_SMALL, |out| {
            varint::put(out, per_myriad(lost));
            varint::put(out, u64::from(expected));
            varint::put(out, millis_or_none(round_trip));
        });
    }

    /// How much is to be sent.
    pub fn demand(&mut self, now: Time, demand: &TransportDemand) {
        self.add(now, kind::DEMAND, MAX_SMALL, |out| {
            varint::put(out, demand.allocated);
            varint::put(out, demand.desired);
        });
    }

    /// What was concluded, and told.
    pub fn estimate(&mut self, now: Time, estimate: &Estimate) {
        self.add(now, kind::ESTIMATE, MAX_SMALL, |out| {
            varint::put(out, estimate.lasting.as_bps());
            varint::put(out, source_code(estimate.source));
            varint::put(out, millis_or_none(estimate.round_trip));
            varint::put(out, per_myriad(estimate.fraction_lost));
            varint::put(out, millis_or_none(estimate.queue_delay));
        });
    }

    /// What is sent of a consumer changed.
    pub fn layers(&mut self, now: Time, consumer_id: u64, layers: Option<(u8, u8)>) {
        self.add(now, kind::LAYERS, MAX_SMALL, |out| {
            let (spatial, temporal) = layers.map_or((0, 0), |(spatial, temporal)| (spatial + 1, temporal + 1));
            varint::put(out, consumer_id);
            varint::put(out, u64::from(spatial));
            varint::put(out, u64::from(temporal));
        });
    }

    /// A second is over.
    pub fn summarize(
        &mut self,
        now: Time,
        estimate: &Estimate,
        demand: &TransportDemand,
        pacer_queue: u64,
        counted: Counted,
    ) {
        let before = std::mem::replace(&mut self.before, counted);
        let millis = |time: Option<std::time::Duration>| time.map_or(u16::MAX, |time| clamped(time.as_millis() as u64));
        self.summaries.push(Summary {
            at: now.as_millis() as u32,
            estimate: clamped(estimate.bitrate.as_bps()),
            allocated: clamped(demand.allocated),
            desired: clamped(demand.desired),
            bytes: clamped(counted.bytes - before.bytes),
            probe_bytes: clamped(counted.probe_bytes - before.probe_bytes),
            packets: clamped(counted.packets - before.packets),
            retransmissions: clamped(counted.retransmissions.saturating_sub(before.retransmissions)),
            dropped: clamped(counted.dropped - before.dropped),
            loss: per_myriad(estimate.fraction_lost) as u16,
            round_trip: millis(estimate.round_trip),
            queue_delay: millis(estimate.queue_delay),
            pacer_queue: clamped(pacer_queue),
            reserved: 0,
        });
    }

    /// All of it, as `docs/flight-record.md` describes.
    pub fn write(&self, now: Time, wall_clock: WallClock) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(SUMMARY_LEN as u16).to_le_bytes());
        out.extend_from_slice(&wall_clock.unix_millis(Time::ZERO).to_le_bytes());
        out.extend_from_slice(&now.as_millis().to_le_bytes());
        out.extend_from_slice(&(self.summaries.len() as u32).to_le_bytes());
        out.extend_from_slice(&(self.log.blocks().len() as u32).to_le_bytes());
        self.summaries.write(&mut out);
        for block in self.log.blocks() {
            out.extend_from_slice(&block.start.to_le_bytes());
            out.extend_from_slice(&block.sent.to_le_bytes());
            out.extend_from_slice(&(block.data.len() as u32).to_le_bytes());
            out.extend_from_slice(&block.data);
        }
        out
    }

    #[inline]
    fn add(&mut self, now: Time, kind: u64, max_len: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let ticks = now.as_nanos() / TICK_NANOS;
        let last = self.last;
        let Some((block, begins)) = self.log.room(ticks, self.sent, max_len) else { return };
        let since = ticks.saturating_sub(if begins { block.start } else { last });
        varint::put(&mut block.data, (since << 3) | kind);
        write(&mut block.data);
        self.last = ticks;
    }
}

/// The largest that fits, where it is more.
fn clamped<T: TryFrom<u64> + Bounded>(value: u64) -> T {
    T::try_from(value).unwrap_or(T::LARGEST)
}

trait Bounded {
    const LARGEST: Self;
}

impl Bounded for u16 {
    const LARGEST: Self = u16::MAX;
}

impl Bounded for u32 {
    const LARGEST: Self = u32::MAX;
}

fn per_myriad(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * 10_000.0).round() as u64
}

/// One more than the milliseconds, and 0 for none.
fn millis_or_none(time: Option<std::time::Duration>) -> u64 {
    time.map_or(0, |time| time.as_millis() as u64 + 1)
}

const SOURCES: [EstimateSource; 5] = [
    EstimateSource::Start,
    EstimateSource::TransportFeedback,
    EstimateSource::CongestionFeedback,
    EstimateSource::Remb,
    EstimateSource::ReceiverReports,
];

fn source_code(source: EstimateSource) -> u64 {
    SOURCES.iter().position(|known| *known == source).unwrap_or_default() as u64
}

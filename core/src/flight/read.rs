//! Reading what a recorder wrote: by whoever has a file, so that nothing in it is trusted.

use std::time::Duration;

use super::summary::SUMMARY_LEN;
use super::{MAGIC, SOURCES, TICK_NANOS, VERSION, kind, varint};
use crate::event::EstimateSource;
use crate::time::Time;

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It begins with something else.
    #[error("this is no flight record: it does not begin with BRFLIGHT")]
    Magic,
    /// It is newer than this program.
    #[error("the flight record is of version {0}, and version {VERSION} is understood")]
    Version(u16),
    /// It ends too soon, or a length in it is wrong.
    #[error("the flight record is cut off or damaged near byte {0}")]
    Damaged(usize),
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A packet left.
    Sent {
        /// How many were sent before it; the lower 16 bits are its transport-wide sequence number.
        number: u64,
        /// Bytes of the datagram.
        size: usize,
        /// The probe it belonged to.
        probe: Option<u32>,
    },
    /// The peer told what arrived.
    Feedback {
        /// Its number.
        count: u8,
        /// Of the first packet told of.
        base: u16,
        /// When each packet from `base` on arrived, in 250 µs on the peer's clock; none for those that did not.
        arrivals: Vec<Option<i64>>,
    },
    /// The peer told its own estimate, in bit/s.
    Remb(u64),
    /// The peer reported on a stream.
    Report {
        /// Lost since its last report, 0–1.
        lost: f64,
        /// Packets expected since.
        expected: u32,
        /// The round trip, where known.
        round_trip: Option<Duration>,
    },
    /// How much was to be sent, in bit/s.
    Demand {
        /// What was allocated.
        allocated: u64,
        /// What would have been.
        desired: u64,
    },
    /// What was concluded.
    Estimate {
        /// In bit/s.
        bitrate: u64,
        /// What from.
        source: EstimateSource,
        /// The round trip, where known.
        round_trip: Option<Duration>,
        /// Lost, 0–1.
        lost: f64,
        /// How long packets wait on the line, where known.
        queue_delay: Option<Duration>,
    },
    /// What is sent of a consumer changed.
    Layers {
        /// Whose.
        consumer_id: u64,
        /// Spatial and temporal layer; none while nothing is sent.
        layers: Option<(u8, u8)>,
    },
}

/// A record, packet by packet as far back as it reaches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlightRecord {
    /// Milliseconds since 1970 at the times' origin.
    pub unix_millis: u64,
    /// When it was taken.
    pub taken: Time,
    /// What happened, in order.
    pub entries: Vec<(Time, Entry)>,
}

impl FlightRecord {
    /// Reads a record.
    pub fn parse(record: &[u8]) -> Result<FlightRecord, RecordError> {
        let mut reader = Reader { record, at: 0 };
        if reader.bytes(MAGIC.len()).ok() != Some(&MAGIC[..]) {
            return Err(RecordError::Magic);
        }
        let version = u16::from_le_bytes(reader.array()?);
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        let summary_len = usize::from(u16::from_le_bytes(reader.array()?));
        let unix_millis = u64::from_le_bytes(reader.array()?);
        let taken = u64::from_le_bytes(reader.array()?);
        let summaries = u32::from_le_bytes(reader.array()?) as usize;
        let blocks = u32::from_le_bytes(reader.array()?);
        if summary_len < SUMMARY_LEN {
            return Err(RecordError::Damaged(reader.at));
        }
        reader.bytes(summaries.saturating_mul(summary_len))?;
        let mut entries = Vec::new();
        for _ in 0..blocks {
            let start = u64::from_le_bytes(reader.array()?);
            let sent = u64::from_le_bytes(reader.array()?);
            let len = u32::from_le_bytes(reader.array()?) as usize;
            let at = reader.at;
            let mut data = reader.bytes(len)?;
            read_block(start, sent, &mut data, &mut entries).ok_or(RecordError::Damaged(at + len - data.len()))?;
        }
        let taken = taken.checked_mul(1_000_000).map(Time::from_nanos).ok_or(RecordError::Damaged(0))?;
        Ok(FlightRecord { unix_millis, taken, entries })
    }
}

fn read_block(start: u64, mut sent: u64, data: &mut &[u8], entries: &mut Vec<(Time, Entry)>) -> Option<()> {
    let mut ticks = start;
    while !data.is_empty() {
        let head = varint::take(data)?;
        ticks = ticks.checked_add(head >> 3)?;
        let entry = match head & 7 {
            kind @ (kind::SENT | kind::SENT_IN_PROBE) => {
                let size = usize::try_from(varint::take(data)?).ok()?;
                let probe = if kind == kind::SENT { None } else { Some(u32::try_from(varint::take(data)?).ok()?) };
                sent = sent.checked_add(1)?;
                Entry::Sent { number: sent - 1, size, probe }
            }
            kind::FEEDBACK => read_feedback(data)?,
            kind::REMB => Entry::Remb(varint::take(data)?),
            kind::REPORT => Entry::Report {
                lost: share(data)?,
                expected: u32::try_from(varint::take(data)?).ok()?,
                round_trip: millis(data)?,
            },
            kind::DEMAND => Entry::Demand { allocated: varint::take(data)?, desired: varint::take(data)? },
            kind::ESTIMATE => Entry::Estimate {
                bitrate: varint::take(data)?,
                source: *SOURCES.get(usize::try_from(varint::take(data)?).ok()?)?,
                round_trip: millis(data)?,
                lost: share(data)?,
                queue_delay: millis(data)?,
            },
            _ => {
                let consumer_id = varint::take(data)?;
                let (spatial, temporal) = (varint::take(data)?, varint::take(data)?);
                let layer = |number: u64| u8::try_from(number.checked_sub(1)?).ok();
                Entry::Layers { consumer_id, layers: layer(spatial).zip(layer(temporal)) }
            }
        };
        entries.push((Time::from_nanos(ticks.checked_mul(TICK_NANOS)?), entry));
    }
    Some(())
}

fn read_feedback(data: &mut &[u8]) -> Option<Entry> {
    let base = u16::try_from(varint::take(data)?).ok()?;
    let statuses = u16::try_from(varint::take(data)?).ok()?;
    let feedback_count = u8::try_from(varint::take(data)?).ok()?;
    let mut arrivals = vec![None; usize::from(statuses)];
    let (mut next, mut last) = (0, 0_i64);
    for _ in 0..varint::take(data)? {
        let index = usize::try_from(varint::take(data)?).ok()?.checked_add(next)?;
        last = last.checked_add(varint::take_signed(data)?)?;
        *arrivals.get_mut(index)? = Some(last);
        next = index + 1;
    }
    Some(Entry::Feedback { count: feedback_count, base, arrivals })
}

fn share(data: &mut &[u8]) -> Option<f64> {
    Some(varint::take(data)? as f64 / 10_000.0)
}

fn millis(data: &mut &[u8]) -> Option<Option<Duration>> {
    Some(varint::take(data)?.checked_sub(1).map(Duration::from_millis))
}

struct Reader<'a> {
    record: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], RecordError> {
        let end = self.at.checked_add(len).ok_or(RecordError::Damaged(self.at))?;
        let bytes = self.record.get(self.at..end).ok_or(RecordError::Damaged(self.at))?;
        self.at = end;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let at = self.at;
        self.bytes(N)?.try_into().map_err(|_| RecordError::Damaged(at))
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;
    use crate::bitrate::Bitrate;
    use crate::packet::rtcp::{Packet, RtcpWriter, packets};
    use proptest::prelude::*;

    const BUDGET: usize = 1 << 20;

    fn recorder() -> FlightRecorder {
        FlightRecorder::new(FlightBudget::new(BUDGET))
    }

    fn feedback(recorder: &mut FlightRecorder, now: Time, base: u16, arrivals: &[Option<Time>]) {
        let mut out = [0; 1_200];
        let mut writer = RtcpWriter::new(&mut out);
        writer.transport_feedback(1, 2, 7, base, arrivals).unwrap();
        let len = writer.len();
        let Some(Ok(Packet::TransportFeedback(feedback))) = packets(&out[..len]).next() else { panic!() };
        recorder.feedback(now, &feedback);
    }

    #[test]
    fn what_was_recorded_is_read() {
        let mut recorder = recorder();
        let at = Time::from_millis;
        recorder.sent(at(1_000), &SentPacket { sequence_number: 0, size: 1_200, probe: None });
        recorder.sent(at(1_007), &SentPacket { sequence_number: 1, size: 90, probe: Some(3) });
        feedback(&mut recorder, at(1_100), 65_535, &[Some(at(500)), None, Some(at(510)), Some(at(509))]);
        recorder.remb(at(1_200), 400_000);
        recorder.report(at(1_300), 0.25, 40, Some(Duration::from_millis(80)));
        recorder.demand(at(1_400), &TransportDemand { allocated: 1, desired: 2 });
        let estimate = Estimate {
            bitrate: Bitrate::kbps(280),
            lasting: Bitrate::kbps(280),
            source: EstimateSource::TransportFeedback,
            proven: true,
            limit: None,
            round_trip: None,
            fraction_lost: 0.5,
            chance_lost: 0.0,
            queue_delay: Some(Duration::ZERO),
        };
        recorder.estimate(at(1_500), &estimate);
        recorder.layers(at(1_600), 9, Some((1, 2)));
        recorder.layers(at(1_700), 9, None);
        let counted = Counted { packets: 2, bytes: 1_290, ..Counted::default() };
        recorder.summarize(at(2_000), &estimate, &TransportDemand { allocated: 1, desired: 2 }, 5, counted);
        let record = recorder.write(at(2_500), WallClock::new(7_000_000_000));
        let read = FlightRecord::parse(&record).unwrap();
        assert_eq!((read.unix_millis, read.taken), (7_000, at(2_500)));
        let expected = vec![
            (at(1_000), Entry::Sent { number: 0, size: 1_200, probe: None }),
            (at(1_007), Entry::Sent { number: 1, size: 90, probe: Some(3) }),
            (
                at(1_100),
                Entry::Feedback { count: 7, base: 65_535, arrivals: vec![Some(2_000), None, Some(2_040), Some(2_036)] },
            ),
            (at(1_200), Entry::Remb(400_000)),
            (at(1_300), Entry::Report { lost: 0.25, expected: 40, round_trip: Some(Duration::from_millis(80)) }),
            (at(1_400), Entry::Demand { allocated: 1, desired: 2 }),
            (
                at(1_500),
                Entry::Estimate {
                    bitrate: 280_000,
                    source: EstimateSource::TransportFeedback,
                    round_trip: None,
                    lost: 0.5,
                    queue_delay: Some(Duration::ZERO),
                },
            ),
            (at(1_600), Entry::Layers { consumer_id: 9, layers: Some((1, 2)) }),
            (at(1_700), Entry::Layers { consumer_id: 9, layers: None }),
        ];
        assert_eq!(read.entries, expected);
    }

    #[test]
    fn memory_is_bounded_and_the_newest_is_kept() {
        let mut recorder = recorder();
        for n in 0..1_000_000_u64 {
            recorder.sent(Time::from_millis(n), &SentPacket { sequence_number: n as u16, size: 1_000, probe: None });
        }
        let record = recorder.write(Time::from_millis(1_000_000), WallClock::default());
        assert!(record.len() <= 230 * 1_024, "{}", record.len());
        let entries = FlightRecord::parse(&record).unwrap().entries;
        assert_eq!(
            entries.last().unwrap(),
            &(Time::from_millis(999_999), Entry::Sent { number: 999_999, size: 1_000, probe: None },)
        );
        assert!(entries.len() > 50_000);
        let numbers = entries.iter().map(|(_, entry)| if let Entry::Sent { number, .. } = entry { *number } else { 0 });
        assert!(numbers.clone().zip(numbers.skip(1)).all(|(a, b)| b == a + 1), "across blocks");
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let record = recorder().write(Time::ZERO, WallClock::default());
        assert_eq!(FlightRecord::parse(&record), Ok(FlightRecord::default()));
        assert_eq!(FlightRecord::parse(b"GIF89a"), Err(RecordError::Magic));
        let mut newer = record.clone();
        newer[8] = 2;
        assert_eq!(FlightRecord::parse(&newer), Err(RecordError::Version(2)));
        assert!(matches!(FlightRecord::parse(&record[..20]), Err(RecordError::Damaged(_))));
    }

    proptest! {
        #[test]
        fn damage_is_an_error_and_no_panic(at in 0_usize..200, with in any::<u8>(), len in 0_usize..200) {
            let mut recorder = recorder();
            for n in 0..20 {
                let now = Time::from_millis(n * 10);
                recorder.sent(now, &SentPacket { sequence_number: n as u16, size: 1_000, probe: None });
                feedback(&mut recorder, now, n as u16, &[Some(now)]);
            }
            let mut record = recorder.write(Time::ZERO, WallClock::default());
            let at = at % record.len();
            record[at] ^= with;
            let _ = FlightRecord::parse(&record);
            let _ = FlightRecord::parse(&record[..len.min(record.len())]);
        }
    }
}

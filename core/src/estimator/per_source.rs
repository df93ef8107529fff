//! Feedback by source (RFC 8888), from peers that know no transport-wide numbers: which packet of the transport each
//! packet of a source was, and what the peer told of it.

use super::history::Fate;
use super::{Acknowledged, Estimator};
use crate::event::EstimateSource;
use crate::packet::rtcp::{Arrival, CongestionFeedback, PacketReport};
use crate::time::Time;

/// Sources remembered; beyond that the one that was silent for longest is forgotten.
const MAX_SOURCES: usize = 256;
/// Packets remembered of each, a power of two: over a second of 8 Mbit/s.
const PACKETS: usize = 1_024;
/// Packets that one feedback tells of at most: more than fit into a datagram.
const MAX_TOLD: usize = 4_096;

/// A packet: its sequence number within its source, and the lower half of that within the transport.
type Numbered = Option<(u16, u32)>;

struct Source {
    ssrc: u32,
    /// When it was last sent in, by the sequence of the transport.
    last: u64,
    packets: Vec<Numbered>,
}

/// The packets of each source.
#[derive(Default)]
pub(super) struct Sources {
    sources: Vec<Source>,
    /// The source of the last packet: the next one mostly is of it too.
    latest: usize,
    /// The time of the last feedback as told, and the same on a clock that does not wrap, in units of 1/65536 s.
    clock: Option<(u32, i64)>,
    /// What the last feedback told of, by rising transport-wide sequence number.
    told: Vec<Arrival>,
}

impl Sources {
    /// Whether the peer has told anything.
    pub(super) fn has_heard(&self) -> bool {
        self.clock.is_some()
    }

    /// The packet `sequence` of the transport was `sequence_number` of this source.
    fn sent(&mut self, ssrc: u32, sequence_number: u16, sequence: u64) {
        if self.sources.get(self.latest).is_none_or(|source| source.ssrc != ssrc) {
            self.latest = self.index(ssrc);
        }
        let source = &mut self.sources[self.latest];
        source.last = sequence;
        source.packets[usize::from(sequence_number) % PACKETS] = Some((sequence_number, sequence as u32));
    }

    fn index(&mut self, ssrc: u32) -> usize {
        if let Some(index) = self.sources.iter().position(|source| source.ssrc == ssrc) {
            return index;
        }
        let source = Source { ssrc, last: 0, packets: vec![None; PACKETS] };
        if self.sources.len() < MAX_SOURCES {
            self.sources.push(source);
            return self.sources.len() - 1;
        }
        let longest = self.sources.iter().enumerate().min_by_key(|(_, source)| source.last).map_or(0, |(n, _)| n);
        self.sources[longest] = source;
        longest
    }

    fn of(&self, ssrc: u32) -> Option<&Source> {
        self.sources.iter().find(|source| source.ssrc == ssrc)
    }

    /// When a feedback was made, in nanoseconds of the peer's clock.
    fn unwrap(&mut self, timestamp: u32) -> i64 {
        let unwrapped = match self.clock {
            Some((told, before)) => before + i64::from(timestamp.wrapping_sub(told).cast_signed()),
            None => i64::from(timestamp),
        };
        self.clock = Some((timestamp, unwrapped));
        (i128::from(unwrapped) * 1_000_000_000 / 65_536) as i64
    }
}

impl Source {
    /// The packet of the transport that was `sequence_number`, where `newest` is the newest of the transport.
    fn find(&self, sequence_number: u16, newest: u64) -> Option<u64> {
        let (found, sequence) = self.packets[usize::from(sequence_number) % PACKETS]?;
        (found == sequence_number).then(|| newest.saturating_sub(u64::from((newest as u32).wrapping_sub(sequence))))
    }
}

impl Estimator {
    /// The packet that [left](Self::sent) last was this one of its source.
    #[inline]
    pub fn sent_in_source(&mut self, ssrc: u32, sequence_number: u16) {
        if let Some(newest) = self.history.newest() {
            self.sources.sent(ssrc, sequence_number, newest);
        }
    }

    /// The peer tells what arrived of each source. Returns the same by rising transport-wide sequence number: what it
    /// told of for the first time and arrived.
    pub fn on_congestion_feedback(&mut self, now: Time, feedback: &CongestionFeedback<'_>) -> &[Arrival] {
        self.sources.told.clear();
        let Some(newest) = self.history.newest() else { return &[] };
        self.heard(now);
        let made = self.sources.unwrap(feedback.timestamp);
        let mut told = std::mem::take(&mut self.sources.told);
        let mut acknowledged = Acknowledged::default();
        for stream in feedback.streams() {
            let Some(source) = self.sources.of(stream.ssrc) else { continue };
            let mut was_lost = false;
            for (sequence_number, report) in stream.packets() {
                let Some(sequence) = source.find(sequence_number, newest) else { continue };
                let Some(sent) = self.history.get_mut(sequence) else { continue };
                let missing = matches!(report, PacketReport::Missing);
                let before = std::mem::replace(&mut was_lost, missing);
                match report {
                    // What is told of has been overtaken by a packet of its source that arrived.
                    PacketReport::Missing if sent.fate == Fate::InFlight => {
                        sent.fate = Fate::Lost;
                        let counts = sent.at >= self.losses_after;
                        acknowledged.lost += u32::from(counts);
                        acknowledged.loss_events += u32::from(counts && !before);
                    }
                    PacketReport::Arrived(ago) if sent.fate != Fate::Received && told.len() < MAX_TOLD => {
                        let nanos = ago.map(|ago| made - ago);
                        told.push(Arrival { sequence_number: sequence as u16, nanos });
                    }
                    _ => {}
                }
            }
        }
        // In the order in which they were sent: sources are told of one after the other.
        told.sort_unstable_by_key(|arrival| self.history.extend(arrival.sequence_number));
        for arrival in &told {
            if let Some(sequence) = self.history.extend(arrival.sequence_number) {
                self.received(sequence, arrival.nanos, &mut acknowledged);
            }
        }
        self.sources.told = told;
        self.source = EstimateSource::CongestionFeedback;
        self.conclude(now, &acknowledged);
        &self.sources.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_by_source_until_they_are_long_ago() {
        let mut sources = Sources::default();
        for n in 0..3_000_u64 {
            sources.sent(if n % 3 == 0 { 7 } else { 8 }, (65_000 + n) as u16, (1 << 33) + n);
        }
        let newest = (1 << 33) + 2_999;
        let found = |ssrc, sequence_number| sources.of(ssrc).and_then(|source| source.find(sequence_number, newest));
        assert_eq!(found(8, (65_000_u32 + 2_999) as u16), Some(newest));
        assert_eq!(found(7, (65_000_u32 + 2_997) as u16), Some(newest - 2));
        assert_eq!(found(7, (65_000_u32 + 2_998) as u16), None, "of the other");
        assert_eq!(found(8, 65_001), None, "long ago");
        assert_eq!(found(9, 65_001), None);
    }

    #[test]
    fn sources_are_bounded_and_the_one_silent_for_longest_goes() {
        let mut sources = Sources::default();
        for ssrc in 0..MAX_SOURCES as u32 + 1 {
            sources.sent(ssrc, 1, u64::from(ssrc) + 10);
        }
        assert_eq!(sources.sources.len(), MAX_SOURCES);
        assert!(sources.of(0).is_none() && sources.of(1).is_some());
    }

    #[test]
    fn the_clock_goes_on_where_it_wraps_around() {
        let mut sources = Sources::default();
        let before = sources.unwrap(u32::MAX - 32_767);
        assert_eq!(sources.unwrap(32_768) - before, 1_000_000_000);
    }
}

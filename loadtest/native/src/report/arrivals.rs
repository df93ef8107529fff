//! What arrives of one media stream: what was never repaired, how long it took, what was heard and seen of it.

use std::time::{Duration, SystemTime};

use str0m::media::MediaKind;

use super::frames::Frames;
use super::histogram::Histogram;

/// Sequence numbers that are remembered, so that none counts twice.
const WINDOW: usize = 2048;
/// Silence that is heard, beyond what the sender itself left: more than a jitter buffer holds.
const GAP: Duration = Duration::from_millis(60);
/// Further apart the sender itself fell silent.
const UNBROKEN: Duration = Duration::from_millis(60);

/// A packet of the stream, retransmissions unpacked.
pub struct Arrival {
    /// Without wrapping around.
    pub sequence: u64,
    /// When it left its sender, where it says so.
    pub sent: Option<SystemTime>,
    pub received: SystemTime,
    /// Since the start of the run.
    pub at: Duration,
    pub ends_frame: bool,
    pub begins_keyframe: bool,
}

pub struct Stream {
    pub kind: MediaKind,
    seen: Box<[u64; WINDOW]>,
    first: Option<u64>,
    highest: u64,
    /// Different packets.
    pub received: u64,
    /// Since the last report.
    pub delays: Histogram,
    /// Until the last report.
    pub all_delays: Histogram,
    pub frames: Frames,
    last: Option<(SystemTime, SystemTime)>,
    pub gaps: u64,
    pub longest_gap: Duration,
}

impl Stream {
    pub fn new(kind: MediaKind) -> Self {
        Stream {
            kind,
            seen: Box::new([u64::MAX; WINDOW]),
            first: None,
            highest: 0,
            received: 0,
            delays: Histogram::default(),
            all_delays: Histogram::default(),
            frames: Frames::default(),
            last: None,
            gaps: 0,
            longest_gap: Duration::ZERO,
        }
    }

    /// Packets from the first to the last that came.
    pub fn expected(&self) -> u64 {
        self.first.map_or(0, |first| self.highest - first + 1)
    }

    /// Takes note of a packet.
    pub fn note(&mut self, arrival: &Arrival) {
        let slot = &mut self.seen[arrival.sequence as usize % WINDOW];
        if *slot == arrival.sequence || self.first.is_some_and(|first| arrival.sequence < first) {
            return;
        }
        *slot = arrival.sequence;
        self.first.get_or_insert(arrival.sequence);
        let is_newest = self.received == 0 || arrival.sequence > self.highest;
        self.highest = self.highest.max(arrival.sequence);
        self.received += 1;
        if let Some(sent) = arrival.sent {
            self.delays.add(arrival.received.duration_since(sent).unwrap_or_default());
            if self.kind == MediaKind::Audio && is_newest {
                self.listen(sent, arrival.received);
            }
        }
        if self.kind == MediaKind::Video {
            self.frames.note(arrival.sequence, arrival.ends_frame, arrival.begins_keyframe, arrival.at);
        }
    }

    /// A gap is a pause at the receiver that is longer than the sender's own by more than is heard.
    fn listen(&mut self, sent: SystemTime, received: SystemTime) {
        if let Some((last_sent, last_received)) = self.last.replace((sent, received)) {
            let (own, here) = (
                sent.duration_since(last_sent).unwrap_or_default(),
                received.duration_since(last_received).unwrap_or_default(),
            );
            if here > GAP && (own < UNBROKEN || here > own + GAP) {
                self.gaps += 1;
                self.longest_gap = self.longest_gap.max(here);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(sequence: u64, sent: u64, received: u64) -> Arrival {
        let time = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        Arrival {
            sequence,
            sent: Some(time(sent)),
            received: time(received),
            at: Duration::from_millis(received),
            ends_frame: true,
            begins_keyframe: false,
        }
    }

    #[test]
    fn a_packet_counts_once_and_a_hole_until_it_is_filled() {
        let mut stream = Stream::new(MediaKind::Audio);
        for sequence in [70_000, 70_001, 70_001, 70_004, 70_003, 70_004] {
            stream.note(&arrival(sequence, 0, 5));
        }
        assert_eq!((stream.expected(), stream.received), (5, 4));
        stream.note(&arrival(70_002, 0, 5));
        assert_eq!((stream.expected(), stream.received), (5, 5));
    }

    #[test]
    fn silence_of_the_sender_is_no_gap() {
        let mut stream = Stream::new(MediaKind::Audio);
        for (sequence, sent, received) in [(1, 0, 10), (2, 20, 30), (3, 420, 430), (4, 440, 520), (5, 460, 521)] {
            stream.note(&arrival(sequence, sent, received));
        }
        assert_eq!((stream.gaps, stream.longest_gap), (1, Duration::from_millis(90)));
        assert!(stream.delays.quantile(1.0).is_some_and(|longest| (0.08..0.085).contains(&longest)));
    }
}

//! What was sent, by transport-wide sequence number, until the peer told of it.

use std::time::Duration;

use super::SentPacket;
use crate::sequence;
use crate::time::Time;

/// Entries to begin with: some seconds of a call at 300 kbit/s.
const MIN_ENTRIES: usize = 256;
/// Entries at most (200 kB): over a second of 50 Mbit/s.
const MAX_ENTRIES: usize = 8_192;
/// The ring grows rather than forget a packet younger than this that the peer has not told of yet.
pub(super) const KEEP: Duration = Duration::from_millis(1_500);
/// The same while nothing is heard of the peer: what was sent into an outage comes after it, in front of all else, and has to be known
/// for what it is.
pub(super) const KEEP_IN_OUTAGE: Duration = Duration::from_secs(60);

/// What is known of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fate {
    /// No packet here.
    #[default]
    Empty,
    /// Sent, nothing heard.
    InFlight,
    /// The peer says that it did not arrive (it may say otherwise later).
    Lost,
    /// Arrived.
    Received,
}

/// One packet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    sequence: u64,
    pub(super) at: Time,
    pub(super) size: u32,
    pub(super) probe: Option<u32>,
    pub(super) fate: Fate,
}

/// A ring of [`Sent`], by sequence number.
pub(super) struct History {
    entries: Vec<Sent>,
    /// Extended sequence number of the newest; none before the first.
    newest: Option<u64>,
}

impl History {
    pub(super) fn new() -> Self {
        History { entries: Vec::new(), newest: None }
    }

    /// Takes down a packet that leaves. One that is younger than `keep` and was not told of is not forgotten for it.
    #[inline]
    pub(super) fn push(&mut self, now: Time, packet: SentPacket, keep: Duration) {
        let sequence = match self.newest {
            Some(newest) => sequence::nearest(newest, packet.sequence_number),
            None => sequence::first(packet.sequence_number),
        };
        self.newest = self.newest.max(Some(sequence));
        let mut index = self.index(sequence);
        while self.entries.get(index).is_none_or(|old| old.fate == Fate::InFlight && now.since(old.at) < keep) {
            if self.entries.len() >= MAX_ENTRIES {
                break;
            }
            self.grow();
            index = self.index(sequence);
        }
        let size = packet.size as u32;
        self.entries[index] = Sent { sequence, at: now, size, probe: packet.probe, fate: Fate::InFlight };
    }

    /// Extended sequence number of the newest.
    pub(super) fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// The extended form of a sequence number in feedback: the nearest to what was sent last.
    pub(super) fn extend(&self, sequence_number: u16) -> Option<u64> {
        self.newest.map(|newest| sequence::nearest(newest, sequence_number))
    }

    /// The oldest and one past the newest number that may be found.
    pub(super) fn range(&self) -> std::ops::Range<u64> {
        self.newest.map_or(0..0, |newest| (newest + 1).saturating_sub(self.entries.len() as u64)..newest + 1)
    }

    /// What is remembered of these packets and not told of, in bytes.
    pub(super) fn bytes(&self, sequences: std::ops::Range<u64>) -> u64 {
        let range = self.range();
        let sequences = sequences.start.max(range.start)..sequences.end.min(range.end);
        let sent = sequences.map(|sequence| self.entries[self.index(sequence)]);
        sent.filter(|sent| sent.fate == Fate::InFlight).map(|sent| u64::from(sent.size)).sum()
    }

    /// A packet that is still remembered.
    #[inline]
    pub(super) fn get_mut(&mut self, sequence: u64) -> Option<&mut Sent> {
        let index = self.index(sequence);
        self.entries.get_mut(index).filter(|sent| sent.sequence == sequence && sent.fate != Fate::Empty)
    }

    fn index(&self, sequence: u64) -> usize {
        // The length is a power of two, or zero: then there is nothing to index.
        sequence as usize & self.entries.len().wrapping_sub(1)
    }

    fn grow(&mut self) {
        let len = (self.entries.len() * 2).max(MIN_ENTRIES);
        let old = std::mem::replace(&mut self.entries, vec![Sent::default(); len]);
        for sent in old.into_iter().filter(|sent| sent.fate != Fate::Empty) {
            let index = self.index(sent.sequence);
            self.entries[index] = sent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence_number: u16) -> SentPacket {
        SentPacket { sequence_number, size: 100, probe: None }
    }

    #[test]
    fn finds_packets_across_the_wrap_and_forgets_old_ones() {
        let mut history = History::new();
        let mut now = Time::ZERO;
        for n in 65_000..66_200_u32 {
            now += Duration::from_millis(20);
            history.push(now, packet(n as u16), KEEP);
        }
        let newest = history.extend((66_199_u32 % 65_536) as u16).expect("something was sent");
        assert_eq!(history.get_mut(newest).expect("it is the newest").at, now);
        assert!(history.get_mut(newest - 255).is_some());
        assert!(history.get_mut(newest - 256).is_none(), "256 entries reach back five seconds");
        assert!(history.get_mut(newest + 1).is_none());
    }

    #[test]
    fn what_is_sent_into_an_outage_is_remembered() {
        let mut history = History::new();
        for n in 0..1_500_u32 {
            history.push(Time::from_millis(u64::from(n) * 20), packet(n as u16), KEEP_IN_OUTAGE);
        }
        let newest = history.newest.expect("something was sent");
        assert!(history.get_mut(newest - 1_499).is_some(), "thirty seconds of sound");
    }

    #[test]
    fn grows_at_a_high_rate_and_stays_bounded() {
        let mut history = History::new();
        for n in 0..40_000_u32 {
            history.push(Time::from_nanos(u64::from(n) * 10_000), packet(n as u16), KEEP);
        }
        assert_eq!(history.entries.len(), MAX_ENTRIES);
        let newest = history.newest.expect("something was sent");
        assert!(history.get_mut(newest - 8_191).is_some());
    }
}

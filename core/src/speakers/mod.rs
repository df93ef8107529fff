//! Who is heard: which audio producers of a router are forwarded, and which of them is the active speaker.
//!
//! Everything here goes by the levels that packets carry (RFC 6464); keys are those of the engine's producers.

mod dominant;
mod speech;

pub use self::dominant::Dominant;
pub use self::speech::Speech;

use std::time::Duration;

use crate::time::Time;

/// How long a speaker keeps its slot after its last word: pauses for breath and thought.
const HOLD: Duration = Duration::from_millis(1_500);
/// How much louder than the quietest of those who speak a newcomer has to be to take its slot, in dB.
const MARGIN: u8 = 6;
/// Age of the packets that are sent after the fact to those who hear a new speaker: its first syllable began before
/// it was loud.
pub const PRE_ROLL: Duration = Duration::from_millis(100);
/// Packets of that at most.
pub const PRE_ROLL_PACKETS: u64 = 10;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is forwarded, as the last one was.
    Forwarded,
    /// It is forwarded, and its producer was not before.
    Begins {
        /// Who is forwarded no more in its place.
        instead_of: Option<usize>,
    },
    /// It is left out.
    LeftOut,
}

struct Slot {
    producer: usize,
    level: u8,
    last_speech: Option<Time>,
}

/// The producers of a router that are forwarded: at most as many as were asked for, the loudest.
#[derive(Default)]
pub struct Selection {
    max: Option<usize>,
    /// As many as `max` at most.
    slots: Vec<Slot>,
}

impl Selection {
    /// Forwards at most `max` from now on; none for all. Those over it are forwarded no more: they are in `ended`.
    pub fn set_max(&mut self, max: Option<u8>, ended: &mut Vec<usize>) {
        self.max = max.map(usize::from);
        while let Some(max) = self.max
            && self.slots.len() > max
            && let Some(weakest) = self.weakest()
        {
            ended.push(self.slots.swap_remove(weakest).producer);
        }
    }

    /// Whether any may be left out.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.max.is_some()
    }

    /// A packet came of a producer that has levels; `level` is its smoothed level.
    pub fn heard(&mut self, now: Time, producer: usize, level: u8, speech: Speech) -> Admission {
        let Some(max) = self.max else { return Admission::Forwarded };
        let speaks = speech.is_now(now);
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.producer == producer) {
            slot.level = level;
            slot.last_speech = speech.last();
            return Admission::Forwarded;
        }
        let slot = Slot { producer, level, last_speech: speech.last() };
        if self.slots.len() < max {
            self.slots.push(slot);
            return Admission::Begins { instead_of: None };
        }
        let Some(weakest) = self.weakest().filter(|_| speaks) else { return Admission::LeftOut };
        let weak = &self.slots[weakest];
        let is_held = weak.last_speech.is_some_and(|last| now.since(last) <= HOLD);
        if is_held && u16::from(level) + u16::from(MARGIN) > u16::from(weak.level) {
            return Admission::LeftOut;
        }
        let old = std::mem::replace(&mut self.slots[weakest], slot);
        Admission::Begins { instead_of: Some(old.producer) }
    }

    /// Whether a producer that has levels is forwarded.
    pub fn forwards(&self, producer: usize) -> bool {
        self.max.is_none() || self.slots.iter().any(|slot| slot.producer == producer)
    }

    /// A producer is gone, was muted, or is forwarded whatever its level: its slot is free.
    pub fn forget(&mut self, producer: usize) {
        self.slots.retain(|slot| slot.producer != producer);
    }

    /// Who is to give way first: the one silent longest, and of those who speak together the quietest.
    fn weakest(&self) -> Option<usize> {
        let newest = self.slots.iter().filter_map(|slot| slot.last_speech).max();
        let together = |last: Time| newest.is_some_and(|newest| newest.since(last) <= HOLD);
        let rank = |slot: &Slot| match slot.last_speech {
            Some(last) if together(last) => (u64::MAX, u8::MAX - slot.level),
            Some(last) => (last.as_nanos(), 0),
            None => (0, u8::MAX - slot.level),
        };
        self.slots.iter().enumerate().min_by_key(|(_, slot)| rank(slot)).map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Room {
        selection: Selection,
        speech: Vec<Speech>,
        now: Time,
    }

    impl Room {
        fn of(max: u8) -> Self {
            let mut selection = Selection::default();
            selection.set_max(Some(max), &mut Vec::new());
            Room { selection, speech: vec![Speech::default(); 10], now: Time::ZERO }
        }

        fn packet(&mut self, producer: usize, level: u8) -> Admission {
            self.speech[producer].add(self.now, level, false);
            self.selection.heard(self.now, producer, level, self.speech[producer])
        }

        fn wait(&mut self, millis: u64) {
            self.now += Duration::from_millis(millis);
        }

        /// Each producer sends for a while with its level; who is forwarded then.
        fn run(&mut self, millis: u64, levels: &[u8]) -> Vec<usize> {
            for _ in 0..millis / 20 {
                for (producer, &level) in levels.iter().enumerate() {
                    self.packet(producer, level);
                }
                self.wait(20);
            }
            (0..levels.len()).filter(|&producer| self.selection.forwards(producer)).collect()
        }
    }

    const QUIET: u8 = 90;

    #[test]
    fn all_are_forwarded_where_nobody_asked_for_fewer_and_where_they_are_few() {
        let mut selection = Selection::default();
        assert_eq!(selection.heard(Time::ZERO, 7, QUIET, Speech::default()), Admission::Forwarded);
        assert!(selection.forwards(8));
        let mut room = Room::of(3);
        assert_eq!(room.packet(0, QUIET), Admission::Begins { instead_of: None });
        assert_eq!(room.run(100, &[QUIET, QUIET, 30]), [0, 1, 2]);
    }

    #[test]
    fn the_first_loud_packet_takes_the_slot_of_who_was_silent_longest() {
        let mut room = Room::of(2);
        assert_eq!(room.run(1_000, &[30, QUIET]), [0, 1]);
        assert_eq!(room.packet(2, QUIET), Admission::LeftOut);
        assert_eq!(room.packet(2, 30), Admission::Begins { instead_of: Some(1) });
        assert_eq!(room.packet(1, QUIET), Admission::LeftOut);
        room.wait(1_600);
        room.packet(2, 30);
        assert_eq!(room.packet(3, 35), Admission::Begins { instead_of: Some(0) });
    }

    #[test]
    fn a_speaker_keeps_its_slot_through_a_pause_for_breath() {
        let mut room = Room::of(1);
        room.run(500, &[30]);
        room.wait(1_400);
        assert_eq!(room.packet(1, 30), Admission::LeftOut);
        room.wait(200);
        assert_eq!(room.packet(1, 30), Admission::Begins { instead_of: Some(0) });
    }

    #[test]
    fn while_all_speak_only_who_is_clearly_louder_gets_in() {
        let mut room = Room::of(2);
        assert_eq!(room.run(500, &[30, 40]), [0, 1]);
        assert_eq!(room.packet(2, 36), Admission::LeftOut);
        assert_eq!(room.packet(2, 34), Admission::Begins { instead_of: Some(1) });
    }

    #[test]
    fn fewer_slots_and_free_slots() {
        let mut room = Room::of(3);
        room.run(100, &[30, 40, QUIET]);
        let mut ended = Vec::new();
        room.selection.set_max(Some(1), &mut ended);
        assert_eq!(ended, [2, 1]);
        room.selection.forget(0);
        assert_eq!(room.packet(2, QUIET), Admission::Begins { instead_of: None });
        room.selection.set_max(Some(0), &mut ended);
        assert_eq!(room.packet(1, 20), Admission::LeftOut);
        room.selection.set_max(None, &mut ended);
        assert_eq!(room.packet(1, 20), Admission::Forwarded);
    }
}

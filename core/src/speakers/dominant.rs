//! Whose face to show large: one speaker at a time, that does not change for a cough.

use std::time::Duration;

use super::Speech;
use crate::time::Time;

/// What somebody has to have said to be shown: a cough is shorter.
const MIN_SPEECH: Duration = Duration::from_millis(300);
/// How long the one who was shown has to be silent for that: between two sentences one breathes, and others say yes.
const PAUSE: Duration = Duration::from_millis(700);
/// How much softer, in dB, the present one counts as from one update to the next, however much softer they became: who
/// pauses for breath is no softer for that.
const FALL: u8 = 1;
/// For how long nobody else is shown after a change while the present one goes on speaking, pauses included: two who
/// talk at the same time take no turns of half a second.
const HOLD: Duration = Duration::from_millis(2_000);
/// How long somebody who is louder has to go on to be shown instead of one who still speaks.
const MIN_CONTEST: Duration = Duration::from_millis(1_000);
/// How much louder, in dB.
const MARGIN: u8 = 6;

/// The active speaker of a router.
#[derive(Debug, Default)]
pub struct Dominant {
    producer: Option<usize>,
    since: Time,
    /// How loud the present one has been lately, in −dBov.
    level: u8,
}

impl Dominant {
    /// Who it is.
    pub fn producer(&self) -> Option<usize> {
        self.producer
    }

    /// Takes in everyone's smoothed level and speech; whether it is somebody else now. To be called every fraction of a
    /// second while anyone is heard.
    pub fn update(&mut self, now: Time, all: impl Iterator<Item = (usize, u8, Speech)> + Clone) -> bool {
        let present = self.producer.and_then(|active| all.clone().find(|(producer, ..)| *producer == active));
        let present = present.filter(|(_, _, speech)| speech.last().is_some_and(|last| now.since(last) <= PAUSE));
        if let Some((_, level, _)) = present {
            self.level = level.min(self.level.saturating_add(FALL));
        }
        let loudness = self.level;
        if present.is_some() && now.since(self.since) < HOLD {
            return false;
        }
        let challenges = |(producer, level, speech): &(usize, u8, Speech)| {
            if Some(*producer) == self.producer || !speech.is_now(now) {
                return false;
            }
            match (self.producer, present) {
                (None, _) => true,
                (Some(_), None) => speech.duration() >= MIN_SPEECH,
                (Some(_), Some(_)) => speech.duration() >= MIN_CONTEST && level.saturating_add(MARGIN) <= loudness,
            }
        };
        // The lowest number is the loudest.
        let Some((loudest, level, _)) = all.filter(challenges).min_by_key(|(_, level, _)| *level) else { return false };
        *self = Dominant { producer: Some(loudest), since: now, level };
        true
    }

    /// A producer is gone; whether it was the active speaker.
    pub fn forget(&mut self, producer: usize) -> bool {
        let was = self.producer == Some(producer);
        if was {
            self.producer = None;
        }
        was
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Room {
        dominant: Dominant,
        speech: [Speech; 3],
        levels: [u8; 3],
        now: Time,
    }

    impl Room {
        /// Everyone sends for a while; who is the active speaker then.
        fn run(&mut self, millis: u64, levels: [u8; 3]) -> Option<usize> {
            for n in 0..millis / 20 {
                self.now += Duration::from_millis(20);
                self.levels = levels;
                for (speech, level) in self.speech.iter_mut().zip(levels) {
                    speech.add(self.now, level, false);
                }
                if n % 10 == 0 {
                    let all = (0..3).map(|n| (n, self.levels[n], self.speech[n]));
                    self.dominant.update(self.now, all);
                }
            }
            self.dominant.producer()
        }
    }

    const QUIET: u8 = 90;

    #[test]
    fn the_first_voice_is_shown_at_once_and_a_cough_is_not() {
        let mut room = Room::default();
        assert_eq!(room.run(1_000, [QUIET; 3]), None);
        assert_eq!(room.run(200, [QUIET, 30, QUIET]), Some(1));
        room.run(2_000, [QUIET; 3]);
        room.run(280, [20, QUIET, QUIET]);
        assert_eq!(room.run(2_000, [QUIET; 3]), Some(1), "a cough");
        assert_eq!(room.run(600, [30, QUIET, QUIET]), Some(0));
        assert_eq!(room.run(60_000, [QUIET; 3]), Some(0), "silence changes nothing");
    }

    #[test]
    fn two_who_talk_at_the_same_time_take_no_turns_of_half_a_second() {
        let mut room = Room::default();
        let mut changes = 0;
        let mut shown = room.run(1_000, [30, QUIET, QUIET]);
        // Sentences with pauses for breath, not at the same times.
        for n in 0..60_u64 {
            let levels = [if n % 7 == 6 { QUIET } else { 30 }, if n % 5 == 4 { QUIET } else { 30 }, QUIET];
            let next = room.run(400, levels);
            changes += u32::from(next != shown);
            shown = next;
        }
        assert_eq!(changes, 0, "each pauses for less than a second");
        assert_eq!(room.run(1_400, [QUIET, 30, QUIET]), Some(1), "who has ended makes room");
        assert_eq!(room.run(1_000, [20, 30, QUIET]), Some(1), "not back at once");
        assert_eq!(room.run(2_400, [20, 30, QUIET]), Some(0));
    }

    #[test]
    fn who_speaks_is_interrupted_only_by_somebody_clearly_louder() {
        let mut room = Room::default();
        room.run(1_000, [35, QUIET, QUIET]);
        assert_eq!(room.run(10_000, [35, 32, QUIET]), Some(0));
        assert_eq!(room.run(800, [35, QUIET, 20]), Some(0));
        assert_eq!(room.run(600, [35, QUIET, 20]), Some(2));
        assert!(!room.dominant.forget(0));
        assert!(room.dominant.forget(2));
        assert_eq!(room.dominant.producer(), None);
    }
}

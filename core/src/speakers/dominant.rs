//! Whose face to show large: one speaker at a time, that does not change for a cough.

use std::time::Duration;

use super::Speech;
use crate::time::Time;

/// What somebody has to have said to be shown: a cough is shorter.
const MIN_SPEECH: Duration = Duration::from_millis(300);
/// How long somebody who is louder has to go on to be shown instead of one who still speaks.
const MIN_CONTEST: Duration = Duration::from_millis(1_000);
/// How much louder, in dB.
const MARGIN: u8 = 6;

/// The active speaker of a router.
#[derive(Debug, Default)]
pub struct Dominant {
    producer: Option<usize>,
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
        let present = present.filter(|(_, _, speech)| speech.is_now(now));
        let challenges = |(producer, level, speech): &(usize, u8, Speech)| {
            if Some(*producer) == self.producer || !speech.is_now(now) {
                return false;
            }
            match (self.producer, present) {
                (None, _) => true,
                (Some(_), None) => speech.duration() >= MIN_SPEECH,
                (Some(_), Some((_, present, _))) => {
                    speech.duration() >= MIN_CONTEST && u16::from(*level) + u16::from(MARGIN) <= u16::from(present)
                }
            }
        };
        // The lowest number is the loudest.
        let Some((loudest, ..)) = all.filter(challenges).min_by_key(|(_, level, _)| *level) else { return false };
        self.producer = Some(loudest);
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

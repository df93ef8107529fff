//! Since when a producer speaks.

use std::time::Duration;

use crate::time::Time;

/// Louder than this it counts as speech even where no voice was found: some senders never look for one. In −dBov.
const LOUD: u8 = 45;
/// Softer than this it is none, whatever the sender says.
const SOFT: u8 = 80;
/// A silence longer than this ends what somebody says.
const GAP: Duration = Duration::from_millis(300);

/// The last that a producer said: from its first packet with speech to its last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Speech {
    span: Option<(Time, Time)>,
}

impl Speech {
    /// Takes in the level of a packet, in −dBov, and whether its sender found a voice in it.
    #[inline]
    pub fn add(&mut self, now: Time, level: u8, voice: bool) {
        if level < LOUD || (voice && level < SOFT) {
            let since = match self.span {
                Some((since, last)) if now.since(last) <= GAP => since,
                _ => now,
            };
            self.span = Some((since, now));
        }
    }

    /// When it spoke last.
    #[inline]
    pub fn last(&self) -> Option<Time> {
        self.span.map(|(_, last)| last)
    }

    /// Whether it speaks.
    #[inline]
    pub fn is_now(&self, now: Time) -> bool {
        self.last().is_some_and(|last| now.since(last) <= GAP)
    }

    /// How long the last that was said took so far: a cough is short, however long it is ago.
    pub fn duration(&self) -> Duration {
        self.span.map_or(Duration::ZERO, |(since, last)| last.since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_belong_together_and_sentences_do_not() {
        let mut speech = Speech::default();
        assert!(!speech.is_now(Time::ZERO));
        for millis in [0, 20, 40, 300] {
            speech.add(Time::from_millis(millis), 60, true);
        }
        speech.add(Time::from_millis(320), 60, false);
        assert_eq!((speech.duration(), speech.last()), (Duration::from_millis(300), Some(Time::from_millis(300))));
        assert!(speech.is_now(Time::from_millis(600)));
        assert!(!speech.is_now(Time::from_millis(601)));
        speech.add(Time::from_millis(700), 20, false);
        assert_eq!(speech.duration(), Duration::ZERO);
    }

    #[test]
    fn what_is_inaudible_is_no_speech() {
        let mut speech = Speech::default();
        speech.add(Time::ZERO, 100, true);
        speech.add(Time::ZERO, 45, false);
        assert_eq!(speech.last(), None);
    }
}

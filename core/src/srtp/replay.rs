//! Which of the latest indices were seen (RFC 3711 §3.3.2).

use super::SrtpError;

const WORDS: usize = 32;
/// How many indices back the window reaches: one word less than there are, because the newest word is rarely full.
/// A keyframe at several Mbit/s is a few hundred packets; what is reordered beyond that is lost to any receiver.
pub(super) const WINDOW: u64 = (WORDS as u64 - 1) * 64;

/// A bit for each of the last [`WINDOW`] indices, in a ring of words.
#[derive(Clone)]
pub(super) struct ReplayWindow {
    highest: u64,
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// A window in which only `first` was seen. Indices before it that are still in the window are acceptable.
    pub(super) fn starting_with(first: u64) -> Self {
        let mut window = ReplayWindow { highest: first, seen: [0; WORDS] };
        window.mark(first);
        window
    }

    /// The highest index seen.
    #[inline]
    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether `index` may be accepted. Changes nothing: a forged packet must not move the window.
    #[inline]
    pub(super) fn check(&self, index: u64) -> Result<(), SrtpError> {
        if index > self.highest {
            Ok(())
        } else if self.highest - index >= WINDOW {
            Err(SrtpError::TooOld)
        } else if self.seen[word(index)] & bit(index) != 0 {
            Err(SrtpError::Replayed)
        } else {
            Ok(())
        }
    }

    /// Notes `index`, which [`check`](Self::check) has accepted, as seen.
    #[inline]
    pub(super) fn accept(&mut self, index: u64) {
        if index > self.highest {
            let words = (index / 64 - self.highest / 64).min(WORDS as u64);
            for step in 1..=words {
                self.seen[word(self.highest + step * 64)] = 0;
            }
            self.highest = index;
        }
        self.mark(index);
    }

    #[inline]
    fn mark(&mut self, index: u64) {
        self.seen[word(index)] |= bit(index);
    }
}

#[inline]
fn word(index: u64) -> usize {
    (index / 64) as usize % WORDS
}

#[inline]
fn bit(index: u64) -> u64 {
    1 << (index % 64)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_window_agrees_with_a_set_of_everything_seen(
            first in 0_u64..5_000,
            steps in prop::collection::vec(
                prop_oneof![8 => -20_i64..20, 2 => -2_500_i64..2_500, 1 => -100_000_i64..100_000], 1..300),
        ) {
            let mut window = ReplayWindow::starting_with(first);
            let mut seen = HashSet::from([first]);
            let mut highest = first;
            for step in steps {
                let Some(index) = highest.checked_add_signed(step) else { continue };
                let expected = if index + WINDOW <= highest {
                    Err(SrtpError::TooOld)
                } else if seen.contains(&index) {
                    Err(SrtpError::Replayed)
                } else {
                    Ok(())
                };
                prop_assert_eq!(window.check(index), expected);
                if expected.is_ok() {
                    window.accept(index);
                    seen.insert(index);
                    highest = highest.max(index);
                }
                prop_assert_eq!(window.highest(), highest);
            }
        }
    }
}

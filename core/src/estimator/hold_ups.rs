//! For how long packets are held up by chance: on the air, by a busy router, by a receiver that was doing something else.
//!
//! Those behind such a packet wait for it, since nobody overtakes, and arrive together with it. So delays stand above the
//! shortest one nearly all the time, as they do in a queue, and they do so less where less is sent, as in a queue. What tells
//! them apart: a queue has the line work off each packet, so that packets keep their distance as they arrive; and a line that
//! became slower has rises, and no falls.

use std::time::Duration;

/// Bursts over which is smoothed.
const BURSTS: f64 = 64.0;
/// So long is common, and more than this on top of it is not counted, in nanoseconds.
const LEAST: f64 = 5e6;
const MOST: f64 = 38e6;
/// Which share of the time packets wait for such as are held up where that is rare, and where it is common.
const RARE: f64 = 0.1;
const COMMON: f64 = 0.4;
/// A longer time between bursts says nothing.
const MAX_GAP: f64 = 1e8;

/// See the module. All in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HoldUps {
    /// By how much delays have risen beyond what was sent, and not fallen again, and the most of it since there was nothing.
    height: f64,
    peak: f64,
    /// What fell again since packets came together, and the same times the peak it fell from, and the time between bursts:
    /// smoothed over bursts.
    fallen: f64,
    fallen_from: f64,
    gap: f64,
}

impl HoldUps {
    /// The delay of a burst that left `gap` nanoseconds after the one before is so much longer than that one's, which takes the
    /// line so long at most. Or it is shorter, perhaps since they arrived together.
    pub(super) fn add(&mut self, gap: f64, difference: f64, explained: f64, together: bool) {
        let smooth = |mean: &mut f64, value: f64| *mean += (value - *mean) / BURSTS;
        let mut fallen = 0.0;
        if difference > explained {
            self.height = (self.height + difference - explained).min(1e9);
            self.peak = self.peak.max(self.height);
        } else if difference < 0.0 {
            fallen = self.height.min(-difference);
            self.height -= fallen;
        }
        if !together {
            fallen = 0.0;
        }
        smooth(&mut self.fallen, fallen);
        smooth(&mut self.fallen_from, fallen * self.peak);
        smooth(&mut self.gap, gap.min(MAX_GAP));
        if self.height <= 0.0 {
            self.peak = 0.0;
        }
    }

    /// For how long packets are held up where that goes on all the time, beyond what is common.
    pub(super) fn typical(&self) -> Duration {
        if self.fallen <= 0.0 || self.gap <= 0.0 {
            return Duration::ZERO;
        }
        let share = (self.fallen / self.gap - RARE) / (COMMON - RARE);
        let nanos = self.fallen_from / self.fallen * share.clamp(0.0, 1.0);
        Duration::from_nanos((nanos - LEAST).clamp(0.0, MOST) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: f64 = 1e6;

    #[test]
    fn packets_that_come_together_with_one_that_was_held_up_tell_for_how_long_it_was() {
        let mut hold_ups = HoldUps::default();
        for _ in 0..30 {
            // 40 ms, and four behind it in steps of 10 ms.
            hold_ups.add(10.0 * MS, 40.0 * MS, MS, false);
            for _ in 0..4 {
                hold_ups.add(10.0 * MS, -10.0 * MS, MS, true);
            }
        }
        let typical = hold_ups.typical().as_secs_f64();
        assert!((typical - 0.034).abs() < 0.001, "{typical}: 5 ms of the 39 are common");
    }

    #[test]
    fn one_that_is_held_up_now_and_then_changes_nothing() {
        let mut hold_ups = HoldUps::default();
        for _ in 0..5 {
            hold_ups.add(10.0 * MS, 40.0 * MS, MS, false);
            for n in 0..60 {
                hold_ups.add(10.0 * MS, if n < 4 { -10.0 * MS } else { 0.0 }, MS, n < 4);
            }
        }
        assert_eq!(hold_ups.typical(), Duration::ZERO);
    }

    #[test]
    fn frames_that_the_line_works_off_and_a_line_that_became_slower_hold_nobody_up() {
        let mut hold_ups = HoldUps::default();
        for _ in 0..60 {
            // A frame of three packets, which the line takes longer for than thought, and a pause.
            for _ in 0..3 {
                hold_ups.add(5.0 * MS, 20.0 * MS, 15.0 * MS, false);
            }
            hold_ups.add(65.0 * MS, -60.0 * MS, 15.0 * MS, false);
        }
        assert_eq!(hold_ups.typical(), Duration::ZERO);
        for _ in 0..20 {
            hold_ups.add(5.0 * MS, 25.0 * MS, 4.0 * MS, false);
        }
        assert_eq!(hold_ups.typical(), Duration::ZERO);
    }
}

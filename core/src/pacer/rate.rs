//! How fast packets leave.

use std::time::Duration;

use crate::bitrate::Bitrate;

/// Up to this estimate packets leave [`THIN_FACTOR`] times as fast as the line is thought to be …
const THIN: f64 = 500_000.0;
/// … and from this one on [`WIDE_FACTOR`] times.
const WIDE: f64 = 4_000_000.0;
/// What waits here lets the sound pass, what waits on the line does not. A keyframe of 15 kB over 300 kbit/s builds a
/// queue of some 50 ms there; at 1.25 it was 140, since the frames that wait behind it leave at this pace as well.
const THIN_FACTOR: f64 = 1.1;
/// While packets wait on the line for longer than [`QUEUED`] they leave no faster than it carries them.
const QUEUED_FACTOR: f64 = 1.0;
const QUEUED: Duration = Duration::from_millis(30);
/// Where lines are wide frames are sent fast: what they queue up is gone soon.
const WIDE_FACTOR: f64 = 2.5;
/// Nothing is paced slower than this: an estimate may be wrong, and its line dead by the time it is right.
const MIN_RATE: f64 = 30_000.0;

/// How fast packets leave, by what the line is thought to carry, and how long packets wait there.
pub fn pacing_rate(estimate: Bitrate, queue_delay: Duration) -> Bitrate {
    let bps = estimate.as_bps() as f64;
    let share = ((bps - THIN) / (WIDE - THIN)).clamp(0.0, 1.0);
    let thin = if queue_delay > QUEUED { QUEUED_FACTOR } else { THIN_FACTOR };
    Bitrate::bps((bps * (thin + share * (WIDE_FACTOR - thin))).max(MIN_RATE) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thin_lines_are_paced_close_to_their_rate() {
        let factor =
            |kbps: u64| pacing_rate(Bitrate::kbps(kbps), Duration::ZERO).as_bps() as f64 / (kbps * 1_000) as f64;
        assert_eq!([factor(300), factor(500), factor(4_000), factor(50_000)], [1.1, 1.1, 2.5, 2.5]);
        assert!(factor(1_000) > 1.1 && factor(1_000) < factor(2_000));
        assert_eq!(pacing_rate(Bitrate::kbps(10), Duration::ZERO), Bitrate::kbps(30));
    }

    #[test]
    fn a_queue_on_a_thin_line_is_not_added_to() {
        let queued = pacing_rate(Bitrate::kbps(300), Duration::from_millis(50));
        assert_eq!(queued, Bitrate::kbps(300));
        assert_eq!(pacing_rate(Bitrate::kbps(8_000), Duration::from_millis(50)), Bitrate::kbps(20_000));
    }
}

//! How fast packets leave.

use std::time::Duration;

use crate::bitrate::Bitrate;
use crate::estimator::Estimate;

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

/// How fast packets leave, by what the line is thought to carry, how long packets wait there, and what it was seen to
/// carry at most: what leaves faster than that waits on the line, and the sound behind it. Whether there is more is found
/// out by probes, which last a moment; an encoder that moves sends more than it was asked for until they have nowhere to go.
pub fn pacing_rate(estimate: &Estimate) -> Bitrate {
    let bps = estimate.bitrate.as_bps() as f64;
    let share = ((bps - THIN) / (WIDE - THIN)).clamp(0.0, 1.0);
    let thin = if estimate.queue_delay.is_some_and(|wait| wait > QUEUED) { QUEUED_FACTOR } else { THIN_FACTOR };
    let fast = bps * (thin + share * (WIDE_FACTOR - thin));
    let carried = estimate.limit.map_or(fast, |limit| (limit.as_bps() as f64).max(bps));
    Bitrate::bps(fast.min(carried).max(MIN_RATE) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EstimateSource;

    /// The pace in kbit/s for an estimate and a known limit in kbit/s, and a queue in ms.
    fn paced(kbps: u64, limit: Option<u64>, queue: u64) -> u64 {
        let estimate = Estimate {
            bitrate: Bitrate::kbps(kbps),
            lasting: Bitrate::kbps(kbps),
            source: EstimateSource::TransportFeedback,
            proven: true,
            limit: limit.map(Bitrate::kbps),
            round_trip: None,
            fraction_lost: 0.0,
            chance_lost: 0.0,
            queue_delay: Some(Duration::from_millis(queue)),
        };
        pacing_rate(&estimate).as_bps() / 1_000
    }

    #[test]
    fn thin_lines_are_paced_close_to_their_rate() {
        assert_eq!([300, 500, 4_000, 50_000].map(|kbps| paced(kbps, None, 0)), [330, 550, 10_000, 125_000]);
        assert!(paced(1_000, None, 0) > 1_100 && paced(2_000, None, 0) > 2 * paced(1_000, None, 0));
        assert_eq!(paced(10, None, 0), 30);
    }

    #[test]
    fn a_queue_on_a_thin_line_is_not_added_to() {
        assert_eq!(paced(300, None, 50), 300);
        assert_eq!(paced(8_000, None, 50), 20_000);
    }

    #[test]
    fn what_a_line_was_seen_to_carry_is_not_exceeded_but_by_the_estimate() {
        assert_eq!(paced(270, Some(280), 0), 280);
        assert_eq!(paced(290, Some(280), 0), 290, "what is sent must find its way");
        assert_eq!(paced(200, Some(280), 0), 220, "no more than without it");
        assert_eq!(paced(1_000, Some(1_100), 0), 1_100);
    }
}

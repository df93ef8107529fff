//! What is sent twice on a line that loses by chance: first requests for what is missing, and the answers to them. Either may
//! be lost as well, and the receiver would ask once more only after a round trip.

use std::time::Duration;

/// From this share of lost packets on.
pub const LOSSY: f64 = 0.02;
/// Bounds of when the second follows.
const EARLIEST: Duration = Duration::from_millis(10);
const LATEST: Duration = Duration::from_millis(40);

/// How long after the first the second follows: behind a short burst of losses, and before a peer that got the first would
/// take it for another request, or ask again.
pub fn again_after(round_trip: Duration) -> Duration {
    (round_trip / 4).clamp(EARLIEST, LATEST)
}

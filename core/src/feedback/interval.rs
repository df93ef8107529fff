//! How often feedback is sent: on a thin line there is less of it.

use std::time::Duration;

use crate::bitrate::Bitrate;

/// Distance of feedback packets while it is not known how much comes: libwebrtc's own default.
const INTERVAL: Duration = Duration::from_millis(100);
/// Otherwise feedback takes this share of what comes, at packets of this many bits with their headers, within these
/// bounds, all as in libwebrtc.
const SHARE: u64 = 20;
const PACKET_BITS: u64 = 68 * 8;
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_millis(250);

/// The distance of feedback packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval(Duration);

impl Default for Interval {
    fn default() -> Self {
        Interval(INTERVAL)
    }
}

impl Interval {
    /// Where so much comes.
    pub(super) fn for_rate(rate: Bitrate) -> Self {
        let own = Bitrate::bps((rate.as_bps() / SHARE).max(1));
        Interval(own.time_for(PACKET_BITS / 8).clamp(SHORTEST, LONGEST))
    }

    pub(super) fn get(self) -> Duration {
        self.0
    }
}

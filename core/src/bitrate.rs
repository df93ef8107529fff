//! Rates.

use std::time::Duration;

/// A rate in bit/s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bitrate(u64);

impl Bitrate {
    /// Nothing at all.
    pub const ZERO: Bitrate = Bitrate(0);

    /// So many bit/s.
    pub const fn bps(bps: u64) -> Self {
        Bitrate(bps)
    }

    /// So many kbit/s.
    pub const fn kbps(kbps: u64) -> Self {
        Bitrate(kbps * 1000)
    }

    /// In bit/s.
    pub const fn as_bps(self) -> u64 {
        self.0
    }

    /// `bytes` within `duration`; zero for no duration.
    pub fn of(bytes: u64, duration: Duration) -> Self {
        let nanos = duration.as_nanos();
        if nanos == 0 {
            return Bitrate::ZERO;
        }
        Bitrate(u64::try_from(u128::from(bytes) * 8 * 1_000_000_000 / nanos).unwrap_or(u64::MAX))
    }

    /// How many bytes it carries in `duration`.
    pub fn bytes_in(self, duration: Duration) -> u64 {
        u64::try_from(u128::from(self.0) * duration.as_nanos() / 8_000_000_000).unwrap_or(u64::MAX)
    }

    /// How long `bytes` take; a very long time at no rate.
    pub fn time_for(self, bytes: u64) -> Duration {
        if self.0 == 0 {
            return Duration::from_secs(u64::from(u32::MAX));
        }
        Duration::from_nanos(u64::try_from(u128::from(bytes) * 8_000_000_000 / u128::from(self.0)).unwrap_or(u64::MAX))
    }

    /// `factor` times this rate. A negative factor gives zero.
    pub fn scaled(self, factor: f64) -> Self {
        Bitrate((self.0 as f64 * factor) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_durations_agree() {
        let rate = Bitrate::kbps(300);
        assert_eq!(rate.bytes_in(Duration::from_secs(2)), 75_000);
        assert_eq!(rate.time_for(75_000), Duration::from_secs(2));
        assert_eq!(Bitrate::of(75_000, Duration::from_secs(2)), rate);
        assert_eq!(Bitrate::of(1, Duration::ZERO), Bitrate::ZERO);
        assert_eq!(rate.scaled(0.85), Bitrate::kbps(255));
        assert_eq!(rate.scaled(-1.0), Bitrate::ZERO);
    }
}

//! A rate at which bytes may leave.

use std::time::Duration;

use crate::bitrate::Bitrate;
use crate::time::Time;

/// Fractional bits of the cost of a byte.
const SHIFT: u32 = 10;
/// What must not wait can bring the bucket this far into debt; more is forgotten.
const MAX_DEBT: Duration = Duration::from_millis(500);

/// A leaky bucket, kept as the instant at which it has room again: to look at it costs a comparison.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// Nanoseconds that a byte takes, times 2^`SHIFT`; 0 without a limit.
    cost: u64,
    /// How long it may have been saving up.
    burst: Duration,
    room_at: Time,
}

impl Bucket {
    /// A bucket without a limit, which lets through at once what comes in `burst`, once it has one.
    pub(super) fn new(burst: Duration) -> Self {
        Bucket { cost: 0, burst, room_at: Time::ZERO }
    }

    /// From when on there is room.
    #[inline]
    pub(super) fn room_at(&self) -> Time {
        self.room_at
    }

    /// Forgets what was saved up.
    pub(super) fn start(&mut self, now: Time) {
        self.room_at = self.room_at.max(now);
    }

    /// Sets the rate. What was taken before is paid back at the new one.
    pub(super) fn set_rate(&mut self, now: Time, rate: Bitrate) {
        let cost = (8_000_000_000_u64 << SHIFT) / rate.as_bps().max(1);
        if cost == self.cost {
            return;
        }
        if self.room_at > now && self.cost > 0 {
            let debt = self.room_at.since(now).as_nanos() * u128::from(cost) / u128::from(self.cost);
            self.room_at = now + Duration::from_nanos(u64::try_from(debt).unwrap_or(u64::MAX)).min(MAX_DEBT);
        }
        self.cost = cost;
    }

    /// Takes the limit away, and what was taken with it.
    pub(super) fn lift(&mut self) {
        (self.cost, self.room_at) = (0, Time::ZERO);
    }

    /// Takes `bytes` out.
    #[inline]
    pub(super) fn spend(&mut self, now: Time, bytes: usize) {
        if self.cost > 0 {
            let taken = Duration::from_nanos(((bytes as u64).saturating_mul(self.cost)) >> SHIFT);
            self.room_at = (self.room_at.max(now - self.burst) + taken).min(now + MAX_DEBT);
        }
    }

    /// How long `bytes` take to leave.
    pub(super) fn time_for(&self, bytes: usize) -> Duration {
        Duration::from_nanos((bytes as u64).saturating_mul(self.cost) >> SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that leave in packets of 1,000 by `until`, looked at every 5 ms from 1 s on.
    fn left(bucket: &mut Bucket, millis: u64) -> usize {
        let mut bytes = 0;
        for at in (0..millis).step_by(5) {
            let now = Time::from_millis(1_000 + at);
            while bucket.room_at() <= now && bytes < 10_000_000 {
                bucket.spend(now, 1_000);
                bytes += 1_000;
            }
        }
        bytes
    }

    #[test]
    fn the_rate_holds_whenever_it_is_looked_at() {
        for kbps in [100, 375, 3_000, 40_000] {
            let mut bucket = Bucket::new(Duration::from_millis(10));
            bucket.set_rate(Time::from_millis(1_000), Bitrate::kbps(kbps));
            let expected = Bitrate::kbps(kbps).bytes_in(Duration::from_millis(2_010)) as usize;
            let bytes = left(&mut bucket, 2_000);
            assert!(bytes.abs_diff(expected) <= 1_000 + expected / 100, "{bytes} of {expected} at {kbps} kbit/s");
        }
        assert_eq!(left(&mut Bucket::new(Duration::ZERO), 5), 10_000_000, "without a limit");
    }

    #[test]
    fn debt_is_bounded_and_paid_at_the_present_rate() {
        let now = Time::from_millis(1_000);
        let mut bucket = Bucket::new(Duration::ZERO);
        bucket.set_rate(now, Bitrate::kbps(80));
        bucket.spend(now, 1_000);
        assert_eq!(bucket.room_at(), now + Duration::from_millis(100));
        bucket.set_rate(now, Bitrate::kbps(800));
        assert_eq!(bucket.room_at(), now + Duration::from_millis(10));
        bucket.spend(now, 10_000_000);
        assert_eq!(bucket.room_at(), now + MAX_DEBT);
        assert_eq!(bucket.time_for(1_000), Duration::from_millis(10));
    }
}

//! Time as a value: everything in the core is told what time it is.

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A monotonic instant in nanoseconds since an arbitrary origin (the worker's start).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The origin. Nothing happens before it.
    pub const ZERO: Time = Time(0);
    /// Later than every instant that can be reached.
    pub const MAX: Time = Time(u64::MAX);

    /// The instant `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Time(nanos)
    }

    /// The instant `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Self {
        Time(millis * 1_000_000)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole milliseconds since the origin.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Time passed since `earlier`; zero where `earlier` is later.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, rhs: Duration) -> Time {
        Time(self.0.saturating_add(rhs.as_nanos() as u64))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Time {
    type Output = Time;

    fn sub(self, rhs: Duration) -> Time {
        Time(self.0.saturating_sub(rhs.as_nanos() as u64))
    }
}

/// Seconds between the NTP era (1900) and the Unix era (1970), RFC 5905.
const NTP_UNIX_OFFSET_SECONDS: u64 = 2_208_988_800;

/// Maps monotonic time to the wall clock for RTCP sender reports (RFC 3550, section 4).
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock {
    unix_nanos_at_origin: u64,
}

impl WallClock {
    /// A clock for which [`Time::ZERO`] was `unix_nanos` nanoseconds after 1970.
    pub const fn new(unix_nanos: u64) -> Self {
        WallClock { unix_nanos_at_origin: unix_nanos }
    }

    /// The 64-bit NTP timestamp of `now`: seconds since 1900 in the upper, the fraction in the lower half.
    pub const fn ntp(self, now: Time) -> u64 {
        let unix = self.unix_nanos_at_origin + now.as_nanos();
        let seconds = unix / 1_000_000_000 + NTP_UNIX_OFFSET_SECONDS;
        let fraction = ((unix % 1_000_000_000) << 32) / 1_000_000_000;
        (seconds << 32) | fraction
    }

    /// Milliseconds since 1970.
    pub const fn unix_millis(self, now: Time) -> u64 {
        (self.unix_nanos_at_origin + now.as_nanos()) / 1_000_000
    }

    /// The middle 32 bits of the NTP timestamp, as LSR fields and reports carry it.
    pub const fn ntp_middle(self, now: Time) -> u32 {
        (self.ntp(now) >> 16) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_of_the_unix_epoch() {
        let clock = WallClock::new(500_000_000);
        assert_eq!(clock.ntp(Time::ZERO), (NTP_UNIX_OFFSET_SECONDS << 32) | 0x8000_0000);
    }

    #[test]
    fn subtraction_stops_at_the_origin() {
        assert_eq!(Time::from_millis(1) - Duration::from_secs(1), Time::ZERO);
        assert_eq!(Time::from_millis(1).since(Time::from_millis(2)), Duration::ZERO);
    }
}

//! From the kernel's stamps of arrivals to the engine's time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::time::Time;

/// An older stamp says that the wall clock was set in between: no packet waits for so long where anybody reads.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The kernel stamps by the wall clock, which may be set or slewed at any time; so the two are compared anew for each batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArrivalClock {
    now: Time,
    /// The same moment since the Unix epoch.
    wall: Duration,
}

impl ArrivalClock {
    /// `now` by both clocks.
    pub fn at(now: Time) -> Self {
        ArrivalClock { now, wall: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() }
    }

    /// When a datagram with this stamp came: `now` where there is none that can be believed, never later.
    pub fn time_of(&self, stamp: Option<Duration>) -> Time {
        let age = stamp.and_then(|stamp| self.wall.checked_sub(stamp)).filter(|age| *age <= MAX_AGE);
        self.now - age.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_as_old_as_the_wall_clock_says() {
        let clock = ArrivalClock { now: Time::from_millis(5_000), wall: Duration::from_millis(90_000) };
        assert_eq!(clock.time_of(Some(Duration::from_millis(89_998))), Time::from_millis(4_998));
    }

    #[test]
    fn what_cannot_be_believed_came_now() {
        let clock = ArrivalClock { now: Time::from_millis(5_000), wall: Duration::from_millis(90_000) };
        for stamp in
            [None, Some(Duration::from_millis(90_001)), Some(Duration::from_millis(88_999)), Some(Duration::ZERO)]
        {
            assert_eq!(clock.time_of(stamp), clock.now, "{stamp:?}");
        }
    }
}

//! From the kernel's stamps of arrivals to the engine's time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::time::Time;

/// A stamp that lies further before the thread last had taken all that was there says that the wall clock was set in between.
const SLACK: Duration = Duration::from_secs(1);

/// The kernel stamps by the wall clock, which may be set or slewed at any time; so the two are compared anew for each batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArrivalClock {
    now: Time,
    /// The same moment since the Unix epoch.
    wall: Duration,
    /// What came before is not believed.
    oldest: Time,
}

impl ArrivalClock {
    /// `now` by both clocks, for a thread that had last taken all that was there at `caught_up`.
    pub fn at(now: Time, caught_up: Time) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        ArrivalClock { now, wall, oldest: caught_up - SLACK }
    }

    /// When a datagram with this stamp came: `now` where there is none that can be believed, never later.
    pub fn time_of(&self, stamp: Option<Duration>) -> Time {
        let age =
            stamp.and_then(|stamp| self.wall.checked_sub(stamp)).filter(|age| *age <= self.now.since(self.oldest));
        self.now - age.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At 90 s of the wall clock, 5 s after the thread had taken all that was there.
    fn clock() -> ArrivalClock {
        let now = Time::from_millis(20_000);
        ArrivalClock { now, wall: Duration::from_millis(90_000), oldest: Time::from_millis(15_000) - SLACK }
    }

    #[test]
    fn a_stamp_is_as_old_as_the_wall_clock_says() {
        for age in [0, 2, 6_000] {
            let stamp = Duration::from_millis(90_000 - age);
            assert_eq!(clock().time_of(Some(stamp)), clock().now - Duration::from_millis(age));
        }
    }

    #[test]
    fn what_cannot_be_believed_came_now() {
        for stamp in
            [None, Some(Duration::from_millis(90_001)), Some(Duration::from_millis(83_999)), Some(Duration::ZERO)]
        {
            assert_eq!(clock().time_of(stamp), clock().now, "{stamp:?}");
        }
    }
}

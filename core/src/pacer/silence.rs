//! How long the peer has told nothing of what was sent to it.

use std::time::Duration;

use crate::time::Time;

/// A peer that tells what arrives does so several times a second. Silent for longer than this, and two round trips, it
/// gets nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// A peer that is expected to tell what arrives, and has told nothing so long after the first packet, does not.
const MUTE: Duration = Duration::from_secs(2);
/// Meanwhile something leaves at least this often: the first packet that arrives makes the peer speak.
const SIGN_INTERVAL: Duration = Duration::from_millis(200);

/// See the module. A peer that never told anything is not taken to be silent.
pub(super) struct Silence {
    patience: Option<Duration>,
    /// When it becomes an outage; never while nothing is on its way.
    over_at: Time,
    /// When it is known to be mute, as long as it has told nothing; never while nothing was sent.
    mute_at: Time,
    last_sent: Time,
}

impl Default for Silence {
    fn default() -> Self {
        Silence { patience: None, over_at: Time::MAX, mute_at: Time::MAX, last_sent: Time::ZERO }
    }
}

impl Silence {
    /// Something leaves that the peer will tell of.
    #[inline]
    pub(super) fn sent(&mut self, now: Time) {
        self.last_sent = now;
        if self.over_at == Time::MAX {
            match self.patience {
                Some(patience) => self.over_at = now + patience,
                None if self.mute_at == Time::MAX => self.mute_at = now + MUTE,
                None => {}
            }
        }
    }

    /// The peer told something. Returns whether it had been silent for too long.
    pub(super) fn heard(&mut self, now: Time, round_trip: Option<Duration>) -> bool {
        let was_over = self.is_over(now);
        self.patience = Some(PATIENCE + round_trip.unwrap_or_default() * 2);
        (self.over_at, self.mute_at) = (Time::MAX, Time::MAX);
        was_over
    }

    /// Whether it never told anything, and should have by now.
    pub(super) fn is_mute(&self, now: Time) -> bool {
        now >= self.mute_at
    }

    /// When it is known to be mute; [`Time::MAX`] for never.
    pub(super) fn mute_at(&self) -> Time {
        self.mute_at
    }

    /// Whether it has been silent for too long.
    #[inline]
    pub(super) fn is_over(&self, now: Time) -> bool {
        now >= self.over_at
    }

    /// Whether something has to be sent for the peer to tell of.
    pub(super) fn wants_sign_of_life(&self, now: Time) -> bool {
        now.since(self.last_sent) >= SIGN_INTERVAL
    }

    /// When there is something to do, once it is too long.
    pub(super) fn poll_timeout(&self) -> Time {
        if self.over_at == Time::MAX { Time::MAX } else { self.over_at.max(self.last_sent + SIGN_INTERVAL) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_peer_that_has_spoken_can_fall_silent() {
        let mut silence = Silence::default();
        silence.sent(Time::from_millis(0));
        assert!(!silence.is_over(Time::from_millis(60_000)));
        assert!(!silence.heard(Time::from_millis(60_000), Some(Duration::from_millis(100))));
        assert!(!silence.is_over(Time::from_millis(90_000)), "nothing was sent since");
        silence.sent(Time::from_millis(90_000));
        silence.sent(Time::from_millis(91_150));
        assert!(!silence.is_over(Time::from_millis(91_199)));
        assert!(silence.is_over(Time::from_millis(91_200)));
        assert_eq!(silence.poll_timeout(), Time::from_millis(91_350));
        assert!(!silence.wants_sign_of_life(Time::from_millis(91_300)));
        assert!(silence.wants_sign_of_life(Time::from_millis(91_350)));
        assert!(silence.heard(Time::from_millis(95_000), None));
        assert_eq!(silence.poll_timeout(), Time::MAX);
    }

    #[test]
    fn one_that_has_told_nothing_for_two_seconds_is_mute_until_it_does() {
        let mut silence = Silence::default();
        assert_eq!((silence.mute_at(), silence.is_mute(Time::from_millis(60_000))), (Time::MAX, false));
        silence.sent(Time::from_millis(60_000));
        silence.sent(Time::from_millis(61_000));
        assert_eq!(silence.mute_at(), Time::from_millis(62_000));
        assert!(!silence.is_mute(Time::from_millis(61_999)) && silence.is_mute(Time::from_millis(62_000)));
        silence.heard(Time::from_millis(63_000), None);
        silence.sent(Time::from_millis(63_000));
        assert!(!silence.is_mute(Time::from_millis(70_000)));
    }
}

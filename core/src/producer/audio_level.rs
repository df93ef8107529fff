//! How loud a producer is, by what its packets say (RFC 6464).

use std::time::Duration;

use crate::time::Time;

/// Silence on the scale of RFC 6464.
pub const SILENCE: u8 = 127;
/// A level older than this is silence: the sender stopped, or its DTX did.
const MAX_AGE: Duration = Duration::from_millis(1_000);
/// How long a voice is held after the last packet that had one: less flickers between words.
const VOICE_HOLD: Duration = Duration::from_millis(300);
/// Bits behind the point of the smoothed level.
const FRACTION_BITS: u32 = 8;

/// The level, smoothed: it rises fast and falls slowly, as meters do.
#[derive(Clone, Debug, Default)]
pub struct AudioLevelMeter {
    /// −dBov with [`FRACTION_BITS`] behind the point.
    level: i32,
    last: Option<Time>,
    last_voice: Option<Time>,
}

impl AudioLevelMeter {
    /// Takes in the level of one packet.
    #[inline]
    pub fn add(&mut self, now: Time, level: u8, voice: bool) {
        let sample = i32::from(level.min(SILENCE)) << FRACTION_BITS;
        self.level = match self.last {
            Some(last) if now.since(last) <= MAX_AGE => {
                let difference = sample - self.level;
                // Lower is louder.
                self.level + if difference < 0 { difference / 2 } else { difference / 8 }
            }
            _ => sample,
        };
        self.last = Some(now);
        if voice {
            self.last_voice = Some(now);
        }
    }

    /// The level in −dBov and whether it is a voice. None where the producer has not sent any level lately.
    pub fn level(&self, now: Time) -> Option<(u8, bool)> {
        let recent = |at: Option<Time>, age| at.is_some_and(|at| now.since(at) <= age);
        recent(self.last, MAX_AGE).then(|| ((self.level >> FRACTION_BITS) as u8, recent(self.last_voice, VOICE_HOLD)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_fast_falls_slowly_and_ends() {
        let mut meter = AudioLevelMeter::default();
        assert_eq!(meter.level(Time::ZERO), None);
        meter.add(Time::from_millis(0), 100, false);
        assert_eq!(meter.level(Time::from_millis(0)), Some((100, false)));
        meter.add(Time::from_millis(20), 20, true);
        assert_eq!(meter.level(Time::from_millis(20)), Some((60, true)));
        meter.add(Time::from_millis(40), 100, false);
        assert_eq!(meter.level(Time::from_millis(40)), Some((65, true)));
        assert!(!meter.level(Time::from_millis(400)).unwrap().1);
        assert_eq!(meter.level(Time::from_millis(2_000)), None);
    }
}

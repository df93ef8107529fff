//! Where RTP timestamps lie on our wall clock.
//!
//! A publisher's sender reports relate its RTP timestamps to its own clock (RFC 3550, section 6.4.1). To receivers we
//! speak of our clock, and the relation of both clocks must be the same for all streams of a publisher, or its picture
//! and its sound would be played apart: so one [`SenderClock`] serves all producers of a transport.

use std::time::Duration;

use crate::time::{Time, WallClock};

/// One second in NTP units of 2^-32 s.
const NTP_SECOND: i64 = 1 << 32;
/// A difference beyond this is a clock that was set, not a report that was late.
const STEP: i64 = NTP_SECOND;
/// What one report may move the relation by: too little to hear, enough for clocks that drift 1 ms per second apart.
const MAX_SLEW: i64 = NTP_SECOND / 1_000;
/// How much of a difference is believed at once, as a divisor: most of it is the jitter of the network.
const SMOOTHING: i64 = 16;

/// The relation of a publisher's clock to ours.
#[derive(Clone, Debug, Default)]
pub struct SenderClock {
    /// Our NTP time minus the sender's.
    offset: Option<i64>,
}

impl SenderClock {
    /// Takes in a sender report with the NTP time `sender_ntp` that arrived when our clock showed `wall_ntp`, and
    /// returns what our clock showed when it was made.
    pub fn update(&mut self, sender_ntp: u64, wall_ntp: u64) -> u64 {
        let sample = wall_ntp.wrapping_sub(sender_ntp) as i64;
        let offset = match self.offset {
            Some(offset) => {
                let error = sample.wrapping_sub(offset);
                if error.unsigned_abs() > STEP.unsigned_abs() {
                    sample
                } else {
                    // A clock that lies may be off by half of all time there is.
                    offset.wrapping_add((error / SMOOTHING).clamp(-MAX_SLEW, MAX_SLEW))
                }
            }
            None => sample,
        };
        self.offset = Some(offset);
        sender_ntp.wrapping_add_signed(offset)
    }
}

/// One point of a stream on our wall clock, and how fast the stream runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpClock {
    /// Our NTP time when the timestamp was `rtp`.
    pub ntp: u64,
    /// A timestamp of the stream.
    pub rtp: u32,
    /// Timestamp units per second.
    pub clock_rate: u32,
}

impl RtpClock {
    /// The timestamp of the stream at the NTP time `ntp`.
    pub fn rtp_at(&self, ntp: u64) -> u32 {
        let elapsed = i128::from(ntp.wrapping_sub(self.ntp) as i64);
        // To the nearest: there and back between two streams is to be where one came from.
        let units = (elapsed * i128::from(self.clock_rate) + (1 << 31)) >> 32;
        self.rtp.wrapping_add(units as u32)
    }

    /// The NTP time at which the stream had this timestamp, within half a turn of timestamps.
    pub fn ntp_at(&self, rtp: u32) -> u64 {
        let units = i128::from(rtp.wrapping_sub(self.rtp) as i32);
        let elapsed = (units << 32) / i128::from(self.clock_rate.max(1));
        self.ntp.wrapping_add_signed(elapsed as i64)
    }
}

/// What our wall clock showed `delay` (in units of 2^-16 s) and the NTP time `middle` (its middle 32 bits) ago: the
/// round trip by a reception report's LSR and DLSR fields. None where the fields are empty or make no sense.
pub fn round_trip_time(now: Time, wall: WallClock, last_sender_report: u32, delay: u32) -> Option<Duration> {
    /// A round trip beyond this is a clock or a peer that is wrong.
    const MAX_ROUND_TRIP: u32 = 10 << 16;
    if last_sender_report == 0 {
        return None;
    }
    let passed = wall.ntp_middle(now).wrapping_sub(last_sender_report).wrapping_sub(delay);
    // A clock tick too few is a round trip of nothing.
    let passed = if passed > u32::MAX - (1 << 8) { 0 } else { passed };
    (passed <= MAX_ROUND_TRIP).then(|| Duration::from_nanos((u64::from(passed) * 1_000_000_000) >> 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = (1 << 32) / 1_000;

    #[test]
    fn a_clock_that_is_off_by_half_of_all_time_is_taken_as_it_is() {
        let mut clock = SenderClock::default();
        clock.update(1 << 63, 0);
        assert_eq!(clock.update((1 << 63) + (1 << 20), 0), (1 << 20) - (1 << 16));
    }

    #[test]
    fn sound_and_picture_of_one_publisher_share_one_relation() {
        let mut clock = SenderClock::default();
        let audio = clock.update(5_000 * MILLI, 905_000 * MILLI);
        // The report of the picture was made at the same instant and came 40 ms later.
        let video = clock.update(5_000 * MILLI, 905_040 * MILLI);
        assert!(video.abs_diff(audio) <= MILLI, "{} ms", video.abs_diff(audio) / MILLI);
    }

    #[test]
    fn a_clock_that_was_set_is_followed() {
        let mut clock = SenderClock::default();
        clock.update(5_000 * MILLI, 905_000 * MILLI);
        assert_eq!(clock.update(100_000 * MILLI, 906_000 * MILLI), 906_000 * MILLI);
    }

    #[test]
    fn drift_is_followed_slowly() {
        let mut clock = SenderClock::default();
        clock.update(0, 1_000_000 * MILLI);
        let mut mapped = 0;
        for second in 1..=600 {
            // The sender's clock runs 0.1 ms a second slow.
            let sender = second * 1_000 * MILLI - second * MILLI / 10;
            mapped = clock.update(sender, (1_000_000 + second * 1_000) * MILLI);
        }
        assert!(mapped.abs_diff(1_600_000 * MILLI) < 5 * MILLI);
    }

    #[test]
    fn timestamps_follow_the_clock_both_ways() {
        let clock = RtpClock { ntp: 1_000 << 32, rtp: 10, clock_rate: 90_000 };
        assert_eq!(clock.rtp_at(1_001 << 32), 90_010);
        assert_eq!(clock.rtp_at(999 << 32), 10_u32.wrapping_sub(90_000));
        assert_eq!((clock.ntp_at(90_010), clock.ntp_at(10_u32.wrapping_sub(90_000))), (1_001 << 32, 999 << 32));
    }

    #[test]
    fn round_trips() {
        let wall = WallClock::new(1_700_000_000_000_000_000);
        let sent = wall.ntp_middle(Time::from_millis(1_000));
        let rtt = |now, lsr, delay| round_trip_time(Time::from_millis(now), wall, lsr, delay);
        let measured = rtt(1_150, sent, (100 << 16) / 1_000).unwrap().as_millis();
        assert!((49..=51).contains(&measured), "{measured}");
        assert_eq!(rtt(1_150, 0, 0), None, "the receiver has seen no report of ours");
        assert_eq!(rtt(1_000, sent, 10), Some(Duration::ZERO), "clocks tick in steps");
        assert_eq!(rtt(1_000, sent, 40 << 16), None, "nonsense");
    }
}

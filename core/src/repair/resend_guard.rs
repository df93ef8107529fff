//! What a receiver may have sent again: how often, how soon, and how much of it.

use std::time::Duration;

use crate::time::Time;

/// Packets whose retransmissions are remembered; a power of two. A packet this far behind another that was sent again
/// may be sent once more than it should be, within the budget.
const SLOTS: usize = 512;
/// Retransmissions of one packet at most.
const MAX_RESENDS: u8 = 8;
/// Distance of two retransmissions of one packet before a round trip was measured.
const DEFAULT_INTERVAL: Duration = Duration::from_millis(50);
/// Bounds of that distance.
const MIN_INTERVAL: Duration = Duration::from_millis(10);
const MAX_INTERVAL: Duration = Duration::from_millis(300);
/// Budget in bytes per second, whatever the rate of the media.
const MIN_BUDGET_RATE: u64 = 16_000;
/// How many seconds' worth of budget may be spent at once, as a divisor: half a second.
const BURST_DIVISOR: u64 = 2;
/// Bytes that may always be spent at once: a lost keyframe.
const MIN_BURST: u64 = 48_000;
/// Millionths of a byte in a byte.
const MICROS: u128 = 1_000_000;

#[derive(Clone, Copy, Default)]
struct Slot {
    sequence: u64,
    last: Time,
    count: u8,
}

/// The retransmissions to one receiver. Empty until the first is asked for.
#[derive(Default)]
pub struct ResendGuard {
    slots: Vec<Slot>,
    /// In millionths of a byte, so that many small refills lose nothing.
    budget: u64,
    refilled: Time,
}

impl ResendGuard {
    /// Whether the packet `sequence` was sent again already, as far as that is remembered.
    pub fn knows(&self, sequence: u64) -> bool {
        self.slots.get(sequence as usize % SLOTS).is_some_and(|slot| slot.sequence == sequence && slot.count > 0)
    }

    /// Whether the packet `sequence` of `len` bytes may be sent again now; if so, it is counted as sent.
    ///
    /// `media_rate` is the recent rate of the media in bit/s: half of it may be spent on retransmissions.
    pub fn admit(
        &mut self,
        now: Time,
        sequence: u64,
        len: usize,
        round_trip: Option<Duration>,
        media_rate: u64,
    ) -> bool {
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); SLOTS];
            self.budget = u64::MAX;
        }
        let slot = &mut self.slots[sequence as usize % SLOTS];
        if slot.sequence != sequence {
            *slot = Slot { sequence, last: Time::ZERO, count: 0 };
        }
        // A receiver that asks again after a round trip is a little early by its own jitter.
        let interval = round_trip.map_or(DEFAULT_INTERVAL, |rtt| (rtt * 3 / 4).clamp(MIN_INTERVAL, MAX_INTERVAL));
        if slot.count == MAX_RESENDS || (slot.count > 0 && now.since(slot.last) < interval) {
            return false;
        }
        if !self.spend(now, len, media_rate) {
            return false;
        }
        let slot = &mut self.slots[sequence as usize % SLOTS];
        slot.count += 1;
        slot.last = now;
        true
    }

    /// Whether a copy of the packet `sequence`, which was sent again once, may follow now; if so, it is counted as sent.
    pub fn admit_copy(&mut self, now: Time, sequence: u64, len: usize, media_rate: u64) -> bool {
        let once = |slot: &Slot| slot.sequence == sequence && slot.count == 1;
        self.slots.get(sequence as usize % SLOTS).is_some_and(once) && self.spend(now, len, media_rate)
    }

    fn spend(&mut self, now: Time, len: usize, media_rate: u64) -> bool {
        let rate = (media_rate / 16).max(MIN_BUDGET_RATE);
        let refill = u128::from(rate) * now.since(self.refilled).as_nanos() / (1_000_000_000 / MICROS);
        let burst = (rate / BURST_DIVISOR).max(MIN_BURST) * MICROS as u64;
        self.budget = self.budget.saturating_add(u64::try_from(refill).unwrap_or(u64::MAX)).min(burst);
        self.refilled = now;
        let Some(left) = self.budget.checked_sub(len as u64 * MICROS as u64) else {
            return false;
        };
        self.budget = left;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Option<Duration> = Some(Duration::from_millis(100));

    #[test]
    fn once_per_round_trip_and_not_forever() {
        let mut guard = ResendGuard::default();
        assert!(guard.admit(Time::from_millis(0), 7, 100, RTT, 0));
        assert!(!guard.admit(Time::from_millis(20), 7, 100, RTT, 0));
        assert!(guard.admit(Time::from_millis(20), 8, 100, RTT, 0));
        let sent = (1..100).filter(|n| guard.admit(Time::from_millis(n * 100), 7, 100, RTT, 0)).count();
        assert_eq!(sent, usize::from(MAX_RESENDS) - 1);
    }

    #[test]
    fn bytes_are_budgeted_by_the_rate_of_the_media() {
        let spent_in_a_second = |media_rate| {
            let mut guard = ResendGuard::default();
            let asked = (0..10_000_u64).map(|n| Time::from_nanos(1_000_000_000 + n * 100_000));
            asked.enumerate().filter(|(n, now)| guard.admit(*now, *n as u64, 1_000, RTT, media_rate)).count() * 1_000
        };
        assert_eq!(spent_in_a_second(0), (MIN_BURST + MIN_BUDGET_RATE) as usize / 1_000 * 1_000 - 1_000);
        let at_4_mbit = spent_in_a_second(4_000_000);
        assert!((350_000..=380_000).contains(&at_4_mbit), "{at_4_mbit}");
    }

    #[test]
    fn a_colliding_packet_starts_its_own_count() {
        let mut guard = ResendGuard::default();
        assert!(guard.admit(Time::ZERO, 1, 100, RTT, 0));
        assert!(guard.admit(Time::ZERO, 1 + SLOTS as u64, 100, RTT, 0));
    }
}

//! When to wait a moment for company, as network cards do: at light load waking up is what costs.
//!
//! Waiting is a second sleep, and a sleep costs about as much as everything that a turn of the loop does once whatever
//! the number of packets. So it pays where it multiplies the packets of a turn, and both ways are tried to know that.

use std::time::Duration;

/// Weight of the newest turn in the averages, as a power of two.
const SHIFT: u32 = 4;
/// Unit of the averages: 1/256 of a packet.
const ONE: u32 = 256;
/// Packets of one turn that are counted at most.
const MAX_PACKETS: usize = 1_024;
/// Waiting has to bring so many times the packets of a turn that does not wait. Cost is even at one and a half.
const WORTHWHILE: u32 = 2;
/// One turn of so many goes the other way, to learn.
const TRY_EVERY: u32 = 16;

/// Decides by what waiting has brought lately.
pub(super) struct Gather {
    wait: Duration,
    /// Average packets of a turn after waking, without and with waiting.
    averages: [u32; 2],
    turns: u32,
    /// How the turn that is being measured was begun.
    waited: Option<bool>,
}

impl Gather {
    /// Waits `wait` where it pays; zero never waits.
    pub fn new(wait: Duration) -> Self {
        Gather { wait, averages: [ONE; 2], turns: 0, waited: None }
    }

    /// How long to wait, now that packets have woken the thread.
    pub fn after_wake(&mut self) -> Option<Duration> {
        if self.wait.is_zero() {
            return None;
        }
        let [alone, together] = self.averages;
        self.turns = self.turns.wrapping_add(1);
        let waits = (together >= alone * WORTHWHILE) != self.turns.is_multiple_of(TRY_EVERY);
        self.waited = Some(waits);
        waits.then_some(self.wait)
    }

    /// Tells how many packets the turn after that had.
    pub fn received(&mut self, packets: usize) {
        if let Some(waited) = self.waited.take() {
            let average = &mut self.averages[usize::from(waited)];
            let sample = packets.min(MAX_PACKETS) as u32 * ONE;
            *average = *average - (*average >> SHIFT) + (sample >> SHIFT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_micros(200);

    /// How many of 1,600 turns wait when they get so many packets without and with waiting.
    fn waits(gather: &mut Gather, alone: usize, together: usize) -> usize {
        let mut waits = 0;
        for _ in 0..1_600 {
            let waited = gather.after_wake().is_some();
            waits += usize::from(waited);
            gather.received(if waited { together } else { alone });
        }
        waits
    }

    #[test]
    fn it_waits_where_that_brings_company_and_stops_where_it_does_not() {
        let mut gather = Gather::new(WAIT);
        assert!(waits(&mut gather, 1, 8) > 1_200);
        assert!(waits(&mut gather, 1, 1) < 400);
        assert!(waits(&mut gather, 10, 12) < 400);
        assert!(waits(&mut gather, 2, 30) > 1_200);
    }

    #[test]
    fn it_never_waits_when_told_not_to() {
        assert_eq!(waits(&mut Gather::new(Duration::ZERO), 1, 100), 0);
    }

    #[test]
    fn a_turn_that_was_not_begun_by_waking_teaches_nothing() {
        let mut gather = Gather::new(WAIT);
        gather.received(1_000);
        assert_eq!(gather.averages, [ONE; 2]);
    }
}

//! What was sent and what arrived lately.

use std::time::Duration;

use crate::time::Time;

/// One of the steps that a rate is counted in.
const STEP: Duration = Duration::from_millis(50);
/// Steps remembered.
const STEPS: usize = 10;

/// Bytes over the last half second.
pub(super) struct Meter {
    steps: [u64; STEPS],
    /// The step that is counted in, by its number since the origin.
    current: u64,
    /// The step of the first bytes since nothing was counted for long.
    first: u64,
    sum: u64,
}

impl Meter {
    pub(super) fn new() -> Self {
        Meter { steps: [0; STEPS], current: 0, first: 0, sum: 0 }
    }

    #[inline]
    pub(super) fn add(&mut self, now: Time, bytes: u32) {
        let step = now.as_nanos() / STEP.as_nanos() as u64;
        if step > self.current {
            self.advance(step);
        }
        // What is out of order by a step is counted now: the sum is what matters.
        self.steps[(self.current % STEPS as u64) as usize] += u64::from(bytes);
        self.sum += u64::from(bytes);
    }

    /// In bit/s over the last half second, or since it began; zero after a pause of as long.
    pub(super) fn rate(&mut self, now: Time) -> f64 {
        let step = now.as_nanos() / STEP.as_nanos() as u64;
        if step > self.current {
            self.advance(step);
        }
        self.last_rate()
    }

    /// The same when it was last asked for or added to.
    pub(super) fn last_rate(&self) -> f64 {
        let begun = (self.current - self.first + 1).clamp(4, STEPS as u64);
        self.sum as f64 * 8.0 / (begun as f64 * STEP.as_secs_f64())
    }

    fn advance(&mut self, step: u64) {
        if step - self.current >= STEPS as u64 {
            (self.steps, self.sum, self.first) = ([0; STEPS], 0, step);
        } else {
            for gone in self.current + 1..=step {
                let slot = &mut self.steps[(gone % STEPS as u64) as usize];
                self.sum -= *slot;
                *slot = 0;
            }
        }
        self.current = step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_rate_from_the_start_and_after_a_pause() {
        let mut meter = Meter::new();
        for n in 0..20 {
            meter.add(Time::from_millis(1_000 + n * 20), 500);
        }
        let rate = meter.rate(Time::from_millis(1_400));
        assert!((rate - 200_000.0).abs() < 30_000.0, "{rate}");
        assert_eq!(meter.rate(Time::from_millis(2_500)), 0.0);
    }
}

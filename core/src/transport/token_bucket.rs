//! A limit on a rate that allows for bursts.

use crate::time::Time;

/// A token bucket: `burst` at once, `per_second` in the long run.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    per_second: u32,
    burst: u32,
    /// Tokens times 10^9, so that time in nanoseconds times tokens per second adds up without division.
    nano_tokens: u64,
    updated: Time,
}

const NANOS: u64 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket.
    pub fn new(per_second: u32, burst: u32) -> Self {
        TokenBucket { per_second, burst, nano_tokens: u64::from(burst) * NANOS, updated: Time::ZERO }
    }

    /// Takes a token; false where there is none.
    pub fn take(&mut self, now: Time) -> bool {
        let elapsed = now.since(self.updated).as_nanos() as u64;
        self.updated = now.max(self.updated);
        let gained = elapsed.saturating_mul(u64::from(self.per_second));
        self.nano_tokens = self.nano_tokens.saturating_add(gained).min(u64::from(self.burst) * NANOS);
        if self.nano_tokens < NANOS {
            return false;
        }
        self.nano_tokens -= NANOS;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let mut bucket = TokenBucket::new(10, 3);
        let taken = |bucket: &mut TokenBucket, at: u64| (0..100).filter(|_| bucket.take(Time::from_millis(at))).count();
        assert_eq!(taken(&mut bucket, 0), 3);
        assert_eq!(taken(&mut bucket, 99), 0);
        assert_eq!(taken(&mut bucket, 200), 2);
        assert_eq!(taken(&mut bucket, 100_000), 3);
    }
}

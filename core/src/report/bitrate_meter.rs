//! The recent rate of a stream.

use crate::time::Time;

/// One bucket is 2^27 ns, about 134 ms: a shift finds it.
const BUCKET_SHIFT: u32 = 27;
/// Buckets that are summed up, about one second together.
const BUCKETS: usize = 8;

/// Bytes of the last second, in buckets.
#[derive(Clone, Default)]
pub struct BitrateMeter {
    bytes: [u32; BUCKETS],
    newest: u64,
}

impl BitrateMeter {
    /// Counts a packet of `len` bytes.
    #[inline]
    pub fn add(&mut self, now: Time, len: usize) {
        self.advance(now.as_nanos() >> BUCKET_SHIFT);
        let bucket = &mut self.bytes[self.newest as usize % BUCKETS];
        *bucket = bucket.saturating_add(len as u32);
    }

    /// Bits per second over the last second or so, up to the end of the last full bucket.
    pub fn rate(&self, now: Time) -> u64 {
        let current = now.as_nanos() >> BUCKET_SHIFT;
        let full = current.saturating_sub(BUCKETS as u64 - 1)..current;
        let oldest_held = (self.newest + 1).saturating_sub(BUCKETS as u64);
        let bytes: u64 = full
            .filter(|bucket| (oldest_held..=self.newest).contains(bucket))
            .map(|bucket| u64::from(self.bytes[bucket as usize % BUCKETS]))
            .sum();
        let window_nanos = (BUCKETS as u64 - 1) << BUCKET_SHIFT;
        bytes * 8 * 1_000_000_000 / window_nanos
    }

    #[inline]
    fn advance(&mut self, bucket: u64) {
        if bucket > self.newest {
            let steps = (bucket - self.newest).min(BUCKETS as u64);
            for passed in 0..steps {
                self.bytes[(bucket - passed) as usize % BUCKETS] = 0;
            }
            self.newest = bucket;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_has_its_rate_and_silence_has_none() {
        let mut meter = BitrateMeter::default();
        for millis in 0..3_000 {
            meter.add(Time::from_millis(millis), 125);
        }
        let rate = meter.rate(Time::from_millis(3_000));
        assert!((990_000..=1_010_000).contains(&rate), "{rate}");
        assert_eq!(meter.rate(Time::from_millis(4_500)), 0);
        meter.add(Time::from_millis(60_000), 1_000);
        assert!(meter.rate(Time::from_millis(60_500)) < 10_000);
    }
}

//! Delays, counted in buckets that grow by a sixteenth of an octave: 4 % wide, from 16 µs to a quarter of a minute.

use std::time::Duration;

use serde::{Serialize, Serializer};

const BUCKETS: usize = 320;
/// Of the shortest delay that has a bucket of its own, in µs, as a power of two.
const LEAST_EXPONENT: u32 = 4;
const PARTS: u32 = 16;

#[derive(Clone)]
pub struct Histogram {
    counts: Box<[u32; BUCKETS]>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: Box::new([0; BUCKETS]), total: 0 }
    }
}

impl Histogram {
    pub fn add(&mut self, delay: Duration) {
        self.counts[bucket(delay)] += 1;
        self.total += 1;
    }

    pub fn merge(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(other.counts.iter()).for_each(|(own, others)| *own += others);
        self.total += other.total;
    }

    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }

    /// The upper end of the bucket below which the share (0 to 1) of all delays lies, in seconds.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.counts.iter().enumerate().find_map(|(index, count)| {
            seen += u64::from(*count);
            (seen >= wanted).then(|| upper(index))
        })
    }
}

/// As pairs of a bucket's upper end in seconds and how many delays lie in it; empty buckets are left out.
impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let filled = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        serializer.collect_seq(filled.map(|(index, count)| (upper(index), count)))
    }
}

fn bucket(delay: Duration) -> usize {
    let micros = u32::try_from(delay.as_micros()).unwrap_or(u32::MAX).max(1 << LEAST_EXPONENT);
    let exponent = micros.ilog2();
    let part = (micros >> (exponent - LEAST_EXPONENT)) - PARTS;
    (((exponent - LEAST_EXPONENT) * PARTS + part) as usize).min(BUCKETS - 1)
}

fn upper(index: usize) -> f64 {
    let (octave, part) = (index as u32 / PARTS, index as u32 % PARTS);
    f64::from(PARTS + part + 1) * f64::from(1 << octave) * 1e-6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_bucket_of_the_truth() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        (1..=1000).for_each(|n| histogram.add(Duration::from_micros(n * 100)));
        for share in [0.01, 0.5, 0.95, 1.0] {
            let found = histogram.quantile(share).expect("not empty") / (share * 0.1);
            assert!((1.0..1.07).contains(&found), "{share}: {found}");
        }
        histogram.add(Duration::from_secs(100));
        assert!(histogram.quantile(1.0).expect("not empty") > 16.0);
    }

    #[test]
    fn a_histogram_is_written_without_its_empty_buckets() {
        let mut histogram = Histogram::default();
        histogram.add(Duration::from_micros(16));
        histogram.add(Duration::from_micros(33));
        let text = serde_json::to_value(&histogram).expect("written");
        assert_eq!(text, serde_json::json!([[0.000017, 1], [0.000034, 1]]));
    }
}

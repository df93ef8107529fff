//! What drops packets of a link other than a full queue.

use crate::network::{MS, Nanos};

/// A token bucket: what comes faster than its rate is dropped, not queued, as some operators do beyond what was paid for.
#[derive(Clone, Copy, Debug)]
pub struct Policer {
    pub kbps: u64,
    /// Bytes that may come at once.
    pub burst: f64,
    tokens: f64,
    at: Nanos,
}

impl Policer {
    /// A full bucket.
    pub fn new(kbps: u64, burst: f64) -> Self {
        Policer { kbps, burst, tokens: burst, at: 0 }
    }

    /// Whether a packet of so many bytes goes on.
    pub fn lets_pass(&mut self, now: Nanos, size: usize) -> bool {
        let filled = self.tokens + (now.saturating_sub(self.at) * self.kbps) as f64 / 8e6;
        (self.tokens, self.at) = (filled.min(self.burst), now.max(self.at));
        let passes = self.tokens >= size as f64;
        if passes {
            self.tokens -= size as f64;
        }
        passes
    }
}

/// CoDel's target, and the time in which a queue has to come below it (RFC 8289).
const TARGET: Nanos = 5 * MS;
const INTERVAL: Nanos = 100 * MS;
/// A queue of no more than one packet is none, in bytes.
const PACKET: usize = 1_500;

/// CoDel (RFC 8289): drops from the head of a queue that has stood for long, ever more often.
#[derive(Clone, Copy, Debug, Default)]
pub struct CoDel {
    above_until: Option<Nanos>,
    /// When the next one is dropped, and how many were.
    dropping: Option<(Nanos, u32)>,
}

impl CoDel {
    /// Whether a packet is dropped that leaves a queue of so many bytes after it waited for so long.
    pub fn drops(&mut self, now: Nanos, waited: Nanos, queued: usize) -> bool {
        if waited < TARGET || queued <= PACKET {
            (self.above_until, self.dropping) = (None, None);
            return false;
        }
        let until = *self.above_until.get_or_insert(now + INTERVAL);
        let (next, count) = self.dropping.unwrap_or((until, 0));
        if now < next {
            return false;
        }
        self.dropping = Some((next + (INTERVAL as f64 / f64::from(count + 1).sqrt()) as Nanos, count + 1));
        true
    }
}

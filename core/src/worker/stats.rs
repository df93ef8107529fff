//! Counters of a worker, copied out by its thread now and then and read from any thread.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::engine::Counters;

/// Upper bounds of the buckets of the forward delay in µs; one more bucket takes what is above.
pub const FORWARD_DELAY_BOUNDS_US: [u64; 11] = [50, 100, 150, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000];

/// How long forwarded packets were in our hands: counts per bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForwardDelay([u64; FORWARD_DELAY_BOUNDS_US.len() + 1]);

impl ForwardDelay {
    /// Counts `packets` that were handed to the kernel `delay` after they were received.
    pub fn record(&mut self, delay: Duration, packets: u64) {
        let micros = delay.as_micros() as u64;
        let bucket = FORWARD_DELAY_BOUNDS_US.iter().position(|bound| micros <= *bound);
        self.0[bucket.unwrap_or(FORWARD_DELAY_BOUNDS_US.len())] += packets;
    }
}

/// What the thread copies out.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    pub engine: Counters,
    pub kernel_drops: u64,
    pub send_failures: u64,
    pub tcp_framing_errors: u64,
    pub tcp_connections: u64,
    pub busy: Duration,
    pub forward_delay: ForwardDelay,
}

/// Counters of a worker since its start; `WorkerStats` in `bridge/_core.pyi`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkerStats {
    /// Datagrams and TCP frames received.
    pub packets_received: u64,
    /// Their bytes, without IP and UDP headers.
    pub bytes_received: u64,
    /// Packets handed to the kernel or to a TCP connection, those that failed included.
    pub packets_sent: u64,
    /// Their bytes, without IP and UDP headers.
    pub bytes_sent: u64,
    /// Datagrams that the kernel dropped since a receive buffer was full (SO_RXQ_OVFL).
    pub kernel_drops: u64,
    /// Datagrams that the kernel refused, or that were dropped since a TCP peer does not read.
    pub send_failures: u64,
    /// Unusable datagrams by kind; every kind is there.
    pub errors: BTreeMap<&'static str, u64>,
    /// CPU time of the thread.
    pub busy_ns: u64,
    /// Transports that exist.
    pub transports: u64,
    /// Producers that exist.
    pub producers: u64,
    /// Consumers that exist.
    pub consumers: u64,
    /// TCP connections that are open.
    pub tcp_connections: u64,
    /// Sequence numbers that receivers asked for again.
    pub nacks_received: u64,
    /// Sequence numbers that publishers were asked for again.
    pub nacks_sent: u64,
    /// Retransmissions sent to receivers.
    pub retransmissions: u64,
    /// Keyframes that receivers asked for.
    pub keyframe_requests_received: u64,
    /// Keyframes that publishers were asked for.
    pub keyframe_requests_sent: u64,
    /// Events dropped since the control plane does not drain them.
    pub events_dropped: u64,
    /// Histogram of the time from receiving to handing on; one count per bucket.
    pub forward_delay: Vec<u64>,
    /// Upper bounds of its buckets in µs; the last bucket has none.
    pub forward_delay_bounds_us: Vec<u64>,
}

impl Snapshot {
    /// In the shape that is handed out.
    pub fn stats(&self, events_dropped: u64) -> WorkerStats {
        let engine = &self.engine;
        let mut errors: BTreeMap<_, _> = engine.errors.iter().collect();
        errors.insert("tcp_framing", self.tcp_framing_errors);
        WorkerStats {
            packets_received: engine.packets_received,
            bytes_received: engine.bytes_received,
            packets_sent: engine.packets_sent,
            bytes_sent: engine.bytes_sent,
            kernel_drops: self.kernel_drops,
            send_failures: self.send_failures,
            errors,
            busy_ns: self.busy.as_nanos() as u64,
            transports: engine.transports,
            producers: engine.producers,
            consumers: engine.consumers,
            tcp_connections: self.tcp_connections,
            nacks_received: engine.nacks_received,
            nacks_sent: engine.nacks_sent,
            retransmissions: engine.retransmissions,
            keyframe_requests_received: engine.keyframe_requests_received,
            keyframe_requests_sent: engine.keyframe_requests_sent,
            events_dropped,
            forward_delay: self.forward_delay.0.to_vec(),
            forward_delay_bounds_us: FORWARD_DELAY_BOUNDS_US.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_fall_into_the_bucket_of_the_next_bound() {
        let mut delay = ForwardDelay::default();
        delay.record(Duration::from_micros(50), 1);
        delay.record(Duration::from_micros(51), 2);
        delay.record(Duration::from_secs(1), 4);
        assert_eq!(delay.0[..2], [1, 2]);
        assert_eq!(delay.0.last(), Some(&4));
    }
}

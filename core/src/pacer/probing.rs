//! A probe that is being sent.

use std::time::Duration;

use super::bucket::Bucket;
use crate::estimator::Probe;
use crate::time::Time;

/// A probe that takes longer than it should by this is over: there was nothing to send it with.
const GRACE: Duration = Duration::from_millis(200);

/// What is left to be sent of a probe, and when.
pub(super) struct Probing {
    pub(super) id: u32,
    bucket: Bucket,
    bytes: usize,
    packets: usize,
    until: Time,
}

impl Probing {
    pub(super) fn new(now: Time, probe: &Probe) -> Self {
        let mut bucket = Bucket::new(Duration::from_millis(5));
        bucket.set_rate(now, probe.bitrate);
        bucket.start(now);
        let until = now + probe.bitrate.time_for(probe.bytes as u64) * 2 + GRACE;
        Probing { id: probe.id, bucket, bytes: probe.bytes, packets: probe.packets, until }
    }

    /// From when on the next packet may leave.
    pub(super) fn room_at(&self) -> Time {
        self.bucket.room_at()
    }

    /// A packet leaves as part of it. Returns whether that was the last.
    pub(super) fn spend(&mut self, now: Time, bytes: usize) -> bool {
        self.bucket.spend(now, bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.packets = self.packets.saturating_sub(1);
        self.bytes == 0 && self.packets == 0
    }

    /// Bytes that are still to be sent.
    pub(super) fn bytes_left(&self) -> usize {
        self.bytes
    }

    /// Whether it is given up.
    pub(super) fn is_over(&self, now: Time) -> bool {
        now > self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitrate::Bitrate;

    #[test]
    fn a_probe_leaves_at_its_rate_and_ends_when_all_is_sent() {
        let probe = Probe { id: 7, bitrate: Bitrate::kbps(800), bytes: 5_000, packets: 5 };
        let start = Time::from_millis(1_000);
        let mut probing = Probing::new(start, &probe);
        let mut left = Vec::new();
        for millis in (1_000..2_000).step_by(5) {
            let now = Time::from_millis(millis);
            while probing.room_at() <= now {
                left.push(millis);
                if probing.spend(now, 1_000) {
                    assert_eq!(left, [1_000, 1_010, 1_020, 1_030, 1_040]);
                    assert!(!probing.is_over(now));
                    return;
                }
            }
        }
        panic!("it did not end");
    }

    #[test]
    fn it_takes_both_its_bytes_and_its_packets() {
        let probe = Probe { id: 7, bitrate: Bitrate::kbps(800), bytes: 1_000, packets: 3 };
        let now = Time::from_millis(1_000);
        let mut probing = Probing::new(now, &probe);
        assert!(!probing.spend(now, 1_000));
        assert!(!probing.spend(now, 1_000));
        assert!(probing.spend(now, 1_000));
        assert!(probing.is_over(now + Duration::from_secs(1)));
    }
}

//! What a consumer says of itself, and hears from its receiver beyond what that has lost: reports, requests for keyframes,
//! statistics.

use std::time::Duration;

use super::Consumer;
use crate::event::ConsumerStats;
use crate::packet::rtcp::{ReportBlock, SenderInfo};
use crate::producer::{Liveness, Producer};
use crate::report::ReportProgress;
use crate::time::{Time, WallClock};

/// A keyframe that was sent this long ago may still be on its way when the receiver asks for one, before a round trip
/// was measured.
const DEFAULT_KEYFRAME_FLIGHT: Duration = Duration::from_millis(100);

/// What was counted so far.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) packets_at_last_report: u64,
    pub(super) retransmissions: u64,
    pub(super) nacks_received: u64,
    pub(super) nacks_missed: u64,
    pub(super) keyframe_requests_received: u64,
    pub(super) dropped_unmapped: u64,
}

impl Consumer {
    /// The receiver reports on what we send. Returns what that says of the line.
    pub fn on_receiver_report(&mut self, now: Time, wall: WallClock, report: &ReportBlock) -> ReportProgress {
        self.watchdog.report(now, report.highest_sequence_number);
        self.remote.update(now, wall, report)
    }

    /// The receiver asks for a keyframe. Returns whether the producer is to be asked: not where one is on its way.
    pub fn on_keyframe_request(&mut self, now: Time) -> bool {
        self.totals.keyframe_requests_received += 1;
        self.takes_keyframe(now)
    }

    /// Whether a keyframe would help the receiver: not where one is on its way.
    pub fn takes_keyframe(&self, now: Time) -> bool {
        let flight = self.remote.round_trip.unwrap_or(DEFAULT_KEYFRAME_FLIGHT);
        !self.paused && self.keyframe_sent.is_none_or(|sent| now.since(sent) > flight)
    }

    /// The sender information of a report to send now: once per report of the transport. None where nothing was sent
    /// since the last, and before the first report of the producer's own sender, without which nobody knows how
    /// picture and sound belong together.
    pub fn sender_info(&mut self, now: Time, wall: WallClock, producer: &Producer) -> Option<SenderInfo> {
        if self.totals.packets == self.totals.packets_at_last_report {
            return None;
        }
        let epoch = self.current?;
        let clock = producer.rtp_clock(epoch.stream)?;
        self.totals.packets_at_last_report = self.totals.packets;
        let ntp = wall.ntp(now);
        Some(SenderInfo {
            ntp,
            rtp_timestamp: clock.rtp_at(ntp).wrapping_add(epoch.offsets.timestamp),
            packet_count: self.totals.packets as u32,
            octet_count: self.totals.bytes as u32,
        })
    }

    /// The watchdog's news, if any.
    pub fn poll_watchdog(&mut self, now: Time) -> Option<Liveness> {
        self.watchdog.poll(now)
    }

    /// When [`poll_watchdog`](Self::poll_watchdog) may have something to say; [`Time::MAX`] for never.
    pub fn poll_timeout(&self) -> Time {
        self.watchdog.poll_timeout()
    }

    /// What was counted so far, and the receiver's last report.
    pub fn stats(&self, now: Time, consumer_id: u64, producer_id: u64) -> ConsumerStats {
        ConsumerStats {
            consumer_id,
            producer_id,
            packets: self.totals.packets,
            bytes: self.totals.bytes,
            retransmissions: self.totals.retransmissions,
            nacks_received: self.totals.nacks_received,
            nacks_missed: self.totals.nacks_missed,
            keyframe_requests_received: self.totals.keyframe_requests_received,
            fraction_lost: self.remote.fraction_lost,
            packets_lost: self.remote.packets_lost,
            jitter: f64::from(self.remote.jitter) / f64::from(self.clock_rate.max(1)),
            round_trip_time: self.remote.round_trip.map(|rtt| rtt.as_secs_f64()),
            dropped_unmapped: self.totals.dropped_unmapped,
            bitrate: self.meter.rate(now),
            spatial: self.current.map(|_| self.layers.encoding),
            layer_switches: self.layers.switches,
        }
    }
}

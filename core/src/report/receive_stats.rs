//! What was received of a stream, by the arithmetic of RFC 3550 (appendices A.3 and A.8).

use std::time::Duration;

use crate::packet::rtcp::ReportBlock;
use crate::time::{Time, WallClock};

/// Counts one incoming stream as its sender numbered it: retransmissions are not counted as received, for the report
/// is to show what the network did.
#[derive(Clone, Debug)]
pub struct ReceiveStats {
    base: u64,
    highest: u64,
    received: u64,
    expected_at_last_report: u64,
    received_at_last_report: u64,
    /// Jitter in 16ths of a timestamp unit.
    jitter: u32,
    last_transit: Option<u32>,
    last_sender_report: Option<(u32, Time)>,
}

impl ReceiveStats {
    /// Statistics of a stream whose first packet has the extended sequence number `first`.
    pub fn new(first: u64) -> Self {
        ReceiveStats {
            base: first,
            highest: first,
            received: 0,
            expected_at_last_report: 0,
            received_at_last_report: 0,
            jitter: 0,
            last_transit: None,
            last_sender_report: None,
        }
    }

    /// Counts a packet that arrived in its own right.
    #[inline]
    pub fn received(&mut self, now: Time, sequence: u64, timestamp: u32, clock_rate: u32) {
        self.received += 1;
        self.base = self.base.min(sequence);
        self.highest = self.highest.max(sequence);
        let arrival = (u128::from(now.as_nanos()) * u128::from(clock_rate) / 1_000_000_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(last) = self.last_transit {
            let difference = (transit.wrapping_sub(last) as i32).unsigned_abs();
            // A jump beyond a minute is the sender's clock, not the network.
            if difference < clock_rate.saturating_mul(60) {
                self.jitter = self.jitter.saturating_add(difference).saturating_sub((self.jitter + 8) >> 4);
            }
        }
        self.last_transit = Some(transit);
    }

    /// A sender report with the middle 32 bits `ntp_middle` of its NTP time arrived.
    pub fn sender_report(&mut self, now: Time, ntp_middle: u32) {
        self.last_sender_report = Some((ntp_middle, now));
    }

    /// Packets that should have come so far.
    pub fn expected(&self) -> u64 {
        self.highest - self.base + 1
    }

    /// Packets that came in their own right.
    pub fn packets(&self) -> u64 {
        self.received
    }

    /// Jitter in seconds.
    pub fn jitter_seconds(&self, clock_rate: u32) -> f64 {
        f64::from(self.jitter >> 4) / f64::from(clock_rate.max(1))
    }

    /// The report since the last one. To be called once per report sent.
    pub fn report(&mut self, now: Time, ssrc: u32) -> ReportBlock {
        let expected = self.expected();
        let expected_since = expected - self.expected_at_last_report;
        let lost_since = expected_since.saturating_sub(self.received - self.received_at_last_report);
        self.expected_at_last_report = expected;
        self.received_at_last_report = self.received;
        let fraction_lost = (lost_since * 256).checked_div(expected_since).unwrap_or(0).min(255) as u8;
        let (last_sender_report, delay_since_last_sender_report) = match self.last_sender_report {
            Some((ntp_middle, at)) => (ntp_middle, in_65536ths(now.since(at))),
            None => (0, 0),
        };
        ReportBlock {
            ssrc,
            fraction_lost,
            cumulative_lost: (expected as i64 - self.received as i64).clamp(i64::from(i32::MIN), i64::from(i32::MAX))
                as i32,
            // The first turn is above zero (see `crate::sequence`), and is not counted on the wire.
            highest_sequence_number: (self.highest - (1 << 16)) as u32,
            jitter: self.jitter >> 4,
            last_sender_report,
            delay_since_last_sender_report,
        }
    }
}

/// A duration in units of 2^-16 s, as DLSR fields carry it.
fn in_65536ths(duration: Duration) -> u32 {
    u32::try_from((duration.as_nanos() << 16) / 1_000_000_000).unwrap_or(u32::MAX)
}

/// The middle 32 bits of a 64-bit NTP timestamp.
pub fn ntp_middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// What a receiver's reports say of a stream we send.
#[derive(Clone, Debug, Default)]
pub struct RemoteStats {
    /// Lost since its last report, 0–1.
    pub fraction_lost: f64,
    /// Lost in all.
    pub packets_lost: i64,
    /// Jitter in timestamp units.
    pub jitter: u32,
    /// Round trip, smoothed.
    pub round_trip: Option<Duration>,
    /// The highest sequence number it has received, with wrap-arounds.
    highest: Option<u32>,
}

/// What one report tells of the line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReportProgress {
    /// Lost since the report before, 0–1.
    pub lost: f64,
    /// Packets expected since the report before; 0 for the first.
    pub expected: u32,
    /// The round trip, where the report allows to compute it.
    pub round_trip: Option<Duration>,
    /// When the report of ours left that it answers, where it allows to compute the round trip.
    pub answers: Option<Time>,
}

impl RemoteStats {
    /// Takes in a report that arrived now.
    pub fn update(&mut self, now: Time, wall: WallClock, report: &ReportBlock) -> ReportProgress {
        let highest = report.highest_sequence_number;
        let before = self.highest.replace(highest).unwrap_or(highest);
        // A receiver that starts over counts from anywhere: then nothing was expected.
        let expected = highest.wrapping_sub(before).cast_signed().max(0).cast_unsigned();
        self.fraction_lost = f64::from(report.fraction_lost) / 256.0;
        self.packets_lost = i64::from(report.cumulative_lost);
        self.jitter = report.jitter;
        let sample =
            super::round_trip_time(now, wall, report.last_sender_report, report.delay_since_last_sender_report);
        if let Some(sample) = sample {
            self.round_trip = Some(self.round_trip.map_or(sample, |smoothed| (smoothed * 7 + sample) / 8));
        }
        let held = Duration::from_nanos((u64::from(report.delay_since_last_sender_report) * 1_000_000_000) >> 16);
        let answers = sample.map(|sample| now - (sample + held));
        ReportProgress { lost: self.fraction_lost, expected, round_trip: sample, answers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sequence::first;

    const RATE: u32 = 90_000;

    #[test]
    fn loss_is_what_is_missing_since_the_last_report() {
        let start = first(65_530);
        let mut stats = ReceiveStats::new(start);
        for n in (0..100).filter(|n| n % 4 != 1) {
            stats.received(Time::from_millis(n * 10), start + n, n as u32 * 900, RATE);
        }
        let report = stats.report(Time::from_millis(1_000), 7);
        assert_eq!((report.ssrc, report.cumulative_lost, report.fraction_lost), (7, 25, 64));
        assert_eq!(report.highest_sequence_number, (1 << 16) + 93);
        for n in 100..200 {
            stats.received(Time::from_millis(n * 10), start + n, n as u32 * 900, RATE);
        }
        let report = stats.report(Time::from_millis(2_000), 7);
        assert_eq!((report.cumulative_lost, report.fraction_lost), (25, 0));
        let report = stats.report(Time::from_millis(3_000), 7);
        assert_eq!((report.cumulative_lost, report.fraction_lost), (25, 0));
    }

    #[test]
    fn duplicates_make_loss_negative() {
        let mut stats = ReceiveStats::new(first(10));
        for _ in 0..3 {
            stats.received(Time::ZERO, first(10), 0, RATE);
        }
        assert_eq!(stats.report(Time::ZERO, 7).cumulative_lost, -2);
    }

    #[test]
    fn jitter_settles_at_the_mean_difference() {
        let mut stats = ReceiveStats::new(first(0));
        for n in 0..2_000_u64 {
            let late = if n % 2 == 0 { 0 } else { 4 };
            stats.received(Time::from_millis(n * 20 + late), first(0) + n, n as u32 * 1_800, RATE);
        }
        let millis = stats.jitter_seconds(RATE) * 1_000.0;
        assert!((3.9..4.1).contains(&millis), "{millis}");
    }

    #[test]
    fn sender_reports_are_echoed() {
        let mut stats = ReceiveStats::new(first(0));
        assert_eq!(stats.report(Time::ZERO, 7).last_sender_report, 0);
        stats.sender_report(Time::from_millis(100), 0x1234_5678);
        let report = stats.report(Time::from_millis(600), 7);
        assert_eq!((report.last_sender_report, report.delay_since_last_sender_report), (0x1234_5678, 0x8000));
    }
}

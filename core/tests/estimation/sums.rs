//! A receiver that tells nothing of single packets: it reports once a second on each source, and may tell its own
//! estimate, which is the core's own towards publishers.

use _core::bitrate::Bitrate;
use _core::estimator::ReceiveSideEstimator;
use _core::packet::rtcp::{self, RtcpWriter, SenderInfo};
use _core::report::{ReceiveStats, RemoteStats, ReportProgress, ntp_middle};
use _core::sequence;
use _core::time::{Time, WallClock};

use crate::network::{MS, Nanos, SECOND};
use crate::random::Random;

/// Timestamp units per second of video.
const CLOCK_RATE: u32 = 90_000;
/// The sender's clock: it shows 1970 at the start.
pub const WALL: WallClock = WallClock::new(0);

/// One source at the receiver, and what its sender knows of that.
struct Source {
    ssrc: u32,
    stats: Option<ReceiveStats>,
    newest: u64,
    remote: RemoteStats,
}

pub struct Reporter {
    sources: [Source; 2],
    next: Nanos,
    estimate: Option<ReceiveSideEstimator>,
    random: Random,
}

impl Reporter {
    pub fn new(ssrcs: [u32; 2], tells_estimate: bool, seed: u64) -> Self {
        let source = |ssrc| Source { ssrc, stats: None, newest: 0, remote: RemoteStats::default() };
        let estimate = tells_estimate.then(|| ReceiveSideEstimator::new(Bitrate::kbps(300)));
        Reporter { sources: ssrcs.map(source), next: SECOND, estimate, random: Random::new(seed) }
    }

    /// A packet of media or padding arrives, by the receiver's clock.
    pub fn received(&mut self, time: Time, (index, sequence_number): (usize, u16), captured: Nanos, size: usize) {
        let source = &mut self.sources[index];
        let sequence = match source.stats {
            None => sequence::first(sequence_number),
            Some(_) => sequence::nearest(source.newest, sequence_number),
        };
        source.newest = source.newest.max(sequence);
        let timestamp = (captured / MS * 90) as u32;
        let stats = source.stats.get_or_insert_with(|| ReceiveStats::new(sequence));
        stats.received(time, sequence, timestamp, CLOCK_RATE);
        if let Some(estimate) = self.estimate.as_mut().filter(|_| index == 1) {
            estimate.received(time, source.ssrc, timestamp, CLOCK_RATE, size);
        }
    }

    /// What is due: reports once a second, each half a second earlier or later by chance; estimates when they change.
    pub fn tell(&mut self, now: Nanos, time: Time) -> Option<Vec<u8>> {
        let mut buffer = [0; 200];
        let mut writer = RtcpWriter::new(&mut buffer);
        if now >= self.next {
            self.next = now + (SECOND as f64 * (0.5 + self.random.uniform())) as Nanos;
            let reports =
                self.sources.iter_mut().filter_map(|source| Some(source.stats.as_mut()?.report(time, source.ssrc)));
            let reports: Vec<_> = reports.collect();
            if let Some(estimate) = &mut self.estimate {
                let lost = reports.iter().map(|report| f64::from(report.fraction_lost) / 256.0);
                estimate.lost(time, lost.fold(0.0, f64::max));
            }
            writer.receiver_report(1, &reports);
        }
        if let Some(bitrate) = self.estimate.as_mut().and_then(|estimate| estimate.poll(time)) {
            writer.remb(1, bitrate.as_bps(), &[self.sources[1].ssrc]);
        }
        let len = writer.len();
        (len > 0).then(|| buffer[..len].to_vec())
    }

    /// A report of the sender arrives.
    pub fn reported(&mut self, time: Time, compound: &[u8]) {
        for packet in rtcp::packets(compound) {
            let Ok(rtcp::Packet::SenderReport(report)) = packet else { panic!("{packet:?}") };
            let source = self.sources.iter_mut().find(|source| source.ssrc == report.ssrc);
            if let Some(stats) = source.and_then(|source| source.stats.as_mut()) {
                stats.sender_report(time, ntp_middle(report.info.ntp));
            }
        }
    }

    /// What the sender makes of a report block that it hears of.
    pub fn progress(&mut self, now: Time, block: &rtcp::ReportBlock) -> ReportProgress {
        let source = self.sources.iter_mut().find(|source| source.ssrc == block.ssrc).expect("it is one of ours");
        source.remote.update(now, WALL, block)
    }
}

/// The sender's report on these sources.
pub fn sender_report(now: Time, ssrcs: &[u32]) -> Vec<u8> {
    let mut buffer = [0; 200];
    let mut writer = RtcpWriter::new(&mut buffer);
    let info = SenderInfo { ntp: WALL.ntp(now), ..SenderInfo::default() };
    for ssrc in ssrcs {
        writer.sender_report(*ssrc, &info, &[]);
    }
    let len = writer.len();
    buffer[..len].to_vec()
}

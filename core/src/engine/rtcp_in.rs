//! What peers report and ask for.

use std::time::Duration;

use super::receive::Source;
use super::{Engine, ErrorKind, Outcome};
use crate::pacer::AskedAgain;
use crate::packet::rtcp::{self, DelaySinceLastRr, ExtendedReportBlock, Nack, Packet, ReportBlock, SenderReport};
use crate::path::Path;
use crate::time::Time;

/// A longer round trip, in units of 1/65536 s, is a lie or an answer to something else: five seconds.
const MAX_ROUND_TRIP_UNITS: u32 = 5 << 16;

impl Engine {
    pub(super) fn receive_rtcp(
        &mut self,
        now: Time,
        arrived: Time,
        key: usize,
        source: Source,
        path: &Path,
        datagram: &mut [u8],
    ) -> Result<Outcome, ErrorKind> {
        let len = self.transports[key].keys.open_rtcp(datagram)?;
        if rtcp::packets(&datagram[..len]).next().is_none_or(|first| first.is_err()) {
            return Err(ErrorKind::RtcpMalformed);
        }
        let outcome = self.heard(now, key, source, path);
        for packet in rtcp::packets(&datagram[..len]) {
            match packet {
                Ok(packet) => self.heed(now, arrived, key, packet),
                Err(_) => self.count_error(ErrorKind::RtcpMalformed),
            }
        }
        self.conclude_reports(now, key);
        Ok(outcome)
    }

    fn heed(&mut self, now: Time, arrived: Time, key: usize, packet: Packet<'_>) {
        match packet {
            Packet::SenderReport(report) => {
                self.heed_sender_report(arrived, key, &report);
                report.reports().for_each(|block| self.heed_report_block(now, arrived, key, &block));
            }
            Packet::ReceiverReport(report) => {
                report.reports().for_each(|block| self.heed_report_block(now, arrived, key, &block));
            }
            Packet::Nack(nack) => self.heed_nack(now, key, &nack),
            Packet::Pli(pli) => self.heed_keyframe_request(now, key, pli.media_ssrc),
            Packet::Fir(fir) => fir.entries().for_each(|entry| self.heed_keyframe_request(now, key, entry.ssrc)),
            Packet::TransportFeedback(feedback) => self.heed_transport_feedback(now, key, &feedback),
            Packet::CongestionFeedback(feedback) => self.heed_congestion_feedback(now, key, &feedback),
            Packet::Remb(remb) => self.heed_remb(now, key, remb.bitrate),
            Packet::ExtendedReports(reports) => {
                for block in reports.blocks() {
                    if let ExtendedReportBlock::DelaySinceLastRr(answer) = block {
                        self.heed_reference_time(arrived, key, &answer);
                    }
                }
            }
            // Sources are known by signalling; that they end, the watchdog sees.
            Packet::SourceDescription(_) | Packet::Goodbye(_) | Packet::Unknown { .. } => {}
        }
    }

    fn heed_sender_report(&mut self, arrived: Time, key: usize, report: &SenderReport<'_>) {
        let transport = &mut self.transports[key];
        let Some(producer) = transport.routes.get(report.ssrc) else { return };
        let (info, wall) = (&report.info, self.config.wall_clock);
        let producer = &mut self.producers[producer].producer;
        producer.on_sender_report(arrived, wall, report.ssrc, info.ntp, info.rtp_timestamp, &mut transport.clock);
    }

    /// The peer sends back the time of one of our reports (RFC 3611 section 4.5): so long is the way to it and back.
    fn heed_reference_time(&mut self, arrived: Time, key: usize, answer: &DelaySinceLastRr) {
        let transport = &self.transports[key];
        if answer.ssrc != transport.ssrc || answer.last_receiver_reference == 0 {
            return;
        }
        let since = self.config.wall_clock.ntp_middle(arrived).wrapping_sub(answer.last_receiver_reference);
        let units = since.wrapping_sub(answer.delay);
        if units > MAX_ROUND_TRIP_UNITS {
            return;
        }
        let sample = Duration::from_nanos((u64::from(units) * 1_000_000_000) >> 16);
        for producer in &transport.producers {
            self.producers[*producer].producer.measured_round_trip(sample);
        }
    }

    fn heed_report_block(&mut self, now: Time, arrived: Time, key: usize, block: &ReportBlock) {
        if let Some(consumer) = self.transports[key].consumer_of(block.ssrc) {
            let entry = &mut self.consumers[consumer];
            let progress = entry.consumer.on_receiver_report(arrived, self.config.wall_clock, block);
            self.poll_consumer_watchdog(now, consumer);
            self.heed_progress(now, key, &progress);
        }
    }

    fn heed_keyframe_request(&mut self, now: Time, key: usize, ssrc: u32) {
        if let Some(consumer) = self.transports[key].consumer_of(ssrc) {
            self.out.counters.keyframe_requests_received += 1;
            let entry = &mut self.consumers[consumer];
            let wanted = entry.consumer.on_keyframe_request(now);
            if wanted && !self.transports[key].pacer.holds_keyframe(consumer) {
                let (producer, encoding) = (entry.producer, entry.consumer.wanted_encoding());
                self.want_keyframe_of(now, producer, encoding);
            }
        }
    }

    fn heed_nack(&mut self, now: Time, key: usize, nack: &Nack<'_>) {
        let Some(consumer) = self.transports[key].consumer_of(nack.media_ssrc) else { return };
        for sequence_number in nack.sequence_numbers() {
            if !self.transports[key].nack_bucket.take(now) {
                self.transports[key].pacer.counters.retransmissions_dropped += 1;
                return;
            }
            self.out.counters.nacks_received += 1;
            self.asked_again(now, key, AskedAgain { consumer, sequence_number });
        }
    }
}

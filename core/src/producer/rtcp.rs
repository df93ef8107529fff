//! What a producer tells its publisher, and what it is told.

use super::{KeyframeRequest, Producer};
use crate::media_packet::StreamId;
use crate::packet::rtcp::ReportBlock;
use crate::params::MediaKind;
use crate::report::{RtpClock, SenderClock, ntp_middle};
use crate::time::{Time, WallClock};

impl Producer {
    /// A sender report came for one of our SSRCs. `clock` belongs to the transport, so that all its producers share
    /// one relation between the publisher's clock and ours.
    pub fn on_sender_report(
        &mut self,
        now: Time,
        wall: WallClock,
        ssrc: u32,
        ntp: u64,
        rtp_timestamp: u32,
        clock: &mut SenderClock,
    ) {
        let clock_rate = self.clock_rate();
        let Some(stream) = self.encodings.iter_mut().find(|encoding| encoding.ssrc == Some(ssrc)) else { return };
        stream.sender_report(now, ntp_middle(ntp));
        // A sender without a clock says zero (RFC 3550, section 6.4.1).
        if ntp != 0 {
            let ntp = clock.update(ntp, wall.ntp(now));
            stream.clock = Some(RtpClock { ntp, rtp: rtp_timestamp, clock_rate });
        }
    }

    /// Where the timestamps of `stream` lie on our clock; none before its first sender report.
    pub fn rtp_clock(&self, stream: StreamId) -> Option<RtpClock> {
        self.encodings.iter().find(|encoding| encoding.id == stream)?.clock
    }

    /// A receiver needs a keyframe. Requests are gathered, and repeated until one comes.
    pub fn request_keyframe(&mut self, now: Time) {
        if self.kind == MediaKind::Video && !self.paused {
            self.keyframes.request(now);
        }
    }

    /// The keyframe request to send now, if any.
    pub fn poll_keyframe_request(&mut self, now: Time) -> Option<KeyframeRequest> {
        // Without an SSRC there is nobody to ask yet, and the request stays due.
        let ssrc = self.encodings.iter().find_map(|encoding| encoding.ssrc)?;
        let pli = self.codecs.iter().any(|codec| codec.pli);
        if !pli && !self.codecs.iter().any(|codec| codec.fir) {
            self.keyframes.cancel();
            return None;
        }
        if !self.keyframes.poll(now) {
            return None;
        }
        self.totals.keyframe_requests_sent += 1;
        if pli {
            return Some(KeyframeRequest::Pli { ssrc });
        }
        let sequence_number = self.fir_sequence_number;
        self.fir_sequence_number = sequence_number.wrapping_add(1);
        Some(KeyframeRequest::Fir { ssrc, sequence_number })
    }

    /// Fills `requests` with the sequence numbers to ask for now and returns their SSRC. To be called, with an empty
    /// list, until it returns none.
    pub fn poll_nack(&mut self, now: Time, requests: &mut Vec<u16>) -> Option<u32> {
        for index in 0..self.encodings.len() {
            let stream = &mut self.encodings[index];
            stream.nack.poll(now, requests);
            let keyframe = stream.last_keyframe();
            let ssrc = stream.ssrc;
            if stream.nack.take_given_up().is_some_and(|lost| keyframe.is_none_or(|keyframe| keyframe < lost)) {
                self.request_keyframe(now);
            }
            if let Some(ssrc) = ssrc.filter(|_| !requests.is_empty()) {
                self.totals.nacks_sent += requests.len() as u64;
                return Some(ssrc);
            }
        }
        None
    }

    /// The reception reports since the last call: once per report of the transport.
    pub fn for_each_report_block(&mut self, now: Time, report: impl FnMut(ReportBlock)) {
        self.encodings.iter_mut().filter_map(|encoding| encoding.report(now)).for_each(report);
    }
}

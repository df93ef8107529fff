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
            stream.publisher_clock = Some(RtpClock { ntp, rtp: rtp_timestamp, clock_rate });
            let ntp = clock.update(ntp, wall.ntp(now));
            stream.clock = Some(RtpClock { ntp, rtp: rtp_timestamp, clock_rate });
        }
    }

    /// Where the timestamps of `stream` lie on our clock; none before its first sender report.
    pub fn rtp_clock(&self, stream: StreamId) -> Option<RtpClock> {
        self.encodings.iter().find(|encoding| encoding.id == stream)?.clock
    }

    /// The timestamp that `other` had when that of `stream` was `timestamp`; none before a sender report of each.
    pub fn counterpart(&self, stream: StreamId, timestamp: u32, other: StreamId) -> Option<u32> {
        let clock = |id| self.encodings.iter().find(|encoding| encoding.id == id)?.publisher_clock;
        Some(clock(other)?.rtp_at(clock(stream)?.ntp_at(timestamp)))
    }

    /// Somebody needs a keyframe of whatever is sent. Requests are gathered, and repeated until one comes.
    pub fn request_keyframe(&mut self, now: Time) {
        for index in 0..self.encodings.len() {
            if index == 0 || self.encodings[index].layers.is_live(now) {
                self.request_keyframe_of(now, index as u8);
            }
        }
    }

    /// Somebody needs a keyframe of this encoding.
    pub fn request_keyframe_of(&mut self, now: Time, encoding: u8) {
        if self.kind == MediaKind::Video
            && !self.paused
            && let Some(stream) = self.encodings.get_mut(usize::from(encoding))
        {
            stream.keyframes.request(now);
        }
    }

    /// The next keyframe request to send now, if any. To be called until there is none.
    pub fn poll_keyframe_request(&mut self, now: Time) -> Option<KeyframeRequest> {
        let pli = self.codecs.iter().any(|codec| codec.pli);
        if !pli && !self.codecs.iter().any(|codec| codec.fir) {
            self.encodings.iter_mut().for_each(|encoding| encoding.keyframes.cancel());
            return None;
        }
        // Without an SSRC there is nobody to ask yet, and the request stays due.
        let ssrc = self.encodings.iter_mut().find_map(|encoding| {
            let ssrc = encoding.ssrc?;
            encoding.keyframes.poll(now).then_some(ssrc)
        })?;
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
                self.request_keyframe_of(now, index as u8);
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

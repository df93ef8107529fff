//! Packets as a browser sends them: VP8 and Opus with the usual header extensions, protected by AES-128-GCM.

use _core::packet::rtp::{Fields, write_header};
use _core::srtp::SrtpSender;

use crate::call::{ABS_SEND_TIME_ID, TRANSPORT_WIDE_CC_ID};

/// Frames between two keyframes.
const KEYFRAME_INTERVAL: u32 = 300;
/// Bytes of the VP8 payload descriptor with picture id, TL0PICIDX and TID (RFC 7741, section 4.2).
const VP8_DESCRIPTOR_LEN: usize = 6;
/// Bytes of the longest packet that is written.
pub const MAX_PACKET_LEN: usize = 1_400;
/// The time of sending stands in so many bytes at the end of the payload.
pub const STAMP_LEN: usize = 8;

/// One RTP stream of a publisher.
pub struct Stream {
    pub ssrc: u32,
    pub payload_type: u8,
    pub payload_len: usize,
    pub timestamp_step: u32,
    sequence_number: u16,
    timestamp: u32,
    frame: u32,
}

impl Stream {
    pub fn new(ssrc: u32, payload_type: u8, payload_len: usize, timestamp_step: u32) -> Self {
        Stream { ssrc, payload_type, payload_len, timestamp_step, sequence_number: 0, timestamp: 0, frame: 0 }
    }

    /// The packets that follow belong to the next frame.
    pub fn next_frame(&mut self) {
        self.frame += 1;
        self.timestamp = self.timestamp.wrapping_add(self.timestamp_step);
    }

    /// Writes one protected packet into `out`; returns its length. `first` and `last` are of its frame.
    pub fn write(
        &mut self,
        out: &mut [u8],
        sender: &mut SrtpSender,
        transport_sequence: u16,
        stamp: u64,
        video: bool,
        (first, last): (bool, bool),
    ) -> usize {
        let fields = Fields {
            marker: last && video,
            payload_type: self.payload_type,
            sequence_number: self.sequence_number,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence_number = self.sequence_number.wrapping_add(1);
        let abs_send_time = ((stamp / 1_000) << 18) / 1_000_000;
        let extensions: [(u8, &[u8]); 2] = [
            (ABS_SEND_TIME_ID, &abs_send_time.to_be_bytes()[5..]),
            (TRANSPORT_WIDE_CC_ID, &transport_sequence.to_be_bytes()),
        ];
        let header_len = write_header(out, &fields, extensions).expect("the buffer has room");
        let end = header_len + self.payload_len;
        let payload = &mut out[header_len..end];
        payload.fill(0);
        if video {
            self.write_vp8(payload, first);
        }
        payload[self.payload_len - STAMP_LEN..].copy_from_slice(&stamp.to_ne_bytes());
        sender.protect_rtp(out, header_len, end).expect("the packet is new")
    }

    fn write_vp8(&self, payload: &mut [u8], first: bool) {
        let picture_id = (self.frame as u16 & 0x7fff) | 0x8000;
        payload[0] = if first { 0x90 } else { 0x80 };
        payload[1] = 0xe0;
        payload[2..4].copy_from_slice(&picture_id.to_be_bytes());
        payload[4] = self.frame as u8;
        payload[5] = 0;
        let keyframe = self.frame % KEYFRAME_INTERVAL == 1;
        let bitstream = &mut payload[VP8_DESCRIPTOR_LEN..];
        if first && keyframe {
            // Frame tag, start code and 640×480 (RFC 6386, section 9.1).
            bitstream[..10].copy_from_slice(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01]);
        } else {
            bitstream[0] = 0x11;
        }
    }
}

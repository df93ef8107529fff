//! What a receiver tells of the packets that arrive: transport-wide feedback, as browsers send it, of a perfect line.
//!
//! Each packet is told to have arrived when the bridge says that it left (abs-send-time). So the bridge does all the work
//! of estimating, and comes to no other conclusion than that the line carries everything: it is the cost that is measured
//! here.

use _core::packet::rtcp::RtcpWriter;
use _core::packet::rtp::RtpPacket;
use _core::srtp::SrtpSender;
use _core::time::Time;

use crate::call::{ABS_SEND_TIME_ID, TRANSPORT_WIDE_CC_ID};

/// Distance of feedback, in nanoseconds: as libwebrtc at 1 Mbit/s and more.
const INTERVAL: u64 = 50_000_000;
/// Packets kept between two of them at most.
const MAX_PENDING: usize = 16_384;
const MAX_LEN: usize = 1_200;

/// The feedback of one receiver.
#[derive(Default)]
pub struct Feedback {
    /// From `base` on.
    arrivals: Vec<Option<Time>>,
    base: Option<u16>,
    count: u8,
    next_at: u64,
    /// Time of sending of the newest packet, in 2^-18 s, on a clock that does not wrap.
    newest: u64,
}

impl Feedback {
    /// A packet arrived, still encrypted: its header is not.
    pub fn arrived(&mut self, packet: &RtpPacket<'_>) {
        let (mut sequence, mut sent) = (None, None);
        for (id, data) in packet.extensions() {
            match (id, data) {
                (TRANSPORT_WIDE_CC_ID, &[a, b]) => sequence = Some(u16::from_be_bytes([a, b])),
                (ABS_SEND_TIME_ID, &[a, b, c]) => sent = Some(u32::from_be_bytes([0, a, b, c])),
                _ => {}
            }
        }
        let (Some(sequence), Some(sent)) = (sequence, sent) else { return };
        // 24 bits: what lies ahead by less than half of that is newer.
        let ahead = (sent << 8).wrapping_sub((self.newest as u32) << 8).cast_signed() >> 8;
        let ticks = self.newest.wrapping_add_signed(i64::from(ahead));
        self.newest = self.newest.max(ticks);
        let index = usize::from(sequence.wrapping_sub(*self.base.get_or_insert(sequence)));
        if index < MAX_PENDING {
            self.arrivals.resize(self.arrivals.len().max(index + 1), None);
            self.arrivals[index] = Some(Time::from_nanos((ticks * 1_953_125) >> 9));
        }
    }

    /// The next compound to send at `now`, protected; none where it is not time for one.
    pub fn poll(&mut self, now: u64, sender: &mut SrtpSender, out: &mut [u8]) -> Option<usize> {
        if self.arrivals.is_empty() || now < self.next_at {
            return None;
        }
        let base = self.base?;
        let mut writer = RtcpWriter::new(&mut out[..MAX_LEN]);
        writer.receiver_report(1, &[])?;
        let told = writer.transport_feedback(1, 2, self.count, base, &self.arrivals)?;
        let len = writer.len();
        self.arrivals.drain(..told);
        self.base = Some(base.wrapping_add(told as u16));
        self.count = self.count.wrapping_add(1);
        if self.arrivals.is_empty() {
            self.next_at = now + INTERVAL;
        }
        sender.protect_rtcp(out, len).ok()
    }
}

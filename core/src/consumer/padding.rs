//! Packets that carry nothing new, to find out what a line carries.

use super::{Composed, Consumer, Resend};
use crate::packet::rtp::{Fields, HeaderWriter};
use crate::producer::Producer;
use crate::time::Time;

/// Padding in one packet at most: its last byte tells how much it is (RFC 3550, section 5.1).
const MAX_PADDING: usize = 255;
/// Room that a packet of padding takes at most: header, MID, stamps and padding.
pub const MAX_PADDING_PACKET: usize = 12 + 4 + (2 + super::MAX_MID_LEN) + (2 + 3) + (2 + 2) + 3 + MAX_PADDING;
/// Recent packets that are sent once more in turn.
const RECENT: u64 = 16;

impl Consumer {
    /// Whether its receiver takes padding: in the stream of retransmissions, where nobody waits for what it carries.
    pub fn takes_padding(&self) -> bool {
        self.rtx_ssrc.is_some() && self.payload_types.any_rtx().is_some()
    }

    /// A recent packet that can be sent once more unasked, if one is held. Its receiver has it and drops it: in the stream
    /// of retransmissions, or where there is none as it was, so that no decoder sees what it would not expect.
    pub fn spare_packet<'p>(&mut self, now: Time, producer: &'p Producer) -> Option<Resend<'p>> {
        for _ in 0..RECENT {
            self.spare_offset = (self.spare_offset + 1) % RECENT;
            let sequence = self.map.next_out().checked_sub(1 + self.spare_offset)?;
            let resend = self.find_resend(now, sequence as u16, producer);
            if let Some(resend) = resend.filter(|resend| !resend.is_plain() || !self.takes_padding()) {
                return Some(resend);
            }
        }
        None
    }

    /// Composes a packet of nothing but padding in the stream of retransmissions, of about `bytes` bytes, into `out`,
    /// which has [`MAX_PADDING_PACKET`] bytes or more.
    pub fn pad(&mut self, bytes: usize, out: &mut [u8]) -> Option<Composed> {
        let ssrc = self.rtx_ssrc?;
        let payload_type = self.payload_types.any_rtx()?;
        let fields = Fields {
            marker: false,
            payload_type,
            sequence_number: self.rtx_sequence_number,
            timestamp: self.last.map_or(self.first_timestamp_offset, |last| last.timestamp),
            ssrc,
        };
        let mut writer = HeaderWriter::new(out, &fields)?;
        if let Some(id) = self.extensions.mid
            && !self.mid.is_empty()
        {
            writer.extension(id, &self.mid)?;
        }
        let stamps = self.reserve_stamps(&mut writer)?;
        let header_len = writer.finish()?;
        let padding = bytes.saturating_sub(header_len).clamp(1, MAX_PADDING);
        let len = header_len + padding;
        out.get_mut(header_len..len)?.fill(0);
        out[len - 1] = padding as u8;
        out[0] |= 0x20;
        self.rtx_sequence_number = self.rtx_sequence_number.wrapping_add(1);
        Some(Composed { header_len, len, sequence: 0, stamps })
    }
}

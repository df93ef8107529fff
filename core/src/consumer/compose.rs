//! Writing a packet for its receiver: a fresh header and a copy of the payload, in one pass.

use super::payload::Body;
use super::run::Offsets;
use super::stamps::Stamps;
use super::{Composed, Consumer, SendState};
use crate::codec::{Codec, vp8};
use crate::media_packet::MediaPacket;
use crate::packet::rtp::{Extensions, Fields, HeaderWriter};
use crate::repair::OSN_LEN;
use crate::time::Time;

/// What a packet goes out with.
pub(super) struct Envelope {
    pub payload_type: u8,
    pub ssrc: u32,
    pub sequence_number: u16,
    /// In the RTX stream: the sequence number that the packet had before.
    pub original: Option<u16>,
    pub stamps: Stamps,
    pub offsets: Offsets,
}

impl Consumer {
    /// Composes a packet that goes out as `sequence` for the first time.
    #[inline]
    #[expect(clippy::too_many_arguments, reason = "all of them are values of one packet on the hottest path")]
    pub(super) fn compose_media(
        &mut self,
        now: Time,
        packet: &MediaPacket<'_>,
        body: &Body<'_>,
        sequence: u64,
        offsets: Offsets,
        state: &mut SendState,
        out: &mut [u8],
    ) -> Option<Composed> {
        let stamps = self.new_stamps(now, state);
        if self.takes_nack && self.is_stamped() && self.rtx_payload_type(body.payload_type).is_none() {
            self.stamp_log.insert(sequence, stamps);
        }
        let envelope = Envelope {
            payload_type: body.payload_type,
            ssrc: self.ssrc,
            sequence_number: sequence as u16,
            original: None,
            stamps,
            offsets,
        };
        self.compose(packet, body, &envelope, out)
    }

    #[inline]
    pub(super) fn compose(
        &self,
        packet: &MediaPacket<'_>,
        body: &Body<'_>,
        envelope: &Envelope,
        out: &mut [u8],
    ) -> Option<Composed> {
        let fields = Fields {
            marker: packet.marker,
            payload_type: envelope.payload_type,
            sequence_number: envelope.sequence_number,
            timestamp: packet.timestamp.wrapping_add(envelope.offsets.timestamp),
            ssrc: envelope.ssrc,
        };
        let mut writer = HeaderWriter::new(out, &fields)?;
        if let Some(id) = self.extensions.mid
            && !self.mid.is_empty()
        {
            writer.extension(id, &self.mid)?;
        }
        if let Some(id) = self.extensions.abs_send_time {
            writer.extension(id, &envelope.stamps.abs_send_time.to_be_bytes()[1..])?;
        }
        if let Some(id) = self.extensions.transport_sequence {
            writer.extension(id, &envelope.stamps.transport_sequence.to_be_bytes())?;
        }
        for (id, data) in Extensions::new(packet.extension_form, packet.extensions) {
            if let Some(id) = self.extensions.copied(id) {
                writer.extension(id, data)?;
            }
        }
        let header_len = writer.finish()?;
        let mut at = header_len;
        if let Some(original) = envelope.original {
            out.get_mut(at..at + OSN_LEN)?.copy_from_slice(&original.to_be_bytes());
            at += OSN_LEN;
        }
        let len = at + body.payload.len();
        let payload = out.get_mut(at..len)?;
        payload.copy_from_slice(body.payload);
        if body.has_inner && !self.payload_types.translate_inner(payload) {
            return None;
        }
        let picture = envelope.offsets.picture;
        if !picture.is_zero()
            && packet.codec == Codec::Vp8
            && let Ok(descriptor) = vp8::Descriptor::parse(payload)
        {
            picture.apply(&descriptor, payload);
        }
        Some(Composed { header_len, len })
    }

    /// Whether packets carry what belongs to the moment of sending.
    #[inline]
    pub(super) fn is_stamped(&self) -> bool {
        self.extensions.abs_send_time.is_some() || self.extensions.transport_sequence.is_some()
    }

    #[inline]
    pub(super) fn new_stamps(&self, now: Time, state: &mut SendState) -> Stamps {
        let transport_sequence = state.transport_sequence;
        if self.extensions.transport_sequence.is_some() {
            state.transport_sequence = transport_sequence.wrapping_add(1);
        }
        Stamps { abs_send_time: abs_send_time(now), transport_sequence }
    }
}

/// 24 bits of 6.18 fixed-point seconds, on any clock.
fn abs_send_time(now: Time) -> u32 {
    // 2^18 / 10^9 = 2^9 / 1953125: the product stays within 64 bits for a year.
    (((now.as_nanos() << 9) / 1_953_125) & 0x00ff_ffff) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abs_send_time_wraps_after_64_seconds() {
        assert_eq!(abs_send_time(Time::from_millis(500)), 1 << 17);
        assert_eq!(abs_send_time(Time::from_millis(63_750)), 0xff_0000);
        assert_eq!(abs_send_time(Time::from_millis(64_500)), 1 << 17);
    }
}

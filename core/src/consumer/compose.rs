//! Writing a packet for its receiver: a fresh header and a copy of the payload, in one pass.

use super::payload::Body;
use super::run::Offsets;
use super::stamps::{StampPlaces, Stamps};
use super::{Composed, Consumer};
use crate::codec::dependency_descriptor::Descriptor;
use crate::codec::frame_marking;
use crate::codec::pictures::PictureNumbers;
use crate::media_packet::MediaPacket;
use crate::packet::rtp::{Extensions, Fields, HeaderWriter};
use crate::repair::OSN_LEN;

/// What a packet goes out with.
pub(super) struct Envelope {
    pub payload_type: u8,
    pub ssrc: u32,
    pub sequence_number: u16,
    pub marker: bool,
    /// In the RTX stream: the sequence number that the packet had before.
    pub original: Option<u16>,
    pub offsets: Offsets,
    pub sequence: u64,
}

impl Consumer {
    /// Composes a packet that goes out as `sequence` for the first time.
    #[inline]
    pub(super) fn compose_media(
        &self,
        packet: &MediaPacket<'_>,
        body: &Body<'_>,
        sequence: u64,
        marker: bool,
        offsets: Offsets,
        out: &mut [u8],
    ) -> Option<Composed> {
        let envelope = Envelope {
            payload_type: body.payload_type,
            ssrc: self.ssrc,
            sequence_number: sequence as u16,
            marker,
            original: None,
            offsets,
            sequence,
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
            marker: envelope.marker,
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
        for (id, data) in Extensions::new(packet.extension_form, packet.extensions) {
            let Some(own_id) = self.extensions.copied(id) else { continue };
            if self.extensions.dependency_descriptor == Some(id) {
                writer.edited_extension(own_id, data, |copy| {
                    if let Ok(descriptor) = Descriptor::parse(copy) {
                        let number = descriptor.frame_number.wrapping_add(envelope.offsets.frame_number);
                        Descriptor::rewrite_frame_number(copy, number);
                    }
                })?;
            } else if self.extensions.frame_marking == Some(id) {
                // The encodings of a source count the frames of their lowest layers each by itself.
                writer.extension(own_id, data.get(..frame_marking::PASSED_ON).unwrap_or(data))?;
            } else {
                writer.extension(own_id, data)?;
            }
        }
        let stamps = self.reserve_stamps(&mut writer)?;
        let header_len = writer.finish()?;
        let mut at = header_len;
        if let Some(original) = envelope.original {
            out.get_mut(at..at + OSN_LEN)?.copy_from_slice(&original.to_be_bytes());
            at += OSN_LEN;
        }
        if !body.repeated.is_empty() {
            let end = at + body.repeated.written_len();
            body.repeated.write(out.get_mut(at..end)?);
            at = end;
        }
        let len = at + body.payload.len();
        let payload = out.get_mut(at..len)?;
        payload.copy_from_slice(body.payload);
        if body.has_inner && !self.payload_types.translate_inner(payload) {
            return None;
        }
        let picture = envelope.offsets.picture;
        if !picture.is_zero()
            && let Some(numbers) = PictureNumbers::read(packet.codec, payload)
        {
            picture.apply(&numbers, payload);
        }
        Some(Composed { header_len, len, sequence: envelope.sequence, stamps })
    }

    /// The beginning of a packet's dependency descriptor, where the receiver gets it.
    #[inline]
    pub(super) fn descriptor(&self, packet: &MediaPacket<'_>) -> Option<Descriptor> {
        let id = self.extensions.dependency_descriptor?;
        let (_, data) = Extensions::new(packet.extension_form, packet.extensions).find(|(own, _)| *own == id)?;
        Descriptor::parse(data).ok()
    }

    /// Leaves room for what belongs to the moment of sending. These elements come last, and the one with the higher id
    /// before the other, so that none after them changes the form of the block and with it their places.
    #[inline]
    pub(super) fn reserve_stamps(&self, writer: &mut HeaderWriter<'_>) -> Option<StampPlaces> {
        let (time, number) = (self.extensions.abs_send_time, self.extensions.transport_sequence);
        let mut places = StampPlaces::default();
        if number > time
            && let Some(id) = number
        {
            places.transport_sequence = writer.reserve_extension(id, 2)? as u16;
        }
        if let Some(id) = time {
            places.abs_send_time = writer.reserve_extension(id, 3)? as u16;
        }
        if number <= time
            && let Some(id) = number
        {
            places.transport_sequence = writer.reserve_extension(id, 2)? as u16;
        }
        Some(places)
    }

    /// Whether packets carry what belongs to the moment of sending.
    #[inline]
    pub(super) fn is_stamped(&self) -> bool {
        self.extensions.abs_send_time.is_some() || self.extensions.transport_sequence.is_some()
    }

    /// A packet that was composed by [`forward`](Self::forward) leaves with these stamps. To be called for each that
    /// has any.
    #[inline]
    pub fn stamped(&mut self, packet: &[u8], composed: &Composed, stamps: Stamps) {
        // Only what can be asked for again under its own number is ever made again as it was.
        if self.takes_nack && self.rtx_payload_type(packet[1] & 0x7f).is_none() {
            self.stamp_log.insert(composed.sequence, stamps);
        }
    }
}

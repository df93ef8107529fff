//! Handing a consumer over to another producer: its stream goes on, as over another encoding of one producer.

use super::layers::Layers;
use super::{Alignment, Consumer, ConsumerError, PayloadTypes};
use crate::codec::Codec;
use crate::media_packet::StreamId;
use crate::params::{MediaKind, PayloadTypeMapping};
use crate::producer::Producer;

/// What the receiver's payload types stand for.
pub(super) fn codecs(mappings: &[PayloadTypeMapping], producer: &Producer) -> Vec<(u8, Codec)> {
    let known = mappings.iter();
    known.filter_map(|each| Some((each.payload_type, producer.codec(each.producer_payload_type)?))).collect()
}

impl Consumer {
    /// The payload types with which it can be [handed over](Self::hand_over) to `producer`: a keyframe must tell where
    /// that begins, and the receiver's payload types stand for what they stood for.
    pub fn plan_handover(
        &self,
        mappings: &[PayloadTypeMapping],
        producer: &Producer,
    ) -> Result<PayloadTypes, ConsumerError> {
        if self.kind != MediaKind::Video || producer.kind() != MediaKind::Video {
            return Err(ConsumerError::NotVideo);
        }
        if mappings.is_empty() {
            return Err(ConsumerError::NoPayloadType);
        }
        for each in mappings {
            let (from, to) = (each.producer_payload_type, each.payload_type);
            let codec = producer.codec(from).filter(|codec| codec.has_keyframes());
            if codec.is_none_or(|codec| !self.codecs.contains(&(to, codec))) {
                return Err(ConsumerError::OtherCodec { producer: from, receiver: to });
            }
        }
        PayloadTypes::new(mappings)
    }

    /// Sends another producer from its next keyframe on, of this encoding. To its receiver that is the same stream. What
    /// was sent before is not sent again: it belongs to the other producer.
    pub fn hand_over(&mut self, payload_types: PayloadTypes, encoding: u8, alignment: Option<Alignment>) {
        self.stop();
        self.previous = None;
        self.payload_types = payload_types;
        self.alignment = alignment;
        self.layers = Layers::of_another_producer(&self.layers, encoding);
        if let Some(last) = &mut self.last {
            last.stream = StreamId::NONE;
        }
    }
}

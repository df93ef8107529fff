//! What of a payload a receiver takes, and under which payload type.

use crate::codec::{Codec, red};
use crate::media_packet::MediaPacket;
use crate::params::PayloadTypeMapping;

use super::ConsumerError;
use super::redundancy::Repeated;

/// Payload types there are.
const PAYLOAD_TYPES: usize = 128;
/// No entry.
const NONE: u8 = u8::MAX;

/// From the producer's payload types to the receiver's.
#[derive(Clone, Debug)]
pub struct PayloadTypes {
    by_producer: [u8; PAYLOAD_TYPES],
    /// The receiver's payload types of retransmissions, by its own payload types. A handful.
    rtx: Vec<(u8, u8)>,
}

/// What is sent of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// The receiver's payload type.
    pub payload_type: u8,
    /// The payload to copy.
    pub payload: &'a [u8],
    /// Whether payload types inside it have to be translated once it is copied.
    pub has_inner: bool,
    /// Earlier frames that go before it.
    pub repeated: Repeated<'a>,
}

impl<'a> Body<'a> {
    /// A payload as it is.
    #[inline]
    pub fn plain(payload_type: u8, payload: &'a [u8]) -> Self {
        Body { payload_type, payload, has_inner: false, repeated: Repeated::default() }
    }

    /// How many bytes it has when it is written.
    #[inline]
    pub fn written_len(&self) -> usize {
        self.repeated.written_len() + self.payload.len()
    }
}

impl PayloadTypes {
    /// The table of a negotiated mapping.
    pub fn new(mappings: &[PayloadTypeMapping]) -> Result<Self, ConsumerError> {
        let mut types = PayloadTypes { by_producer: [NONE; PAYLOAD_TYPES], rtx: Vec::new() };
        for mapping in mappings {
            for payload_type in [mapping.payload_type].into_iter().chain(mapping.rtx_payload_type) {
                if usize::from(payload_type) >= PAYLOAD_TYPES {
                    return Err(ConsumerError::PayloadType(payload_type));
                }
            }
            let producer_payload_type = mapping.producer_payload_type;
            let slot = types
                .by_producer
                .get_mut(usize::from(producer_payload_type))
                .ok_or(ConsumerError::PayloadType(producer_payload_type))?;
            if *slot != NONE {
                return Err(ConsumerError::DuplicatePayloadType(producer_payload_type));
            }
            *slot = mapping.payload_type;
            types.rtx.extend(mapping.rtx_payload_type.map(|rtx| (mapping.payload_type, rtx)));
        }
        Ok(types)
    }

    /// The receiver's payload type for one of the producer's.
    #[inline]
    pub fn translate(&self, payload_type: u8) -> Option<u8> {
        match self.by_producer.get(usize::from(payload_type)) {
            None | Some(&NONE) => None,
            Some(translated) => Some(*translated),
        }
    }

    /// The receiver's payload type for retransmissions of `payload_type`, one of its own.
    pub fn rtx_of(&self, payload_type: u8) -> Option<u8> {
        self.rtx.iter().find(|(media, _)| *media == payload_type).map(|(_, rtx)| *rtx)
    }

    /// A payload type of the receiver for retransmissions, where it takes any.
    pub fn any_rtx(&self) -> Option<u8> {
        self.rtx.first().map(|(_, rtx)| *rtx)
    }

    /// What the receiver takes of a packet; none where nothing.
    ///
    /// Of redundant audio (RFC 2198) it takes everything if it knows all the payload types, and only the newest frame,
    /// as it is, if it does not know the redundancy.
    #[inline]
    pub fn body<'a>(&self, packet: &MediaPacket<'a>) -> Option<Body<'a>> {
        if packet.codec == Codec::Red {
            return self.redundant_body(packet);
        }
        let payload_type = self.translate(packet.payload_type)?;
        Some(Body::plain(payload_type, packet.payload))
    }

    fn redundant_body<'a>(&self, packet: &MediaPacket<'a>) -> Option<Body<'a>> {
        let mut newest = None;
        let mut all_known = true;
        for block in red::blocks(packet.payload).ok()? {
            all_known &= self.translate(block.payload_type).is_some();
            newest = Some(block);
        }
        if let Some(payload_type) = self.translate(packet.payload_type).filter(|_| all_known) {
            return Some(Body { has_inner: true, ..Body::plain(payload_type, packet.payload) });
        }
        let newest = newest?;
        let payload_type = self.translate(newest.payload_type)?;
        (!newest.data.is_empty()).then(|| Body::plain(payload_type, newest.data))
    }

    /// Translates the payload types inside a copied payload.
    pub fn translate_inner(&self, payload: &mut [u8]) -> bool {
        red::rewrite_payload_types(payload, |payload_type| self.translate(payload_type))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_packet::StreamId;
    use crate::packet::rtp::ExtensionForm;
    use crate::time::Time;

    fn types(pairs: &[(u8, u8)]) -> PayloadTypes {
        let mappings: Vec<PayloadTypeMapping> = pairs
            .iter()
            .map(|(producer, own)| PayloadTypeMapping {
                producer_payload_type: *producer,
                payload_type: *own,
                rtx_payload_type: None,
            })
            .collect();
        PayloadTypes::new(&mappings).unwrap()
    }

    fn packet(payload_type: u8, codec: Codec, payload: &[u8]) -> MediaPacket<'_> {
        MediaPacket {
            stream: StreamId(0),
            encoding: 0,
            sequence: 70_000,
            timestamp: 0,
            arrival: Time::ZERO,
            payload_type,
            marker: false,
            codec,
            keyframe: true,
            frame: None,
            extension_form: ExtensionForm::None,
            extensions: &[],
            payload,
        }
    }

    /// One redundant frame [1, 2] before the newest [3, 4, 5].
    const RED: [u8; 10] = [0x80 | 111, 0, 0, 2, 111, 1, 2, 3, 4, 5];

    #[test]
    fn redundancy_is_taken_whole_or_reduced_to_the_newest_frame() {
        let packet = packet(63, Codec::Red, &RED);
        let whole = types(&[(63, 120), (111, 96)]).body(&packet).unwrap();
        assert_eq!((whole.payload_type, whole.payload, whole.has_inner), (120, &RED[..], true));
        let newest = types(&[(111, 96)]).body(&packet).unwrap();
        assert_eq!((newest.payload_type, newest.payload, newest.has_inner), (96, &[3, 4, 5][..], false));
        assert_eq!(types(&[(63, 120)]).body(&packet), None);
    }

    #[test]
    fn an_unknown_redundant_frame_is_left_out() {
        let mut red = RED;
        red[0] = 0x80 | 13;
        let body = types(&[(63, 120), (111, 96)]).body(&packet(63, Codec::Red, &red)).map(|body| body.payload.to_vec());
        assert_eq!(body, Some(vec![3, 4, 5]));
        let malformed = packet(63, Codec::Red, &RED[..3]);
        assert_eq!(types(&[(63, 120), (111, 96)]).body(&malformed), None);
    }

    #[test]
    fn impossible_mappings_are_refused() {
        let mapping = |producer_payload_type, payload_type, rtx_payload_type| PayloadTypeMapping {
            producer_payload_type,
            payload_type,
            rtx_payload_type,
        };
        let error = |list: &[PayloadTypeMapping]| PayloadTypes::new(list).err();
        assert_eq!(error(&[mapping(128, 96, None)]), Some(ConsumerError::PayloadType(128)));
        assert_eq!(error(&[mapping(96, 200, None)]), Some(ConsumerError::PayloadType(200)));
        assert_eq!(error(&[mapping(96, 96, Some(130))]), Some(ConsumerError::PayloadType(130)));
        assert_eq!(
            error(&[mapping(96, 96, None), mapping(96, 97, None)]),
            Some(ConsumerError::DuplicatePayloadType(96))
        );
    }
}

//! What a producer's payload types mean.

use crate::codec::Codec;
use crate::params::CodecParams;

use super::ProducerError;

/// Payload types there are.
const PAYLOAD_TYPES: usize = 128;
/// No entry.
const NONE: u8 = u8::MAX;

/// One payload type of media.
#[derive(Clone, Copy, Debug)]
pub struct CodecEntry {
    /// How the payload is written.
    pub codec: Codec,
    /// Timestamp units per second.
    pub clock_rate: u32,
    /// Whether lost packets may be asked for again (`nack`).
    pub nack: bool,
    /// Whether keyframes may be asked for by PLI (`nack pli`).
    pub pli: bool,
    /// Whether keyframes may be asked for by FIR (`ccm fir`).
    pub fir: bool,
    /// Whether its sender heeds a receiver's own estimate (`goog-remb`).
    pub remb: bool,
}

impl CodecEntry {
    fn new(params: &CodecParams) -> Self {
        let has = |wanted: &str| params.rtcp_feedback.iter().any(|feedback| feedback == wanted);
        CodecEntry {
            codec: Codec::from_name(&params.name),
            clock_rate: params.clock_rate,
            nack: has("nack"),
            pli: has("nack pli"),
            fir: has("ccm fir"),
            remb: has("goog-remb"),
        }
    }
}

/// The payload types of one producer.
#[derive(Clone, Debug)]
pub struct Codecs {
    codecs: Vec<CodecEntry>,
    /// Index into `codecs` by payload type.
    media: [u8; PAYLOAD_TYPES],
    /// Payload type of the original by payload type of its retransmission.
    originals: [u8; PAYLOAD_TYPES],
}

impl Codecs {
    /// The table of a negotiated list.
    pub fn new(list: &[CodecParams]) -> Result<Self, ProducerError> {
        if list.is_empty() {
            return Err(ProducerError::NoCodec);
        }
        let mut codecs = Codecs { codecs: Vec::new(), media: [NONE; PAYLOAD_TYPES], originals: [NONE; PAYLOAD_TYPES] };
        for (index, params) in list.iter().enumerate() {
            if params.clock_rate == 0 {
                return Err(ProducerError::ClockRate(params.payload_type));
            }
            let slot = codecs.free_slot(params.payload_type)?;
            codecs.media[slot] = index as u8;
            codecs.codecs.push(CodecEntry::new(params));
        }
        for params in list {
            // Two payload types may share the payload type of their retransmissions only by mistake.
            if let Some(rtx) = params.rtx_payload_type {
                let slot = codecs.free_slot(rtx)?;
                codecs.originals[slot] = params.payload_type;
            }
        }
        Ok(codecs)
    }

    fn free_slot(&self, payload_type: u8) -> Result<usize, ProducerError> {
        let slot = usize::from(payload_type);
        match (self.media.get(slot), self.originals.get(slot)) {
            (Some(&NONE), Some(&NONE)) => Ok(slot),
            (Some(_), _) => Err(ProducerError::DuplicatePayloadType(payload_type)),
            (None, _) => Err(ProducerError::PayloadType(payload_type)),
        }
    }

    /// The codec of a payload type of media.
    #[inline]
    pub fn media(&self, payload_type: u8) -> Option<&CodecEntry> {
        self.codecs.get(usize::from(*self.media.get(usize::from(payload_type))?))
    }

    /// The payload type of what `payload_type` retransmits.
    #[inline]
    pub fn original_of(&self, payload_type: u8) -> Option<u8> {
        self.originals.get(usize::from(payload_type)).copied().filter(|original| *original != NONE)
    }

    /// The codec negotiated first.
    pub fn preferred(&self) -> &CodecEntry {
        &self.codecs[0]
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &CodecEntry> {
        self.codecs.iter()
    }
}

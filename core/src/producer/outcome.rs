//! What comes out of a producer besides media.

use super::MAX_ENCODINGS;
use crate::media_packet::MediaPacket;

/// Why a producer cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProducerError {
    /// Without a codec nothing can be taken in.
    #[error("codecs is empty")]
    NoCodec,
    /// Payload types have seven bits.
    #[error("payload type {0} is not within 0–127")]
    PayloadType(u8),
    /// One payload type would mean two things.
    #[error("payload type {0} is used twice")]
    DuplicatePayloadType(u8),
    /// Timestamps would mean nothing.
    #[error("clock rate of payload type {0} is 0")]
    ClockRate(u8),
    /// None, or more than any sender has.
    #[error("encodings has {0} entries, and 1 to {MAX_ENCODINGS} are possible")]
    Encodings(usize),
}

/// What became of a packet.
#[derive(Clone, Copy, Debug)]
pub enum Received<'a> {
    /// To be given to every consumer.
    Media(MediaPacket<'a>),
    /// Nothing for anybody.
    Nothing(Discard),
}

/// Why a packet is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discard {
    /// It came before, or is too late.
    Duplicate,
    /// A retransmission without an original: the sender probes the network.
    Probe,
    /// The producer is paused.
    Paused,
    /// Its sequence number is far from where the stream was; the next one will tell.
    Astray,
    /// Its SSRC is none of this producer's.
    UnknownSsrc,
    /// Its payload type was not negotiated.
    UnknownPayloadType,
}

/// How to ask for a keyframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyframeRequest {
    /// By PLI (RFC 4585, section 6.3.1).
    Pli {
        /// Of this stream.
        ssrc: u32,
    },
    /// By FIR (RFC 5104, section 4.3.1).
    Fir {
        /// Of this stream.
        ssrc: u32,
        /// The request's number.
        sequence_number: u8,
    },
}

/// What [`Producer::bind`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The SSRC that is not this producer's any more.
    pub replaced: Option<u32>,
}

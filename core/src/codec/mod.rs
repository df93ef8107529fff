//! What a forwarder must know of codecs: where a keyframe starts, and the few fields that are rewritten.
//!
//! All functions take the payload of a plain RTP packet, without header and padding.

pub mod av1;
pub mod dependency_descriptor;
pub mod frame_marking;
pub mod h264;
pub mod pictures;
pub mod red;
pub mod vp8;
pub mod vp9;

/// Why a payload could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Shorter than its own headers say.
    #[error("truncated codec header")]
    Truncated,
}

/// The codecs of which something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// AOMedia "RTP Payload Format For AV1".
    Av1,
    /// RFC 2198.
    Red,
    /// RFC 7587.
    Opus,
    /// Everything else, forwarded as it is.
    Other,
}

impl Codec {
    /// The codec of an encoding name of `a=rtpmap`, in any case.
    pub fn from_name(name: &str) -> Codec {
        const NAMES: [(&str, Codec); 6] = [
            ("VP8", Codec::Vp8),
            ("VP9", Codec::Vp9),
            ("H264", Codec::H264),
            ("AV1", Codec::Av1),
            ("red", Codec::Red),
            ("opus", Codec::Opus),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or(Codec::Other, |(_, codec)| *codec)
    }

    /// Whether receivers have to start at a keyframe, and we can tell one.
    #[inline]
    pub fn has_keyframes(self) -> bool {
        matches!(self, Codec::Vp8 | Codec::Vp9 | Codec::H264 | Codec::Av1)
    }

    /// Whether a keyframe starts in this payload, so that a receiver can start with it. For codecs without keyframes,
    /// and those of which nothing is known, every packet does.
    #[inline]
    pub fn is_keyframe_start(self, payload: &[u8]) -> bool {
        match self {
            Codec::Vp8 => vp8::is_keyframe_start(payload),
            Codec::Vp9 => vp9::is_keyframe_start(payload),
            Codec::H264 => h264::is_keyframe_start(payload),
            Codec::Av1 => av1::is_keyframe_start(payload),
            Codec::Red | Codec::Opus | Codec::Other => true,
        }
    }
}

/// Takes a byte off the front.
fn split_u8(data: &[u8]) -> Result<(u8, &[u8]), CodecError> {
    data.split_first().map(|(byte, rest)| (*byte, rest)).ok_or(CodecError::Truncated)
}

/// Takes a big-endian u16 off the front.
fn split_u16(data: &[u8]) -> Result<(u16, &[u8]), CodecError> {
    let (bytes, rest) = data.split_first_chunk().ok_or(CodecError::Truncated)?;
    Ok((u16::from_be_bytes(*bytes), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(Codec::from_name("vp8"), Codec::Vp8);
        assert_eq!(Codec::from_name("RED"), Codec::Red);
        assert_eq!(Codec::from_name("opus"), Codec::Opus);
        assert_eq!(Codec::from_name("PCMU"), Codec::Other);
    }
}

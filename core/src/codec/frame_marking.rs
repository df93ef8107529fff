//! The frame-marking header extension (RFC 9626): what a sender tells of a frame beside its payload.
//!
//! ```text
//!  0                   1                   2
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|E|I|D|B| TID |      LID      |   TL0PICIDX   |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! The short form has the first byte alone, with B and TID of 0; the long one may leave out what is at its end.

use super::CodecError;

/// Bytes up to TL0PICIDX. Nothing in them tells one encoding of a source from another, so that they may be passed on as
/// they are.
pub const PASSED_ON: usize = 2;
/// Bytes of the long form.
const LONG: usize = 3;

/// What is told of the frame that a packet is of, as far as it serves to choose layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameMarking {
    /// D: the rest can be decoded without it.
    pub discardable: bool,
    /// B: of the frames of its spatial layer it refers to none but those of the lowest temporal layer.
    pub base_layer_sync: bool,
    /// TID: its temporal layer, 0–7.
    pub temporal: u8,
}

impl FrameMarking {
    /// Reads either form. Truncated where it is empty; what is longer than the long form is of another make, and refused
    /// by the same error.
    pub fn parse(data: &[u8]) -> Result<Self, CodecError> {
        match *data {
            [flags, ..] if data.len() <= LONG => Ok(FrameMarking {
                discardable: flags & 0x10 != 0,
                base_layer_sync: flags & 0x08 != 0,
                temporal: flags & 0x07,
            }),
            _ => Err(CodecError::Truncated),
        }
    }

    /// The lowest layer that the frame can be of: what others do without is above the lowest one of all.
    pub fn layer(self) -> u8 {
        self.temporal.max(u8::from(self.discardable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_tells_what_can_be_left_out() {
        let of = |flags: u8| FrameMarking::parse(&[flags]).unwrap();
        assert_eq!(of(0xe0), FrameMarking { discardable: false, base_layer_sync: false, temporal: 0 });
        assert_eq!((of(0xe0).layer(), of(0x10).layer()), (0, 1));
    }

    #[test]
    fn the_long_form_tells_of_layers_whatever_is_left_out_at_its_end() {
        let mark = FrameMarking { discardable: true, base_layer_sync: true, temporal: 2 };
        for form in [&[0x9a, 0, 77][..], &[0x9a, 0], &[0x9a]] {
            assert_eq!(FrameMarking::parse(form), Ok(mark));
        }
        assert_eq!(mark.layer(), 2);
    }

    #[test]
    fn what_has_another_length_is_refused() {
        assert_eq!(FrameMarking::parse(&[]), Err(CodecError::Truncated));
        assert_eq!(FrameMarking::parse(&[0; 4]), Err(CodecError::Truncated));
    }
}

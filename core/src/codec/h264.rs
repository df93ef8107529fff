//! H.264 (RFC 6184 §5): which NAL units start in a payload.

/// A slice of an IDR picture (ITU-T H.264 table 7-1).
pub const IDR: u8 = 5;
/// A sequence parameter set.
pub const SPS: u8 = 7;
/// Several NAL units of one time (RFC 6184 §5.7.1).
const STAP_A: u8 = 24;
/// A part of a NAL unit (RFC 6184 §5.8).
const FU_A: u8 = 28;

/// The types of the NAL units that start in a payload: of a single one, of each in a STAP-A, and of the one whose first
/// fragment a FU-A carries. Other packet types belong to the interleaved mode, which WebRTC does not use (RFC 7742
/// §6.2), and start nothing.
pub fn nal_types(payload: &[u8]) -> NalTypes<'_> {
    let none = NalTypes { first: None, aggregated: &[] };
    let Some((&head, rest)) = payload.split_first() else {
        return none;
    };
    match head & 0x1f {
        single @ 1..=23 => NalTypes { first: Some(single), aggregated: &[] },
        STAP_A => NalTypes { first: None, aggregated: rest },
        FU_A => match rest.first() {
            Some(&fragment) if fragment & 0x80 != 0 => NalTypes { first: Some(fragment & 0x1f), aggregated: &[] },
            _ => none,
        },
        _ => none,
    }
}

/// See [`nal_types`].
#[derive(Clone, Debug)]
pub struct NalTypes<'a> {
    first: Option<u8>,
    /// The units of a STAP-A, each behind its length. One that is cut off ends the walk.
    aggregated: &'a [u8],
}

impl Iterator for NalTypes<'_> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let (len, rest) = self.aggregated.split_first_chunk()?;
        let (unit, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        self.aggregated = rest;
        unit.first().map(|head| head & 0x1f)
    }
}

/// Whether a keyframe starts in this payload: with its parameter sets, or where they come by signalling, with its first
/// slice.
#[inline]
pub fn is_keyframe_start(payload: &[u8]) -> bool {
    nal_types(payload).any(|nal_type| matches!(nal_type, IDR | SPS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(payload: &[u8]) -> Vec<u8> {
        nal_types(payload).collect()
    }

    #[test]
    fn single_units() {
        assert_eq!(types(&[0x65, 0x88]), [IDR]);
        assert_eq!(types(&[0x41, 0x9a]), [1]);
        assert!(is_keyframe_start(&[0x67, 0x42]));
        assert!(!is_keyframe_start(&[0x68, 0xce]), "picture parameters alone");
    }

    #[test]
    fn aggregated_units() {
        let stap = [0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68, 0, 3, 0x65, 1, 2];
        assert_eq!(types(&stap), [SPS, 8, IDR]);
        assert!(is_keyframe_start(&stap));
        assert_eq!(types(&stap[..stap.len() - 1]), [SPS, 8], "the last one is cut off");
        assert_eq!(types(&[0x78, 0, 0, 0, 1, 0x67]), [], "an empty unit");
    }

    #[test]
    fn fragmented_units_start_with_their_first_fragment() {
        assert_eq!(types(&[0x7c, 0x85, 0xb8]), [IDR]);
        assert!(is_keyframe_start(&[0x7c, 0x85, 0xb8]));
        assert!(!is_keyframe_start(&[0x7c, 0x05, 0xb8]), "in the middle");
        assert!(!is_keyframe_start(&[0x7c, 0x45, 0xb8]), "at the end");
        assert!(!is_keyframe_start(&[0x7c, 0x81, 0xb8]), "predicted");
    }

    #[test]
    fn nothing_starts_in_what_cannot_be_read() {
        for payload in [&[][..], &[0x7c], &[0x78], &[0x78, 0], &[0x78, 0, 9, 0x67], &[0x00], &[0x1f, 0x85]] {
            assert_eq!(types(payload), [], "{payload:?}");
        }
    }
}

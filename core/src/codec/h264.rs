//! H.264 (RFC 6184 §5): which NAL units start in a payload.

/// A slice of an IDR picture (ITU-T H.264 table 7-1).
pub const IDR: u8 = 5;
/// A prefix, with what SVC tells of the unit behind it (Annex G, §7.3.1.1).
const PREFIX: u8 = 14;
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

/// What a payload tells of the picture that it is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slices {
    /// Whether the picture is a reference for others; none where the payload has no slice, nor a part of one.
    pub is_reference: Option<bool>,
    /// The temporal layer that a prefix tells of, 0–7.
    pub temporal: Option<u8>,
}

impl Slices {
    fn add(&mut self, head: u8, nal_type: u8, unit: &[u8]) {
        match (nal_type, unit) {
            // All slices of a picture are alike in this.
            (1..=IDR, _) => self.is_reference = Some(head & 0x60 != 0),
            // With svc_extension_flag, which tells it from an extension of another kind.
            (PREFIX, &[_, first, _, third, ..]) if first & 0x80 != 0 => self.temporal = Some(third >> 5),
            _ => {}
        }
    }
}

/// What a payload tells of its picture: a single NAL unit, those of a STAP-A, or a part of one in a FU-A, which says of
/// each part what it is of.
pub fn slices(payload: &[u8]) -> Slices {
    let mut slices = Slices::default();
    match payload {
        &[head, ..] if (1..=23).contains(&(head & 0x1f)) => slices.add(head, head & 0x1f, payload),
        &[head, ref rest @ ..] if head & 0x1f == STAP_A => {
            let mut left = rest;
            while let Some((len, behind)) = left.split_first_chunk()
                && let Some((unit, behind)) = behind.split_at_checked(usize::from(u16::from_be_bytes(*len)))
            {
                if let Some(head) = unit.first() {
                    slices.add(*head, head & 0x1f, unit);
                }
                left = behind;
            }
        }
        &[head, fragment, ..] if head & 0x1f == FU_A => slices.add(head, fragment & 0x1f, &[]),
        _ => {}
    }
    slices
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
    fn slices_say_whether_they_are_of_a_reference() {
        let reference = |payload: &[u8]| slices(payload).is_reference;
        assert_eq!(
            [reference(&[0x65, 1]), reference(&[0x41, 1]), reference(&[0x01, 1])].map(Option::unwrap),
            [true, true, false]
        );
        assert_eq!(reference(&[0x1c, 0x01, 9]), Some(false), "in the middle of a fragmented one");
        assert_eq!(reference(&[0x5c, 0x01, 9]), Some(true));
        for without in [&[][..], &[0x06, 1], &[0x67, 1], &[0x1c], &[0x78, 0, 2, 0x06, 1], &[0x78, 0, 9, 1]] {
            assert_eq!(slices(without), Slices::default(), "{without:?}");
        }
        let stap = [0x78, 0, 4, 0x6e, 0x80, 0x80, 0x40, 0, 2, 0x61, 1];
        assert_eq!(slices(&stap), Slices { is_reference: Some(true), temporal: Some(2) });
        assert_eq!(slices(&[0x6e, 0x00, 0x80, 0x40]), Slices::default(), "an extension of another kind");
    }

    #[test]
    fn nothing_starts_in_what_cannot_be_read() {
        for payload in [&[][..], &[0x7c], &[0x78], &[0x78, 0], &[0x78, 0, 9, 0x67], &[0x00], &[0x1f, 0x85]] {
            assert_eq!(types(payload), [], "{payload:?}");
        }
    }
}

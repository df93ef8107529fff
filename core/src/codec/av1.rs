//! AV1 (AOMedia "RTP Payload Format For AV1" §4): the aggregation header and its OBU elements.

use super::CodecError;

/// OBU type of a sequence header (AV1 specification §6.2.2).
pub const SEQUENCE_HEADER: u8 = 1;

/// The aggregation header, the first byte of a payload (§4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregationHeader {
    /// Z: the first element goes on with one of the packet before.
    pub continues: bool,
    /// Y: the last element goes on in the next packet.
    pub to_be_continued: bool,
    /// W: how many elements there are, 1–3. With 0 each has its length, and there may be any number.
    pub element_count: u8,
    /// N: a coded video sequence starts, which it does with a keyframe.
    pub sequence_start: bool,
}

impl AggregationHeader {
    /// Reads the header of a payload.
    #[inline]
    pub fn parse(payload: &[u8]) -> Result<Self, CodecError> {
        let &head = payload.first().ok_or(CodecError::Truncated)?;
        Ok(AggregationHeader {
            continues: head & 0x80 != 0,
            to_be_continued: head & 0x40 != 0,
            element_count: (head >> 4) & 3,
            sequence_start: head & 0x08 != 0,
        })
    }
}

/// The types of the OBUs that start in a payload. An element that cannot be read ends the walk.
pub fn obu_types(payload: &[u8]) -> ObuTypes<'_> {
    let Ok(header) = AggregationHeader::parse(payload) else {
        return ObuTypes { rest: &[], without_length: None, skip_first: false };
    };
    ObuTypes { rest: &payload[1..], without_length: header.element_count.checked_sub(1), skip_first: header.continues }
}

/// See [`obu_types`].
#[derive(Clone, Debug)]
pub struct ObuTypes<'a> {
    rest: &'a [u8],
    /// How many elements come before the one that has no length, and takes the rest; `None` where all have one.
    without_length: Option<u8>,
    skip_first: bool,
}

impl<'a> ObuTypes<'a> {
    fn next_element(&mut self) -> Option<&'a [u8]> {
        if self.without_length == Some(0) {
            return Some(std::mem::take(&mut self.rest)).filter(|element| !element.is_empty());
        }
        let (len, rest) = split_leb128(self.rest)?;
        let (element, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        self.without_length = self.without_length.map(|before| before - 1);
        Some(element)
    }
}

impl Iterator for ObuTypes<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if std::mem::take(&mut self.skip_first) {
            self.next_element()?;
        }
        // An OBU header is a zero bit, four bits of type, and flags (AV1 specification §5.3.2).
        self.next_element()?.first().map(|head| (head >> 3) & 0x0f)
    }
}

/// Takes a length off the front, of at most five bytes: more than any packet has.
fn split_leb128(data: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for at in 0..5 {
        let byte = *data.get(at)?;
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, &data[at + 1..]));
        }
    }
    None
}

/// Whether a keyframe starts in this payload: a coded video sequence is announced, or a sequence header is there, which
/// encoders for calls send with keyframes only.
#[inline]
pub fn is_keyframe_start(payload: &[u8]) -> bool {
    AggregationHeader::parse(payload).is_ok_and(|header| {
        !header.continues && (header.sequence_start || obu_types(payload).any(|obu| obu == SEQUENCE_HEADER))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(payload: &[u8]) -> Vec<u8> {
        obu_types(payload).collect()
    }

    #[test]
    fn the_aggregation_header() {
        let header = AggregationHeader::parse(&[0xd8]).unwrap();
        assert!(header.continues && header.to_be_continued && header.sequence_start);
        assert_eq!(header.element_count, 1);
        assert_eq!(AggregationHeader::parse(&[]), Err(CodecError::Truncated));
    }

    #[test]
    fn elements_with_a_length_each() {
        let payload = [0x00, 2, 0x08, 0xff, 1, 0x30];
        assert_eq!(types(&payload), [SEQUENCE_HEADER, 6]);
        assert!(is_keyframe_start(&payload));
    }

    #[test]
    fn the_last_of_a_known_number_has_no_length() {
        assert_eq!(types(&[0x20, 2, 0x08, 0xff, 0x30, 0xff, 0xff]), [SEQUENCE_HEADER, 6]);
        assert_eq!(types(&[0x10, 0x30, 0xff]), [6]);
        assert_eq!(types(&[0x30, 1, 0x10, 1, 0x08, 0x30]), [2, SEQUENCE_HEADER, 6]);
    }

    #[test]
    fn what_goes_on_is_no_start() {
        assert_eq!(types(&[0xa0, 1, 0x08, 0x30]), [6]);
        assert!(!is_keyframe_start(&[0x90, 0x08]));
    }

    #[test]
    fn the_start_of_a_sequence_is_a_keyframe() {
        assert!(is_keyframe_start(&[0x18, 0x30]));
        assert!(!is_keyframe_start(&[0x10, 0x30]));
    }

    #[test]
    fn lengths_of_several_bytes() {
        let mut payload = vec![0x00, 0x80 | 0x48, 0x01];
        payload.extend([0x08; 0xc8]);
        payload.extend([1, 0x30]);
        assert_eq!(types(&payload), [SEQUENCE_HEADER, 6]);
        assert_eq!(types(&[0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x08]), []);
    }

    #[test]
    fn broken_elements_end_the_walk() {
        for payload in [&[][..], &[0x00], &[0x00, 5, 0x08], &[0x00, 0x80], &[0x00, 0], &[0x30, 1, 0x10].as_slice()[..1]]
        {
            assert_eq!(types(payload), [], "{payload:?}");
        }
    }
}

//! Continuity of what VP8 and VP9 count: picture ids and TL0PICIDX (RFC 7741 and RFC 9628, section 4.2).

use crate::codec::pictures::PictureNumbers;

/// Bits of a long picture id.
const PICTURE_ID_MASK: u16 = 0x7fff;

/// What is added to the counters of the producer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PictureOffsets {
    picture_id: u16,
    tl0_picture_index: u8,
}

impl PictureOffsets {
    /// Whether nothing has to be rewritten.
    #[inline]
    pub fn is_zero(self) -> bool {
        self == PictureOffsets::default()
    }

    /// The offsets of a packet before which so many pictures of the run were left out: there is no gap where they were.
    #[inline]
    #[must_use]
    pub fn closed_up(self, pictures: u16) -> Self {
        PictureOffsets { picture_id: self.picture_id.wrapping_sub(pictures), ..self }
    }

    /// Rewrites the counters in `payload`, a copy of what `numbers` were read from.
    pub fn apply(self, numbers: &PictureNumbers, payload: &mut [u8]) {
        let (picture_id, tl0_picture_index) = self.counters(numbers);
        numbers.rewrite(payload, picture_id, tl0_picture_index);
    }

    fn counters(self, numbers: &PictureNumbers) -> (u16, u8) {
        let picture_id = numbers.picture_id.map_or(0, |id| id.value);
        (
            picture_id.wrapping_add(self.picture_id) & PICTURE_ID_MASK,
            numbers.tl0_picture_index.unwrap_or(0).wrapping_add(self.tl0_picture_index),
        )
    }
}

/// The newest counters that a receiver has seen.
#[derive(Clone, Debug, Default)]
pub struct PictureIds {
    newest: Option<(u16, u8)>,
}

impl PictureIds {
    /// The offsets with which a stream that starts with `first` goes on where the receiver stands.
    pub fn offsets_for(&self, first: &PictureNumbers) -> PictureOffsets {
        let Some((picture_id, tl0_picture_index)) = self.newest else {
            return PictureOffsets::default();
        };
        let (first_id, first_index) = PictureOffsets::default().counters(first);
        PictureOffsets {
            picture_id: picture_id.wrapping_add(1).wrapping_sub(first_id) & PICTURE_ID_MASK,
            tl0_picture_index: tl0_picture_index.wrapping_add(1).wrapping_sub(first_index),
        }
    }

    /// A packet with these counters is sent with these offsets.
    #[inline]
    pub fn sent(&mut self, numbers: &PictureNumbers, offsets: PictureOffsets) {
        let (picture_id, tl0_picture_index) = offsets.counters(numbers);
        // Packets of an older picture come late; they change nothing.
        let is_newer = |(newest, _): (u16, u8)| (picture_id.wrapping_sub(newest) & PICTURE_ID_MASK) < 0x4000;
        if self.newest.is_none_or(is_newer) {
            self.newest = Some((picture_id, tl0_picture_index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;

    fn payload(picture_id: u16, index: u8) -> Vec<u8> {
        let [high, low] = (0x8000 | picture_id).to_be_bytes();
        vec![0x90, 0xc0, high, low, index, 1, 2, 3]
    }

    fn sent(ids: &mut PictureIds, offsets: PictureOffsets, picture_id: u16, index: u8) -> (u16, u8) {
        let mut bytes = payload(picture_id, index);
        let numbers = PictureNumbers::read(Codec::Vp8, &bytes).unwrap();
        ids.sent(&numbers, offsets);
        offsets.apply(&numbers, &mut bytes);
        let after = PictureNumbers::read(Codec::Vp8, &bytes).unwrap();
        (after.picture_id.unwrap().value, after.tl0_picture_index.unwrap())
    }

    #[test]
    fn the_first_stream_keeps_its_numbers() {
        let mut ids = PictureIds::default();
        let first = PictureNumbers::read(Codec::Vp8, &payload(700, 20)).unwrap();
        let offsets = ids.offsets_for(&first);
        assert_eq!(offsets, PictureOffsets::default());
        assert_eq!(sent(&mut ids, offsets, 700, 20), (700, 20));
    }

    #[test]
    fn a_second_stream_goes_on_where_the_first_ended() {
        let mut ids = PictureIds::default();
        sent(&mut ids, PictureOffsets::default(), 0x7ffe, 254);
        sent(&mut ids, PictureOffsets::default(), 0x7fff, 255);
        sent(&mut ids, PictureOffsets::default(), 0x7ffd, 253);
        let offsets = ids.offsets_for(&PictureNumbers::read(Codec::Vp8, &payload(1_234, 9)).unwrap());
        assert_eq!(sent(&mut ids, offsets, 1_234, 9), (0, 0));
        assert_eq!(sent(&mut ids, offsets, 1_236, 10), (2, 1));
    }
}

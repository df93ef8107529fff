//! Continuity of what VP8 counts: picture ids and TL0PICIDX (RFC 7741, section 4.2).

use crate::codec::vp8::Descriptor;

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

    /// Rewrites the counters in `payload`, a copy of what `descriptor` was read from.
    pub fn apply(self, descriptor: &Descriptor, payload: &mut [u8]) {
        let (picture_id, tl0_picture_index) = self.counters(descriptor);
        descriptor.rewrite(payload, picture_id, tl0_picture_index);
    }

    fn counters(self, descriptor: &Descriptor) -> (u16, u8) {
        let picture_id = descriptor.picture_id.map_or(0, |id| id.value);
        (
            picture_id.wrapping_add(self.picture_id) & PICTURE_ID_MASK,
            descriptor.tl0_picture_index.unwrap_or(0).wrapping_add(self.tl0_picture_index),
        )
    }
}

/// Pictures left out that are remembered: packets that come later than that many are numbered a little wrong.
const DROPPED: usize = 32;

/// The newest counters that a receiver has seen, and the pictures of the present run that it was not to see.
#[derive(Clone, Debug, Default)]
pub struct PictureIds {
    newest: Option<(u16, u8)>,
    /// Picture ids, as the producer counts, of those left out last; a ring.
    dropped: [u16; DROPPED],
    drops: u16,
}

impl PictureIds {
    /// The offsets with which a stream that starts with `first` goes on where the receiver stands.
    pub fn offsets_for(&self, first: &Descriptor) -> PictureOffsets {
        let Some((picture_id, tl0_picture_index)) = self.newest else {
            return PictureOffsets::default();
        };
        let (first_id, first_index) = PictureOffsets::default().counters(first);
        PictureOffsets {
            picture_id: picture_id.wrapping_add(1).wrapping_sub(first_id) & PICTURE_ID_MASK,
            tl0_picture_index: tl0_picture_index.wrapping_add(1).wrapping_sub(first_index),
        }
    }

    /// A run begins: what was left out before counts no more.
    pub fn begin_run(&mut self) {
        self.drops = 0;
    }

    /// A picture of the run is left out.
    pub fn dropped(&mut self, picture_id: u16) {
        self.dropped[usize::from(self.drops) % DROPPED] = picture_id;
        // Past all numbers the ring starts over in step with itself.
        self.drops = self.drops.checked_add(1).unwrap_or((DROPPED as u16) * 1024);
    }

    /// The offsets of a run for one of its packets: there is no gap where pictures were left out before it.
    #[inline]
    pub fn closed_up(&self, offsets: PictureOffsets, descriptor: &Descriptor) -> PictureOffsets {
        match descriptor.picture_id {
            Some(id) if self.drops > 0 => self.closed_up_to(offsets, id.value),
            _ => offsets,
        }
    }

    fn closed_up_to(&self, offsets: PictureOffsets, picture_id: u16) -> PictureOffsets {
        let remembered = usize::from(self.drops).min(DROPPED);
        let is_later = |dropped: &&u16| (**dropped).wrapping_sub(picture_id) & PICTURE_ID_MASK < 0x4000;
        let later = self.dropped[..remembered].iter().filter(is_later).count() as u16;
        PictureOffsets { picture_id: offsets.picture_id.wrapping_sub(self.drops - later), ..offsets }
    }

    /// Whether packets have to be renumbered even where the run has no offsets.
    #[inline]
    pub fn has_gaps(&self) -> bool {
        self.drops > 0
    }

    /// A packet with this descriptor is sent with these offsets.
    #[inline]
    pub fn sent(&mut self, descriptor: &Descriptor, offsets: PictureOffsets) {
        let offsets = self.closed_up(offsets, descriptor);
        let (picture_id, tl0_picture_index) = offsets.counters(descriptor);
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

    fn payload(picture_id: u16, index: u8) -> Vec<u8> {
        let [high, low] = (0x8000 | picture_id).to_be_bytes();
        vec![0x90, 0xc0, high, low, index, 1, 2, 3]
    }

    fn sent(ids: &mut PictureIds, offsets: PictureOffsets, picture_id: u16, index: u8) -> (u16, u8) {
        let mut bytes = payload(picture_id, index);
        let descriptor = Descriptor::parse(&bytes).unwrap();
        ids.sent(&descriptor, offsets);
        offsets.apply(&descriptor, &mut bytes);
        let after = Descriptor::parse(&bytes).unwrap();
        (after.picture_id.unwrap().value, after.tl0_picture_index.unwrap())
    }

    #[test]
    fn the_first_stream_keeps_its_numbers() {
        let mut ids = PictureIds::default();
        let first = Descriptor::parse(&payload(700, 20)).unwrap();
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
        let offsets = ids.offsets_for(&Descriptor::parse(&payload(1_234, 9)).unwrap());
        assert_eq!(sent(&mut ids, offsets, 1_234, 9), (0, 0));
        assert_eq!(sent(&mut ids, offsets, 1_236, 10), (2, 1));
    }
}

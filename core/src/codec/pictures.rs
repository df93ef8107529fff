//! What VP8 and VP9 count pictures with, which a forwarder rewrites: picture id and TL0PICIDX (RFC 7741 §4.2, RFC 9628
//! §4.2).

use super::{Codec, vp8, vp9};

/// A picture id, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureId {
    /// 0–127 or 0–32767.
    pub value: u16,
    /// Whether it has 15 bits rather than 7.
    pub long: bool,
}

/// The counters of a payload, and where in it they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PictureNumbers {
    /// Counts pictures.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: counts pictures of the lowest temporal layer.
    pub tl0_picture_index: Option<u8>,
    pub(super) picture_id_at: u8,
    pub(super) tl0_picture_index_at: u8,
}

impl PictureNumbers {
    /// Reads the counters of a payload; none for codecs that have no such counters.
    #[inline]
    pub fn read(codec: Codec, payload: &[u8]) -> Option<Self> {
        match codec {
            Codec::Vp8 => vp8::Descriptor::parse(payload).ok().map(|descriptor| descriptor.numbers()),
            Codec::Vp9 => vp9::Descriptor::parse(payload).ok().map(|descriptor| descriptor.numbers),
            Codec::H264 | Codec::Av1 | Codec::Red | Codec::Opus | Codec::Other => None,
        }
    }

    /// Puts other counters into `payload`, which these were read from (or a copy of it). They keep the width that they
    /// have there; what is not there is not added.
    #[inline]
    pub fn rewrite(&self, payload: &mut [u8], picture_id: u16, tl0_picture_index: u8) {
        if let Some(PictureId { long, .. }) = self.picture_id {
            let at = usize::from(self.picture_id_at);
            if long {
                payload[at..at + 2].copy_from_slice(&(0x8000 | picture_id).to_be_bytes());
            } else {
                payload[at] = (picture_id & 0x7f) as u8;
            }
        }
        if self.tl0_picture_index.is_some() {
            payload[usize::from(self.tl0_picture_index_at)] = tl0_picture_index;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rewriting_changes_the_counters_only(
            vp9 in any::<bool>(),
            mut payload in prop::collection::vec(any::<u8>(), 1..16),
            picture_id in 0_u16..0x8000,
            index in any::<u8>(),
        ) {
            let codec = if vp9 { Codec::Vp9 } else { Codec::Vp8 };
            let Some(before) = PictureNumbers::read(codec, &payload) else { return Ok(()) };
            let old = payload.clone();
            before.rewrite(&mut payload, picture_id, index);
            let after = PictureNumbers::read(codec, &payload).unwrap();
            let expected = before.picture_id.map(|id| {
                PictureId { value: if id.long { picture_id } else { picture_id & 0x7f }, ..id }
            });
            prop_assert_eq!(after.picture_id, expected);
            prop_assert_eq!(after.tl0_picture_index, before.tl0_picture_index.map(|_| index));
            let id = before.picture_id.map_or(0, |id| id.value);
            after.rewrite(&mut payload, id, before.tl0_picture_index.unwrap_or(0));
            prop_assert_eq!(payload, old);
        }
    }
}

//! VP8 (RFC 7741 §4.2, §4.3): the payload descriptor and keyframes.

use super::pictures::{PictureId, PictureNumbers};
use super::{CodecError, split_u8, split_u16};

/// The payload descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// N: no other frame depends on this one.
    pub non_reference: bool,
    /// S: a partition starts with this payload.
    pub partition_start: bool,
    /// PID of the partition, 0–7.
    pub partition: u8,
    /// Counts pictures.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: counts pictures of the lowest temporal layer.
    pub tl0_picture_index: Option<u8>,
    /// TID: the temporal layer, 0–3.
    pub temporal_layer: Option<u8>,
    /// Y: the frame depends on the lowest temporal layer only, so that one can switch up to its layer here.
    pub layer_sync: bool,
    /// KEYIDX: tells keyframes apart, 0–31.
    pub key_index: Option<u8>,
    len: u8,
    picture_id_at: u8,
    tl0_picture_index_at: u8,
}

impl Descriptor {
    /// Reads the descriptor of a payload.
    #[inline]
    pub fn parse(payload: &[u8]) -> Result<Self, CodecError> {
        let (first, mut rest) = split_u8(payload)?;
        let mut descriptor = Descriptor {
            non_reference: first & 0x20 != 0,
            partition_start: first & 0x10 != 0,
            partition: first & 0x07,
            picture_id: None,
            tl0_picture_index: None,
            temporal_layer: None,
            layer_sync: false,
            key_index: None,
            len: 0,
            picture_id_at: 0,
            tl0_picture_index_at: 0,
        };
        // The descriptor has six bytes at most, so that offsets fit a byte.
        let at = |rest: &[u8]| (payload.len() - rest.len()) as u8;
        if first & 0x80 != 0 {
            let (extension, behind) = split_u8(rest)?;
            rest = behind;
            if extension & 0x80 != 0 {
                descriptor.picture_id_at = at(rest);
                let (short, behind) = split_u8(rest)?;
                if short & 0x80 == 0 {
                    descriptor.picture_id = Some(PictureId { value: u16::from(short), long: false });
                    rest = behind;
                } else {
                    let (long, behind) = split_u16(rest)?;
                    descriptor.picture_id = Some(PictureId { value: long & 0x7fff, long: true });
                    rest = behind;
                }
            }
            if extension & 0x40 != 0 {
                descriptor.tl0_picture_index_at = at(rest);
                let (index, behind) = split_u8(rest)?;
                descriptor.tl0_picture_index = Some(index);
                rest = behind;
            }
            if extension & 0x30 != 0 {
                let (layers, behind) = split_u8(rest)?;
                if extension & 0x20 != 0 {
                    descriptor.temporal_layer = Some(layers >> 6);
                    descriptor.layer_sync = layers & 0x20 != 0;
                }
                if extension & 0x10 != 0 {
                    descriptor.key_index = Some(layers & 0x1f);
                }
                rest = behind;
            }
        }
        descriptor.len = at(rest);
        Ok(descriptor)
    }

    /// Length in bytes: where the partition's data starts.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Never: a descriptor has at least one byte.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Whether the first byte of a frame is in this packet.
    #[inline]
    pub fn is_frame_start(&self) -> bool {
        self.partition_start && self.partition == 0
    }

    /// Width and height in pixels of a keyframe that starts in `payload`, which this descriptor was read from
    /// (RFC 6386, section 9.1).
    pub fn keyframe_size(&self, payload: &[u8]) -> Option<(u16, u16)> {
        let header = payload.get(self.len()..)?.first_chunk::<10>()?;
        let [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = *header else { return None };
        // The upper two bits ask for scaling.
        Some((u16::from_le_bytes([w0, w1]) & 0x3fff, u16::from_le_bytes([h0, h1]) & 0x3fff))
    }

    /// What counts pictures, and where it is.
    #[inline]
    pub fn numbers(&self) -> PictureNumbers {
        PictureNumbers {
            picture_id: self.picture_id,
            tl0_picture_index: self.tl0_picture_index,
            picture_id_at: self.picture_id_at,
            tl0_picture_index_at: self.tl0_picture_index_at,
        }
    }
}

/// Whether a keyframe starts in this payload.
#[inline]
pub fn is_keyframe_start(payload: &[u8]) -> bool {
    let Ok(descriptor) = Descriptor::parse(payload) else {
        return false;
    };
    // The lowest bit of a frame is clear in keyframes (RFC 6386 §9.1).
    descriptor.is_frame_start() && payload.get(descriptor.len()).is_some_and(|first| first & 1 == 0)
}

/// Width and height of a keyframe that starts in this payload (RFC 6386 §9.1).
pub fn keyframe_size(payload: &[u8]) -> Option<(u16, u16)> {
    if !is_keyframe_start(payload) {
        return None;
    }
    let descriptor = Descriptor::parse(payload).ok()?;
    let &[_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = payload.get(descriptor.len()..)?.first_chunk()? else {
        return None;
    };
    // The upper two bits say how to scale the picture up.
    Some((u16::from_le_bytes([w0, w1]) & 0x3fff, u16::from_le_bytes([h0, h1]) & 0x3fff))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What libvpx writes at the start of a keyframe of 640 by 480.
    const KEYFRAME: [u8; 10] = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01];

    #[test]
    fn the_shortest_descriptor() {
        let descriptor = Descriptor::parse(&[0x10]).unwrap();
        assert_eq!((descriptor.len(), descriptor.is_frame_start()), (1, true));
        assert_eq!((descriptor.picture_id, descriptor.tl0_picture_index), (None, None));
    }

    #[test]
    fn the_longest_descriptor() {
        let descriptor = Descriptor::parse(&[0xb2, 0xf0, 0x92, 0x34, 0x56, 0xa7]).unwrap();
        assert_eq!(descriptor.len(), 6);
        assert_eq!((descriptor.non_reference, descriptor.partition_start, descriptor.partition), (true, true, 2));
        assert_eq!(descriptor.picture_id, Some(PictureId { value: 0x1234, long: true }));
        assert_eq!(descriptor.tl0_picture_index, Some(0x56));
        assert_eq!((descriptor.temporal_layer, descriptor.layer_sync), (Some(2), true));
        assert_eq!(descriptor.key_index, Some(7));
    }

    #[test]
    fn fields_without_their_bit_are_not_there() {
        // Only K: the layer bits of the same byte mean nothing.
        let descriptor = Descriptor::parse(&[0x80, 0x10, 0xe5]).unwrap();
        assert_eq!((descriptor.temporal_layer, descriptor.layer_sync, descriptor.key_index), (None, false, Some(5)));
    }

    #[test]
    fn cut_off_anywhere_it_is_an_error() {
        let whole = [0xb2, 0xf0, 0x92, 0x34, 0x56, 0xa7];
        for len in 0..whole.len() {
            assert_eq!(Descriptor::parse(&whole[..len]), Err(CodecError::Truncated), "{len}");
        }
    }

    #[test]
    fn keyframes_start_with_the_first_partition() {
        let with = |descriptor: &[u8], data: &[u8]| [descriptor, data].concat();
        assert!(is_keyframe_start(&with(&[0x10], &KEYFRAME)));
        assert!(is_keyframe_start(&with(&[0x90, 0x80, 0x05], &KEYFRAME)));
        assert!(!is_keyframe_start(&with(&[0x00], &KEYFRAME)), "goes on");
        assert!(!is_keyframe_start(&with(&[0x11], &KEYFRAME)), "another partition");
        assert!(!is_keyframe_start(&with(&[0x10], &[0x11])), "predicted");
        assert!(!is_keyframe_start(&[0x10]), "no data");
        assert_eq!(keyframe_size(&with(&[0x90, 0x80, 0x05], &KEYFRAME)), Some((640, 480)));
        assert_eq!(keyframe_size(&with(&[0x10], &KEYFRAME[..9])), None);
    }
}

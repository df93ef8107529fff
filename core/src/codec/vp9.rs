//! VP9 (RFC 9628 §4.2): the payload descriptor and keyframes.

use super::pictures::{PictureId, PictureNumbers};
use super::{CodecError, split_u8, split_u16};

/// A stream has no more spatial layers.
pub const MAX_SPATIAL_LAYERS: usize = 8;

/// Which layer a frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerIndices {
    /// TID, 0–7.
    pub temporal: u8,
    /// U: one can switch up to this temporal layer here.
    pub switching_up: bool,
    /// SID, 0–7.
    pub spatial: u8,
    /// D: depends on the spatial layer below.
    pub inter_layer_dependency: bool,
}

/// SS: what the layers are like. Sent with keyframes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalabilityStructure {
    /// How many spatial layers there are, 1–8.
    pub spatial_layers: u8,
    /// Width and height of each, where given; those beyond `spatial_layers` are zero.
    pub sizes: Option<[(u16, u16); MAX_SPATIAL_LAYERS]>,
    /// How many pictures are in the group of pictures, where described.
    pub pictures_in_group: Option<u8>,
}

/// The payload descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Picture id, and TL0PICIDX in non-flexible mode with layers.
    pub numbers: PictureNumbers,
    /// P: depends on earlier pictures.
    pub inter_picture_predicted: bool,
    /// F: flexible mode, in which each packet tells what it refers to.
    pub flexible: bool,
    /// B: a frame starts with this packet.
    pub frame_start: bool,
    /// E: a frame ends with this packet.
    pub frame_end: bool,
    /// Z: no higher spatial layer depends on this frame.
    pub not_reference_for_upper: bool,
    /// Of the frame, where there are layers.
    pub layers: Option<LayerIndices>,
    /// The scalability structure, where it is in this packet.
    pub structure: Option<ScalabilityStructure>,
    /// Length in bytes: where the frame's data starts.
    pub len: usize,
}

impl Descriptor {
    /// Reads the descriptor of a payload.
    pub fn parse(payload: &[u8]) -> Result<Self, CodecError> {
        let (flags, mut rest) = split_u8(payload)?;
        let flag = |bit: u8| flags & (0x80 >> bit) != 0;
        let (has_picture_id, inter_picture_predicted, has_layers, flexible) = (flag(0), flag(1), flag(2), flag(3));

        let mut numbers = PictureNumbers::default();
        if has_picture_id {
            numbers.picture_id_at = 1;
            let (short, behind) = split_u8(rest)?;
            if short & 0x80 == 0 {
                numbers.picture_id = Some(PictureId { value: u16::from(short), long: false });
                rest = behind;
            } else {
                let (long, behind) = split_u16(rest)?;
                numbers.picture_id = Some(PictureId { value: long & 0x7fff, long: true });
                rest = behind;
            }
        }
        let mut layers = None;
        if has_layers {
            let (indices, behind) = split_u8(rest)?;
            rest = behind;
            layers = Some(LayerIndices {
                temporal: indices >> 5,
                switching_up: indices & 0x10 != 0,
                spatial: (indices >> 1) & 7,
                inter_layer_dependency: indices & 1 != 0,
            });
            if !flexible {
                numbers.tl0_picture_index_at = (payload.len() - rest.len()) as u8;
                let (index, behind) = split_u8(rest)?;
                (numbers.tl0_picture_index, rest) = (Some(index), behind);
            }
        }
        if flexible && inter_picture_predicted {
            rest = skip_references(rest)?;
        }
        let mut structure = None;
        if flag(6) {
            let (parsed, behind) = ScalabilityStructure::parse(rest)?;
            (structure, rest) = (Some(parsed), behind);
        }
        Ok(Descriptor {
            numbers,
            inter_picture_predicted,
            flexible,
            frame_start: flag(4),
            frame_end: flag(5),
            not_reference_for_upper: flag(7),
            layers,
            structure,
            len: payload.len() - rest.len(),
        })
    }

    /// Whether a keyframe starts in this packet: the start of the lowest spatial layer of a picture that depends on no
    /// other.
    pub fn is_keyframe_start(&self) -> bool {
        self.frame_start
            && !self.inter_picture_predicted
            && self.layers.is_none_or(|layers| layers.spatial == 0 && !layers.inter_layer_dependency)
    }
}

impl ScalabilityStructure {
    fn parse(data: &[u8]) -> Result<(Self, &[u8]), CodecError> {
        let (head, mut rest) = split_u8(data)?;
        let spatial_layers = (head >> 5) + 1;
        let mut sizes = None;
        if head & 0x10 != 0 {
            let mut read = [(0, 0); MAX_SPATIAL_LAYERS];
            for size in &mut read[..usize::from(spatial_layers)] {
                let (width, behind) = split_u16(rest)?;
                let (height, behind) = split_u16(behind)?;
                (*size, rest) = ((width, height), behind);
            }
            sizes = Some(read);
        }
        let mut pictures_in_group = None;
        if head & 0x08 != 0 {
            let (pictures, behind) = split_u8(rest)?;
            (pictures_in_group, rest) = (Some(pictures), behind);
            for _ in 0..pictures {
                let (picture, behind) = split_u8(rest)?;
                let references = usize::from((picture >> 2) & 3);
                rest = behind.get(references..).ok_or(CodecError::Truncated)?;
            }
        }
        Ok((ScalabilityStructure { spatial_layers, sizes, pictures_in_group }, rest))
    }
}

/// Up to three references (P_DIFF), each of which says whether another follows.
fn skip_references(data: &[u8]) -> Result<&[u8], CodecError> {
    let mut rest = data;
    for _ in 0..3 {
        let (reference, behind) = split_u8(rest)?;
        rest = behind;
        if reference & 1 == 0 {
            break;
        }
    }
    Ok(rest)
}

/// Whether a keyframe starts in this payload.
#[inline]
pub fn is_keyframe_start(payload: &[u8]) -> bool {
    // Most packets are of predicted pictures or do not start one: the first byte tells.
    payload.first().is_some_and(|flags| flags & 0x48 == 0x08)
        && Descriptor::parse(payload).is_ok_and(|descriptor| descriptor.is_keyframe_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_with_its_structure_in_non_flexible_mode() {
        // I, L, B, V; picture id 0x1234; layer 0/0; TL0PICIDX 9; two layers with sizes, a group of two pictures.
        let payload = [
            0xaa, 0x92, 0x34, 0x00, 0x09, 0x38, 0x01, 0x40, 0x00, 0xb4, 0x02, 0x80, 0x01, 0x68, 0x02, 0x14, 0x01, 0x10,
            0xff,
        ];
        let descriptor = Descriptor::parse(&payload).unwrap();
        let id = PictureId { value: 0x1234, long: true };
        assert_eq!((descriptor.numbers.picture_id, descriptor.numbers.tl0_picture_index), (Some(id), Some(9)));
        assert!(!descriptor.flexible && descriptor.frame_start && !descriptor.frame_end);
        let structure = descriptor.structure.unwrap();
        assert_eq!((structure.spatial_layers, structure.pictures_in_group), (2, Some(2)));
        assert_eq!(structure.sizes.unwrap()[..3], [(320, 180), (640, 360), (0, 0)]);
        assert_eq!(descriptor.len, payload.len() - 1);
        assert!(is_keyframe_start(&payload));
    }

    #[test]
    fn a_predicted_picture_in_flexible_mode() {
        // I, P, L, F, B, E; short picture id; layer 1/2 with U and D; references 3 and 5.
        let payload = [0xfc, 0x05, 0x35, 0x07, 0x0a, 0xff];
        let descriptor = Descriptor::parse(&payload).unwrap();
        let id = PictureId { value: 5, long: false };
        assert_eq!((descriptor.numbers.picture_id, descriptor.numbers.tl0_picture_index), (Some(id), None));
        let layers = LayerIndices { temporal: 1, switching_up: true, spatial: 2, inter_layer_dependency: true };
        assert_eq!(descriptor.layers, Some(layers));
        assert!(descriptor.flexible && descriptor.frame_start && descriptor.frame_end);
        assert_eq!(descriptor.len, 5);
        assert!(!is_keyframe_start(&payload));
    }

    #[test]
    fn at_most_three_references_are_read() {
        assert_eq!(Descriptor::parse(&[0x50, 0x03, 0x05, 0x07, 0x09]).unwrap().len, 4);
    }

    #[test]
    fn upper_layers_of_a_key_picture_are_no_start() {
        let base = [0x28, 0x00, 0x01];
        let upper = [0x28, 0x03, 0x01];
        assert!(is_keyframe_start(&base));
        assert!(!is_keyframe_start(&upper));
        assert!(is_keyframe_start(&[0x08]), "no layers at all");
        assert!(!is_keyframe_start(&[0x00]), "goes on");
    }

    #[test]
    fn cut_off_anywhere_it_is_an_error() {
        let whole =
            [0xaa, 0x92, 0x34, 0x00, 0x09, 0x38, 0x01, 0x40, 0x00, 0xb4, 0x02, 0x80, 0x01, 0x68, 0x02, 0x14, 0x01];
        for len in 0..whole.len() {
            assert_eq!(Descriptor::parse(&whole[..len]), Err(CodecError::Truncated), "{len}");
        }
    }
}

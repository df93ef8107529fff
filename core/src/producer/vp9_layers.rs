//! What the payload descriptors of VP9 tell of its frames, where no dependency descriptor does (RFC 9628 §4.2): full SVC,
//! in which each spatial layer builds on the one below, and K-SVC, in which it does so at key pictures only.

use crate::codec::vp9::{Descriptor, MAX_SPATIAL_LAYERS};
use crate::frame_layers::{FrameLayers, LayerPairs, MAX_LAYERS};

/// Spatial layers that are told apart: frames of a picture get so many numbers.
const SPATIAL_LAYERS: u8 = 4;
/// Pictures without a layer after which its publisher has ended it.
const REMEMBERED: usize = 8;

/// The pictures of an encoding that came last.
#[derive(Debug, Default)]
pub(super) struct Vp9Layers {
    /// The newest picture: its id as it came, and counted on.
    newest: Option<(u16, u16)>,
    /// Highest spatial and temporal layer of the newest pictures, the newest first.
    highest: [(u8, u8); REMEMBERED],
    /// Width and height of each spatial layer, where told.
    sizes: Option<[(u16, u16); MAX_SPATIAL_LAYERS]>,
}

impl Vp9Layers {
    /// Reads the descriptor of a payload. None where it tells of no layers, or of more than are told apart.
    pub fn read(&mut self, payload: &[u8]) -> Option<FrameLayers> {
        let descriptor = Descriptor::parse(payload).ok()?;
        let (layers, id) = (descriptor.layers?, descriptor.numbers.picture_id?);
        if layers.spatial >= SPATIAL_LAYERS {
            return None;
        }
        if let Some(sizes) = descriptor.structure.and_then(|structure| structure.sizes) {
            self.sizes = Some(sizes);
        }
        let half = if id.long { 0x4000 } else { 0x40 };
        let (newest_id, newest) = *self.newest.get_or_insert((id.value, 0));
        let ahead = id.value.wrapping_sub(newest_id) & (2 * half - 1);
        let is_late = ahead >= half;
        let picture = if is_late { newest.wrapping_sub(2 * half - ahead) } else { newest.wrapping_add(ahead) };
        let own = (layers.spatial, layers.temporal);
        if !is_late {
            if ahead > 0 {
                self.highest.rotate_right(1);
                self.highest[0] = own;
            }
            let current = &mut self.highest[0];
            *current = (current.0.max(own.0), current.1.max(own.1));
            self.newest = Some((id.value, picture));
        }
        if descriptor.is_keyframe_start() && !is_late {
            // What is sent from here on is told, and what was sent before does not count.
            let spatial = descriptor.structure.map_or(own.0, |structure| structure.spatial_layers - 1);
            self.highest = [(spatial.min(SPATIAL_LAYERS - 1), own.1); REMEMBERED];
        }
        let highest = self.highest.iter().fold((0, 0), |max: (u8, u8), each| (max.0.max(each.0), max.1.max(each.1)));
        let for_one = |spatial| pairs(spatial..=spatial, own.1);
        let belongs = if descriptor.not_reference_for_upper && own.0 < highest.0 {
            for_one(own.0)
        } else {
            pairs(own.0..=MAX_LAYERS - 1, own.1)
        };
        let switches = if descriptor.is_keyframe_start() {
            LayerPairs::ALL
        } else if layers.switching_up || !descriptor.inter_picture_predicted {
            for_one(own.0)
        } else {
            LayerPairs::default()
        };
        Some(FrameLayers {
            number: picture.wrapping_mul(u16::from(SPATIAL_LAYERS)).wrapping_add(u16::from(own.0)),
            spatial: own.0,
            temporal: own.1,
            end: descriptor.frame_end,
            highest,
            belongs,
            // Which of them later frames refer to is not told.
            needed: belongs,
            switches,
            builds_on_lowest: false,
        })
    }
}

impl Vp9Layers {
    /// Width and height of a spatial layer, where told.
    pub fn size(&self, spatial: u8) -> Option<(u16, u16)> {
        self.sizes?.get(usize::from(spatial)).copied().filter(|size| *size != (0, 0))
    }
}

/// Those spatial layers, with this temporal layer and all above.
fn pairs(spatial: std::ops::RangeInclusive<u8>, temporal: u8) -> LayerPairs {
    let mut pairs = LayerPairs::default();
    for spatial in spatial {
        (temporal..MAX_LAYERS).for_each(|temporal| pairs.insert((spatial, temporal)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// I, L, B, E and others; short picture id; non-flexible.
    fn payload(flags: u8, picture_id: u8, (spatial, temporal): (u8, u8)) -> [u8; 6] {
        [0xac | flags, picture_id, temporal << 5 | spatial << 1, 0, 1, 2]
    }

    #[test]
    fn frames_are_counted_across_the_end_of_picture_ids_and_late_ones_have_their_number() {
        let mut layers = Vp9Layers::default();
        let mut read = |id, own| layers.read(&payload(0x40, id, own)).unwrap();
        let first = read(126, (0, 0)).number;
        assert_eq!(read(126, (1, 0)).number, first.wrapping_add(1));
        assert_eq!(read(0, (0, 1)).number, first.wrapping_add(8));
        let late = read(127, (2, 2));
        assert_eq!((late.number, late.highest), (first.wrapping_add(6), (1, 1)));
    }

    #[test]
    fn what_tells_of_no_layers_is_left_whole() {
        let mut layers = Vp9Layers::default();
        assert_eq!(layers.read(&[0x8c, 1, 2]), None);
        assert_eq!(layers.read(&[0x2c, 0, 0, 1]), None, "no picture id");
        assert_eq!(layers.read(&payload(0, 1, (4, 0))), None, "too many");
        assert_eq!(layers.read(&[]), None);
    }

    proptest! {
        #[test]
        fn a_frame_belongs_to_who_gets_its_own_layer(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..40)) {
            let mut layers = Vp9Layers::default();
            for payload in payloads {
                if let Some(frame) = layers.read(&payload) {
                    prop_assert!(frame.belongs.contains((frame.spatial, frame.temporal)));
                    prop_assert!(frame.highest.0 < SPATIAL_LAYERS && frame.highest.1 < MAX_LAYERS);
                }
            }
        }
    }
}

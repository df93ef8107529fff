//! Which frames of H.264 others do without, where no dependency descriptor tells: those that are no reference
//! (`nal_ref_idc` of 0, ITU-T H.264 §7.4.1), and the temporal layers that prefix NAL units tell of (SVC, RFC 6190 §1.1.3).

use crate::codec::h264;
use crate::frame_layers::{FrameLayers, LayerPairs, MAX_LAYERS};

/// Frames that are remembered, for packets that come late and for layers that are not sent any more.
const REMEMBERED: usize = 16;

/// A frame: its timestamp, its layer, and its place among the others.
#[derive(Clone, Copy, Debug)]
struct Known {
    timestamp: u32,
    temporal: u8,
    number: u16,
}

/// The frames of an encoding that came last.
#[derive(Debug, Default)]
pub(super) struct H264Layers {
    /// The newest first.
    frames: [Option<Known>; REMEMBERED],
    /// What the prefix of the newest frame told of it: its timestamp and temporal layer.
    prefix: Option<(u32, u8)>,
    /// Whether any frame was ever of an upper layer: before that there is nothing to choose from.
    has_layers: bool,
}

impl H264Layers {
    /// Reads a payload. None while nothing tells of layers.
    pub fn read(&mut self, timestamp: u32, marker: bool, payload: &[u8]) -> Option<FrameLayers> {
        let slices = h264::slices(payload);
        if let Some(temporal) = slices.temporal {
            self.prefix = Some((timestamp, temporal));
        }
        let told = self.prefix.filter(|(of, _)| *of == timestamp).map(|(_, temporal)| temporal);
        let is_reference = slices.is_reference;
        let temporal = match (told, is_reference) {
            (Some(temporal), _) => temporal,
            (None, Some(false)) => 1,
            // What comes before the first slice of a frame, such as SEI, is sent whatever becomes of that. The rest of a
            // slice that began in another packet says as its head does whether it is one of a reference.
            (None, _) => 0,
        };
        self.has_layers |= temporal > 0;
        if !self.has_layers {
            return None;
        }
        let number = self.number(timestamp, temporal);
        let belongs = from(temporal);
        let is_keyframe = h264::is_keyframe_start(payload);
        Some(FrameLayers {
            number,
            spatial: 0,
            temporal,
            end: marker,
            highest: (0, self.frames.iter().flatten().map(|frame| frame.temporal).max().unwrap_or(0)),
            belongs,
            needed: if is_reference == Some(false) { LayerPairs::default() } else { belongs },
            switches: match (is_keyframe, is_reference) {
                (true, _) => LayerPairs::ALL,
                // Upper layers refer to nothing before the newest frame of the lowest one.
                (false, Some(true)) if temporal == 0 => belongs,
                _ => LayerPairs::default(),
            },
        })
    }

    /// The number of the frame that a packet belongs to; of one that is older than all that are remembered, one before.
    fn number(&mut self, timestamp: u32, temporal: u8) -> u16 {
        let frames = || self.frames.iter().flatten();
        if let Some(known) = frames().find(|known| (known.timestamp, known.temporal) == (timestamp, temporal)) {
            return known.number;
        }
        let newest = self.frames[0];
        let is_late = newest.is_some_and(|newest| timestamp.wrapping_sub(newest.timestamp).cast_signed() < 0);
        if is_late {
            let older = frames().find(|known| timestamp.wrapping_sub(known.timestamp).cast_signed() >= 0);
            let next = older.or(frames().last());
            return next.map_or(0, |known| known.number.wrapping_add(u16::from(older.is_some())));
        }
        // Numbers leave room for one that comes late between two.
        let number = newest.map_or(0, |newest| newest.number.wrapping_add(2));
        self.frames.rotate_right(1);
        self.frames[0] = Some(Known { timestamp, temporal, number });
        number
    }
}

/// Who gets this temporal layer: it is of the only spatial one.
fn from(temporal: u8) -> LayerPairs {
    let mut pairs = LayerPairs::default();
    for spatial in 0..MAX_LAYERS {
        (temporal..MAX_LAYERS).for_each(|temporal| pairs.insert((spatial, temporal)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REFERENCE: [u8; 3] = [0x61, 0x9a, 1];
    const DISCARDABLE: [u8; 3] = [0x01, 0x9a, 1];

    #[test]
    fn frames_without_a_mark_are_left_whole() {
        let mut layers = H264Layers::default();
        for timestamp in 0..20 {
            assert_eq!(layers.read(timestamp * 3_000, true, &REFERENCE), None);
        }
    }

    #[test]
    fn what_is_no_reference_is_a_layer_of_its_own_that_nobody_needs() {
        let mut layers = H264Layers::default();
        let upper = layers.read(3_000, false, &DISCARDABLE).unwrap();
        assert_eq!((upper.temporal, upper.highest, upper.needed), (1, (0, 1), LayerPairs::default()));
        assert!(upper.belongs.contains((0, 1)) && !upper.belongs.contains((0, 0)));
        let rest = layers.read(3_000, true, &[0x1c, 0x41, 1]).unwrap();
        assert_eq!((rest.number, rest.end), (upper.number, true), "the last fragment of it");
        let lower = layers.read(6_000, true, &REFERENCE).unwrap();
        assert_eq!((lower.temporal, lower.number), (0, upper.number.wrapping_add(2)));
        assert!(lower.switches.contains((0, 1)));
        let late = layers.read(4_500, true, &DISCARDABLE).unwrap();
        assert_eq!(late.number, upper.number.wrapping_add(1));
        for timestamp in 3..40 {
            assert!(layers.read(timestamp * 3_000, true, &REFERENCE).is_some());
        }
        let last = layers.read(200_000, true, &REFERENCE).unwrap();
        assert_eq!(last.highest, (0, 0), "its publisher has ended it");
    }

    #[test]
    fn what_comes_before_the_slices_does_not_decide_of_them() {
        let mut layers = H264Layers::default();
        layers.read(0, true, &DISCARDABLE);
        let sei = layers.read(3_000, false, &[0x06, 5, 1]).unwrap();
        let slice = layers.read(3_000, true, &DISCARDABLE).unwrap();
        assert_eq!((sei.temporal, slice.temporal), (0, 1));
        assert_ne!(sei.number, slice.number);
    }

    #[test]
    fn prefixes_tell_the_layer_of_the_slices_behind_them() {
        let mut layers = H264Layers::default();
        // Aggregated with its slice, which is a reference; then on its own.
        let prefix = [0x6e, 0x80, 0x80, 0x40];
        let stap = [&[0x78, 0, 4][..], &prefix, &[0, 3], &REFERENCE].concat();
        let middle = layers.read(3_000, true, &stap).unwrap();
        assert_eq!((middle.temporal, middle.needed == middle.belongs), (2, true));
        let alone = layers.read(6_000, false, &[0x6e, 0x80, 0x80, 0x20]).unwrap();
        let slice = layers.read(6_000, true, &REFERENCE).unwrap();
        assert_eq!((alone.temporal, slice.temporal, alone.number), (1, 1, slice.number));
    }

    proptest! {
        #[test]
        fn a_frame_belongs_to_who_gets_its_own_layer(
            packets in prop::collection::vec((any::<u32>(), prop::collection::vec(any::<u8>(), 0..12)), 0..40),
        ) {
            let mut layers = H264Layers::default();
            for (timestamp, payload) in packets {
                if let Some(frame) = layers.read(timestamp, false, &payload) {
                    prop_assert!(frame.belongs.contains((0, frame.temporal)) && frame.temporal < MAX_LAYERS);
                }
            }
        }
    }
}

//! Which frames of H.264 others do without, where no dependency descriptor tells: those that are no reference
//! (`nal_ref_idc` of 0, ITU-T H.264 §7.4.1), and the temporal layers that prefix NAL units (SVC, RFC 6190 §1.1.3) or the
//! frame-marking extension (RFC 9626) tell of.

use crate::codec::frame_marking::FrameMarking;
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
    /// Whether any was ever marked to be of an upper layer. Others of that time then tell by their marks alone.
    is_marked: bool,
    /// Whether a mark ever told that one can begin there with an upper layer: a sender that knows says so each time.
    tells_syncs: bool,
}

impl H264Layers {
    /// Reads a payload, and how its packet is marked. None while nothing tells of layers.
    pub fn read(
        &mut self,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
        mark: Option<FrameMarking>,
    ) -> Option<FrameLayers> {
        let slices = h264::slices(payload);
        if let Some(temporal) = slices.temporal {
            self.prefix = Some((timestamp, temporal));
        }
        let marked = mark.map(FrameMarking::layer).filter(|layer| *layer > 0);
        self.is_marked |= marked.is_some();
        self.tells_syncs |= mark.is_some_and(|mark| mark.base_layer_sync);
        // What is sent again may come without its mark.
        let marked = marked.or_else(|| {
            let known = self.frames.iter().flatten().find(|known| known.timestamp == timestamp);
            known.filter(|_| self.is_marked && mark.is_none()).map(|known| known.temporal)
        });
        let prefixed = || self.prefix.filter(|(of, _)| *of == timestamp).map(|(_, temporal)| temporal);
        let told = marked.or_else(prefixed);
        let is_discardable = mark.is_some_and(|mark| mark.discardable);
        let is_reference = slices.is_reference.filter(|_| !is_discardable).or(is_discardable.then_some(false));
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
                _ if mark.is_some_and(|mark| mark.base_layer_sync) => only(temporal),
                // Where nobody says so upper layers refer to nothing before the newest frame of the lowest one.
                (false, Some(true)) if temporal == 0 && !self.tells_syncs => belongs,
                _ => LayerPairs::default(),
            },
            builds_on_lowest: mark.is_some_and(|mark| mark.base_layer_sync),
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

/// Who gets nothing above this temporal layer.
fn only(temporal: u8) -> LayerPairs {
    let mut pairs = LayerPairs::default();
    (0..MAX_LAYERS).for_each(|spatial| pairs.insert((spatial, temporal)));
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
            assert_eq!(layers.read(timestamp * 3_000, true, &REFERENCE, None), None);
        }
    }

    #[test]
    fn what_is_no_reference_is_a_layer_of_its_own_that_nobody_needs() {
        let mut layers = H264Layers::default();
        let upper = layers.read(3_000, false, &DISCARDABLE, None).unwrap();
        assert_eq!((upper.temporal, upper.highest, upper.needed), (1, (0, 1), LayerPairs::default()));
        assert!(upper.belongs.contains((0, 1)) && !upper.belongs.contains((0, 0)));
        let rest = layers.read(3_000, true, &[0x1c, 0x41, 1], None).unwrap();
        assert_eq!((rest.number, rest.end), (upper.number, true), "the last fragment of it");
        let lower = layers.read(6_000, true, &REFERENCE, None).unwrap();
        assert_eq!((lower.temporal, lower.number), (0, upper.number.wrapping_add(2)));
        assert!(lower.switches.contains((0, 1)));
        let late = layers.read(4_500, true, &DISCARDABLE, None).unwrap();
        assert_eq!(late.number, upper.number.wrapping_add(1));
        for timestamp in 3..40 {
            assert!(layers.read(timestamp * 3_000, true, &REFERENCE, None).is_some());
        }
        let last = layers.read(200_000, true, &REFERENCE, None).unwrap();
        assert_eq!(last.highest, (0, 0), "its publisher has ended it");
    }

    #[test]
    fn what_comes_before_the_slices_does_not_decide_of_them() {
        let mut layers = H264Layers::default();
        layers.read(0, true, &DISCARDABLE, None);
        let sei = layers.read(3_000, false, &[0x06, 5, 1], None).unwrap();
        let slice = layers.read(3_000, true, &DISCARDABLE, None).unwrap();
        assert_eq!((sei.temporal, slice.temporal), (0, 1));
        assert_ne!(sei.number, slice.number);
    }

    #[test]
    fn prefixes_tell_the_layer_of_the_slices_behind_them() {
        let mut layers = H264Layers::default();
        // Aggregated with its slice, which is a reference; then on its own.
        let prefix = [0x6e, 0x80, 0x80, 0x40];
        let stap = [&[0x78, 0, 4][..], &prefix, &[0, 3], &REFERENCE].concat();
        let middle = layers.read(3_000, true, &stap, None).unwrap();
        assert_eq!((middle.temporal, middle.needed == middle.belongs), (2, true));
        let alone = layers.read(6_000, false, &[0x6e, 0x80, 0x80, 0x20], None).unwrap();
        let slice = layers.read(6_000, true, &REFERENCE, None).unwrap();
        assert_eq!((alone.temporal, slice.temporal, alone.number), (1, 1, slice.number));
    }

    /// The mark of a frame of a temporal layer: S, E, and these flags.
    fn mark(flags: u8, temporal: u8) -> Option<FrameMarking> {
        Some(FrameMarking::parse(&[0xc0 | flags | temporal, 0, 1]).unwrap())
    }

    const DISCARD: u8 = 0x10;
    const SYNC: u8 = 0x08;

    #[test]
    fn marks_tell_the_layers_of_frames_whose_payload_tells_nothing() {
        let mut layers = H264Layers::default();
        assert_eq!(layers.read(0, true, &REFERENCE, mark(0, 0)), None, "nothing to choose from yet");
        let top = layers.read(3_000, false, &REFERENCE, mark(DISCARD | SYNC, 2)).unwrap();
        assert_eq!((top.temporal, top.highest, top.needed), (2, (0, 2), LayerPairs::default()));
        assert!(top.switches.contains((0, 2)) && !top.switches.contains((0, 1)));
        let middle = layers.read(6_000, true, &REFERENCE, mark(SYNC, 1)).unwrap();
        assert!(middle.needed.contains((0, 1)) && middle.needed.contains((0, 2)) && !middle.needed.contains((0, 0)));
        assert!(middle.switches.contains((0, 1)) && !middle.switches.contains((0, 2)));
        let other = layers.read(9_000, true, &REFERENCE, mark(DISCARD, 2)).unwrap();
        assert_eq!(other.switches, LayerPairs::default(), "it refers to the middle one");
        let lowest = layers.read(12_000, true, &REFERENCE, mark(0, 0)).unwrap();
        assert_eq!(
            (lowest.temporal, lowest.switches),
            (0, LayerPairs::default()),
            "its sender tells where one can begin"
        );
        let again = layers.read(3_000, true, &REFERENCE, None).unwrap();
        assert_eq!((again.number, again.temporal), (top.number, 2), "sent again without its mark");
    }

    #[test]
    fn the_short_form_tells_of_two_layers() {
        let mut layers = H264Layers::default();
        let upper = layers.read(3_000, true, &REFERENCE, mark(DISCARD, 0)).unwrap();
        assert_eq!((upper.temporal, upper.needed), (1, LayerPairs::default()));
        let lower = layers.read(6_000, true, &REFERENCE, mark(0, 0)).unwrap();
        assert_eq!((lower.temporal, lower.switches.contains((0, 1))), (0, true));
    }

    #[test]
    fn what_marks_leave_untold_the_payload_tells() {
        let mut layers = H264Layers::default();
        let upper = layers.read(3_000, true, &DISCARDABLE, mark(0, 0)).unwrap();
        assert_eq!((upper.temporal, upper.needed), (1, LayerPairs::default()));
    }

    proptest! {
        #[test]
        fn a_frame_belongs_to_who_gets_its_own_layer(
            packets in prop::collection::vec((any::<u32>(), prop::collection::vec(any::<u8>(), 0..12), any::<Option<u8>>()), 0..40),
        ) {
            let mut layers = H264Layers::default();
            for (timestamp, payload, flags) in packets {
                let mark = flags.and_then(|flags| FrameMarking::parse(&[flags]).ok());
                if let Some(frame) = layers.read(timestamp, false, &payload, mark) {
                    prop_assert!(frame.belongs.contains((0, frame.temporal)) && frame.temporal < MAX_LAYERS);
                }
            }
        }
    }
}

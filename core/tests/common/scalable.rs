//! A camera whose one stream holds several spatial and temporal layers (SVC), told by dependency descriptors.

use std::collections::HashSet;

use _core::codec::dependency_descriptor::{Descriptor, Frame, Indication, Short, Structure, Template};
use _core::packet::rtp::{Fields, RtpPacket};

use super::media::{VP8, packet};

/// Which layers refer to the one below them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterLayer {
    /// In every picture.
    Always,
    /// In pictures that are key only ("K-SVC", the modes named `_KEY`).
    AtKeys,
}

/// Temporal layer of each picture, over and over.
const PATTERN: [u8; 4] = [0, 2, 1, 2];

/// AV1 (or VP8) with so many spatial layers and three temporal ones. Each frame has two packets.
pub struct ScalableCamera {
    pub ssrc: u32,
    /// Whether the payload is VP8's.
    pub is_vp8: bool,
    spatial_layers: u8,
    inter_layer: InterLayer,
    structure: Structure,
    sequence_number: u16,
    timestamp: u32,
    frame_number: u16,
    /// Pictures since the last key one.
    pictures: usize,
    /// The last frame of each spatial and temporal layer.
    last: [[u16; 3]; 4],
    /// Spatial layers that are sent.
    pub active_layers: u8,
    told_layers: u8,
}

impl ScalableCamera {
    pub fn new(ssrc: u32, spatial_layers: u8, inter_layer: InterLayer) -> Self {
        let mut templates = Vec::new();
        for spatial in 0..spatial_layers {
            for temporal in 0..3 {
                templates.push(Template { spatial, temporal, ..Template::default() });
            }
        }
        let mut structure = Structure::new(&templates).unwrap();
        structure.decode_targets = 3 * spatial_layers;
        for template in structure.templates_mut() {
            let layers = (template.spatial, template.temporal);
            template.indications = indications(spatial_layers, inter_layer, layers, false);
        }
        for spatial in 0..spatial_layers {
            structure.sizes.push((320 << spatial, 180 << spatial)).unwrap();
        }
        ScalableCamera {
            ssrc,
            is_vp8: false,
            spatial_layers,
            inter_layer,
            structure,
            sequence_number: 65_500,
            timestamp: 7,
            frame_number: 65_500,
            pictures: 0,
            last: [[0; 3]; 4],
            active_layers: spatial_layers,
            told_layers: spatial_layers,
        }
    }

    /// The packets of the next picture.
    ///
    /// A layer that is sent again begins anew, as with real encoders: where it may not refer to the one below it, with a
    /// key picture; else with one of the lowest temporal layer.
    pub fn picture(&mut self, is_key: bool) -> Vec<Vec<u8>> {
        let begins_layer = self.active_layers > self.told_layers;
        let is_key = is_key || (begins_layer && self.inter_layer == InterLayer::AtKeys);
        if is_key {
            self.pictures = 0;
        }
        let temporal = PATTERN[self.pictures % PATTERN.len()];
        self.pictures += 1;
        let active = if begins_layer && !is_key && temporal > 0 { self.told_layers } else { self.active_layers };
        self.timestamp = self.timestamp.wrapping_add(3_000);
        let mut packets = Vec::new();
        for spatial in 0..active {
            self.frame_number = self.frame_number.wrapping_add(1);
            let frame = self.frame(is_key, spatial, temporal, active);
            for first in [true, false] {
                packets.push(self.packet(&frame, first, is_key, active));
            }
            // What refers to a layer refers to its newest frame.
            let begins = if is_key || spatial >= self.told_layers { 0 } else { usize::from(temporal) };
            for place in &mut self.last[usize::from(spatial)][begins..] {
                *place = self.frame_number;
            }
        }
        self.told_layers = active;
        packets
    }

    fn frame(&self, is_key: bool, spatial: u8, temporal: u8, active: u8) -> Frame {
        let mut references = Short::default();
        if !is_key && spatial < self.told_layers {
            // Each frame refers to the newest one of its spatial layer that is of a lower temporal layer, or of the
            // lowest.
            let of = self.last[usize::from(spatial)][usize::from(temporal.saturating_sub(1))];
            references.push(self.frame_number.wrapping_sub(of)).unwrap();
        }
        if spatial > 0 && (is_key || self.inter_layer == InterLayer::Always) {
            references.push(1).unwrap();
        }
        let has_structure = is_key && spatial == 0;
        let template_id = 3 * spatial + temporal;
        let tells_active = has_structure || self.told_layers != active;
        Frame {
            descriptor: Descriptor {
                frame_start: true,
                frame_end: true,
                template_id,
                frame_number: self.frame_number,
                has_structure,
            },
            spatial,
            temporal,
            indications: indications(self.spatial_layers, self.inter_layer, (spatial, temporal), is_key),
            references,
            chains: Short::default(),
            active: tells_active.then_some((1 << (3 * active)) - 1),
        }
    }

    fn packet(&mut self, frame: &Frame, first: bool, is_key: bool, active: u8) -> Vec<u8> {
        self.sequence_number = self.sequence_number.wrapping_add(1);
        let has_structure = frame.descriptor.has_structure && first;
        let descriptor = Descriptor { frame_start: first, frame_end: !first, has_structure, ..frame.descriptor };
        let mut data = [0; 255];
        let len = Frame { descriptor, ..*frame }.write(&self.structure, &mut data).unwrap();
        let fields = Fields {
            marker: !first && frame.spatial + 1 == active,
            payload_type: VP8,
            sequence_number: self.sequence_number,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        let mut payload = if self.is_vp8 {
            // All that Chromium leaves of the payload descriptor where there is a dependency descriptor.
            vec![if first { 0x10 } else { 0x00 }, if is_key { 0x30 } else { 0x31 }]
        } else {
            // One OBU; that of a key picture's first packet begins a coded video sequence.
            let starts = is_key && frame.spatial == 0 && first;
            vec![if starts { 0x18 } else { 0x10 }, 0x30]
        };
        payload.resize(200 << frame.spatial, 0x55);
        packet(&fields, &[(4, b"v"), (12, &data[..len])], &payload)
    }
}

fn indications(
    spatial_layers: u8,
    inter_layer: InterLayer,
    (spatial, temporal): (u8, u8),
    is_key: bool,
) -> Short<Indication, 32> {
    let mut made = Short::default();
    for target_spatial in 0..spatial_layers {
        for target_temporal in 0..3 {
            let reaches = match inter_layer {
                InterLayer::AtKeys if !is_key => target_spatial == spatial,
                _ => target_spatial >= spatial,
            };
            let indication = match (reaches && target_temporal >= temporal, temporal) {
                (false, _) => Indication::NotPresent,
                (true, _) if is_key => Indication::Switch,
                (true, 2) if target_spatial == spatial => Indication::Discardable,
                (true, _) if target_spatial == spatial && (temporal == 0 || target_temporal == temporal) => {
                    Indication::Switch
                }
                (true, _) => Indication::Required,
            };
            made.push(indication).unwrap();
        }
    }
    made
}

/// What a decoder would say to what it gets.
#[derive(Default)]
pub struct Receiver {
    structure: Option<Box<Structure>>,
    complete: HashSet<u16>,
    last: Option<(u16, u16, u32)>,
    /// Whether the picture that came last ended with a marker.
    marked: bool,
    /// Spatial and temporal layer of each whole frame.
    pub frames: Vec<(u8, u8)>,
    /// Pictures whose end was not marked.
    pub unmarked: usize,
}

impl Receiver {
    /// Takes a packet, whose descriptor is extension 13. Panics at what would stop a decoder.
    pub fn take(&mut self, data: &[u8]) {
        let packet = RtpPacket::parse(data).unwrap();
        let (_, descriptor) = packet.extensions().find(|(id, _)| *id == 13).expect("each packet has a descriptor");
        let frame = Frame::parse(descriptor, &mut self.structure).unwrap();
        let Descriptor { frame_number, frame_end, .. } = frame.descriptor;
        if let Some((sequence_number, newest, timestamp)) = self.last {
            assert_eq!(packet.header.sequence_number, sequence_number.wrapping_add(1), "a gap");
            assert!(frame_number.wrapping_sub(newest) < 1_000, "frame {frame_number} after {newest}");
            if packet.header.timestamp != timestamp {
                self.unmarked += usize::from(!self.marked);
            } else {
                assert!(!self.marked, "a picture goes on behind its end");
            }
        }
        self.last = Some((packet.header.sequence_number, frame_number, packet.header.timestamp));
        self.marked = packet.header.marker;
        for reference in frame.references.iter() {
            let needed = frame_number.wrapping_sub(*reference);
            assert!(self.complete.contains(&needed), "frame {frame_number} lacks {needed}");
        }
        if frame_end {
            self.complete.insert(frame_number);
            self.frames.push((frame.spatial, frame.temporal));
        }
    }
}

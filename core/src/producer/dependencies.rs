//! What the dependency descriptors of an encoding tell of its frames.

use crate::codec::dependency_descriptor::{Descriptor, Frame, Indication, MAX_DECODE_TARGETS, Structure};
use crate::frame_layers::{FrameLayers, LayerPairs, MAX_LAYERS};

/// The last structure of an encoding, and what follows from it.
#[derive(Debug, Default)]
pub(super) struct Dependencies {
    structure: Option<Box<Structure>>,
    /// Sequence number of the packet that brought it.
    learned_from: u64,
    /// The pairs of layers that each decode target is for.
    pairs: [LayerPairs; MAX_DECODE_TARGETS],
    /// Decode targets that are sent now.
    active: u32,
    highest: (u8, u8),
}

impl Dependencies {
    /// Reads the descriptor of the packet with this extended sequence number. None where it cannot be read, as before
    /// the first structure.
    pub fn read(&mut self, sequence: u64, data: &[u8]) -> Option<FrameLayers> {
        let brings_structure = Descriptor::parse(data).ok()?.has_structure;
        if brings_structure && sequence < self.learned_from {
            // Of a keyframe that came late: what came since is told by a newer structure.
            return None;
        }
        let frame = Frame::parse(data, &mut self.structure).ok()?;
        let structure = self.structure.as_deref()?;
        if brings_structure {
            self.learned_from = sequence;
            self.pairs = pairs(structure);
        }
        if let Some(active) = frame.active
            && (brings_structure || active != self.active)
        {
            self.active = active;
            let targets = (0..usize::from(structure.decode_targets)).filter(|target| active >> target & 1 == 1);
            self.highest = targets.map(|target| structure.layers_of(target)).max().unwrap_or_default();
        }
        let mut layers = FrameLayers {
            number: frame.descriptor.frame_number,
            spatial: frame.spatial,
            temporal: frame.temporal,
            end: frame.descriptor.frame_end,
            highest: self.highest,
            belongs: LayerPairs::default(),
            needed: LayerPairs::default(),
            switches: LayerPairs::default(),
            builds_on_lowest: false,
        };
        for (indication, pairs) in frame.indications.iter().zip(self.pairs) {
            if *indication != Indication::NotPresent {
                layers.belongs = layers.belongs.or(pairs);
            }
            match indication {
                Indication::Switch => {
                    (layers.needed, layers.switches) = (layers.needed.or(pairs), layers.switches.or(pairs))
                }
                Indication::Required => layers.needed = layers.needed.or(pairs),
                Indication::Discardable | Indication::NotPresent => {}
            }
        }
        Some(layers)
    }

    /// Width and height of a spatial layer, where told.
    pub fn size(&self, spatial: u8) -> Option<(u16, u16)> {
        self.structure.as_deref()?.sizes.get(usize::from(spatial)).copied()
    }
}

/// The pairs of layers that each decode target is the best for.
fn pairs(structure: &Structure) -> [LayerPairs; MAX_DECODE_TARGETS] {
    let mut pairs = [LayerPairs::default(); MAX_DECODE_TARGETS];
    let mut layers = [(0, 0); MAX_DECODE_TARGETS];
    let count = usize::from(structure.decode_targets);
    for (target, layers) in layers[..count].iter_mut().enumerate() {
        *layers = structure.layers_of(target);
    }
    for spatial in 0..MAX_LAYERS {
        for temporal in 0..MAX_LAYERS {
            let targets = || (0..count).map(|target| (layers[target], target));
            let fitting = targets().filter(|((s, t), _)| *s <= spatial && *t <= temporal).max();
            if let Some((_, target)) = fitting.or_else(|| targets().min()) {
                pairs[target].insert((spatial, temporal));
            }
        }
    }
    pairs
}

//! The template dependency structure (A.8.3): what the frames of a stream are like.

use super::{BitReader, BitWriter, DescriptorError, Indication, MAX_REFERENCES, Short};

/// Templates of a structure: their ids have six bits.
pub const MAX_TEMPLATES: usize = 64;
/// Decode targets of a structure: their count has five bits.
pub const MAX_DECODE_TARGETS: usize = 32;
/// Chains of a structure: each protects a decode target.
pub const MAX_CHAINS: usize = MAX_DECODE_TARGETS;
/// Spatial layers of a structure: AV1 has no more (`OperatingPointIdc`), nor have the others.
const MAX_SPATIAL_LAYERS: u8 = 8;
/// Temporal layers of a structure.
const MAX_TEMPORAL_LAYERS: u8 = 8;

/// What frames of one kind are like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// Spatial layer.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// What the frame is to each decode target.
    pub indications: Short<Indication, MAX_DECODE_TARGETS>,
    /// How many frames before it those are that it refers to.
    pub references: Short<u16, MAX_REFERENCES>,
    /// How many frames before it the last one of each chain is; 0 at the start of a chain.
    pub chains: Short<u8, MAX_CHAINS>,
}

/// The structure of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    /// Id of the first template.
    pub template_id_offset: u8,
    /// How many decode targets there are, 1–32.
    pub decode_targets: u8,
    /// How many chains there are.
    pub chains: u8,
    /// The chain that protects each decode target; empty without chains.
    pub protected_by: Short<u8, MAX_DECODE_TARGETS>,
    /// Width and height of each spatial layer, where told.
    pub sizes: Short<(u16, u16), { MAX_SPATIAL_LAYERS as usize }>,
    templates: [Template; MAX_TEMPLATES],
    template_count: u8,
}

impl Default for Structure {
    fn default() -> Self {
        Structure {
            template_id_offset: 0,
            decode_targets: 0,
            chains: 0,
            protected_by: Short::default(),
            sizes: Short::default(),
            templates: [Template::default(); MAX_TEMPLATES],
            template_count: 0,
        }
    }
}

impl Structure {
    /// A structure of these templates, ordered as the wire has them: by spatial, then by temporal layer.
    pub fn new(templates: &[Template]) -> Result<Self, DescriptorError> {
        let mut structure = Structure::default();
        for template in templates {
            structure.push(*template)?;
        }
        Ok(structure)
    }

    /// The templates, in the order of their ids.
    pub fn templates(&self) -> &[Template] {
        &self.templates[..usize::from(self.template_count)]
    }

    /// The templates, to be changed.
    pub fn templates_mut(&mut self) -> &mut [Template] {
        &mut self.templates[..usize::from(self.template_count)]
    }

    /// The template of this id.
    pub fn template(&self, id: u8) -> Result<&Template, DescriptorError> {
        let index = usize::from(id.wrapping_sub(self.template_id_offset) & 0x3f);
        self.templates().get(index).ok_or(DescriptorError::UnknownTemplate)
    }

    /// Highest spatial and highest temporal layer of a decode target (A.8.3.6).
    pub fn layers_of(&self, target: usize) -> (u8, u8) {
        let present = |template: &&Template| {
            template.indications.get(target).is_some_and(|indication| *indication != Indication::NotPresent)
        };
        self.templates().iter().filter(present).fold((0, 0), |(spatial, temporal), template| {
            (spatial.max(template.spatial), temporal.max(template.temporal))
        })
    }

    /// The decode target to receive for at most these layers, among those of the mask: the best one that there is. Those
    /// with all spatial layers too high leave the lowest one.
    pub fn target_for(&self, spatial: u8, temporal: u8, active: u32) -> Option<usize> {
        let targets = (0..usize::from(self.decode_targets)).filter(|target| active >> target & 1 == 1);
        let fits = |target: &usize| {
            let layers = self.layers_of(*target);
            layers.0 <= spatial && layers.1 <= temporal
        };
        let best = targets.clone().filter(fits).max_by_key(|target| self.layers_of(*target));
        best.or_else(|| targets.min_by_key(|target| self.layers_of(*target)))
    }

    fn push(&mut self, template: Template) -> Result<(), DescriptorError> {
        let place = self.templates.get_mut(usize::from(self.template_count));
        *place.ok_or(DescriptorError::OutOfBounds)? = template;
        self.template_count += 1;
        Ok(())
    }

    /// Reads a structure into this one, in place.
    pub(super) fn read(&mut self, reader: &mut BitReader<'_>) -> Result<(), DescriptorError> {
        self.template_id_offset = reader.bits(6)? as u8;
        self.decode_targets = reader.bits(5)? as u8 + 1;
        self.read_layers(reader)?;
        let count = usize::from(self.template_count);
        for template in &mut self.templates[..count] {
            for _ in 0..self.decode_targets {
                template.indications.push(Indication::from_bits(reader.bits(2)?))?;
            }
        }
        for template in &mut self.templates[..count] {
            while reader.flag()? {
                template.references.push(reader.bits(4)? as u16 + 1)?;
            }
        }
        self.chains = reader.below(u32::from(self.decode_targets) + 1)? as u8;
        self.protected_by = Short::default();
        if self.chains > 0 {
            for _ in 0..self.decode_targets {
                self.protected_by.push(reader.below(u32::from(self.chains))? as u8)?;
            }
            for template in &mut self.templates[..count] {
                for _ in 0..self.chains {
                    template.chains.push(reader.bits(4)? as u8)?;
                }
            }
        }
        self.sizes = Short::default();
        if reader.flag()? {
            for _ in 0..=self.highest_spatial() {
                // Each is told minus one, so that 65,536 would not fit: it is taken for the largest that does.
                let width = (reader.bits(16)? + 1).min(u64::from(u16::MAX)) as u16;
                let height = (reader.bits(16)? + 1).min(u64::from(u16::MAX)) as u16;
                self.sizes.push((width, height))?;
            }
        }
        Ok(())
    }

    fn read_layers(&mut self, reader: &mut BitReader<'_>) -> Result<(), DescriptorError> {
        self.template_count = 0;
        let (mut spatial, mut temporal) = (0, 0);
        loop {
            self.push(Template { spatial, temporal, ..Template::default() })?;
            match reader.bits(2)? {
                0 => {}
                1 => temporal += 1,
                2 => (spatial, temporal) = (spatial + 1, 0),
                _ => return Ok(()),
            }
            if spatial >= MAX_SPATIAL_LAYERS || temporal >= MAX_TEMPORAL_LAYERS {
                return Err(DescriptorError::OutOfBounds);
            }
        }
    }

    /// Writes it. What does not follow the order of layers, or the counts, is out of bounds.
    pub(super) fn write(&self, writer: &mut BitWriter<'_>) -> Result<(), DescriptorError> {
        let templates = self.templates();
        if templates.is_empty() || self.decode_targets == 0 || self.decode_targets as usize > MAX_DECODE_TARGETS {
            return Err(DescriptorError::OutOfBounds);
        }
        writer.bits(u64::from(self.template_id_offset), 6)?;
        writer.bits(u64::from(self.decode_targets) - 1, 5)?;
        for pair in templates.windows(2) {
            let next = (pair[1].spatial, pair[1].temporal);
            let step = match (pair[0].spatial, pair[0].temporal) {
                layers if next == layers => 0,
                (spatial, temporal) if next == (spatial, temporal + 1) => 1,
                (spatial, _) if next == (spatial + 1, 0) => 2,
                _ => return Err(DescriptorError::OutOfBounds),
            };
            writer.bits(step, 2)?;
        }
        writer.bits(3, 2)?;
        for template in templates {
            for indication in template.indications.iter() {
                writer.bits(*indication as u64, 2)?;
            }
        }
        for template in templates {
            for reference in template.references.iter() {
                writer.bits(1, 1)?;
                writer.bits(u64::from(*reference).wrapping_sub(1), 4)?;
            }
            writer.bits(0, 1)?;
        }
        writer.below(u64::from(self.chains), u32::from(self.decode_targets) + 1)?;
        for chain in self.protected_by.iter() {
            writer.below(u64::from(*chain), u32::from(self.chains))?;
        }
        for chain in templates.iter().flat_map(|template| template.chains.iter()) {
            writer.bits(u64::from(*chain), 4)?;
        }
        writer.bits(u64::from(!self.sizes.is_empty()), 1)?;
        for (width, height) in self.sizes.iter() {
            writer.bits(u64::from(*width).saturating_sub(1), 16)?;
            writer.bits(u64::from(*height).saturating_sub(1), 16)?;
        }
        Ok(())
    }

    fn highest_spatial(&self) -> u8 {
        self.templates().iter().map(|template| template.spatial).max().unwrap_or(0)
    }
}

//! One descriptor: where its packet stands in its frame, and what the frame is (A.8.2).

use super::{
    BitReader, BitWriter, DescriptorError, Indication, MANDATORY_LEN, MAX_CHAINS, MAX_DECODE_TARGETS, MAX_REFERENCES,
    Short, Structure,
};

/// The fields that every descriptor begins with. They can be read, and the frame number rewritten, without a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The frame's first packet.
    pub frame_start: bool,
    /// The frame's last packet.
    pub frame_end: bool,
    /// Id of the frame's template.
    pub template_id: u8,
    /// Counts frames in decoding order, all layers together.
    pub frame_number: u16,
    /// Whether a new structure is in it.
    pub has_structure: bool,
}

impl Descriptor {
    /// Reads the beginning of a descriptor.
    #[inline]
    pub fn parse(data: &[u8]) -> Result<Self, DescriptorError> {
        let Some((&[head, high, low], rest)) = data.split_first_chunk::<MANDATORY_LEN>() else {
            return Err(DescriptorError::Truncated);
        };
        Ok(Descriptor {
            frame_start: head & 0x80 != 0,
            frame_end: head & 0x40 != 0,
            template_id: head & 0x3f,
            frame_number: u16::from_be_bytes([high, low]),
            has_structure: rest.first().is_some_and(|flags| flags & 0x80 != 0),
        })
    }

    /// Writes another frame number into a descriptor. References are told as differences and stay true.
    #[inline]
    pub fn rewrite_frame_number(data: &mut [u8], frame_number: u16) {
        if let Some(place) = data.get_mut(1..MANDATORY_LEN) {
            place.copy_from_slice(&frame_number.to_be_bytes());
        }
    }
}

/// What a frame is, as its descriptor and the stream's structure tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its beginning.
    pub descriptor: Descriptor,
    /// Spatial layer.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// What it is to each decode target.
    pub indications: Short<Indication, MAX_DECODE_TARGETS>,
    /// How many frames before it those are that it refers to.
    pub references: Short<u16, MAX_REFERENCES>,
    /// How many frames before it the last one of each chain is; 0 at the start of a chain.
    pub chains: Short<u8, MAX_CHAINS>,
    /// Which decode targets are sent at all, a bit each, lowest first; where this descriptor tells.
    pub active: Option<u32>,
}

impl Frame {
    /// Reads a descriptor. A structure that it brings takes the place of `structure`; where it cannot be read, there is
    /// none from then on.
    pub fn parse(data: &[u8], structure: &mut Option<Box<Structure>>) -> Result<Self, DescriptorError> {
        let descriptor = Descriptor::parse(data)?;
        let mut reader = BitReader::new(&data[MANDATORY_LEN..]);
        let mut flags = [false; 5];
        if data.len() > MANDATORY_LEN {
            for flag in &mut flags {
                *flag = reader.flag()?;
            }
        }
        let [brings_structure, tells_active, own_indications, own_references, own_chains] = flags;
        let mut active = None;
        if brings_structure {
            // In the memory of the one before.
            let mut place = structure.take().unwrap_or_default();
            place.read(&mut reader)?;
            active = Some(all(place.decode_targets));
            *structure = Some(place);
        }
        let structure = structure.as_deref().ok_or(DescriptorError::NoStructure)?;
        if tells_active {
            active = Some(reader.bits(u32::from(structure.decode_targets))? as u32);
        }
        let template = structure.template(descriptor.template_id)?;
        let mut frame = Frame {
            descriptor,
            spatial: template.spatial,
            temporal: template.temporal,
            indications: template.indications,
            references: template.references,
            chains: template.chains,
            active,
        };
        if own_indications {
            frame.indications = Short::default();
            for _ in 0..structure.decode_targets {
                frame.indications.push(Indication::from_bits(reader.bits(2)?))?;
            }
        }
        if own_references {
            frame.references = Short::default();
            loop {
                let nibbles = reader.bits(2)? as u32;
                if nibbles == 0 {
                    break;
                }
                frame.references.push(reader.bits(4 * nibbles)? as u16 + 1)?;
            }
        }
        if own_chains {
            frame.chains = Short::default();
            for _ in 0..structure.chains {
                frame.chains.push(reader.bits(8)? as u8)?;
            }
        }
        Ok(frame)
    }

    /// What it is to a decode target.
    pub fn indication(&self, target: usize) -> Indication {
        self.indications.get(target).copied().unwrap_or_default()
    }

    /// Whether it begins something new: it refers to nothing.
    pub fn is_key(&self) -> bool {
        self.references.is_empty()
    }

    /// Writes it, to be read with `structure`, or together with it where `descriptor.has_structure` says so. What its
    /// template says is left out. Returns the length.
    pub fn write(&self, structure: &Structure, out: &mut [u8]) -> Result<usize, DescriptorError> {
        let Descriptor { frame_start, frame_end, template_id, frame_number, has_structure } = self.descriptor;
        let template = structure.template(template_id)?;
        if (template.spatial, template.temporal) != (self.spatial, self.temporal) {
            return Err(DescriptorError::UnknownTemplate);
        }
        let told_anyway = has_structure.then(|| all(structure.decode_targets));
        let tells_active = self.active.is_some() && self.active != told_anyway;
        let own_indications = self.indications != template.indications;
        let own_references = self.references != template.references;
        let own_chains = self.chains != template.chains;
        let flags = [has_structure, tells_active, own_indications, own_references, own_chains];

        let mut writer = BitWriter::new(out);
        writer.bits(u64::from(frame_start), 1)?;
        writer.bits(u64::from(frame_end), 1)?;
        writer.bits(u64::from(template_id), 6)?;
        writer.bits(u64::from(frame_number), 16)?;
        if flags.contains(&true) {
            for flag in flags {
                writer.bits(u64::from(flag), 1)?;
            }
        }
        if has_structure {
            structure.write(&mut writer)?;
        }
        if let Some(active) = self.active.filter(|_| tells_active) {
            writer.bits(u64::from(active), u32::from(structure.decode_targets))?;
        }
        if own_indications {
            for indication in self.indications.iter() {
                writer.bits(*indication as u64, 2)?;
            }
        }
        if own_references {
            for reference in self.references.iter() {
                let less_one = reference.wrapping_sub(1);
                let nibbles = (u16::BITS - less_one.leading_zeros()).div_ceil(4).max(1);
                if nibbles > 3 {
                    return Err(DescriptorError::OutOfBounds);
                }
                writer.bits(u64::from(nibbles), 2)?;
                writer.bits(u64::from(less_one), 4 * nibbles)?;
            }
            writer.bits(0, 2)?;
        }
        if own_chains {
            for chain in self.chains.iter() {
                writer.bits(u64::from(*chain), 8)?;
            }
        }
        Ok(writer.len())
    }
}

/// The mask of all decode targets.
fn all(decode_targets: u8) -> u32 {
    u32::MAX >> (32 - u32::from(decode_targets.clamp(1, 32)))
}

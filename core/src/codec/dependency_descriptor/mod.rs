//! The dependency descriptor (AOMedia "RTP Payload Format For AV1", appendix A): which layers a frame belongs to, what
//! it needs, and who needs it, told in a header extension, so that a forwarder reads no payload. It serves for any
//! codec; libwebrtc sends it with VP8, VP9 and H.264 too.
//!
//! Frames are told by templates: the structure that lists them comes with keyframes, and every later descriptor is read
//! with the last structure of its stream.

mod bits;
mod frame;
mod structure;

pub use self::bits::{BitReader, BitWriter, Overrun};
pub use self::frame::{Descriptor, Frame};
pub use self::structure::{MAX_CHAINS, MAX_DECODE_TARGETS, MAX_TEMPLATES, Structure, Template};

/// References of one frame at most. AV1 has eight buffers, and a frame may name each once.
pub const MAX_REFERENCES: usize = 8;
/// Length of the fields that every descriptor has.
pub const MANDATORY_LEN: usize = 3;

/// Why a descriptor could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorError {
    /// Shorter than its own fields say.
    #[error("truncated dependency descriptor")]
    Truncated,
    /// It names a template, and no structure came before.
    #[error("dependency descriptor without a structure")]
    NoStructure,
    /// The structure has no such template.
    #[error("dependency descriptor with an unknown template")]
    UnknownTemplate,
    /// More templates, layers or references than there can be.
    #[error("dependency descriptor beyond its bounds")]
    OutOfBounds,
}

impl From<Overrun> for DescriptorError {
    fn from(_: Overrun) -> Self {
        DescriptorError::Truncated
    }
}

/// What a frame is to a decode target (A.4, table 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Indication {
    /// Not of this target.
    #[default]
    NotPresent = 0,
    /// Nothing later in this target needs it.
    Discardable = 1,
    /// The target can be begun here.
    Switch = 2,
    /// Later frames of the target may need it.
    Required = 3,
}

impl Indication {
    /// Of the two bits on the wire.
    fn from_bits(bits: u64) -> Self {
        match bits & 3 {
            0 => Indication::NotPresent,
            1 => Indication::Discardable,
            2 => Indication::Switch,
            _ => Indication::Required,
        }
    }
}

/// A list of at most `N` bytes, without memory of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Short<T, const N: usize> {
    items: [T; N],
    len: u8,
}

impl<T: Copy + Default, const N: usize> Short<T, N> {
    /// Adds one.
    pub fn push(&mut self, item: T) -> Result<(), DescriptorError> {
        *self.items.get_mut(usize::from(self.len)).ok_or(DescriptorError::OutOfBounds)? = item;
        self.len += 1;
        Ok(())
    }

    /// The items.
    pub fn as_slice(&self) -> &[T] {
        &self.items[..usize::from(self.len)]
    }
}

impl<T: Copy + Default, const N: usize> Default for Short<T, N> {
    fn default() -> Self {
        Short { items: [T::default(); N], len: 0 }
    }
}

impl<T: Copy + Default, const N: usize> std::ops::Deref for Short<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T: Copy + Default + std::fmt::Debug, const N: usize> std::fmt::Debug for Short<T, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_slice().fmt(f)
    }
}

#[cfg(test)]
mod tests;

//! Which layers a frame belongs to, and what a receiver of some layers loses without it.

/// Spatial, and temporal, layers that are told apart: 0–7 each.
pub const MAX_LAYERS: u8 = 8;

/// A set of pairs of a highest spatial and a highest temporal layer: what receivers may be sent, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerPairs(u64);

impl LayerPairs {
    /// Every pair.
    pub const ALL: LayerPairs = LayerPairs(u64::MAX);

    /// Whether the pair is in it.
    #[inline]
    pub fn contains(self, (spatial, temporal): (u8, u8)) -> bool {
        self.0 >> Self::bit(spatial, temporal) & 1 == 1
    }

    /// Adds a pair.
    #[inline]
    pub fn insert(&mut self, (spatial, temporal): (u8, u8)) {
        self.0 |= 1 << Self::bit(spatial, temporal);
    }

    /// What is in one of the two.
    #[inline]
    #[must_use]
    pub fn or(self, other: LayerPairs) -> LayerPairs {
        LayerPairs(self.0 | other.0)
    }

    /// What is in this one only.
    #[inline]
    #[must_use]
    pub fn without(self, other: LayerPairs) -> LayerPairs {
        LayerPairs(self.0 & !other.0)
    }

    #[inline]
    fn bit(spatial: u8, temporal: u8) -> u32 {
        u32::from(MAX_LAYERS * spatial.min(MAX_LAYERS - 1) + temporal.min(MAX_LAYERS - 1))
    }
}

/// What is told of a packet's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLayers {
    /// Counts frames in decoding order, all layers together.
    pub number: u16,
    /// Spatial layer.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// Whether the frame ends with this packet.
    pub end: bool,
    /// Highest spatial, and highest temporal layer that is sent now.
    pub highest: (u8, u8),
    /// Who is sent this frame.
    pub belongs: LayerPairs,
    /// Of those, who cannot go on without it.
    pub needed: LayerPairs,
    /// Of those, who may begin with it, if it can be decoded.
    pub switches: LayerPairs,
    /// Whether it refers to frames of the lowest temporal layer alone, so that who is sent only those may begin with it,
    /// too.
    pub builds_on_lowest: bool,
}

//! A packet between producer and consumers.

use crate::codec::Codec;
use crate::frame_layers::FrameLayers;
use crate::packet::rtp::ExtensionForm;
use crate::time::Time;

/// One run of sequence numbers and timestamps of a producer. A new one begins with another encoding, and when a source
/// starts over: consumers then continue their own numbers where the old run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId(pub u32);

impl StreamId {
    /// No run of the producer at hand.
    pub const NONE: StreamId = StreamId(u32::MAX);
}

/// A producer's packet, freed of how it came: retransmissions look like the original, padding is gone.
#[derive(Clone, Copy, Debug)]
pub struct MediaPacket<'a> {
    /// Which run its numbers belong to.
    pub stream: StreamId,
    /// Which of the producer's encodings it is of.
    pub encoding: u8,
    /// Extended sequence number.
    pub sequence: u64,
    /// In units of the clock rate.
    pub timestamp: u32,
    /// When it arrived.
    pub arrival: Time,
    /// As the producer numbers it.
    pub payload_type: u8,
    /// The marker bit.
    pub marker: bool,
    /// How the payload is written.
    pub codec: Codec,
    /// Whether a receiver can start with it: a keyframe starts in it, or its codec has none.
    pub keyframe: bool,
    /// Which layers its frame belongs to, where a dependency descriptor, frame marking (H.264) or its payload (VP9, H.264) tells.
    pub frame: Option<FrameLayers>,
    /// How `extensions` is written.
    pub extension_form: ExtensionForm,
    /// The elements of the extension block.
    pub extensions: &'a [u8],
    /// The payload without padding; empty where the packet was nothing but padding.
    pub payload: &'a [u8],
}

impl MediaPacket<'_> {
    /// What composing it for a receiver needs at most, in bytes: the copied extensions in their longer form, our own
    /// ones, and the original sequence number of a retransmission included.
    #[inline]
    pub fn max_len(&self) -> usize {
        /// Fixed header, head of the extension block, MID, stamps, OSN and rounding up.
        const MAX_ADDED: usize = 12 + 4 + (2 + crate::consumer::MAX_MID_LEN) + (2 + 3) + (2 + 2) + 2 + 3;
        // Each element in one-byte form has at least two bytes, and may grow by one.
        self.payload.len() + self.extensions.len() + self.extensions.len() / 2 + MAX_ADDED
    }
}

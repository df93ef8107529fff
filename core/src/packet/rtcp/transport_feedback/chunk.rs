//! Packet status chunks: runs of one status, or vectors of 14 or 7.

/// What became of a packet, as two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    NotReceived = 0,
    /// Received, with a delta of one byte.
    SmallDelta = 1,
    /// Received, with a delta of two bytes.
    LargeDelta = 2,
    /// Reserved. In a vector it is read as received without a delta; a run of it is refused.
    Reserved = 3,
}

impl Status {
    fn from_bits(bits: u16) -> Self {
        match bits & 3 {
            0 => Status::NotReceived,
            1 => Status::SmallDelta,
            2 => Status::LargeDelta,
            _ => Status::Reserved,
        }
    }

    /// How many bytes its delta takes.
    pub(super) fn delta_len(self) -> usize {
        match self {
            Status::NotReceived | Status::Reserved => 0,
            Status::SmallDelta => 1,
            Status::LargeDelta => 2,
        }
    }
}

/// The longest run of one chunk.
const MAX_RUN: u16 = 0x1fff;
/// How many statuses a vector of one bit each holds.
const ONE_BIT_CAPACITY: u16 = 14;
/// How many statuses a vector of two bits each holds.
const TWO_BIT_CAPACITY: u16 = 7;

/// A chunk as read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chunk {
    Run(Status, u16),
    OneBit(u16),
    TwoBit(u16),
}

impl Chunk {
    pub(super) fn from_word(word: u16) -> Self {
        match word >> 14 {
            0 | 1 => Chunk::Run(Status::from_bits(word >> 13), word & MAX_RUN),
            2 => Chunk::OneBit(word),
            _ => Chunk::TwoBit(word),
        }
    }

    /// How many packets it tells of.
    pub(super) fn len(self) -> u16 {
        match self {
            Chunk::Run(_, len) => len,
            Chunk::OneBit(_) => ONE_BIT_CAPACITY,
            Chunk::TwoBit(_) => TWO_BIT_CAPACITY,
        }
    }

    /// The status of the packet `at`, less than [`len`](Self::len).
    pub(super) fn status(self, at: u16) -> Status {
        match self {
            Chunk::Run(status, _) => status,
            Chunk::OneBit(word) => Status::from_bits((word >> (ONE_BIT_CAPACITY - 1 - at)) & 1),
            Chunk::TwoBit(word) => Status::from_bits(word >> (2 * (TWO_BIT_CAPACITY - 1 - at))),
        }
    }
}

/// Gathers statuses into chunks, as few as can be told without looking ahead.
pub(super) struct ChunkEncoder {
    /// The statuses not yet in a chunk; of a run beyond the length of a vector, the first ones.
    pending: [Status; ONE_BIT_CAPACITY as usize],
    len: u16,
    all_same: bool,
    one_bit: bool,
}

impl ChunkEncoder {
    pub(super) fn new() -> Self {
        ChunkEncoder {
            pending: [Status::NotReceived; ONE_BIT_CAPACITY as usize],
            len: 0,
            all_same: true,
            one_bit: true,
        }
    }

    /// Adds a status, and returns the chunk that this completes, if any.
    pub(super) fn push(&mut self, status: Status) -> Option<u16> {
        let fits = self.len < TWO_BIT_CAPACITY
            || (self.len < ONE_BIT_CAPACITY && self.one_bit && status != Status::LargeDelta)
            || (self.len < MAX_RUN && self.all_same && status == self.pending[0]);
        let chunk = if fits { None } else { Some(self.take_chunk(false)) };
        if let Some(slot) = self.pending.get_mut(usize::from(self.len)) {
            *slot = status;
        }
        self.len += 1;
        self.all_same &= status == self.pending[0];
        self.one_bit &= status != Status::LargeDelta;
        chunk
    }

    /// The chunk of what is still pending. To be called until it returns `None`.
    pub(super) fn finish(&mut self) -> Option<u16> {
        (self.len > 0).then(|| self.take_chunk(true))
    }

    /// Only the last chunk may hold fewer statuses than it has room for: the status count cuts it off.
    fn take_chunk(&mut self, last: bool) -> u16 {
        if self.all_same {
            let word = ((self.pending[0] as u16) << 13) | self.len;
            *self = ChunkEncoder::new();
            return word;
        }
        // Not all the same: no more are pending than a vector holds.
        let full = self.len == ONE_BIT_CAPACITY || (last && self.len > TWO_BIT_CAPACITY);
        let (tag, width, capacity) =
            if self.one_bit && full { (0x8000, 1, ONE_BIT_CAPACITY) } else { (0xc000, 2, TWO_BIT_CAPACITY) };
        let taken = self.len.min(capacity);
        let mut word = tag;
        for (at, status) in (0..).zip(&self.pending[..usize::from(taken)]) {
            word |= (*status as u16) << (width * (capacity - 1 - at));
        }
        let pending = self.pending;
        let rest = &pending[usize::from(taken)..usize::from(self.len)];
        *self = ChunkEncoder::new();
        for status in rest {
            // At most seven are left, which always fit.
            self.push(*status);
        }
        word
    }
}

//! A ring of records in blocks, of which the oldest make room.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a block. Each can be read without those before it.
const BLOCK_LEN: usize = 16 * 1024;
/// Blocks of one transport at most: 224 KiB.
const MAX_BLOCKS: usize = 14;

/// How many blocks the transports of a worker may have together.
#[derive(Clone, Debug)]
pub struct FlightBudget(Arc<AtomicUsize>);

impl FlightBudget {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        FlightBudget(Arc::new(AtomicUsize::new(bytes / BLOCK_LEN)))
    }

    fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    fn give(&self, blocks: usize) {
        self.0.fetch_add(blocks, Ordering::Relaxed);
    }
}

/// A block and what is needed to read it.
pub(super) struct Block {
    /// What the times in it count from, in ticks.
    pub(super) start: u64,
    /// Packets that were sent before it.
    pub(super) sent: u64,
    pub(super) data: Vec<u8>,
}

pub(super) struct Log {
    budget: FlightBudget,
    blocks: VecDeque<Block>,
}

impl Log {
    pub(super) fn new(budget: FlightBudget) -> Self {
        Log { budget, blocks: VecDeque::new() }
    }

    /// The block to write up to `len` bytes to, and whether it has just begun: at `now` in ticks, after `sent` packets.
    /// None where there is no memory.
    #[inline]
    pub(super) fn room(&mut self, now: u64, sent: u64, len: usize) -> Option<(&mut Block, bool)> {
        let begins = self.blocks.back().is_none_or(|block| block.data.len() + len > BLOCK_LEN);
        if begins {
            self.begin(now, sent)?;
        }
        self.blocks.back_mut().map(|block| (block, begins))
    }

    #[cold]
    fn begin(&mut self, start: u64, sent: u64) -> Option<()> {
        let data = if self.blocks.len() < MAX_BLOCKS && self.budget.take() {
            Vec::with_capacity(BLOCK_LEN)
        } else {
            let mut data = self.blocks.pop_front()?.data;
            data.clear();
            data
        };
        self.blocks.push_back(Block { start, sent, data });
        Some(())
    }

    pub(super) fn blocks(&self) -> impl ExactSizeIterator<Item = &Block> {
        self.blocks.iter()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.budget.give(self.blocks.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(log: &mut Log, records: u64) {
        for n in 0..records {
            if let Some((block, _)) = log.room(n, n, 100) {
                block.data.extend_from_slice(&[n as u8; 100]);
            }
        }
    }

    #[test]
    fn the_oldest_make_room_at_the_bound() {
        let budget = FlightBudget::new(100 * BLOCK_LEN);
        let mut log = Log::new(budget.clone());
        fill(&mut log, 10_000);
        assert_eq!(log.blocks.len(), MAX_BLOCKS);
        assert!(log.blocks.iter().all(|block| block.data.capacity() == BLOCK_LEN));
        assert_eq!(log.blocks[0].start, log.blocks[0].sent);
        assert!(log.blocks[0].start > 7_000);
        drop(log);
        assert_eq!(budget.0.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn transports_share_a_budget() {
        let budget = FlightBudget::new(3 * BLOCK_LEN);
        let (mut first, mut second) = (Log::new(budget.clone()), Log::new(budget));
        fill(&mut first, 1_000);
        assert_eq!(first.blocks.len(), 3);
        fill(&mut second, 1_000);
        assert_eq!(second.blocks.len(), 0);
        drop(first);
        fill(&mut second, 1_000);
        assert_eq!(second.blocks.len(), 3);
    }
}

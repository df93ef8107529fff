//! Memory of packets that wait: slots of one size in blocks of the worker's pool.

use crate::repair::{BLOCK_LEN, Block, BlockPool};

/// Slots in a block.
const SLOTS_PER_BLOCK: usize = 10;
/// Bytes of a slot: more than a packet that fits an Ethernet frame can have.
pub const SLOT_LEN: usize = BLOCK_LEN / SLOTS_PER_BLOCK;
/// Blocks of one transport at most: 4 MiB, of which a line of 25 Mbit/s is full for more than a second.
const MAX_BLOCKS: usize = 256;

/// The slots of one transport. It has no memory while nothing waits.
#[derive(Default)]
pub(super) struct Slots {
    blocks: Vec<Block>,
    free: Vec<u32>,
    used: usize,
}

impl Slots {
    /// A slot; none at the bound of this transport, or of the pool.
    pub(super) fn take(&mut self, pool: &mut BlockPool) -> Option<u32> {
        if self.free.is_empty() && self.blocks.len() < MAX_BLOCKS {
            let first = (self.blocks.len() * SLOTS_PER_BLOCK) as u32;
            self.blocks.push(pool.take()?);
            self.free.extend((first..first + SLOTS_PER_BLOCK as u32).rev());
        }
        let slot = self.free.pop()?;
        self.used += 1;
        Some(slot)
    }

    /// The bytes of a slot.
    pub(super) fn get(&self, slot: u32) -> &[u8] {
        let (block, at) = place(slot);
        &self.blocks[block][at..at + SLOT_LEN]
    }

    /// The bytes of a slot, to be written.
    pub(super) fn get_mut(&mut self, slot: u32) -> &mut [u8] {
        let (block, at) = place(slot);
        &mut self.blocks[block][at..at + SLOT_LEN]
    }

    /// Gives a slot back.
    pub(super) fn give(&mut self, slot: u32) {
        self.free.push(slot);
        self.used -= 1;
    }

    /// Gives the memory back where nothing waits any more.
    pub(super) fn release(&mut self, pool: &mut BlockPool) {
        if self.used == 0 && !self.blocks.is_empty() {
            self.blocks.drain(..).for_each(|block| pool.give(block));
            self.free.clear();
        }
    }
}

fn place(slot: u32) -> (usize, usize) {
    let slot = slot as usize;
    (slot / SLOTS_PER_BLOCK, slot % SLOTS_PER_BLOCK * SLOT_LEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_do_not_overlap_and_memory_goes_back() {
        let mut pool = BlockPool::new(1_000);
        let mut slots = Slots::default();
        let taken: Vec<u32> = std::iter::from_fn(|| slots.take(&mut pool)).collect();
        assert_eq!(taken.len(), MAX_BLOCKS * SLOTS_PER_BLOCK);
        for slot in &taken {
            slots.get_mut(*slot).fill(*slot as u8);
        }
        assert!(taken.iter().all(|slot| slots.get(*slot).iter().all(|byte| *byte == *slot as u8)));
        for slot in taken {
            slots.release(&mut pool);
            assert_eq!(pool.in_use(), MAX_BLOCKS, "some wait");
            slots.give(slot);
        }
        slots.release(&mut pool);
        assert_eq!(pool.in_use(), 0);
        assert!(slots.take(&mut BlockPool::new(0)).is_none());
    }
}

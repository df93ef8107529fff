//! Memory for packet histories: blocks of one size, handed from history to history without asking the allocator.

/// Bytes in a block: about thirteen full-size packets, so that what is left over at a block's end stays small.
pub const BLOCK_LEN: usize = 16 * 1024;
/// Free blocks that are kept at least, for the next call to start with.
const MIN_FREE: usize = 32;

/// One block.
pub type Block = Box<[u8; BLOCK_LEN]>;

/// The blocks of one worker.
///
/// Bounded: past `max_blocks` in use there are none, and a history makes do with those it has. Free blocks beyond a
/// quarter of those in use go back to the allocator, so that memory follows the load down again.
pub struct BlockPool {
    free: Vec<Block>,
    in_use: usize,
    max_blocks: usize,
}

impl BlockPool {
    /// A pool of at most `max_blocks` blocks of [`BLOCK_LEN`] bytes in use at a time.
    pub fn new(max_blocks: usize) -> Self {
        BlockPool { free: Vec::new(), in_use: 0, max_blocks }
    }

    /// A block with arbitrary content, or none when the bound is reached.
    pub fn take(&mut self) -> Option<Block> {
        if self.in_use == self.max_blocks {
            return None;
        }
        self.in_use += 1;
        Some(self.free.pop().unwrap_or_else(new_block))
    }

    /// Takes a block back.
    pub fn give(&mut self, block: Block) {
        self.in_use = self.in_use.saturating_sub(1);
        if self.free.len() < MIN_FREE + self.in_use / 4 {
            self.free.push(block);
        }
    }

    /// How many blocks are handed out.
    pub fn in_use(&self) -> usize {
        self.in_use
    }

    /// Bytes held, in use and free.
    pub fn bytes(&self) -> usize {
        (self.in_use + self.free.len()) * BLOCK_LEN
    }
}

/// A zeroed block, made on the heap: a debug build would first put a plain `Box::new([0; N])` on the stack.
fn new_block() -> Block {
    let block = vec![0; BLOCK_LEN].into_boxed_slice();
    block.try_into().expect("the slice was made with the length of a block")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_and_blocks_come_back() {
        let mut pool = BlockPool::new(2);
        let a = pool.take().unwrap();
        let _b = pool.take().unwrap();
        assert!(pool.take().is_none());
        pool.give(a);
        assert!(pool.take().is_some());
        assert_eq!(pool.in_use(), 2);
    }

    #[test]
    fn free_blocks_follow_the_load_down() {
        let mut pool = BlockPool::new(1_000);
        let blocks: Vec<Block> = (0..400).map(|_| pool.take().unwrap()).collect();
        for block in blocks {
            pool.give(block);
        }
        assert_eq!(pool.in_use(), 0);
        assert!(pool.bytes() <= (MIN_FREE + 100) * BLOCK_LEN, "{} bytes", pool.bytes());
    }
}

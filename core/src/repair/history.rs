//! The recent packets of a producer's stream, kept once for all its consumers.

use std::collections::VecDeque;
use std::time::Duration;

use super::block_pool::{BLOCK_LEN, Block, BlockPool};
use crate::codec::Codec;
use crate::frame_layers::FrameLayers;
use crate::media_packet::{MediaPacket, StreamId};
use crate::packet::rtp::ExtensionForm;
use crate::time::Time;

/// Entries to begin with; a power of two, as every size after it.
const MIN_ENTRIES: usize = 64;

/// What a history holds at most. What goes beyond pushes the oldest out.
#[derive(Clone, Copy, Debug)]
pub struct HistoryLimits {
    /// Age of a packet.
    pub max_age: Duration,
    /// Packets; a power of two.
    pub max_packets: usize,
    /// Blocks of [`BLOCK_LEN`] bytes.
    pub max_blocks: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    /// 0 for none: extended sequence numbers start higher.
    sequence: u64,
    arrival: Time,
    stream: StreamId,
    timestamp: u32,
    /// Number of the block since the start.
    block: u32,
    offset: u16,
    extensions_len: u16,
    payload_len: u16,
    payload_type: u8,
    encoding: u8,
    codec: Codec,
    extension_form: ExtensionForm,
    marker: bool,
    keyframe: bool,
    frame: Option<FrameLayers>,
}

const NO_ENTRY: Entry = Entry {
    sequence: 0,
    arrival: Time::ZERO,
    stream: StreamId(0),
    timestamp: 0,
    block: 0,
    offset: 0,
    extensions_len: 0,
    payload_len: 0,
    payload_type: 0,
    encoding: 0,
    codec: Codec::Other,
    extension_form: ExtensionForm::None,
    marker: false,
    keyframe: false,
    frame: None,
};

struct FilledBlock {
    data: Block,
    used: usize,
    last_arrival: Time,
}

/// A ring of packets. Their bytes lie one after the other in blocks from the worker's pool; a block goes back when its
/// last packet is too old.
pub struct History {
    limits: HistoryLimits,
    entries: Vec<Entry>,
    blocks: VecDeque<FilledBlock>,
    /// Number of the first of `blocks` since the start.
    first_block: u32,
}

impl History {
    /// An empty history; it takes memory with the first packet.
    pub fn new(limits: HistoryLimits) -> Self {
        debug_assert!(limits.max_packets.is_power_of_two() && limits.max_packets >= MIN_ENTRIES);
        History { limits, entries: Vec::new(), blocks: VecDeque::new(), first_block: 0 }
    }

    /// Keeps a copy of `packet`. A packet is not kept when there is no memory for it.
    pub fn insert(&mut self, packet: &MediaPacket<'_>, pool: &mut BlockPool) {
        let len = packet.extensions.len() + packet.payload.len();
        if len > BLOCK_LEN || !self.make_room(packet.arrival, len, pool) {
            return;
        }
        let Some(block) = self.blocks.back_mut() else { return };
        let (offset, middle) = (block.used, block.used + packet.extensions.len());
        block.data[offset..middle].copy_from_slice(packet.extensions);
        block.data[middle..offset + len].copy_from_slice(packet.payload);
        block.used += len;
        block.last_arrival = packet.arrival;
        let entry = Entry {
            sequence: packet.sequence,
            arrival: packet.arrival,
            stream: packet.stream,
            timestamp: packet.timestamp,
            block: self.first_block.wrapping_add(self.blocks.len() as u32 - 1),
            offset: offset as u16,
            extensions_len: packet.extensions.len() as u16,
            payload_len: packet.payload.len() as u16,
            payload_type: packet.payload_type,
            encoding: packet.encoding,
            codec: packet.codec,
            extension_form: packet.extension_form,
            marker: packet.marker,
            keyframe: packet.keyframe,
            frame: packet.frame,
        };
        let slot = self.slot_for(packet);
        self.entries[slot] = entry;
    }

    /// The packet of `stream` with this sequence number, if it is still held and young enough.
    pub fn get(&self, now: Time, stream: StreamId, sequence: u64) -> Option<MediaPacket<'_>> {
        if self.entries.is_empty() {
            return None;
        }
        let entry = &self.entries[sequence as usize & (self.entries.len() - 1)];
        if entry.sequence != sequence || entry.stream != stream || now.since(entry.arrival) > self.limits.max_age {
            return None;
        }
        let block = self.blocks.get(entry.block.wrapping_sub(self.first_block) as usize)?;
        let start = usize::from(entry.offset);
        let middle = start + usize::from(entry.extensions_len);
        Some(MediaPacket {
            stream,
            encoding: entry.encoding,
            sequence,
            timestamp: entry.timestamp,
            arrival: entry.arrival,
            payload_type: entry.payload_type,
            marker: entry.marker,
            codec: entry.codec,
            keyframe: entry.keyframe,
            frame: entry.frame,
            extension_form: entry.extension_form,
            extensions: &block.data[start..middle],
            payload: &block.data[middle..middle + usize::from(entry.payload_len)],
        })
    }

    /// Gives back the blocks in which every packet is too old.
    pub fn expire(&mut self, now: Time, pool: &mut BlockPool) {
        while self.blocks.front().is_some_and(|block| now.since(block.last_arrival) > self.limits.max_age) {
            self.drop_oldest_block(pool);
        }
    }

    /// Forgets everything and gives all blocks back. What is asked for afterwards is not found.
    pub fn clear(&mut self, pool: &mut BlockPool) {
        while !self.blocks.is_empty() {
            self.drop_oldest_block(pool);
        }
        self.entries.fill(NO_ENTRY);
    }

    /// Bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry>() + self.blocks.len() * BLOCK_LEN
    }

    /// Makes sure that the last block has room for `len` bytes.
    fn make_room(&mut self, now: Time, len: usize, pool: &mut BlockPool) -> bool {
        if self.blocks.back().is_some_and(|block| block.used + len <= BLOCK_LEN) {
            return true;
        }
        self.expire(now, pool);
        if self.blocks.len() >= self.limits.max_blocks {
            self.drop_oldest_block(pool);
        }
        let data = match pool.take() {
            Some(data) => data,
            // The worker's bound is reached: this history makes do with what it has.
            None => match self.blocks.pop_front() {
                Some(oldest) => {
                    self.first_block = self.first_block.wrapping_add(1);
                    oldest.data
                }
                None => return false,
            },
        };
        self.blocks.push_back(FilledBlock { data, used: 0, last_arrival: now });
        true
    }

    fn drop_oldest_block(&mut self, pool: &mut BlockPool) {
        if let Some(block) = self.blocks.pop_front() {
            self.first_block = self.first_block.wrapping_add(1);
            pool.give(block.data);
        }
    }

    /// The slot for a packet; the ring doubles while it would push out packets that are still young.
    fn slot_for(&mut self, packet: &MediaPacket<'_>) -> usize {
        if self.entries.is_empty() {
            self.entries = vec![NO_ENTRY; MIN_ENTRIES];
        }
        loop {
            let slot = packet.sequence as usize & (self.entries.len() - 1);
            let old = &self.entries[slot];
            let young = old.sequence != 0
                && old.sequence != packet.sequence
                && packet.arrival.since(old.arrival) <= self.limits.max_age;
            if !young || self.entries.len() >= self.limits.max_packets {
                return slot;
            }
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let len = self.entries.len() * 2;
        let mut entries = vec![NO_ENTRY; len];
        for entry in self.entries.iter().filter(|entry| entry.sequence != 0) {
            entries[entry.sequence as usize & (len - 1)] = *entry;
        }
        self.entries = entries;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: HistoryLimits =
        HistoryLimits { max_age: Duration::from_millis(1_500), max_packets: 1_024, max_blocks: 8 };
    const STREAM: StreamId = StreamId(3);

    fn packet(sequence: u64, at: Time, payload: &[u8]) -> MediaPacket<'_> {
        MediaPacket {
            stream: STREAM,
            encoding: 0,
            sequence,
            timestamp: sequence as u32 * 3,
            arrival: at,
            payload_type: 96,
            marker: sequence.is_multiple_of(2),
            codec: Codec::Vp8,
            keyframe: false,
            frame: None,
            extension_form: ExtensionForm::OneByte,
            extensions: &[0x10, 0x05, 0, 0],
            payload,
        }
    }

    #[test]
    fn a_packet_comes_back_as_it_was() {
        let mut pool = BlockPool::new(10);
        let mut history = History::new(LIMITS);
        history.insert(&packet(70_000, Time::ZERO, b"picture"), &mut pool);
        let found = history.get(Time::from_millis(1), STREAM, 70_000).unwrap();
        assert_eq!((found.payload, found.extensions), (&b"picture"[..], &[0x10, 0x05, 0, 0][..]));
        assert_eq!((found.timestamp, found.marker, found.codec), (210_000, true, Codec::Vp8));
        assert!(history.get(Time::from_millis(1), STREAM, 70_001).is_none());
        assert!(history.get(Time::from_millis(1_501), STREAM, 70_000).is_none(), "too old");
    }

    #[test]
    fn half_a_megabit_of_video_stays_within_its_budget() {
        let mut pool = BlockPool::new(100);
        let mut history = History::new(LIMITS);
        let payload = [7; 1_050];
        for n in 0..1_000 {
            history.insert(&packet(70_000 + n, Time::from_millis(n * 17), &payload), &mut pool);
        }
        assert!(history.bytes() <= 200 * 1_024, "{} bytes", history.bytes());
        let now = Time::from_millis(999 * 17);
        let held = (0..1_000).filter(|n| history.get(now, STREAM, 70_000 + n).is_some()).count();
        assert_eq!(held, 1_500 / 17 + 1, "everything that is young enough");
    }

    #[test]
    fn silence_gives_memory_back() {
        let mut pool = BlockPool::new(100);
        let mut history = History::new(LIMITS);
        for n in 0..100 {
            history.insert(&packet(70_000 + n, Time::from_millis(n), &[0; 1_000]), &mut pool);
        }
        assert!(pool.in_use() > 0);
        history.expire(Time::from_millis(2_000), &mut pool);
        assert_eq!(pool.in_use(), 0);
    }

    #[test]
    fn without_memory_from_the_pool_the_oldest_make_room() {
        let mut pool = BlockPool::new(1);
        let (mut first, mut second) = (History::new(LIMITS), History::new(LIMITS));
        for n in 0..40 {
            first.insert(&packet(70_000 + n, Time::ZERO, &[0; 1_000]), &mut pool);
        }
        assert!(first.get(Time::ZERO, STREAM, 70_000).is_none());
        assert!(first.get(Time::ZERO, STREAM, 70_039).is_some());
        second.insert(&packet(70_000, Time::ZERO, b"no room"), &mut pool);
        assert!(second.get(Time::ZERO, STREAM, 70_000).is_none());
    }

    proptest! {
        #[test]
        fn whatever_is_found_is_right_and_bounds_hold(
            steps in prop::collection::vec((0_u64..2_000, 0_usize..1_400, 0_u64..30), 1..400),
        ) {
            let mut pool = BlockPool::new(6);
            let mut history = History::new(LIMITS);
            let mut now = Time::ZERO;
            let mut payloads = std::collections::HashMap::new();
            for (ahead, len, wait) in steps {
                now += Duration::from_millis(wait);
                let sequence = 65_536 + ahead;
                let payload = vec![sequence as u8; len];
                history.insert(&packet(sequence, now, &payload), &mut pool);
                payloads.insert(sequence, payload);
                prop_assert!(history.entries.len() <= LIMITS.max_packets);
                prop_assert!(history.blocks.len() <= LIMITS.max_blocks);
                prop_assert_eq!(pool.in_use(), history.blocks.len());
                let found = history.get(now, STREAM, sequence).expect("just put in");
                prop_assert_eq!(found.payload, &payloads[&sequence][..]);
            }
            for (sequence, payload) in &payloads {
                if let Some(found) = history.get(now, STREAM, *sequence) {
                    prop_assert_eq!(found.payload, &payload[..]);
                }
            }
            history.clear(&mut pool);
            prop_assert_eq!(pool.in_use(), 0);
        }
    }
}

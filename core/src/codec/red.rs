//! Redundant audio (RFC 2198): earlier frames sent once more in front of the newest.

use super::CodecError;

/// Header of a redundant block: flag and payload type, 14 bits of timestamp offset, 10 of length.
pub const BLOCK_HEADER_LEN: usize = 4;
/// Header of the newest frame: its payload type.
pub const LAST_HEADER_LEN: usize = 1;
/// How much earlier a block may be, in timestamp units: 14 bits.
pub const MAX_OFFSET: u16 = (1 << 14) - 1;
/// Length of a redundant block at most: ten bits.
pub const MAX_BLOCK_LEN: usize = (1 << 10) - 1;
/// Says that another header follows.
const MORE: u8 = 0x80;

/// A block of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// Of the frame in it, 0–127.
    pub payload_type: u8,
    /// How much earlier than the packet's timestamp it is; zero in the last block.
    pub timestamp_offset: u16,
    /// The frame. Empty where an encoder had nothing to repeat.
    pub data: &'a [u8],
}

/// The blocks of a payload, the oldest first and the newest last.
///
/// Fails if headers or data are cut off; nothing is read before that is known.
pub fn blocks(payload: &[u8]) -> Result<Blocks<'_>, CodecError> {
    let mut headers_end = 0;
    let mut redundant_len = 0;
    while *payload.get(headers_end).ok_or(CodecError::Truncated)? & MORE != 0 {
        let header = payload[headers_end..].first_chunk().ok_or(CodecError::Truncated)?;
        redundant_len += block_len(header);
        headers_end += BLOCK_HEADER_LEN;
    }
    let (headers, data) = payload.split_at(headers_end + 1);
    if redundant_len > data.len() {
        return Err(CodecError::Truncated);
    }
    Ok(Blocks { headers, data })
}

fn block_len(&[_, _, high, low]: &[u8; BLOCK_HEADER_LEN]) -> usize {
    usize::from(u16::from_be_bytes([high & 3, low]))
}

/// See [`blocks`].
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    headers: &'a [u8],
    data: &'a [u8],
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        if let Some((header, rest)) = self.headers.split_first_chunk() {
            let (data, behind) = self.data.split_at_checked(block_len(header))?;
            (self.headers, self.data) = (rest, behind);
            return Some(Block {
                payload_type: header[0] & !MORE,
                timestamp_offset: u16::from_be_bytes([header[1], header[2]]) >> 2,
                data,
            });
        }
        let (&last, rest) = self.headers.split_first()?;
        self.headers = rest;
        Some(Block { payload_type: last, timestamp_offset: 0, data: std::mem::take(&mut self.data) })
    }
}

/// Writes everything of a payload but the newest frame, which is to follow. The blocks are offset and data, the oldest
/// first, within [`MAX_OFFSET`] and [`MAX_BLOCK_LEN`]; all frames have the same payload type. `out` has room for them and
/// their headers, and nothing beyond.
pub fn write_redundancy<'a>(payload_type: u8, blocks: impl Iterator<Item = (u16, &'a [u8])> + Clone, out: &mut [u8]) {
    let mut at = 0;
    for (offset, data) in blocks.clone() {
        let rest = (u32::from(offset) << 10 | data.len() as u32).to_be_bytes();
        out[at..at + BLOCK_HEADER_LEN].copy_from_slice(&[MORE | payload_type, rest[1], rest[2], rest[3]]);
        at += BLOCK_HEADER_LEN;
    }
    out[at] = payload_type;
    at += LAST_HEADER_LEN;
    for (_, data) in blocks {
        out[at..at + data.len()].copy_from_slice(data);
        at += data.len();
    }
}

/// Translates the payload types of the blocks, in place. If `translate` has no number for one of them, or the payload
/// cannot be read, nothing is changed and the packet is to be dropped: `false`.
pub fn rewrite_payload_types(payload: &mut [u8], translate: impl Fn(u8) -> Option<u8>) -> bool {
    let Ok(mut blocks) = blocks(payload) else {
        return false;
    };
    if !blocks.all(|block| translate(block.payload_type).is_some()) {
        return false;
    }
    let mut at = 0;
    loop {
        let more = payload[at] & MORE;
        if let Some(payload_type) = translate(payload[at] & !MORE) {
            payload[at] = more | (payload_type & !MORE);
        }
        if more == 0 {
            return true;
        }
        at += BLOCK_HEADER_LEN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two redundant blocks of Opus (111) and the newest, 20 ms apart at 48 kHz.
    const PAYLOAD: [u8; 15] = [
        0xef, 0x1e, 0x00, 0x02, // 1920 earlier, 2 bytes
        0xef, 0x0f, 0x00, 0x01, // 960 earlier, 1 byte
        0x6f, 1, 2, 3, 4, 5, 6,
    ];

    #[test]
    fn blocks_from_the_oldest_to_the_newest() {
        let read: Vec<Block<'_>> = blocks(&PAYLOAD).unwrap().collect();
        assert_eq!(
            read,
            [
                Block { payload_type: 111, timestamp_offset: 1920, data: &[1, 2] },
                Block { payload_type: 111, timestamp_offset: 960, data: &[3] },
                Block { payload_type: 111, timestamp_offset: 0, data: &[4, 5, 6] },
            ]
        );
    }

    #[test]
    fn a_payload_without_redundancy() {
        assert_eq!(
            blocks(&[0x6f, 9]).unwrap().collect::<Vec<_>>(),
            [Block { payload_type: 111, timestamp_offset: 0, data: &[9] }]
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut out = [0xee; 12];
        write_redundancy(111, [(1_920, &[1, 2][..]), (960, &[3][..])].into_iter(), &mut out);
        assert_eq!(out, PAYLOAD[..12]);
        let mut out = vec![0xee; 4 + 1 + MAX_BLOCK_LEN];
        write_redundancy(127, [(MAX_OFFSET, &[9; MAX_BLOCK_LEN][..])].into_iter(), &mut out);
        let block = blocks(&out).unwrap().next().unwrap();
        assert_eq!((block.payload_type, block.timestamp_offset, block.data.len()), (127, MAX_OFFSET, MAX_BLOCK_LEN));
    }

    #[test]
    fn payload_types_are_translated() {
        let mut payload = PAYLOAD;
        assert!(rewrite_payload_types(&mut payload, |payload_type| (payload_type == 111).then_some(96)));
        assert!(blocks(&payload).unwrap().all(|block| block.payload_type == 96));
        let data = |payload| blocks(payload).unwrap().flat_map(|block| block.data).copied().collect::<Vec<u8>>();
        assert_eq!(data(&payload), data(&PAYLOAD));
    }

    #[test]
    fn without_a_number_nothing_is_changed() {
        let mut payload = PAYLOAD;
        payload[8] = 13;
        let before = payload;
        assert!(!rewrite_payload_types(&mut payload, |payload_type| (payload_type == 111).then_some(96)));
        assert_eq!(payload, before);
    }

    #[test]
    fn cut_off_headers_and_data_are_errors() {
        for len in 0..12 {
            assert!(blocks(&PAYLOAD[..len]).is_err(), "{len}");
            assert!(!rewrite_payload_types(&mut PAYLOAD[..len].to_vec(), Some));
        }
        assert!(blocks(&PAYLOAD[..12]).is_ok(), "the newest frame may be empty");
    }
}

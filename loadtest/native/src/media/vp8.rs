//! VP8 in RTP (RFC 7741): a payload descriptor with a 15-bit picture id before each part of a frame.

use std::sync::Arc;

/// Extension bit and start of the partition.
const FIRST: u8 = 0x90;
const FURTHER: u8 = 0x80;
const HAS_PICTURE_ID: u8 = 0x80;
/// Of a picture id of 15 bits. The id itself is written when a packet is sent.
const LONG_PICTURE_ID: u8 = 0x80;

/// The payloads of a frame, with picture id 0, each at most `most` bytes long.
pub fn packetize(frame: &[u8], most: usize) -> Vec<Arc<[u8]>> {
    let parts = super::clip::even_parts(frame, most - 4);
    let payload = |(index, part): (usize, &[u8])| -> Arc<[u8]> {
        let first = if index == 0 { FIRST } else { FURTHER };
        [&[first, HAS_PICTURE_ID, LONG_PICTURE_ID, 0], part].concat().into()
    };
    parts.enumerate().map(payload).collect()
}

/// Whether a frame can be decoded without those before it.
pub fn is_keyframe(frame: &[u8]) -> bool {
    frame.first().is_some_and(|byte| byte & 1 == 0)
}

/// Whether an RTP payload, anybody's, begins a keyframe.
pub fn begins_keyframe(payload: &[u8]) -> bool {
    str0m::rtp::Vp8Descriptor::parse(payload).is_ok_and(|descriptor| descriptor.starts_keyframe(payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_cut_into_even_parts_that_can_be_put_together() {
        let frame: Vec<u8> = (0..2500).map(|n| (n % 251) as u8).collect();
        let packets = packetize(&frame, 1100);
        assert_eq!(packets.iter().map(|packet| packet.len()).collect::<Vec<_>>(), [838, 838, 836]);
        let together: Vec<u8> = packets.iter().flat_map(|packet| packet[4..].to_vec()).collect();
        assert_eq!(together, frame);
        assert!(begins_keyframe(&packets[0]) && !begins_keyframe(&packets[1]));
    }
}

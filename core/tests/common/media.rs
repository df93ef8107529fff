//! Packets as publishers send them.

use _core::packet::rtp::{Fields, write_header};

/// A packet with header extensions and a payload.
pub fn packet(fields: &Fields, extensions: &[(u8, &[u8])], payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 1_400];
    let len = write_header(&mut out, fields, extensions.iter().copied()).unwrap();
    out.truncate(len);
    out.extend_from_slice(payload);
    out
}

/// VP8 with a two-byte picture id and TL0PICIDX, as browsers write it: one packet per frame.
pub fn vp8_payload(picture_id: u16, keyframe: bool, len: usize) -> Vec<u8> {
    let mut payload = vec![0x90, 0xe0, 0x80 | (picture_id >> 8) as u8, picture_id as u8, picture_id as u8, 0x20];
    // The first byte of the VP8 frame header: bit 0 is zero in keyframes.
    payload.push(u8::from(!keyframe));
    if keyframe {
        payload.extend_from_slice(&[0, 0, 0x9d, 0x01, 0x2a, 64, 0, 64, 0]);
    }
    payload.resize(len.max(payload.len()), 0x55);
    payload
}

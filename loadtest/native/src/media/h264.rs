//! H.264 in RTP (RFC 6184, packetization mode 1): single NAL units, parameter sets gathered in a STAP-A, FU-A.

use std::sync::Arc;

const NAL_TYPE: u8 = 0x1f;
const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;

/// The payloads of an access unit in Annex B form, each at most `most` bytes long.
pub fn packetize(unit: &[u8], most: usize) -> Vec<Arc<[u8]>> {
    let mut packets: Vec<Arc<[u8]>> = Vec::new();
    let mut parameters = vec![STAP_A | 0x60];
    for nal in nal_units(unit) {
        match nal[0] & NAL_TYPE {
            DELIMITER => continue,
            SPS | PPS => {
                parameters.extend((nal.len() as u16).to_be_bytes());
                parameters.extend(nal);
                continue;
            }
            _ => {}
        }
        if parameters.len() > 1 {
            packets.push(std::mem::replace(&mut parameters, vec![STAP_A | 0x60]).into());
        }
        if nal.len() <= most {
            packets.push(nal.into());
            continue;
        }
        let parts: Vec<&[u8]> = super::clip::even_parts(&nal[1..], most - 2).collect();
        for (index, part) in parts.iter().enumerate() {
            let start = if index == 0 { FU_START } else { 0 };
            let end = if index + 1 == parts.len() { FU_END } else { 0 };
            let head = [nal[0] & !NAL_TYPE | FU_A, start | end | nal[0] & NAL_TYPE];
            packets.push([&head, *part].concat().into());
        }
    }
    packets
}

/// Whether an access unit can be decoded without those before it.
pub fn is_keyframe(unit: &[u8]) -> bool {
    nal_units(unit).any(|nal| nal[0] & NAL_TYPE == IDR)
}

/// Whether an RTP payload, anybody's, begins a keyframe.
pub fn begins_keyframe(payload: &[u8]) -> bool {
    let is_key = |kind: u8| matches!(kind & NAL_TYPE, IDR | SPS);
    match payload {
        [head, _, _, inner, ..] if head & NAL_TYPE == STAP_A => is_key(*inner),
        [head, fragment, ..] if head & NAL_TYPE == FU_A => fragment & FU_START != 0 && is_key(*fragment),
        [head, ..] => is_key(*head),
        [] => false,
    }
}

/// What lies between start codes of three or four bytes.
fn nal_units(unit: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut starts: Vec<usize> =
        unit.windows(3).enumerate().filter(|(_, w)| *w == [0, 0, 1]).map(|(at, _)| at).collect();
    starts.push(unit.len());
    let nals: Vec<&[u8]> = starts.windows(2).map(|pair| trimmed(&unit[pair[0] + 3..pair[1]])).collect();
    nals.into_iter().filter(|nal| !nal.is_empty())
}

/// Without zeros behind it, which belong to the next start code.
fn trimmed(mut nal: &[u8]) -> &[u8] {
    while let [rest @ .., 0] = nal {
        nal = rest;
    }
    nal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_sets_are_gathered_and_long_units_cut() {
        let mut unit = vec![0, 0, 0, 1, 9, 16, 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 1, 0x65];
        unit.extend([7; 250]);
        let packets = packetize(&unit, 100);
        assert_eq!(&*packets[0], [0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x68, 3]);
        assert_eq!(packets.iter().map(|p| p.len()).collect::<Vec<_>>(), [10, 86, 86, 84]);
        assert_eq!((&packets[1][..2], &packets[3][..2]), (&[0x7c, 0x85][..], &[0x7c, 0x45][..]));
        assert!(is_keyframe(&unit));
        assert!(begins_keyframe(&packets[0]) && begins_keyframe(&packets[1]) && !begins_keyframe(&packets[2]));
        assert!(!is_keyframe(&[0, 0, 1, 0x41, 1]) && !begins_keyframe(&[0x41, 1]));
    }
}

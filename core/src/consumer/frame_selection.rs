//! Which frames of an encoding with several layers a receiver is sent: those of one decode target, which changes only
//! where the receiver's decoder does not notice.
//!
//! For every pair of highest layers it is known whether the receiver has all that going on with them takes: it has not
//! from the first frame on that they need and that was not sent, and has again from a frame on that was sent and that
//! they may begin with.

use crate::frame_layers::{FrameLayers, LayerPairs};

/// Frames whose fate is remembered, for packets that come late.
const REMEMBERED: u16 = 64;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct FrameSelection {
    /// What is sent; none for everything.
    current: Option<(u8, u8)>,
    /// What could be gone on with.
    intact: LayerPairs,
    newest: Option<u16>,
    /// Of the newest frame and those before it, a bit each: whether it came, and whether it was to be sent.
    known: u64,
    sent: u64,
    /// The spatial layer that takes a keyframe.
    blocked: Option<u8>,
    /// Whether that keyframe was asked for.
    asked: bool,
}

impl Default for FrameSelection {
    fn default() -> Self {
        FrameSelection {
            current: None,
            intact: LayerPairs::ALL,
            newest: None,
            known: 0,
            sent: 0,
            blocked: None,
            asked: false,
        }
    }
}

impl FrameSelection {
    /// What is sent; none for everything.
    pub fn current(&self) -> Option<(u8, u8)> {
        self.current
    }

    /// Whether a keyframe is to be asked for, since the wanted spatial layer can only be had with one; told once.
    pub fn poll_blocked(&mut self) -> bool {
        self.blocked.is_some() && !std::mem::replace(&mut self.asked, true)
    }

    /// Whether a packet of this frame is one to send to who is to get no more than `limits`.
    pub fn admits(&mut self, frame: &FrameLayers, limits: (u8, u8)) -> bool {
        if let Some(newest) = self.newest {
            let ahead = frame.number.wrapping_sub(newest);
            if ahead == 0 {
                return self.sent & 1 == 1;
            }
            if ahead >= 0x8000 {
                let age = newest.wrapping_sub(frame.number);
                if age < REMEMBERED && self.known >> age & 1 == 1 {
                    return self.sent >> age & 1 == 1;
                }
                // All of the frame was late. What it would have changed has been decided without it.
                return self.current.is_none_or(|current| frame.belongs.contains(current));
            }
            (self.known, self.sent) =
                if ahead < REMEMBERED { (self.known << ahead, self.sent << ahead) } else { (0, 0) };
        }
        self.newest = Some(frame.number);
        let wanted = (limits.0.min(frame.highest.0), limits.1.min(frame.highest.1));
        let is_sent = self.choose(frame, wanted);
        self.intact = if is_sent { self.intact.or(frame.switches) } else { self.intact.without(frame.needed) };
        self.known |= 1;
        self.sent |= u64::from(is_sent);
        is_sent
    }

    /// Goes over to `wanted` as far as that is possible at this frame. Returns whether the frame is sent.
    fn choose(&mut self, frame: &FrameLayers, wanted: (u8, u8)) -> bool {
        let is_sent = |current: Option<(u8, u8)>| current.is_none_or(|current| frame.belongs.contains(current));
        if self.current != Some(wanted) {
            let is_decodable = is_sent(self.current) || frame.builds_on_lowest;
            let begins = if is_decodable { frame.switches } else { LayerPairs::default() };
            let reachable = self.intact.or(begins);
            let spatial = self.current.map_or(wanted.0, |current| current.0);
            let next = [wanted, (spatial, wanted.1)].into_iter().find(|pair| reachable.contains(*pair));
            self.current = next.or(self.current);
        }
        let blocked = self.current.and_then(|current| (current.0 != wanted.0).then_some(wanted.0));
        if blocked != self.blocked {
            (self.blocked, self.asked) = (blocked, false);
        }
        is_sent(self.current)
    }
}

/// Which of the packets that were sent last got a marker that they came without, so that they get it again when they
/// are sent once more: the last packet of a picture is another one where the highest spatial layers are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct MarkerLog {
    bits: [u64; Self::LEN / 64],
    /// The extended sequence number after the highest.
    end: u64,
}

impl MarkerLog {
    /// As many packets as are kept for retransmission.
    const LEN: usize = 1_024;

    /// A packet goes out as `sequence`, with or without such a marker.
    pub fn insert(&mut self, sequence: u64, marked: bool) {
        // What was left out in between has no such marker.
        let skipped = sequence.saturating_sub(self.end).min(Self::LEN as u64);
        for between in sequence - skipped..sequence {
            self.set(between, false);
        }
        self.set(sequence, marked);
        self.end = self.end.max(sequence + 1);
    }

    /// Whether the packet `sequence` got one.
    pub fn contains(&self, sequence: u64) -> bool {
        let at = sequence as usize % Self::LEN;
        sequence < self.end && sequence + Self::LEN as u64 >= self.end && self.bits[at / 64] >> (at % 64) & 1 == 1
    }

    /// Whether it can still be told of packet `sequence`.
    pub fn knows(&self, sequence: u64) -> bool {
        sequence + Self::LEN as u64 >= self.end
    }

    fn set(&mut self, sequence: u64, marked: bool) {
        let at = sequence as usize % Self::LEN;
        self.bits[at / 64] = self.bits[at / 64] & !(1 << (at % 64)) | u64::from(marked) << (at % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(u8, u8)]) -> LayerPairs {
        let mut pairs = LayerPairs::default();
        list.iter().for_each(|pair| pairs.insert(*pair));
        pairs
    }

    /// A frame of two temporal layers.
    fn frame(number: u16, temporal: u8) -> FrameLayers {
        let belongs = if temporal == 0 { pairs(&[(0, 0), (0, 1)]) } else { pairs(&[(0, 1)]) };
        FrameLayers {
            number,
            spatial: 0,
            temporal,
            end: true,
            highest: (0, 1),
            belongs,
            needed: if temporal == 0 { belongs } else { LayerPairs::default() },
            switches: if temporal == 0 { belongs } else { LayerPairs::default() },
            builds_on_lowest: false,
        }
    }

    #[test]
    fn all_packets_of_a_frame_share_its_fate_whenever_they_come() {
        let mut selection = FrameSelection::default();
        assert!(selection.admits(&frame(65_534, 0), (0, 0)));
        assert!(!selection.admits(&frame(65_535, 1), (0, 0)));
        assert!(selection.admits(&frame(0, 0), (0, 1)));
        assert!(selection.admits(&frame(1, 1), (0, 1)));
        assert!(!selection.admits(&frame(65_535, 1), (0, 1)), "its other packets were left out");
        assert!(selection.admits(&frame(65_533, 1), (0, 1)), "nothing of it came yet");
        assert!(selection.admits(&frame(1, 1), (0, 0)), "it has been begun");
        assert!(!selection.admits(&frame(200, 1), (0, 0)));
        assert!(selection.admits(&frame(100, 0), (0, 0)), "too old to be remembered");
    }

    #[test]
    fn what_was_left_out_is_taken_up_where_it_begins() {
        let mut selection = FrameSelection::default();
        let needed = FrameLayers { needed: pairs(&[(0, 1)]), ..frame(1, 1) };
        assert!(selection.admits(&frame(0, 0), (0, 0)));
        assert!(!selection.admits(&needed, (0, 0)));
        assert!(!selection.admits(&frame(2, 1), (0, 1)), "a frame before was needed");
        assert!(selection.admits(&frame(3, 0), (0, 1)));
        assert!(selection.admits(&frame(4, 1), (0, 1)));
        assert!(!selection.poll_blocked());
    }

    #[test]
    fn what_builds_on_the_lowest_layer_begins_an_upper_one() {
        let mut selection = FrameSelection::default();
        let upper = |number, builds_on_lowest| FrameLayers {
            needed: pairs(&[(0, 1)]),
            switches: if builds_on_lowest { pairs(&[(0, 1)]) } else { LayerPairs::default() },
            builds_on_lowest,
            ..frame(number, 1)
        };
        let lowest = |number| FrameLayers { switches: LayerPairs::default(), ..frame(number, 0) };
        assert!(selection.admits(&lowest(0), (0, 0)));
        assert!(!selection.admits(&upper(1, false), (0, 0)));
        assert!(selection.admits(&lowest(2), (0, 1)));
        assert!(!selection.admits(&upper(3, false), (0, 1)), "it refers to number 1");
        assert!(selection.admits(&upper(4, true), (0, 1)));
        assert!(selection.admits(&upper(5, false), (0, 1)));
    }

    #[test]
    fn a_layer_that_takes_a_keyframe_is_asked_for_once() {
        let mut selection = FrameSelection::default();
        let of_two = |number, belongs: &[(u8, u8)]| FrameLayers {
            highest: (1, 0),
            belongs: pairs(belongs),
            needed: pairs(belongs),
            ..frame(number, 0)
        };
        assert!(selection.admits(&of_two(0, &[(0, 0)]), (0, 0)));
        assert!(!selection.admits(&of_two(1, &[(1, 0)]), (0, 0)));
        assert!(!selection.admits(&of_two(2, &[(1, 0)]), (1, 0)));
        assert!(selection.poll_blocked());
        assert!(selection.admits(&of_two(3, &[(0, 0)]), (1, 0)));
        assert!(!selection.poll_blocked());
    }

    #[test]
    fn markers_are_remembered_as_long_as_packets_are() {
        let mut log = MarkerLog::default();
        log.insert(70_000, true);
        log.insert(70_003, false);
        log.insert(70_002, true);
        let marked: Vec<u64> = (69_990..70_010).filter(|sequence| log.contains(*sequence)).collect();
        assert_eq!(marked, [70_000, 70_002]);
        log.insert(70_900, true);
        assert!(log.contains(70_002) && log.knows(70_000));
        log.insert(71_025, false);
        assert!(!log.contains(70_000) && !log.knows(70_000) && log.contains(70_900));
        log.insert(90_000, false);
        assert!(!(88_000..90_010).any(|sequence| log.contains(sequence)));
    }
}

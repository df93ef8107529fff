//! Which frames could be decoded, and when: a frame counts once all its packets are there and those of the frames
//! before it, or those from a keyframe on.

use std::time::Duration;

/// Packets that are remembered. A hole that is older is given up.
const WINDOW: usize = 2048;
/// Frames whose mean distance tells what a freeze is (webrtc-stats, freezeCount).
const MEAN_OVER: f64 = 30.0;
const FREEZE_FACTOR: f64 = 3.0;
const FREEZE_LEAST: f64 = 0.15;

#[derive(Clone, Copy, Default)]
struct Slot {
    sequence: u64,
    is_there: bool,
    ends_frame: bool,
    begins_keyframe: bool,
}

/// A video stream as its decoder would see it. Times are since the start of the run.
pub struct Frames {
    slots: Box<[Slot; WINDOW]>,
    /// The next packet that a decoder needs; none before the first keyframe.
    next: Option<u64>,
    highest: u64,
    /// Where a keyframe began that is not decoded yet.
    keyframe: Option<u64>,
    pub decoded: u64,
    pub first_at: Option<Duration>,
    last_at: Duration,
    mean: f64,
    /// After the freeze is over; one that lasts is told by [`Frames::standing`].
    pub freezes: u64,
    pub frozen: Duration,
    pub longest_freeze: Duration,
}

impl Default for Frames {
    fn default() -> Self {
        Frames {
            slots: Box::new([Slot::default(); WINDOW]),
            next: None,
            highest: 0,
            keyframe: None,
            decoded: 0,
            first_at: None,
            last_at: Duration::ZERO,
            mean: 0.0,
            freezes: 0,
            frozen: Duration::ZERO,
            longest_freeze: Duration::ZERO,
        }
    }
}

impl Frames {
    /// Takes note of a packet.
    pub fn note(&mut self, sequence: u64, ends_frame: bool, begins_keyframe: bool, at: Duration) {
        if self.next.is_some_and(|next| sequence < next) || sequence + (WINDOW as u64) <= self.highest {
            return;
        }
        self.highest = self.highest.max(sequence);
        self.slots[sequence as usize % WINDOW] = Slot { sequence, is_there: true, ends_frame, begins_keyframe };
        if begins_keyframe && self.next != Some(sequence) {
            self.keyframe = Some(sequence);
        }
        self.advance(at);
        // A keyframe that is whole makes what is missing before it needless.
        if let Some(from) = self.keyframe.filter(|from| self.next.is_none_or(|next| next < *from))
            && self.is_whole(from)
        {
            self.next = Some(from);
            self.advance(at);
        }
    }

    /// How long there has been no new frame, if that is a freeze already.
    pub fn standing(&self, now: Duration) -> Duration {
        let since = now.saturating_sub(self.last_at);
        if self.first_at.is_some() && self.is_freeze(since) { since } else { Duration::ZERO }
    }

    fn slot(&self, sequence: u64) -> Option<Slot> {
        Some(self.slots[sequence as usize % WINDOW]).filter(|slot| slot.is_there && slot.sequence == sequence)
    }

    fn is_whole(&self, from: u64) -> bool {
        (from..=self.highest).map_while(|sequence| self.slot(sequence)).any(|slot| slot.ends_frame)
    }

    fn advance(&mut self, at: Duration) {
        while let Some(next) = self.next
            && let Some(slot) = self.slot(next)
        {
            self.next = Some(next + 1);
            if slot.begins_keyframe {
                self.keyframe = None;
            }
            if slot.ends_frame {
                self.on_frame(at);
            }
        }
    }

    fn on_frame(&mut self, at: Duration) {
        self.decoded += 1;
        if self.first_at.is_none() {
            self.first_at = Some(at);
        } else {
            let since = at.saturating_sub(self.last_at);
            if self.is_freeze(since) {
                self.freezes += 1;
                self.frozen += since;
                self.longest_freeze = self.longest_freeze.max(since);
            }
            let weight = (1.0 / (self.decoded - 1) as f64).max(1.0 / MEAN_OVER);
            self.mean += weight * (since.as_secs_f64() - self.mean);
        }
        self.last_at = at;
    }

    fn is_freeze(&self, since: Duration) -> bool {
        since.as_secs_f64() > (FREEZE_FACTOR * self.mean).max(self.mean + FREEZE_LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of two packets every 33 ms, without the packets in `lost`; keyframes begin at `keys`.
    fn play(count: u64, lost: &[u64], keys: &[u64]) -> Frames {
        let mut frames = Frames::default();
        for sequence in (0..count).filter(|sequence| !lost.contains(sequence)) {
            let at = Duration::from_millis(sequence / 2 * 33);
            frames.note(sequence, sequence % 2 == 1, keys.contains(&sequence), at);
        }
        frames
    }

    #[test]
    fn all_frames_of_a_whole_stream_are_decoded() {
        let frames = play(200, &[], &[0, 100]);
        assert_eq!((frames.decoded, frames.freezes, frames.first_at), (100, 0, Some(Duration::ZERO)));
    }

    #[test]
    fn nothing_is_decoded_before_a_keyframe() {
        let frames = play(200, &[], &[100]);
        assert_eq!((frames.decoded, frames.first_at), (50, Some(Duration::from_millis(50 * 33))));
    }

    #[test]
    fn a_hole_freezes_the_picture_until_the_next_keyframe() {
        let frames = play(200, &[50], &[0, 100]);
        assert_eq!((frames.decoded, frames.freezes), (75, 1));
        assert_eq!(frames.longest_freeze, Duration::from_millis(26 * 33));
    }

    #[test]
    fn what_comes_late_repairs_the_picture() {
        let mut frames = play(60, &[50], &[0]);
        assert_eq!(frames.decoded, 25);
        frames.note(50, false, false, Duration::from_millis(1000));
        assert_eq!((frames.decoded, frames.freezes), (30, 1));
        assert_eq!(frames.standing(Duration::from_millis(1010)), Duration::ZERO);
        assert_eq!(frames.standing(Duration::from_secs(3)), Duration::from_secs(2));
    }
}

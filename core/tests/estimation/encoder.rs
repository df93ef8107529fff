//! A publisher's encoder that is told of a ceiling by the bridge, and whose pictures move by fits and starts.
//!
//! Rules and figures of what is told: `bridge/sfu/allocation/allocator.py` and `ceiling.py`. How unsteady encoders are was
//! taken from calls of Chromium: frames differ by a third; every few seconds somebody moves, and for a quarter of a second
//! frames are nearly twice as large, which those after them make up for.

use std::collections::VecDeque;

use crate::network::{MS, Nanos, SECOND};
use crate::random::Random;

/// Part of an estimate that is given away, and of that what sound has, in bit/s.
const HEADROOM: f64 = 0.95;
const SOUND: f64 = 45_000.0;
/// What of its room is left for what pictures differ by, in bit/s, and as a part of the room at least and at most.
const UNSTEADY: f64 = 18_000.0;
const LEAST_UNSTEADY: f64 = 0.03;
const MOST_UNSTEADY: f64 = 0.1;
/// A ceiling is lowered at once by so much, raised by so much after as long, and by this at once.
const FALL: f64 = 0.93;
const RISE: f64 = 1.04;
const RISE_AFTER: Nanos = SECOND;
const LEAP: f64 = 1.5;
/// Until it is heard, and the encoder has followed.
const FOLLOWS_AFTER: Nanos = 150 * MS;
/// Frames differ by this.
const VARIATION: f64 = 0.3;
/// Time between movements on average, how long one takes, and how much more it takes.
const STILL: f64 = 5.0 * SECOND as f64;
const MOVES: Nanos = 280 * MS;
const MORE: f64 = 1.7;
/// What was too much is made up for by frames of this.
const LESS: f64 = 0.75;

pub struct Encoder {
    told: f64,
    higher_since: Option<Nanos>,
    /// What was told, and is followed from then on.
    coming: VecDeque<(Nanos, f64)>,
    rate: f64,
    moves_at: Nanos,
    /// Bytes beyond what was asked for.
    owed: f64,
}

impl Encoder {
    pub fn new() -> Self {
        Encoder { told: 0.0, higher_since: None, coming: VecDeque::new(), rate: 0.0, moves_at: 0, owed: 0.0 }
    }

    /// What an estimate leaves for pictures, up to `most`, both in bit/s.
    pub fn tell(&mut self, now: Nanos, estimate: f64, most: f64) {
        let room = (estimate * HEADROOM - SOUND).max(0.0);
        let left = UNSTEADY.min(room * MOST_UNSTEADY).max(room * LEAST_UNSTEADY);
        let ceiling = (room - left).min(most);
        if ceiling < self.told * RISE && ceiling >= self.told * FALL {
            self.higher_since = None;
            return;
        }
        let since = *self.higher_since.get_or_insert(now);
        if ceiling < self.told || ceiling >= self.told * LEAP || now - since >= RISE_AFTER {
            (self.told, self.higher_since) = (ceiling, None);
            self.coming.push_back((now + FOLLOWS_AFTER, ceiling));
        }
    }

    /// What it sends now, in bit/s.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Bytes of the next frame, which stands for so long.
    pub fn frame(&mut self, now: Nanos, stands: Nanos, random: &mut Random) -> f64 {
        while let Some((_, rate)) = self.coming.front().copied().filter(|(at, _)| *at <= now) {
            self.rate = rate;
            self.coming.pop_front();
        }
        if now >= self.moves_at + MOVES {
            self.moves_at = now + (-STILL * (1.0 - random.uniform()).ln()) as Nanos;
        }
        let asked = self.rate / 8.0 * stands as f64 / SECOND as f64;
        let share = match self.owed {
            _ if now >= self.moves_at => MORE,
            owed if owed > 0.0 => LESS,
            _ => 1.0,
        };
        let size = asked * share * (1.0 + VARIATION * random.normal()).clamp(0.5, 2.0);
        self.owed = (self.owed + size - asked).max(0.0);
        size
    }
}

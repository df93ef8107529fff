//! Who is heard in a router: told to the control plane while it changes.

use std::time::Duration;

use super::Engine;
use crate::event::{AudioLevel, Event};
use crate::time::Time;

/// Distance of `audio_levels` events of one router.
const INTERVAL: Duration = Duration::from_millis(200);
/// Levels that are no louder than this, in −dBov, are not told: a quiet room with its fans.
const SILENCE: u8 = 70;
/// A level that moved by less than this, in dB, is no news.
const STEP: u8 = 3;

/// The levels of one router that were told last.
#[derive(Default)]
pub(super) struct Levels {
    told: Vec<AudioLevel>,
    /// Whether a timer is set.
    pub(super) waiting: bool,
}

impl Levels {
    /// Takes in the present levels, and returns them if they are news.
    fn update(&mut self, mut levels: Vec<AudioLevel>) -> Option<Vec<AudioLevel>> {
        levels.retain(|level| level.level < SILENCE);
        levels.sort_by_key(|level| (level.level, level.producer_id));
        let same = |new: &AudioLevel| {
            self.told.iter().any(|old| {
                old.producer_id == new.producer_id && old.voice == new.voice && old.level.abs_diff(new.level) < STEP
            })
        };
        if levels.len() == self.told.len() && levels.iter().all(same) {
            return None;
        }
        self.told.clone_from(&levels);
        Some(levels)
    }
}

impl Engine {
    /// A packet of the transport told a level.
    #[inline]
    pub(super) fn level_heard(&mut self, now: Time, key: usize) {
        let router = self.transports[key].router;
        if !self.routers[router].levels.waiting {
            self.routers[router].levels.waiting = true;
            self.router_timers.set(router, now + INTERVAL);
        }
    }

    /// Tells the levels of a router, and comes back as long as anything is heard.
    pub(super) fn tell_levels(&mut self, now: Time, router: usize) {
        let Some(entry) = self.routers.get_mut(router) else { return };
        let mut levels = Vec::new();
        let mut heard = false;
        for &key in &entry.transports {
            for &producer in &self.transports[key].producers {
                let entry = &self.producers[producer];
                if let Some((level, voice)) = entry.producer.audio_level(now) {
                    heard = true;
                    levels.push(AudioLevel { producer_id: entry.id, level, voice });
                }
            }
        }
        entry.levels.waiting = heard;
        if heard {
            self.router_timers.set(router, now + INTERVAL);
        }
        if let Some(levels) = entry.levels.update(levels) {
            self.out.event(Event::AudioLevels { router_id: entry.id, levels });
        }
        self.tell_active_speaker(now, router);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(producer_id: u64, level: u8, voice: bool) -> AudioLevel {
        AudioLevel { producer_id, level, voice }
    }

    #[test]
    fn the_loudest_first_and_silence_not_at_all() {
        let mut levels = Levels::default();
        let told = levels.update(vec![level(1, 50, false), level(2, 20, true), level(3, 100, false)]);
        assert_eq!(told, Some(vec![level(2, 20, true), level(1, 50, false)]));
    }

    #[test]
    fn only_changes_are_news() {
        let mut levels = Levels::default();
        assert_eq!(levels.update(vec![]), None);
        assert!(levels.update(vec![level(1, 30, true)]).is_some());
        assert!(levels.update(vec![level(1, 31, true)]).is_none());
        assert!(levels.update(vec![level(1, 31, false)]).is_some());
        assert!(levels.update(vec![level(1, 40, false)]).is_some());
        assert_eq!(levels.update(vec![level(1, 127, false)]), Some(vec![]));
        assert_eq!(levels.update(vec![]), None);
    }
}

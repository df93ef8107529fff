//! What is kept per SSRC.

use rustc_hash::FxHashMap;

use super::replay::ReplayWindow;

struct Source {
    ssrc: u32,
    window: ReplayWindow,
    /// The tick of its latest packet, so that the one that was silent for longest can be found.
    used: u64,
}

/// The replay windows of the sources under one key. Packets come in runs of one source, which is therefore looked at
/// before the map is.
#[derive(Default)]
pub(super) struct Sources {
    by_ssrc: FxHashMap<u32, usize>,
    sources: Vec<Source>,
    latest: usize,
    tick: u64,
}

impl Sources {
    /// How many sources are known.
    pub(super) fn len(&self) -> usize {
        self.sources.len()
    }

    /// The window of a known source.
    #[inline]
    pub(super) fn find(&mut self, ssrc: u32) -> Option<&mut ReplayWindow> {
        if self.sources.get(self.latest).is_none_or(|source| source.ssrc != ssrc) {
            self.latest = *self.by_ssrc.get(&ssrc)?;
        }
        let source = &mut self.sources[self.latest];
        self.tick += 1;
        source.used = self.tick;
        Some(&mut source.window)
    }

    /// Adds a source that is not known yet.
    pub(super) fn add(&mut self, ssrc: u32, window: ReplayWindow) {
        self.tick += 1;
        self.latest = self.sources.len();
        self.by_ssrc.insert(ssrc, self.latest);
        self.sources.push(Source { ssrc, window, used: self.tick });
    }

    /// Forgets a source. Whether it was known.
    pub(super) fn remove(&mut self, ssrc: u32) -> bool {
        let Some(at) = self.by_ssrc.remove(&ssrc) else { return false };
        self.sources.swap_remove(at);
        if let Some(moved) = self.sources.get(at) {
            self.by_ssrc.insert(moved.ssrc, at);
        }
        true
    }

    /// Puts a source that is not known yet in the place of the one that was silent for longest.
    pub(super) fn replace_oldest(&mut self, ssrc: u32, window: ReplayWindow) {
        let Some(oldest) = (0..self.sources.len()).min_by_key(|at| self.sources[*at].used) else {
            return self.add(ssrc, window);
        };
        self.tick += 1;
        self.by_ssrc.remove(&self.sources[oldest].ssrc);
        self.by_ssrc.insert(ssrc, oldest);
        self.sources[oldest] = Source { ssrc, window, used: self.tick };
        self.latest = oldest;
    }
}

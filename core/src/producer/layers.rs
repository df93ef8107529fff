//! Which layers of a producer are alive.

use std::time::Duration;

use super::Producer;
use crate::event::LayerState;
use crate::media_packet::MediaPacket;
use crate::params::MediaKind;
use crate::time::Time;

/// How often is looked after layers that have gone dead.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// How often changed rates are told at most.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// What was told of the layers, and when.
#[derive(Debug, Default)]
pub(super) struct LayerNews {
    next_check: Time,
    told_at: Option<Time>,
    told: Vec<LayerState>,
    /// Bits of the encodings that are alive.
    live: u8,
    /// Whether `told` is news to the engine.
    fresh: bool,
}

impl Producer {
    /// Counts a packet to its layer, and looks now and then what has become of the layers.
    #[inline]
    pub(super) fn count_layer(&mut self, now: Time, index: usize, media: &MediaPacket<'_>) {
        if self.kind != MediaKind::Video {
            return;
        }
        let encoding = &mut self.encodings[index];
        let was_live = self.layer_news.live & 1 << index != 0;
        let sizes = encoding.layers.sizes();
        encoding.layers.received(now, media);
        if let Some(frame) = media.frame
            && let Some(size) = encoding.dependencies.size(frame.spatial).or(encoding.vp9_layers.size(frame.spatial))
        {
            encoding.layers.set_size(frame.spatial, size);
        }
        if !was_live || encoding.layers.sizes() != sizes || now >= self.layer_news.next_check {
            self.check_layers(now);
        }
    }

    #[cold]
    fn check_layers(&mut self, now: Time) {
        self.layer_news.next_check = now + CHECK_INTERVAL;
        let mut live = 0;
        for (index, encoding) in self.encodings.iter_mut().enumerate() {
            encoding.layers.roll(now);
            live |= u8::from(encoding.layers.is_live(now)) << index;
        }
        let news = &mut self.layer_news;
        let set_changed = live != news.live;
        news.live = live;
        let is_due = news.told_at.is_none_or(|told| now.since(told) >= TELL_INTERVAL);
        let layers = || {
            let encodings = self.encodings.iter().enumerate();
            let live = encodings.filter(|(index, _)| live & 1 << index != 0);
            live.flat_map(|(index, encoding)| encoding.layers.layers(index as u8))
        };
        let shape = |layer: &LayerState| (layer.spatial, layer.temporal, layer.width, layer.height);
        let is_other = set_changed || !layers().map(|layer| shape(&layer)).eq(news.told.iter().map(shape));
        let moved =
            || layers().zip(&news.told).any(|(now, told)| now.bitrate.abs_diff(told.bitrate) > told.bitrate / 10);
        if is_other || (is_due && moved()) {
            let layers = layers().collect();
            news.told = layers;
            news.told_at = Some(now);
            news.fresh = true;
        }
    }

    /// Whether [`poll_layers`](Self::poll_layers) has something to say.
    #[inline]
    pub fn has_layer_news(&self) -> bool {
        self.layer_news.fresh
    }

    /// How many encodings it has.
    pub fn encoding_count(&self) -> usize {
        self.encodings.len()
    }

    /// The live layers, if they are news.
    pub fn poll_layers(&mut self) -> Option<&[LayerState]> {
        std::mem::take(&mut self.layer_news.fresh).then_some(&self.layer_news.told)
    }

    /// The encoding to send to who is to get `wanted`: the best live one that is no better, or else the least of the
    /// others; `wanted` itself where nothing is known to live.
    pub fn live_encoding(&self, wanted: u8) -> u8 {
        let last = (self.encodings.len() - 1) as u8;
        let wanted = wanted.min(last);
        let is_live = |index: &u8| self.layer_news.live & 1 << index != 0;
        let below = (0..=wanted).rev().find(is_live);
        below.or_else(|| (wanted..=last).find(is_live)).unwrap_or(wanted)
    }
}

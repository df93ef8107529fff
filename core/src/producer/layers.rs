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
    /// Bits of those of them that are not in doubt.
    flowing: u8,
    /// Whether `told` is news to the engine.
    fresh: bool,
    /// Whether `flowing` is news to the engine.
    flow_changed: bool,
}

impl Producer {
    /// Counts a packet to its layer, and looks now and then what has become of the layers.
    #[inline]
    pub(super) fn count_layer(&mut self, now: Time, index: usize, media: &MediaPacket<'_>) {
        if self.kind != MediaKind::Video {
            return;
        }
        let encoding = &mut self.encodings[index];
        let flowed = self.layer_news.flowing & 1 << index != 0;
        let sizes = encoding.layers.sizes();
        let begins_frame = encoding.layers.received(now, media);
        if let Some(frame) = media.frame
            && let Some(size) = encoding.dependencies.size(frame.spatial).or(encoding.vp9_layers.size(frame.spatial))
        {
            encoding.layers.set_size(frame.spatial, size);
        }
        let changed = !flowed || encoding.layers.sizes() != sizes;
        if changed || now >= self.layer_news.next_check || (begins_frame && self.doubts_another(now, index)) {
            self.check_layers(now);
        }
    }

    /// Whether an encoding that flowed is in doubt now that the frames of this one go on.
    fn doubts_another(&self, now: Time, index: usize) -> bool {
        let beside = &self.encodings[index].layers;
        let mut others = self.encodings.iter().enumerate().filter(|(other, _)| *other != index);
        others.any(|(other, encoding)| {
            self.layer_news.flowing & 1 << other != 0 && encoding.layers.is_doubtful_beside(now, beside)
        })
    }

    #[cold]
    fn check_layers(&mut self, now: Time) {
        self.layer_news.next_check = now + CHECK_INTERVAL;
        let mut live = 0;
        for (index, encoding) in self.encodings.iter_mut().enumerate() {
            encoding.layers.roll(now);
            live |= u8::from(encoding.layers.is_live(now)) << index;
        }
        let of = |bits: u8| {
            let encodings = self.encodings.iter().enumerate();
            encodings.filter(move |(index, _)| bits & 1 << index != 0)
        };
        let in_doubt = of(live)
            .filter(|(_, one)| of(live).any(|(_, other)| one.layers.is_doubtful_beside(now, &other.layers)))
            .fold(0, |bits, (index, _)| bits | 1 << index);
        let news = &mut self.layer_news;
        let set_changed = live != news.live;
        news.live = live;
        news.flow_changed |= live & !in_doubt != news.flowing;
        news.flowing = live & !in_doubt;
        let is_due = news.told_at.is_none_or(|told| now.since(told) >= TELL_INTERVAL);
        let layers = || of(live).flat_map(|(index, encoding)| encoding.layers.layers(index as u8));
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

    /// Whether [`poll_layers`](Self::poll_layers) or [`poll_flow`](Self::poll_flow) has something to say.
    #[inline]
    pub fn has_layer_news(&self) -> bool {
        self.layer_news.fresh || self.layer_news.flow_changed
    }

    /// Whether [`live_encoding`](Self::live_encoding) may say something else than before.
    pub fn poll_flow(&mut self) -> bool {
        std::mem::take(&mut self.layer_news.flow_changed)
    }

    /// How many encodings it has.
    pub fn encoding_count(&self) -> usize {
        self.encodings.len()
    }

    /// The live layers, if they are news.
    pub fn poll_layers(&mut self) -> Option<&[LayerState]> {
        std::mem::take(&mut self.layer_news.fresh).then_some(&self.layer_news.told)
    }

    /// The encoding to send to who is to get `wanted`: the best one that flows and is no better, or else the least of the
    /// others; `wanted` itself where nothing is known to flow.
    pub fn live_encoding(&self, wanted: u8) -> u8 {
        let last = (self.encodings.len() - 1) as u8;
        let wanted = wanted.min(last);
        let flows = |index: &u8| self.layer_news.flowing & 1 << index != 0;
        let below = (0..=wanted).rev().find(flows);
        below.or_else(|| (wanted..=last).find(flows)).unwrap_or(wanted)
    }
}

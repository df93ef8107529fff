//! What of an encoding's layers came lately: whether it is alive, what it costs, how large its pictures are.

use std::time::Duration;

use crate::codec::{Codec, vp8};
use crate::event::LayerState;
use crate::frame_layers::FrameLayers;
use crate::media_packet::MediaPacket;
use crate::time::Time;

/// Spatial layers of an encoding that are told apart (SVC).
const SPATIAL_LAYERS: usize = 4;
/// Temporal layers that are told apart.
const TEMPORAL_LAYERS: usize = 4;
/// An encoding is dead after a silence of this at the latest, while another one of its producer comes. A thin encoding
/// sends a frame ten times a second or so.
pub const DEAD_AFTER: Duration = Duration::from_millis(800);
/// It is dead earlier, but not before this, where so many of its frames did not come: receivers stand still meanwhile.
const DEAD_AFTER_FRAMES: f32 = 10.0;
const DEAD_NOT_BEFORE: Duration = Duration::from_millis(400);
/// It is in doubt already where so many frames of another encoding were begun since its last packet, and so many of its
/// own did not come, but not before this: encodings are made of the same pictures. Of those that Chromium went on with
/// on thin and lossy lines, up to seven frames were left out or lost in a row.
const DOUBTED_AFTER: usize = 8;
const DOUBTED_AFTER_FRAMES: f32 = 7.0;
const DOUBTED_NOT_BEFORE: Duration = Duration::from_millis(230);
/// Where it is not known how often its frames come, and after a keyframe: encoders leave some out after a large one.
const DOUBTED_UNMEASURED: Duration = Duration::from_millis(400);
/// Rates are measured over windows of this.
const WINDOW: Duration = Duration::from_secs(1);
/// Upper bound of a frame rate worth telling.
const MAX_FRAME_RATE: f32 = 240.0;

/// What came for one pair of highest layers, with all that it needs.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    bytes: u64,
    frames: u32,
    /// Of `bytes`, those of just this spatial and this temporal layer.
    own_bytes: u64,
}

/// By spatial and by temporal layer.
type ByLayer<T> = [[T; TEMPORAL_LAYERS]; SPATIAL_LAYERS];

/// What a pair of highest layers took lately.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    bitrate: u64,
    frame_rate: f32,
    /// Whether anything came of just this layer.
    is_there: bool,
}

/// One encoding's layers.
#[derive(Clone, Debug, Default)]
pub struct LayerMeter {
    last: Option<Time>,
    /// RTP timestamp of the last keyframe. Encoders leave out frames after one that took more than there was room for.
    keyframe: Option<u32>,
    /// For how long it may be silent after the last packet.
    patience: Duration,
    /// The same by the frame rate of the last whole window.
    usual_patience: Option<Duration>,
    /// How long it may be silent before it is in doubt, by the frame rate of the last whole window.
    usual_trust: Option<Duration>,
    /// When its latest frames were begun, and the place of the next one.
    begun: [Time; DOUBTED_AFTER],
    next_begun: usize,
    /// RTP timestamp of the latest frame.
    newest: Option<u32>,
    since: Option<Time>,
    counting: ByLayer<Count>,
    /// Of the last whole window.
    rates: ByLayer<Rate>,
    sizes: [(u16, u16); SPATIAL_LAYERS],
}

impl LayerMeter {
    /// A packet of the encoding came. Says whether it begins a frame.
    #[inline]
    pub fn received(&mut self, now: Time, packet: &MediaPacket<'_>) -> bool {
        if packet.payload.is_empty() {
            return false;
        }
        if self.last.is_none_or(|last| now.since(last) > DEAD_AFTER) {
            // What was measured before a silence says nothing of what comes now.
            *self = LayerMeter { sizes: self.sizes, since: Some(now), ..LayerMeter::default() };
        }
        self.last = Some(now);
        if packet.keyframe {
            self.keyframe = Some(packet.timestamp);
        }
        self.patience = if self.keyframe == Some(packet.timestamp) {
            DEAD_AFTER
        } else {
            self.usual_patience.unwrap_or(DEAD_AFTER)
        };
        match packet.frame {
            Some(frame) => self.count_frame(packet, &frame),
            None => self.count_plain(packet),
        }
        let begins = self.newest.is_none_or(|newest| packet.timestamp.wrapping_sub(newest) as i32 > 0);
        if begins {
            self.newest = Some(packet.timestamp);
            self.begun[self.next_begun] = now;
            self.next_begun = (self.next_begun + 1) % DOUBTED_AFTER;
        }
        begins
    }

    /// Whether its publisher seems to have stopped it, though it is not known to be dead, since those of `other` go on.
    pub fn is_doubtful_beside(&self, now: Time, other: &LayerMeter) -> bool {
        let Some(last) = self.last else { return true };
        let trust = match self.keyframe {
            Some(keyframe) if Some(keyframe) == self.newest => DOUBTED_UNMEASURED,
            _ => self.usual_trust.unwrap_or(DOUBTED_UNMEASURED),
        };
        // The place of the next one holds the earliest.
        other.begun[other.next_begun] > last && now.since(last) >= trust
    }

    /// The size of a spatial layer was told.
    pub fn set_size(&mut self, spatial: u8, size: (u16, u16)) {
        if let Some(place) = self.sizes.get_mut(usize::from(spatial)) {
            *place = size;
        }
    }

    /// Counts a packet of which a dependency descriptor tells.
    fn count_frame(&mut self, packet: &MediaPacket<'_>, frame: &FrameLayers) {
        let len = packet.payload.len() as u64;
        let spatial_layers = (usize::from(frame.highest.0) + 1).min(SPATIAL_LAYERS);
        let temporal_layers = (usize::from(frame.highest.1) + 1).min(TEMPORAL_LAYERS);
        for (spatial, counts) in (0..).zip(&mut self.counting[..spatial_layers]) {
            for (temporal, count) in (0..).zip(&mut counts[..temporal_layers]) {
                if frame.belongs.contains((spatial, temporal)) {
                    count.bytes += len;
                    count.frames += u32::from(frame.end && frame.spatial == spatial);
                    if (frame.spatial, frame.temporal) == (spatial, temporal) {
                        count.own_bytes += len;
                    }
                }
            }
        }
    }

    /// Counts a packet whose payload tells its temporal layer, if anything does.
    fn count_plain(&mut self, packet: &MediaPacket<'_>) {
        let mut own = 0;
        if packet.codec == Codec::Vp8
            && let Ok(descriptor) = vp8::Descriptor::parse(packet.payload)
        {
            own = usize::from(descriptor.temporal_layer.unwrap_or(0)).min(TEMPORAL_LAYERS - 1);
            if packet.keyframe
                && let Some(size) = descriptor.keyframe_size(packet.payload)
            {
                self.sizes[0] = size;
            }
        }
        let len = packet.payload.len() as u64;
        self.counting[0][own].own_bytes += len;
        for count in &mut self.counting[0][own..] {
            count.bytes += len;
            count.frames += u32::from(packet.marker);
        }
    }

    /// Whether packets come.
    pub fn is_live(&self, now: Time) -> bool {
        self.last.is_some_and(|last| now.since(last) <= self.patience)
    }

    /// Width and height of each spatial layer in pixels; zero while unknown.
    pub fn sizes(&self) -> [(u16, u16); SPATIAL_LAYERS] {
        self.sizes
    }

    /// Closes the window if it is over.
    pub fn roll(&mut self, now: Time) {
        let Some(since) = self.since else { return };
        let elapsed = now.since(since);
        if elapsed < WINDOW {
            return;
        }
        let seconds = elapsed.as_secs_f32();
        for (rate, count) in self.rates.iter_mut().flatten().zip(self.counting.iter().flatten()) {
            *rate = Rate {
                bitrate: (count.bytes as f64 * 8.0 / f64::from(seconds)) as u64,
                frame_rate: (count.frames as f32 / seconds).min(MAX_FRAME_RATE),
                is_there: count.own_bytes > 0,
            };
        }
        let frame_rate = self.rates.iter().flatten().map(|rate| rate.frame_rate).fold(0.0, f32::max);
        let patience = Duration::try_from_secs_f32(DEAD_AFTER_FRAMES / frame_rate).unwrap_or(DEAD_AFTER);
        self.usual_patience = Some(patience.clamp(DEAD_NOT_BEFORE, DEAD_AFTER));
        let trust = Duration::try_from_secs_f32(DOUBTED_AFTER_FRAMES / frame_rate).unwrap_or(DEAD_AFTER);
        self.usual_trust = Some(trust.clamp(DOUBTED_NOT_BEFORE, DEAD_AFTER));
        self.counting = Default::default();
        self.since = Some(now);
    }

    /// The encoding's layers, lowest first, each with all that it needs; `encoding` is its index, or 0 where it is the
    /// only one.
    pub fn layers(&self, encoding: u8) -> impl Iterator<Item = LayerState> {
        let (rates, sizes) = (self.rates, self.sizes);
        (0..SPATIAL_LAYERS as u8).flat_map(move |spatial| {
            (0..TEMPORAL_LAYERS as u8).filter_map(move |temporal| {
                let rate = rates[usize::from(spatial)][usize::from(temporal)];
                let (width, height) = sizes[usize::from(spatial)];
                // The lowest one is there as soon as anything comes, before anything was measured.
                (rate.is_there || (spatial, temporal) == (0, 0)).then_some(LayerState {
                    spatial: encoding.max(spatial),
                    temporal,
                    bitrate: rate.bitrate,
                    width,
                    height,
                    frame_rate: rate.frame_rate,
                })
            })
        })
    }
}

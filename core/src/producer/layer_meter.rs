//! What of an encoding's layers came lately: whether it is alive, what it costs, how large its pictures are.

use std::time::Duration;

use crate::codec::{Codec, vp8};
use crate::event::LayerState;
use crate::media_packet::MediaPacket;
use crate::time::Time;

/// Temporal layers that are told apart.
const TEMPORAL_LAYERS: usize = 4;
/// An encoding is dead after a silence of this, while another one of its producer comes. A thin encoding sends a frame
/// ten times a second or so.
pub const DEAD_AFTER: Duration = Duration::from_millis(800);
/// Rates are measured over windows of this.
const WINDOW: Duration = Duration::from_secs(1);
/// Upper bound of a frame rate worth telling.
const MAX_FRAME_RATE: f32 = 240.0;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    bytes: u64,
    frames: u32,
}

/// One encoding's layers.
#[derive(Clone, Debug, Default)]
pub struct LayerMeter {
    last: Option<Time>,
    since: Option<Time>,
    counting: [Count; TEMPORAL_LAYERS],
    /// Bit/s and frames per second of the last whole window.
    rates: [(u64, f32); TEMPORAL_LAYERS],
    measured: bool,
    size: (u16, u16),
}

impl LayerMeter {
    /// A packet of the encoding came.
    #[inline]
    pub fn received(&mut self, now: Time, packet: &MediaPacket<'_>) {
        if packet.payload.is_empty() {
            return;
        }
        if self.last.is_none_or(|last| now.since(last) > DEAD_AFTER) {
            // What was measured before a silence says nothing of what comes now.
            *self = LayerMeter { size: self.size, since: Some(now), ..LayerMeter::default() };
        }
        self.last = Some(now);
        let mut temporal = 0;
        if packet.codec == Codec::Vp8
            && let Ok(descriptor) = vp8::Descriptor::parse(packet.payload)
        {
            temporal = usize::from(descriptor.temporal_layer.unwrap_or(0)).min(TEMPORAL_LAYERS - 1);
            if packet.keyframe
                && let Some(size) = descriptor.keyframe_size(packet.payload)
            {
                self.size = size;
            }
        }
        let count = &mut self.counting[temporal];
        count.bytes += packet.payload.len() as u64;
        count.frames += u32::from(packet.marker);
    }

    /// Whether packets come.
    pub fn is_live(&self, now: Time) -> bool {
        self.last.is_some_and(|last| now.since(last) <= DEAD_AFTER)
    }

    /// Width and height in pixels; zero while unknown.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Closes the window if it is over.
    pub fn roll(&mut self, now: Time) {
        let Some(since) = self.since else { return };
        let elapsed = now.since(since);
        if elapsed < WINDOW {
            return;
        }
        let seconds = elapsed.as_secs_f32();
        for (rate, count) in self.rates.iter_mut().zip(&self.counting) {
            let bitrate = (count.bytes as f64 * 8.0 / f64::from(seconds)) as u64;
            *rate = (bitrate, (count.frames as f32 / seconds).min(MAX_FRAME_RATE));
        }
        self.counting = [Count::default(); TEMPORAL_LAYERS];
        self.since = Some(now);
        self.measured = true;
    }

    /// The encoding's layers, lowest first, each with all that it needs.
    pub fn layers(&self, spatial: u8) -> impl Iterator<Item = LayerState> {
        let (width, height) = self.size;
        let (mut bitrate, mut frame_rate) = (0, 0.0);
        let rates = self.rates;
        (0..TEMPORAL_LAYERS).filter_map(move |temporal| {
            let (own_bitrate, own_frame_rate) = rates[temporal];
            bitrate += own_bitrate;
            frame_rate += own_frame_rate;
            // The lowest one is there as soon as anything comes, before anything was measured.
            (temporal == 0 || own_bitrate > 0).then_some(LayerState {
                spatial,
                temporal: temporal as u8,
                bitrate,
                width,
                height,
                frame_rate,
            })
        })
    }
}

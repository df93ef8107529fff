//! A clip that is being sent, at its own pace, on one RTP stream.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use str0m::Rtc;
use str0m::media::{Mid, Pt, Rid};
use str0m::rtp::{AbsCaptureTime, ExtensionValues, RtpWrite, Vp8Descriptor};

use crate::media::clip::{Clip, Codec};

/// Whoever is later than this leaves frames out, instead of a burst that no camera would make.
const MAX_LATENESS: Duration = Duration::from_millis(100);
const PICTURE_IDS: u16 = 0x7fff;
/// What a voice is said to be as loud as, in dBov.
const AUDIO_LEVEL: i8 = -30;

pub struct Track {
    pub mid: Mid,
    pub rid: Option<Rid>,
    /// Known when the bridge has answered.
    pub pt: Option<Pt>,
    /// Of the same pictures, at rising bitrates.
    pub rungs: Vec<Arc<Clip>>,
    rung: usize,
    /// Whether the budget allows it, and whether somebody receives it.
    pub is_affordable: bool,
    pub is_wanted: bool,
    wants_keyframe: bool,
    position: usize,
    began: Option<Instant>,
    /// Frames that were due so far.
    ticks: u64,
    sequence: u64,
    picture_id: u16,
    first_timestamp: u32,
    pub frames: u64,
    pub packets: u64,
}

impl Track {
    /// `seed` tells apart those who play the same clip: they begin at different frames.
    pub fn new(mid: Mid, rid: Option<Rid>, rungs: Vec<Arc<Clip>>, seed: usize) -> Self {
        let position = seed * 7919 % rungs[0].frames.len();
        Track {
            mid,
            rid,
            pt: None,
            rungs,
            rung: 0,
            is_affordable: true,
            is_wanted: true,
            wants_keyframe: true,
            position,
            began: None,
            ticks: 0,
            sequence: 1 + seed as u64 % 1000,
            picture_id: (seed as u16).wrapping_mul(31) & PICTURE_IDS,
            first_timestamp: (seed as u32).wrapping_mul(90_001),
            frames: 0,
            packets: 0,
        }
    }

    pub fn clip(&self) -> &Clip {
        &self.rungs[self.rung]
    }

    pub fn is_sending(&self) -> bool {
        self.is_affordable && self.is_wanted
    }

    /// Goes on with the bitrate of another rung, from a keyframe.
    pub fn choose(&mut self, rung: usize) {
        if rung != self.rung {
            self.rung = rung;
            self.wants_keyframe = true;
        }
    }

    pub fn request_keyframe(&mut self) {
        self.wants_keyframe = true;
    }

    /// When the next frame is due.
    pub fn due(&self) -> Option<Instant> {
        self.began.map(|began| began + self.clip().interval.mul_f64(self.ticks as f64))
    }

    /// Begins to send at a moment.
    pub fn begin(&mut self, at: Instant) {
        self.began = Some(at);
    }

    /// Sends nothing any more.
    pub fn end(&mut self) {
        self.began = None;
        self.is_wanted = false;
    }

    /// Hands the frame that is due to the engine. Returns how late that is.
    pub fn send_frame(&mut self, rtc: &mut Rtc, now: Instant) -> Duration {
        let (Some(due), Some(pt)) = (self.due(), self.pt) else { return Duration::ZERO };
        let lateness = now.saturating_duration_since(due);
        let interval = self.clip().interval;
        let timestamp = self.timestamp();
        self.ticks += 1;
        if lateness > MAX_LATENESS {
            self.ticks += (lateness.as_secs_f64() / interval.as_secs_f64()) as u64;
        }
        if !self.is_sending() {
            // Whoever comes back begins anew.
            self.wants_keyframe = true;
            return lateness;
        }
        let clip = self.rungs[self.rung].clone();
        self.position %= clip.frames.len();
        if std::mem::take(&mut self.wants_keyframe) {
            self.position = clip.keyframe_near(self.position);
        }
        let frame = &clip.frames[self.position];
        self.position += 1;
        self.picture_id = (self.picture_id + 1) & PICTURE_IDS;
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(self.mid, self.rid) else { return lateness };
        for (index, payload) in frame.packets.iter().enumerate() {
            let is_last = index + 1 == frame.packets.len();
            let is_audio = clip.codec == Codec::Opus;
            let extensions = ExtensionValues {
                abs_capture_time: Some(AbsCaptureTime { capture_time: SystemTime::now(), clock_offset: None }),
                audio_level: is_audio.then_some(AUDIO_LEVEL),
                voice_activity: is_audio.then_some(true),
                ..Default::default()
            };
            let mut write = RtpWrite::new(pt, self.sequence.into(), timestamp, now, payload.clone())
                .marker(is_last && !is_audio)
                .nackable(true)
                .ext_vals(extensions);
            if clip.codec == Codec::Vp8
                && let Ok(descriptor) = Vp8Descriptor::parse(payload)
                && let Ok(patch) = descriptor.patch().picture_id(self.picture_id).build()
            {
                write = write.vp8_patch(patch);
            }
            stream.write_rtp(write);
            self.sequence += 1;
            self.packets += 1;
        }
        self.frames += 1;
        lateness
    }

    fn timestamp(&self) -> u32 {
        let clock = if self.clip().codec == Codec::Opus { 48_000.0 } else { 90_000.0 };
        let elapsed = self.clip().interval.as_secs_f64() * self.ticks as f64;
        self.first_timestamp.wrapping_add((elapsed * clock).round() as u64 as u32)
    }
}

//! A clip: frames as RTP payloads, with their times, played round and round.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{h264, ivf, vp8};

/// Bytes of an RTP payload at most: leaves room for headers, extensions and SRTP within 1,200.
const MAX_PAYLOAD: usize = 1_120;
const OPUS_FRAME: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Vp8,
    H264,
    Opus,
}

pub struct Frame {
    pub packets: Vec<Arc<[u8]>>,
    pub is_keyframe: bool,
}

pub struct Clip {
    pub codec: Codec,
    /// Between two frames.
    pub interval: Duration,
    pub frames: Vec<Frame>,
    /// Bit/s of payload, on average.
    pub bitrate: f64,
}

impl Clip {
    /// Reads an IVF file; errors name it.
    pub fn load(path: &Path) -> Result<Clip, String> {
        let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let bytes = std::fs::read(path).map_err(|error| fault(&error))?;
        let file = ivf::parse(&bytes).map_err(|error| fault(&error))?;
        Clip::new(&file).map_err(|error| fault(&error))
    }

    fn new(file: &ivf::Ivf) -> Result<Clip, String> {
        let codec = match &file.fourcc {
            b"VP80" => Codec::Vp8,
            b"H264" => Codec::H264,
            b"OPUS" => Codec::Opus,
            other => return Err(format!("{} (expected VP80, H264 or OPUS)", String::from_utf8_lossy(other))),
        };
        let frames: Vec<Frame> = file.frames.iter().map(|frame| Frame::new(codec, &frame.data)).collect();
        if !frames[0].is_keyframe {
            return Err("the first frame is no keyframe".into());
        }
        let ticks = file.frames.last().map_or(0, |last| last.time).saturating_sub(file.frames[0].time);
        let interval = match frames.len() {
            _ if codec == Codec::Opus => OPUS_FRAME,
            1 => Duration::from_secs(1),
            count => Duration::from_secs_f64(ticks as f64 * file.tick / (count - 1) as f64),
        };
        if interval < Duration::from_millis(1) {
            return Err("more than 1,000 frames a second".into());
        }
        let bytes: usize = frames.iter().flat_map(|frame| &frame.packets).map(|packet| packet.len()).sum();
        let bitrate = bytes as f64 * 8.0 / (interval.as_secs_f64() * frames.len() as f64);
        Ok(Clip { codec, interval, frames, bitrate })
    }

    /// The keyframe nearest to the frame `from`, later ones first.
    pub fn keyframe_near(&self, from: usize) -> usize {
        let count = self.frames.len();
        (0..count).map(|ahead| (from + ahead) % count).find(|&at| self.frames[at].is_keyframe).unwrap_or(0)
    }
}

impl Frame {
    fn new(codec: Codec, data: &[u8]) -> Frame {
        let (packets, is_keyframe) = match codec {
            Codec::Vp8 => (vp8::packetize(data, MAX_PAYLOAD), vp8::is_keyframe(data)),
            Codec::H264 => (h264::packetize(data, MAX_PAYLOAD), h264::is_keyframe(data)),
            Codec::Opus => (vec![data.into()], true),
        };
        Frame { packets, is_keyframe }
    }
}

/// Parts of nearly the same size, as few as are needed.
pub fn even_parts(data: &[u8], most: usize) -> std::slice::Chunks<'_, u8> {
    let count = data.len().div_ceil(most).max(1);
    data.chunks(data.len().div_ceil(count).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_knows_its_pace_and_its_keyframes() {
        let bytes = ivf::tests::file(b"VP80", &[&[0; 2000], &[1; 100], &[1; 100], &[0; 1500]]);
        let clip = Clip::new(&ivf::parse(&bytes).expect("a file")).expect("a clip");
        assert_eq!(clip.interval.as_millis(), 33);
        assert_eq!(clip.frames.iter().map(|frame| frame.packets.len()).collect::<Vec<_>>(), [2, 1, 1, 2]);
        assert_eq!((clip.keyframe_near(0), clip.keyframe_near(1), clip.keyframe_near(3)), (0, 3, 3));
    }

    #[test]
    fn what_cannot_be_played_is_an_error() {
        for (fourcc, frame) in [(b"AV01", 0), (b"VP80", 1)] {
            let bytes = ivf::tests::file(fourcc, &[&[frame; 100]]);
            assert!(Clip::new(&ivf::parse(&bytes).expect("a file")).is_err());
        }
    }
}

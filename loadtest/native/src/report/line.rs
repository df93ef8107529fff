//! The lines of the report: one JSON object each. Times are seconds, counts are since the participant joined.

use serde::Serialize;

use super::histogram::Histogram;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line<'a> {
    /// Once per thread, when everything is loaded.
    Started { thread: usize, participants: usize },
    /// Of each participant, once per interval and, with `last`, at the end.
    Participant(Box<Participant<'a>>),
    /// Of each thread, once per interval.
    Thread(Thread),
    /// Somebody could not join, or was put out.
    Failure { name: &'a str, at: f64, message: &'a str },
    /// What happened to the run as a whole.
    Ended { interrupted: bool },
}

#[derive(Serialize)]
pub struct Participant<'a> {
    pub name: &'a str,
    pub room: &'a str,
    pub at: f64,
    pub last: bool,
    /// From opening the door until the bridge let it in.
    pub join_time: Option<f64>,
    /// From the same moment until both media paths that there are stood. What is received may come before, by one.
    pub connect_time: Option<f64>,
    /// From the same moment to the first picture that could be decoded, and to the first sound.
    pub first_picture: Option<f64>,
    pub first_sound: Option<f64>,
    pub up: Up,
    pub down: Down,
}

#[derive(Default, Serialize)]
pub struct Up {
    /// Datagrams and their payloads, of both connections.
    pub packets: u64,
    pub bytes: u64,
    /// RTP packets of media, retransmissions and padding not counted.
    pub media_packets: u64,
    pub frames: u64,
    /// Bit/s; where the bridge's feedback gives one.
    pub estimate: Option<f64>,
    /// Bit/s of video that is chosen now.
    pub target: f64,
    pub keyframe_requests: u64,
    pub encodings: usize,
}

#[derive(Default, Serialize)]
pub struct Down {
    pub packets: u64,
    pub bytes: u64,
    /// Streams of which something came.
    pub sounds: usize,
    pub pictures: usize,
    /// Media packets that came, from the first to the last of each stream, and that should have.
    pub received: u64,
    pub expected: u64,
    pub frames: u64,
    pub freezes: u64,
    pub frozen: f64,
    pub longest_freeze: f64,
    pub audio_gaps: u64,
    pub longest_audio_gap: f64,
    /// Since the last line of this participant; over everything in its last.
    pub audio_delay: Delay,
    pub video_delay: Delay,
}

#[derive(Default, Serialize)]
pub struct Delay {
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

impl From<&Histogram> for Delay {
    fn from(histogram: &Histogram) -> Self {
        let at = |share| histogram.quantile(share);
        Delay { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) }
    }
}

#[derive(Serialize)]
pub struct Thread {
    pub thread: usize,
    pub at: f64,
    /// Participants whose media paths stand.
    pub connected: usize,
    /// CPU seconds of the thread so far.
    pub cpu: f64,
    /// How far the thread was behind its timetable at most since the last line.
    pub late: f64,
    /// Since the last line, over all its participants.
    pub audio_delays: Histogram,
    pub video_delays: Histogram,
}

//! What is forwarded: rooms of participants, each with a publish and a subscribe transport, and who sends what.

use std::time::Duration;

use _core::params::{
    CodecParams, ConsumerParams, EncodingParams, HeaderExtension, MediaKind, PayloadTypeMapping, ProducerParams,
    SrtpParams, SrtpProfile, WebRtcTransportParams,
};

/// Frames a second of every video stream.
pub const FRAMES_PER_SECOND: u32 = 30;
/// Packets a second of every audio stream.
pub const AUDIO_PACKETS_PER_SECOND: u32 = 50;
/// Payload of an Opus packet at 32 kbit/s.
pub const AUDIO_PAYLOAD_LEN: usize = 80;
/// Payload type of the publishers' VP8.
pub const VIDEO_PAYLOAD_TYPE: u8 = 96;
/// Payload type of the publishers' Opus.
pub const AUDIO_PAYLOAD_TYPE: u8 = 111;
/// Extension ids of every transport.
pub const ABS_SEND_TIME_ID: u8 = 2;
/// See [`ABS_SEND_TIME_ID`].
pub const TRANSPORT_WIDE_CC_ID: u8 = 3;
const MID_ID: u8 = 4;
/// What receivers' lines are taken to carry unless asked otherwise: so many times what they get. Nothing is held back then,
/// and no probe is larger than those of a call.
const WIDE: u64 = 4;
/// The same, in bit/s, where as much is sent as the worker forwards.
pub const SATURATED_LINE: u64 = 1_000_000_000;
/// Bytes of a packet beside its payload: header, extensions and tag.
const OVERHEAD: usize = 12 + 12 + 16;

/// All rooms of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub rooms: usize,
    /// Participants of each; everyone receives every publisher of the room but itself.
    pub room_size: usize,
    /// Participants of each room that publish.
    pub publishers: usize,
    /// Video packets per frame, sent in one burst.
    pub packets_per_frame: usize,
    /// Bytes of a video packet's RTP payload.
    pub payload_len: usize,
    /// Whether publishers send audio too.
    pub audio: bool,
    /// What receivers' lines are taken to carry, in bit/s.
    pub line_rate: u64,
}

/// One of the two transports of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Publish = 0,
    Subscribe = 1,
}

impl Call {
    pub fn participants(&self) -> usize {
        self.rooms * self.room_size
    }

    /// The participants that publish.
    pub fn publishers(&self) -> impl Iterator<Item = usize> + use<> {
        let call = *self;
        (0..self.participants()).filter(move |participant| participant % call.room_size < call.publishers)
    }

    /// Those that receive `participant`.
    pub fn receivers_of(&self, participant: usize) -> impl Iterator<Item = usize> + use<> {
        let first = participant / self.room_size * self.room_size;
        (first..first + self.room_size).filter(move |other| *other != participant)
    }

    /// Packets delivered for each that is published.
    pub fn fan_out(&self) -> usize {
        self.room_size - 1
    }

    /// This call over lines that carry more than is sent, at the pace of a call.
    pub fn with_wide_lines(self) -> Self {
        let video = self.packets_per_frame * FRAMES_PER_SECOND as usize * (self.payload_len + OVERHEAD);
        let audio = AUDIO_PACKETS_PER_SECOND as usize * (AUDIO_PAYLOAD_LEN + OVERHEAD) * usize::from(self.audio);
        let received = ((video + audio) * self.publishers.min(self.fan_out()) * 8) as u64;
        Call { line_rate: received * WIDE, ..self }
    }

    /// Time between two frames of a publisher.
    pub fn frame_interval() -> Duration {
        Duration::from_secs(1) / FRAMES_PER_SECOND
    }
}

pub fn transport_id(participant: usize, side: Side) -> u64 {
    (participant * 2 + side as usize) as u64
}

pub fn ufrag(participant: usize, side: Side) -> String {
    format!("bench{:06}", transport_id(participant, side))
}

/// One password for all: it is not what is measured.
pub const PASSWORD: &str = "passwordOfTheBenchmark";

pub fn producer_ssrc(participant: usize, kind: MediaKind) -> u32 {
    (participant as u32 * 2 + u32::from(kind == MediaKind::Audio)) + 1
}

/// SSRC of a producer as everyone who receives it gets it.
pub fn consumer_ssrc(producer_ssrc: u32) -> u32 {
    producer_ssrc | 0x4000_0000
}

fn key(participant: usize, side: Side, direction: u8) -> Vec<u8> {
    let mut key = vec![direction + 1; 28];
    key[..8].copy_from_slice(&transport_id(participant, side).to_be_bytes());
    key
}

/// Keys of a transport, seen from the worker.
pub fn srtp(participant: usize, side: Side) -> SrtpParams {
    SrtpParams {
        profile: SrtpProfile::AeadAes128Gcm,
        send_key: key(participant, side, 0),
        receive_key: key(participant, side, 1),
    }
}

fn extensions() -> Vec<HeaderExtension> {
    [
        (ABS_SEND_TIME_ID, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
        (TRANSPORT_WIDE_CC_ID, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"),
        (MID_ID, "urn:ietf:params:rtp-hdrext:sdes:mid"),
    ]
    .map(|(id, uri)| HeaderExtension { uri: uri.into(), id })
    .into()
}

pub fn transport(call: &Call, participant: usize, side: Side) -> WebRtcTransportParams {
    WebRtcTransportParams {
        router_id: (participant / call.room_size) as u64,
        ice_ufrag: ufrag(participant, side),
        ice_pwd: PASSWORD.into(),
        receive_extensions: extensions(),
        send_extensions: extensions(),
        start_bitrate: Some(call.line_rate),
        max_bitrate: Some(call.line_rate),
    }
}

fn feedback(kind: MediaKind) -> Vec<String> {
    let values: &[&str] = match kind {
        MediaKind::Audio => &["transport-cc"],
        MediaKind::Video => &["nack", "nack pli", "ccm fir", "transport-cc"],
    };
    values.iter().map(ToString::to_string).collect()
}

pub fn producer(participant: usize, kind: MediaKind) -> ProducerParams {
    let (payload_type, name, clock_rate, rtx) = match kind {
        MediaKind::Audio => (AUDIO_PAYLOAD_TYPE, "opus", 48_000, None),
        MediaKind::Video => (VIDEO_PAYLOAD_TYPE, "VP8", 90_000, Some(97)),
    };
    ProducerParams {
        transport_id: transport_id(participant, Side::Publish),
        kind,
        mid: Some(if kind == MediaKind::Audio { "0" } else { "1" }.into()),
        codecs: vec![CodecParams {
            payload_type,
            name: name.into(),
            clock_rate,
            rtx_payload_type: rtx,
            rtcp_feedback: feedback(kind),
        }],
        encodings: vec![EncodingParams { ssrc: Some(producer_ssrc(participant, kind)), rtx_ssrc: None, rid: None }],
        paused: false,
    }
}

pub fn consumer(receiver: usize, publisher: usize, kind: MediaKind) -> ConsumerParams {
    let source = producer_ssrc(publisher, kind);
    let (from, to, rtx) = match kind {
        MediaKind::Audio => (AUDIO_PAYLOAD_TYPE, 109, None),
        MediaKind::Video => (VIDEO_PAYLOAD_TYPE, 120, Some(121)),
    };
    ConsumerParams {
        transport_id: transport_id(receiver, Side::Subscribe),
        producer_id: u64::from(source),
        ssrc: consumer_ssrc(source),
        rtx_ssrc: rtx.map(|_| source | 0x2000_0000),
        mid: Some(source.to_string()),
        cname: format!("participant-{publisher}"),
        payload_types: vec![PayloadTypeMapping {
            producer_payload_type: from,
            payload_type: to,
            rtx_payload_type: rtx,
        }],
        redundancy_payload_type: None,
        rtcp_feedback: feedback(kind),
        paused: false,
    }
}

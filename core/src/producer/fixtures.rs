//! What tests of producers and consumers publish.

use std::time::Duration;

use super::{Producer, Received};
use crate::extension::ExtensionMap;
use crate::media_packet::MediaPacket;
use crate::packet::rtp::{Fields, RtpPacket, write_header};
use crate::params::{CodecParams, EncodingParams, HeaderExtension, MediaKind, ProducerParams};
use crate::repair::BlockPool;
use crate::time::Time;

pub(crate) const SSRC: u32 = 0x1111;
pub(crate) const RTX_SSRC: u32 = 0x2222;
pub(crate) const VP8: u8 = 96;
pub(crate) const VP8_RTX: u8 = 97;
pub(crate) const OPUS: u8 = 111;
pub(crate) const RED: u8 = 63;
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub(crate) const LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
pub(crate) const TWCC_URI: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
pub(crate) const ABS_SEND_TIME_URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
pub(crate) const ORIENTATION_URI: &str = "urn:3gpp:video-orientation";

pub(crate) const DESCRIPTOR_URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

pub(crate) fn extension_map(pairs: &[(&str, u8)]) -> ExtensionMap {
    let list: Vec<HeaderExtension> =
        pairs.iter().map(|(uri, id)| HeaderExtension { uri: (*uri).to_owned(), id: *id }).collect();
    ExtensionMap::new(&list).unwrap()
}

/// A packet as a publisher sends it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub ssrc: u32,
    pub payload_type: u8,
    pub sequence_number: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub extensions: Vec<(u8, Vec<u8>)>,
    pub payload: Vec<u8>,
    pub padding: u8,
}

impl Sent {
    pub fn video(sequence_number: u16, payload: Vec<u8>) -> Self {
        Sent {
            ssrc: SSRC,
            payload_type: VP8,
            sequence_number,
            timestamp: u32::from(sequence_number) * 3_000,
            marker: false,
            extensions: vec![(1, b"v".to_vec()), (3, vec![0, 9])],
            payload,
            padding: 0,
        }
    }

    pub fn audio(sequence_number: u16, payload: Vec<u8>) -> Self {
        Sent {
            payload_type: OPUS,
            timestamp: u32::from(sequence_number) * 960,
            extensions: vec![(1, b"a".to_vec()), (2, vec![0x80 | 30])],
            ..Sent::video(sequence_number, payload)
        }
    }

    /// The same packet as a retransmission (RFC 4588).
    pub fn as_rtx(&self, sequence_number: u16) -> Self {
        let payload = [&self.sequence_number.to_be_bytes()[..], &self.payload].concat();
        Sent { ssrc: RTX_SSRC, payload_type: VP8_RTX, sequence_number, payload, ..self.clone() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let fields = Fields {
            marker: self.marker,
            payload_type: self.payload_type,
            sequence_number: self.sequence_number,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        let mut bytes = vec![0; 2_000];
        let extensions = self.extensions.iter().map(|(id, data)| (*id, &data[..]));
        let header_len = write_header(&mut bytes, &fields, extensions).unwrap();
        bytes.truncate(header_len);
        bytes.extend(&self.payload);
        if self.padding > 0 {
            bytes[0] |= 0x20;
            bytes.extend(std::iter::repeat_n(0, usize::from(self.padding) - 1));
            bytes.push(self.padding);
        }
        bytes
    }
}

/// A VP8 payload with long picture id and TL0PICIDX, of which the first packet of a frame is told apart.
pub(crate) fn vp8(picture_id: u16, tl0_picture_index: u8, keyframe: bool) -> Vec<u8> {
    let [high, low] = (0x8000 | picture_id).to_be_bytes();
    let mut payload = vec![0x90, 0xc0, high, low, tl0_picture_index, u8::from(!keyframe)];
    payload.extend([0xab; 100]);
    payload
}

/// A producer with what it needs around it.
pub(crate) struct Publisher {
    pub producer: Producer,
    pub pool: BlockPool,
    pub extensions: ExtensionMap,
}

impl Publisher {
    pub fn new(params: &ProducerParams) -> Self {
        let mut producer = Producer::new(Time::ZERO, params, STALL_TIMEOUT).unwrap();
        producer.enable_history();
        let extensions = extension_map(&[
            (MID_URI, 1),
            (LEVEL_URI, 2),
            (TWCC_URI, 3),
            (ORIENTATION_URI, 4),
            ("urn:other", 5),
            (DESCRIPTOR_URI, 6),
        ]);
        Publisher { producer, pool: BlockPool::new(1_000), extensions }
    }

    pub fn video() -> Self {
        Publisher::new(&video_params())
    }

    pub fn audio() -> Self {
        Publisher::new(&audio_params())
    }

    pub fn receive<'a>(&mut self, now: Time, bytes: &'a [u8]) -> Received<'a> {
        let packet = RtpPacket::parse(bytes).unwrap();
        let values = self.extensions.read(&packet);
        self.producer.receive(now, now, &packet, &values, &mut self.pool)
    }

    /// As [`receive`](Self::receive), for packets that must be media.
    pub fn media<'a>(&mut self, now: Time, bytes: &'a [u8]) -> MediaPacket<'a> {
        match self.receive(now, bytes) {
            Received::Media(packet) => packet,
            Received::Nothing(discard) => panic!("{discard:?}"),
        }
    }
}

pub(crate) fn codec(payload_type: u8, name: &str, clock_rate: u32, feedback: &[&str]) -> CodecParams {
    CodecParams {
        payload_type,
        name: name.to_owned(),
        clock_rate,
        rtx_payload_type: None,
        rtcp_feedback: feedback.iter().map(|value| (*value).to_owned()).collect(),
    }
}

pub(crate) fn video_params() -> ProducerParams {
    let vp8 = codec(VP8, "VP8", 90_000, &["nack", "nack pli", "ccm fir"]);
    ProducerParams {
        transport_id: 1,
        kind: MediaKind::Video,
        mid: Some("v".to_owned()),
        codecs: vec![CodecParams { rtx_payload_type: Some(VP8_RTX), ..vp8 }],
        encodings: vec![EncodingParams { ssrc: Some(SSRC), rtx_ssrc: Some(RTX_SSRC), rid: None }],
        paused: false,
    }
}

pub(crate) fn audio_params() -> ProducerParams {
    ProducerParams {
        kind: MediaKind::Audio,
        mid: Some("a".to_owned()),
        codecs: vec![codec(OPUS, "opus", 48_000, &["transport-cc"]), codec(RED, "red", 48_000, &[])],
        ..video_params()
    }
}

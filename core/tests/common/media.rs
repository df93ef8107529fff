//! Packets as publishers send them.

use _core::command::Command;
use _core::packet::rtp::{Fields, RtpPacket, write_header};
use _core::params::{CodecParams, ConsumerParams, EncodingParams, MediaKind, PayloadTypeMapping, ProducerParams};

use super::{Client, Sim};

/// A packet with header extensions and a payload.
pub fn packet(fields: &Fields, extensions: &[(u8, &[u8])], payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 1_400];
    let len = write_header(&mut out, fields, extensions.iter().copied()).unwrap();
    out.truncate(len);
    out.extend_from_slice(payload);
    out
}

/// VP8 with a two-byte picture id and TL0PICIDX, as browsers write it: one packet per frame.
pub fn vp8_payload(picture_id: u16, keyframe: bool, len: usize) -> Vec<u8> {
    let mut payload = vec![0x90, 0xe0, 0x80 | (picture_id >> 8) as u8, picture_id as u8, picture_id as u8, 0x20];
    // The first byte of the VP8 frame header: bit 0 is zero in keyframes.
    payload.push(u8::from(!keyframe));
    if keyframe {
        payload.extend_from_slice(&[0, 0, 0x9d, 0x01, 0x2a, 64, 0, 64, 0]);
    }
    payload.resize(len.max(payload.len()), 0x55);
    payload
}

/// A camera: VP8 with RTX, MID and orientation, numbered as a publisher may.
pub struct Camera {
    pub ssrc: u32,
    pub sequence_number: u16,
    pub timestamp: u32,
    pub picture_id: u16,
    pub mid: Vec<u8>,
    pub frames: u32,
}

pub const VP8: u8 = 96;
pub const VP8_RTX: u8 = 97;
pub const OPUS: u8 = 111;

impl Camera {
    pub fn new(ssrc: u32) -> Self {
        Camera { ssrc, sequence_number: 65_530, timestamp: 7, picture_id: 100, mid: b"v".to_vec(), frames: 0 }
    }

    /// The next frame, in so many packets with payloads of `len` bytes. All end with its number: 1 for the first.
    pub fn large_frame(&mut self, keyframe: bool, packets: usize, len: usize) -> Vec<Vec<u8>> {
        self.frames += 1;
        self.timestamp = self.timestamp.wrapping_add(3_000);
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let mut frame = Vec::new();
        for index in 0..packets {
            self.sequence_number = self.sequence_number.wrapping_add(1);
            let fields = Fields {
                marker: index + 1 == packets,
                payload_type: VP8,
                sequence_number: self.sequence_number,
                timestamp: self.timestamp,
                ssrc: self.ssrc,
            };
            let mut payload = vp8_payload(self.picture_id, keyframe, len);
            if index > 0 {
                // Not the start of a partition.
                payload[0] &= !0x10;
            }
            payload[len - 4..].copy_from_slice(&self.frames.to_be_bytes());
            frame.push(packet(&fields, &[(4, &self.mid), (5, &[1])], &payload));
        }
        frame
    }

    /// The next frame, in one packet.
    pub fn frame(&mut self, keyframe: bool) -> Vec<u8> {
        self.sequence_number = self.sequence_number.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(3_000);
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let fields = Fields {
            marker: true,
            payload_type: VP8,
            sequence_number: self.sequence_number,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        let mid = self.mid.clone();
        packet(&fields, &[(4, &mid), (5, &[1])], &vp8_payload(self.picture_id, keyframe, 500))
    }
}

/// The number that [`Camera::large_frame`] wrote into each packet of a frame.
pub fn frame_number(payload: &[u8]) -> u32 {
    payload.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// A retransmission of `original` (RFC 4588).
pub fn rtx(original: &[u8], ssrc: u32, sequence_number: u16) -> Vec<u8> {
    let original = RtpPacket::parse(original).unwrap();
    let header = original.header;
    let fields =
        Fields { marker: header.marker, payload_type: VP8_RTX, sequence_number, ssrc, timestamp: header.timestamp };
    let mut payload = header.sequence_number.to_be_bytes().to_vec();
    payload.extend_from_slice(original.payload());
    packet(&fields, &[(4, b"v")], &payload)
}

fn codec(payload_type: u8, name: &str, clock_rate: u32, rtx: Option<u8>, feedback: &[&str]) -> CodecParams {
    CodecParams {
        payload_type,
        name: name.into(),
        clock_rate,
        rtx_payload_type: rtx,
        rtcp_feedback: feedback.iter().map(|&f| f.to_owned()).collect(),
    }
}

/// A camera as it is signalled, with its SSRC or without.
pub fn video_params(transport_id: u64, ssrc: Option<u32>) -> ProducerParams {
    ProducerParams {
        transport_id,
        kind: MediaKind::Video,
        mid: Some("v".into()),
        codecs: vec![codec(VP8, "VP8", 90_000, Some(VP8_RTX), &["nack", "nack pli", "transport-cc"])],
        encodings: vec![EncodingParams { ssrc, rtx_ssrc: ssrc.map(|ssrc| ssrc + 1), rid: None }],
        paused: false,
    }
}

/// A microphone as it is signalled.
pub fn audio_params(transport_id: u64, ssrc: Option<u32>) -> ProducerParams {
    ProducerParams {
        transport_id,
        kind: MediaKind::Audio,
        mid: Some("a".into()),
        codecs: vec![codec(OPUS, "opus", 48_000, None, &["transport-cc"])],
        encodings: vec![EncodingParams { ssrc, rtx_ssrc: None, rid: None }],
        paused: false,
    }
}

/// A viewer's m-line for a camera: other payload types than the publisher's.
pub fn video_consumer(transport_id: u64, producer_id: u64, ssrc: u32) -> ConsumerParams {
    ConsumerParams {
        transport_id,
        producer_id,
        ssrc,
        rtx_ssrc: Some(ssrc + 1),
        mid: Some("7".into()),
        cname: format!("participant-{producer_id}"),
        payload_types: vec![PayloadTypeMapping {
            producer_payload_type: VP8,
            payload_type: 100,
            rtx_payload_type: Some(101),
        }],
        redundancy_payload_type: None,
        rtcp_feedback: vec!["nack".into(), "nack pli".into()],
        paused: false,
    }
}

/// A listener's m-line for a microphone.
pub fn audio_consumer(transport_id: u64, producer_id: u64, ssrc: u32) -> ConsumerParams {
    ConsumerParams {
        rtx_ssrc: None,
        mid: Some("8".into()),
        payload_types: vec![PayloadTypeMapping {
            producer_payload_type: OPUS,
            payload_type: 63,
            rtx_payload_type: None,
        }],
        rtcp_feedback: vec![],
        ..video_consumer(transport_id, producer_id, ssrc)
    }
}

/// A camera of transport 10 that is shown on transport 20.
pub fn one_viewer(sim: &mut Sim) -> (Client, Client, Camera) {
    let publisher = Client::connect(sim, 1, 10);
    let viewer = Client::connect(sim, 1, 20);
    sim.command(Command::CreateProducer { producer_id: 100, params: video_params(10, Some(5_000)) });
    sim.command(Command::CreateConsumer { consumer_id: 200, params: video_consumer(20, 100, 9_000) });
    sim.assert_no_failure();
    (publisher, viewer, Camera::new(5_000))
}

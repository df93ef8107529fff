//! Several layers in one stream of VP9 that no dependency descriptor tells of: receivers get the part that they are
//! allocated, by the payload descriptor alone.

mod common;

use _core::codec::vp9::Descriptor;
use _core::command::Command;
use _core::packet::rtcp::{Packet, packets};
use _core::packet::rtp::{Fields, RtpPacket};
use _core::params::ConsumerAllocation;

use common::media::{self, VP8, packet};
use common::{Client, Sim};

const SSRC: u32 = 5_000;
/// Temporal layer of each picture, over and over.
const PATTERN: [u8; 4] = [0, 2, 1, 2];

struct Call {
    sim: Sim,
    publisher: Client,
    viewer: Client,
    /// Whether upper layers refer to lower ones at key pictures only (K-SVC).
    at_keys: bool,
    spatial_layers: u8,
    asked: bool,
    sequence_number: u16,
    picture_id: u16,
    since_key: usize,
    last: Option<(u16, u32, bool)>,
}

impl Call {
    fn new(at_keys: bool) -> Call {
        let mut sim = Sim::new();
        let publisher = Client::connect(&mut sim, 1, 10);
        let viewer = Client::connect(&mut sim, 1, 20);
        let mut params = media::video_params(10, Some(SSRC));
        params.codecs[0].name = "VP9".to_owned();
        sim.command(Command::CreateProducer { producer_id: 100, params });
        sim.command(Command::CreateConsumer { consumer_id: 200, params: media::video_consumer(20, 100, 9_000) });
        sim.assert_no_failure();
        Call {
            sim,
            publisher,
            viewer,
            at_keys,
            spatial_layers: 3,
            asked: true,
            sequence_number: 65_500,
            picture_id: 0x7ff8,
            since_key: 0,
            last: None,
        }
    }

    fn allocate(&mut self, spatial: u8, temporal: u8) {
        let allocation = ConsumerAllocation { spatial, temporal, priority: 0, still_interval_ms: None };
        self.sim.command(Command::AllocateConsumer { consumer_id: 200, allocation });
        self.sim.assert_no_failure();
    }

    /// Sends a picture, of one packet per layer.
    fn send(&mut self, is_key: bool) {
        self.since_key = if is_key { 0 } else { self.since_key + 1 };
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let temporal = PATTERN[self.since_key % 4];
        for spatial in 0..self.spatial_layers {
            self.sequence_number = self.sequence_number.wrapping_add(1);
            let refers_down = spatial > 0 && (is_key || !self.at_keys);
            let structure = is_key && spatial == 0;
            let is_reference = spatial + 1 < self.spatial_layers && (is_key || !self.at_keys);
            // I, P, L, B, E, V, Z.
            let flags = 0xac | u8::from(!is_key) << 6 | u8::from(structure) << 1 | u8::from(!is_reference);
            let [high, low] = (0x8000 | self.picture_id).to_be_bytes();
            let indices = temporal << 5 | 0x10 | spatial << 1 | u8::from(refers_down);
            let mut payload = vec![flags, high, low, indices, 0];
            if structure {
                payload.push((self.spatial_layers - 1) << 5);
            }
            payload.extend([0x55; 100]);
            let fields = Fields {
                marker: spatial + 1 == self.spatial_layers,
                payload_type: VP8,
                sequence_number: self.sequence_number,
                timestamp: u32::from(self.picture_id) * 3_000,
                ssrc: SSRC,
            };
            let bytes = packet(&fields, &[(4, b"v")], &payload);
            self.publisher.send_rtp(&mut self.sim, &bytes);
        }
    }

    /// So many pictures, key ones where they were asked for; what the viewer got of them, by layer.
    fn pictures(&mut self, count: usize) -> Vec<(u8, u8)> {
        let mut got = Vec::new();
        for _ in 0..count {
            let is_key = std::mem::take(&mut self.asked);
            self.send(is_key);
            self.sim.run_ms(33);
            for bytes in self.viewer.received(&mut self.sim).rtp {
                let packet = RtpPacket::parse(&bytes).unwrap();
                let header = packet.header;
                if header.payload_type != 100 || packet.payload().is_empty() {
                    continue;
                }
                if let Some((sequence_number, timestamp, marked)) = self.last {
                    assert_eq!(header.sequence_number, sequence_number.wrapping_add(1), "a gap");
                    assert_eq!(marked, header.timestamp != timestamp, "the last packet of a picture is marked");
                }
                self.last = Some((header.sequence_number, header.timestamp, header.marker));
                let layers = Descriptor::parse(packet.payload()).unwrap().layers.unwrap();
                got.push((layers.spatial, layers.temporal));
            }
            for compound in self.publisher.received(&mut self.sim).rtcp {
                self.asked |= packets(&compound).any(|packet| matches!(packet, Ok(Packet::Pli(_))));
            }
        }
        got
    }

    fn pictures_until_asked(&mut self) -> Vec<(u8, u8)> {
        let mut got = Vec::new();
        for _ in 0..200 {
            if self.asked {
                return got;
            }
            got.extend(self.pictures(1));
        }
        panic!("no keyframe is asked for");
    }
}

#[test]
fn of_full_svc_layers_are_left_at_once_and_spatial_ones_taken_up_with_a_keyframe() {
    let mut call = Call::new(false);
    call.allocate(2, 7);
    assert_eq!(call.pictures(2), [(0, 0), (1, 0), (2, 0), (0, 2), (1, 2), (2, 2)]);
    call.allocate(1, 1);
    assert_eq!(call.pictures(3), [(0, 1), (1, 1), (0, 0), (1, 0)]);
    assert!(!call.asked);
    call.allocate(1, 7);
    assert_eq!(call.pictures(4)[..4], [(0, 2), (1, 2), (0, 1), (1, 1)], "each picture is a switching up point");
    assert!(!call.asked);
    call.allocate(2, 7);
    assert!(call.pictures_until_asked().iter().all(|(spatial, _)| *spatial < 2));
    assert_eq!(call.pictures(1), [(0, 0), (1, 0), (2, 0)]);
}

#[test]
fn of_key_svc_only_the_wanted_spatial_layer_is_sent_and_one_that_ends_is_left() {
    let mut call = Call::new(true);
    call.allocate(2, 7);
    assert_eq!(call.pictures(1), [(0, 0), (1, 0), (2, 0)], "the key picture needs all");
    assert_eq!(call.pictures(2), [(2, 2), (2, 1)]);
    call.allocate(0, 7);
    assert!(call.pictures_until_asked().iter().all(|(spatial, _)| *spatial == 2));
    assert_eq!(call.pictures(3), [(0, 0), (0, 2), (0, 1)]);
    call.allocate(2, 7);
    call.pictures_until_asked();
    assert_eq!(call.pictures(2), [(0, 0), (1, 0), (2, 0), (2, 2)]);
    call.spatial_layers = 2;
    call.pictures_until_asked();
    assert_eq!(call.pictures(2), [(0, 0), (1, 0), (1, 2)]);
}

//! Several layers in one stream (SVC), told by dependency descriptors: every receiver gets a part that its decoder can
//! use, whatever it is allocated and whenever that changes.

mod common;

use _core::command::Command;
use _core::event::{Event, LayerState};
use _core::packet::rtcp::{Packet, packets};
use _core::packet::rtp::RtpPacket;
use _core::params::ConsumerAllocation;
use proptest::prelude::*;

use common::client::{DEPENDENCY_DESCRIPTOR, MID, extensions};
use common::media;
use common::scalable::{InterLayer, Receiver, ScalableCamera};
use common::{Client, Sim};

const SSRC: u32 = 5_000;

struct Svc {
    sim: Sim,
    publisher: Client,
    viewer: Client,
    camera: ScalableCamera,
    receiver: Receiver,
    /// Whether a keyframe was asked for since the last one.
    asked: bool,
    pictures: usize,
}

impl Svc {
    fn new(spatial_layers: u8, inter_layer: InterLayer) -> Svc {
        Self::of("AV1", spatial_layers, inter_layer)
    }

    fn of(codec: &str, spatial_layers: u8, inter_layer: InterLayer) -> Svc {
        let mut sim = Sim::new();
        let publisher = Client::connect(&mut sim, 1, 10);
        let taken = extensions(&[(MID, 9), (DEPENDENCY_DESCRIPTOR, 13)]);
        // A line that never has to wait.
        let viewer = Client::connect_with(&mut sim, 1, 20, taken, Some(50_000_000));
        let mut params = media::video_params(10, Some(SSRC));
        params.codecs[0].name = codec.to_owned();
        sim.command(Command::CreateProducer { producer_id: 100, params });
        sim.command(Command::CreateConsumer { consumer_id: 200, params: media::video_consumer(20, 100, 9_000) });
        sim.assert_no_failure();
        let mut camera = ScalableCamera::new(SSRC, spatial_layers, inter_layer);
        camera.is_vp8 = codec == "VP8";
        Svc { sim, publisher, viewer, camera, receiver: Receiver::default(), asked: true, pictures: 0 }
    }

    fn allocate(&mut self, spatial: u8, temporal: u8) {
        let allocation = ConsumerAllocation { spatial, temporal, priority: 0, still_interval_ms: None };
        self.sim.command(Command::AllocateConsumer { consumer_id: 200, allocation });
        self.sim.assert_no_failure();
    }

    /// So many pictures, key ones where they were asked for; what the viewer got of them, by layer.
    fn pictures(&mut self, count: usize) -> Vec<(u8, u8)> {
        let before = self.receiver.frames.len();
        for _ in 0..count {
            let is_key = std::mem::take(&mut self.asked);
            for packet in self.camera.picture(is_key) {
                self.publisher.send_rtp(&mut self.sim, &packet);
            }
            self.pictures += 1;
            self.sim.run_ms(33);
            for packet in self.viewer.received(&mut self.sim).rtp {
                // Padding has another payload type, or none of the payload.
                let parsed = RtpPacket::parse(&packet).unwrap();
                if parsed.header.payload_type == 100 && !parsed.payload().is_empty() {
                    self.receiver.take(&packet);
                }
            }
            for compound in self.publisher.received(&mut self.sim).rtcp {
                self.asked |= packets(&compound).any(|packet| matches!(packet, Ok(Packet::Pli(_))));
            }
        }
        self.receiver.frames[before..].to_vec()
    }

    /// Goes on until a keyframe is asked for, which is not done too often.
    fn pictures_until_asked(&mut self) -> Vec<(u8, u8)> {
        let mut got = Vec::new();
        while !self.asked {
            got.extend(self.pictures(1));
            assert!(self.pictures < 500, "no keyframe is asked for");
        }
        got
    }
}

#[test]
fn temporal_layers_are_left_and_taken_up_again() {
    // Of VP8, too: Chromium leaves out of its payload descriptor what the dependency descriptor tells.
    for codec in ["AV1", "VP8"] {
        let mut call = Svc::of(codec, 1, InterLayer::Always);
        assert_eq!(call.pictures(8), [(0, 0), (0, 2), (0, 1), (0, 2), (0, 0), (0, 2), (0, 1), (0, 2)]);
        call.allocate(0, 1);
        assert_eq!(call.pictures(4), [(0, 0), (0, 1)]);
        call.allocate(0, 0);
        assert_eq!(call.pictures(8), [(0, 0), (0, 0)]);
        call.allocate(0, 7);
        assert_eq!(call.pictures(4), [(0, 0), (0, 2), (0, 1), (0, 2)], "no keyframe is needed");
        assert!(!call.asked);
        assert_eq!(call.receiver.unmarked, 0);
    }
}

#[test]
fn of_key_svc_only_the_wanted_spatial_layer_is_sent_and_another_one_from_a_keyframe_on() {
    let mut call = Svc::new(3, InterLayer::AtKeys);
    call.allocate(2, 7);
    assert_eq!(call.pictures(1), [(0, 0), (1, 0), (2, 0)], "the key picture needs all");
    assert_eq!(call.pictures(2), [(2, 2), (2, 1)]);
    call.allocate(0, 7);
    let meanwhile = call.pictures_until_asked();
    assert!(meanwhile.iter().all(|(spatial, _)| *spatial == 2), "the one it has, until there is a keyframe");
    assert_eq!(call.pictures(3), [(0, 0), (0, 2), (0, 1)]);
    assert!(!call.asked);
    call.allocate(1, 0);
    assert!(call.pictures_until_asked().iter().all(|layers| *layers == (0, 0)), "fewer frames at once");
    assert_eq!(call.pictures(5), [(0, 0), (1, 0), (1, 0)]);
    assert_eq!(call.receiver.unmarked, 0, "the last packet of each picture says so");
}

#[test]
fn of_full_svc_layers_are_left_without_a_keyframe() {
    let mut call = Svc::new(3, InterLayer::Always);
    call.allocate(2, 7);
    assert_eq!(call.pictures(2), [(0, 0), (1, 0), (2, 0), (0, 2), (1, 2), (2, 2)]);
    call.allocate(1, 1);
    assert_eq!(call.pictures(3), [(0, 1), (1, 1), (0, 0), (1, 0)]);
    assert!(!call.asked);
    call.allocate(2, 7);
    assert!(call.pictures_until_asked().iter().all(|(spatial, _)| *spatial < 2), "it is begun with a keyframe");
    assert_eq!(call.pictures(1), [(0, 0), (1, 0), (2, 0)]);
    assert_eq!(call.receiver.unmarked, 0);
}

#[test]
fn a_layer_that_its_publisher_ends_is_left() {
    let mut call = Svc::new(3, InterLayer::AtKeys);
    call.allocate(2, 7);
    call.pictures(4);
    call.camera.active_layers = 2;
    assert_eq!(call.pictures_until_asked(), [], "what comes of the layer below cannot be begun without a keyframe");
    assert_eq!(call.pictures(2), [(0, 0), (1, 0), (1, 2)]);
    call.camera.active_layers = 3;
    assert_eq!(call.pictures(2), [(0, 0), (1, 0), (2, 0), (2, 2)]);
}

#[test]
fn what_each_layer_costs_is_told() {
    let mut call = Svc::new(3, InterLayer::AtKeys);
    call.pictures(70);
    let mut told: Vec<LayerState> = Vec::new();
    for event in call.sim.take_events() {
        if let Event::ProducerLayers { layers, .. } = event {
            told = layers;
        }
    }
    let shapes: Vec<(u8, u8, u16, u16)> = told.iter().map(|l| (l.spatial, l.temporal, l.width, l.height)).collect();
    let expected: Vec<(u8, u8, u16, u16)> = (0..3)
        .flat_map(|spatial| (0..3).map(move |temporal| (spatial, temporal, 320 << spatial, 180 << spatial)))
        .collect();
    assert_eq!(shapes, expected);
    for layer in told {
        // Two packets of 200, 400 or 800 bytes, in a quarter, half or all of thirty pictures a second.
        let frames = 30.3 * [0.25, 0.5, 1.0][usize::from(layer.temporal)];
        let bitrate = f64::from(8 * 2 * (200_u32 << layer.spatial)) * frames;
        assert!((layer.frame_rate - frames as f32).abs() < 1.5, "{layer:?}");
        assert!((layer.bitrate as f64 - bitrate).abs() < 0.1 * bitrate, "{layer:?}, not {bitrate}");
    }
}

#[test]
fn what_is_sent_once_more_is_marked_as_before() {
    let mut call = Svc::new(2, InterLayer::AtKeys);
    call.allocate(0, 7);
    for packet in call.camera.picture(true) {
        call.publisher.send_rtp(&mut call.sim, &packet);
    }
    call.sim.run_ms(5);
    let sent = call.viewer.received(&mut call.sim).rtp;
    let last = RtpPacket::parse(sent.last().unwrap()).unwrap().header;
    assert!(last.marker && sent.len() == 2);
    call.viewer.send_rtcp(&mut call.sim, |writer| {
        writer.nack(1, 9_000, [last.sequence_number]).unwrap();
    });
    call.sim.run_ms(5);
    let again = call.viewer.received(&mut call.sim).rtp;
    let again = RtpPacket::parse(&again[0]).unwrap().header;
    assert_eq!((again.payload_type, again.marker), (101, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_is_allocated_can_be_decoded(
        spatial_layers in 1_u8..=3,
        always in any::<bool>(),
        steps in prop::collection::vec((0_u8..3, 0_u8..3, 0_usize..9, 1_u8..=3), 1..20),
    ) {
        let mut call = Svc::new(spatial_layers, if always { InterLayer::Always } else { InterLayer::AtKeys });
        call.pictures(3);
        for (spatial, temporal, count, active) in steps {
            call.allocate(spatial, temporal);
            call.camera.active_layers = active.min(spatial_layers);
            call.pictures(count);
        }
        // The receiver has panicked at anything undecodable. In the end it gets what it was allocated last, as soon as a
        // keyframe may be asked for again.
        call.camera.active_layers = spatial_layers;
        call.allocate(spatial_layers - 1, 7);
        call.pictures(30);
        prop_assert!(call.pictures(4).contains(&(spatial_layers - 1, 2)));
    }
}

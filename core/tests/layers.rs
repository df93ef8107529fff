//! Simulcast through the engine: which encoding a receiver gets, and when it changes.

mod common;

use _core::command::Command;
use _core::event::{Event, LayerState};
use _core::packet::rtcp::{Packet, Pli, packets};
use _core::packet::rtp::RtpPacket;
use _core::params::{ConsumerAllocation, EncodingParams};

use common::media::{self, Camera};
use common::{Client, Sim};

const SSRCS: [u32; 3] = [5_000, 5_001, 5_002];

/// A camera with three encodings on transport 10, shown on transport 20.
struct Simulcast {
    sim: Sim,
    publisher: Client,
    viewer: Client,
    cameras: Vec<Camera>,
}

impl Simulcast {
    fn new() -> Simulcast {
        let mut sim = Sim::new();
        let publisher = Client::connect(&mut sim, 1, 10);
        let viewer = Client::connect(&mut sim, 1, 20);
        let mut params = media::video_params(10, None);
        params.encodings = SSRCS.map(|ssrc| EncodingParams { ssrc: Some(ssrc), ..Default::default() }).to_vec();
        sim.command(Command::CreateProducer { producer_id: 100, params });
        sim.command(Command::CreateConsumer { consumer_id: 200, params: media::video_consumer(20, 100, 9_000) });
        sim.assert_no_failure();
        Simulcast { sim, publisher, viewer, cameras: SSRCS.map(Camera::new).into() }
    }

    /// One that has been measured, of which the largest is sent.
    fn flowing() -> Simulcast {
        let mut call = Simulcast::new();
        call.allocate(2);
        for n in 0..70 {
            call.frames(&[0, 1, 2], n == 0);
        }
        call
    }

    fn allocate(&mut self, spatial: u8) {
        let allocation = ConsumerAllocation { spatial, temporal: 7, priority: 0, still_interval_ms: None };
        self.sim.command(Command::AllocateConsumer { consumer_id: 200, allocation });
        self.sim.assert_no_failure();
    }

    /// A frame of each of these encodings, and 33 ms.
    fn frames(&mut self, encodings: &[usize], keyframe: bool) {
        for encoding in encodings {
            let packet = self.cameras[*encoding].frame(keyframe);
            self.publisher.send_rtp(&mut self.sim, &packet);
        }
        self.sim.run_ms(33);
    }

    /// SSRCs of which keyframes were asked since the last call.
    fn asked_for(&mut self) -> Vec<u32> {
        let mut ssrcs = Vec::new();
        for compound in self.publisher.received(&mut self.sim).rtcp {
            for packet in packets(&compound) {
                if let Ok(Packet::Pli(Pli { media_ssrc, .. })) = packet {
                    ssrcs.push(media_ssrc);
                }
            }
        }
        ssrcs
    }

    /// Sequence numbers and picture ids that arrived since the last call.
    fn received(&mut self) -> Vec<(u16, u16)> {
        let rtp = self.viewer.received(&mut self.sim).rtp;
        let read = |packet: &Vec<u8>| {
            let packet = RtpPacket::parse(packet).unwrap();
            let payload = packet.payload();
            (packet.header.sequence_number, u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff)
        };
        rtp.iter().map(read).collect()
    }

    fn sent_layers(&mut self) -> Vec<Option<u8>> {
        let events = self.sim.take_events().into_iter();
        events
            .filter_map(|e| if let Event::ConsumerLayers { spatial, .. } = e { Some(spatial) } else { None })
            .collect()
    }
}

/// Whether both numbers rise by one throughout.
fn is_seamless(received: &[(u16, u16)]) -> bool {
    received.windows(2).all(|pair| pair[1].0 == pair[0].0.wrapping_add(1) && pair[1].1 == (pair[0].1 + 1) & 0x7fff)
}

#[test]
fn the_receiver_gets_what_was_allocated_without_a_seam() {
    let mut call = Simulcast::new();
    for n in 0..10 {
        call.frames(&[0, 1, 2], n == 0);
    }
    call.asked_for();
    call.allocate(2);
    call.frames(&[0, 1, 2], false);
    call.sim.run_ms(500);
    assert!(call.asked_for().iter().all(|ssrc| *ssrc == SSRCS[2]), "only the wanted encoding is asked");
    call.frames(&[0, 1, 2], true);
    call.frames(&[0, 1, 2], false);
    let received = call.received();
    assert_eq!(received.len(), 14, "the old one until the new one begins");
    assert!(is_seamless(&received), "{received:?}");
    assert_eq!(call.sent_layers(), [Some(0), Some(2)]);
}

#[test]
fn a_dead_encoding_is_left_for_a_live_one_and_taken_up_again() {
    let mut call = Simulcast::new();
    call.allocate(2);
    call.frames(&[0, 1, 2], true);
    call.frames(&[0, 1, 2], false);
    call.received();
    call.asked_for();
    for _ in 0..30 {
        call.frames(&[0, 1], false);
    }
    assert_eq!(call.asked_for()[0], SSRCS[1], "within a second the next best one is asked for a keyframe");
    call.frames(&[0, 1], true);
    call.frames(&[0, 1], false);
    assert_eq!(call.received().len(), 2);
    assert_eq!(call.sent_layers().last(), Some(&Some(1)));
    call.frames(&[0, 1, 2], true);
    call.frames(&[0, 1, 2], false);
    let received = call.received();
    assert!(is_seamless(&received) && received.len() == 3, "{received:?}");
    assert_eq!(call.sent_layers(), [Some(2)]);
}

/// After how many frames of the others it is given up, and another one is asked for.
fn frames_until_given_up(call: &mut Simulcast) -> usize {
    call.asked_for();
    (1..)
        .find(|_| {
            call.frames(&[0, 1], false);
            call.asked_for().contains(&SSRCS[1])
        })
        .unwrap()
}

#[test]
fn an_encoding_that_came_in_quick_frames_is_given_up_sooner_but_less_so_after_a_keyframe() {
    let mut call = Simulcast::flowing();
    let quick = frames_until_given_up(&mut call);
    assert!((230 / 33..=300 / 33).contains(&quick), "{quick} frames of 33 ms");
    for n in 0..70 {
        call.frames(&[0, 1, 2], n == 0 || n == 69);
    }
    let after_keyframe = frames_until_given_up(&mut call);
    assert!((400 / 33..=440 / 33).contains(&after_keyframe), "{after_keyframe} frames of 33 ms");
}

#[test]
fn an_encoding_that_pauses_for_some_frames_is_neither_told_dead_nor_left() {
    let mut call = Simulcast::flowing();
    call.received();
    call.sent_layers();
    let frames = frames_until_given_up(&mut call);
    call.frames(&[0, 1, 2], false);
    call.frames(&[0, 1], true);
    call.frames(&[0, 1, 2], false);
    assert_eq!(call.received().len(), 2, "after {frames} frames it came again before another could begin");
    assert_eq!(call.sent_layers(), []);
    let told = call.sim.take_events();
    let lives = |event: &Event| matches!(event, Event::ProducerLayers { layers, .. } if layers.len() < 3);
    assert!(!told.iter().any(lives), "{told:?}");
}

#[test]
fn an_encoding_of_few_frames_is_given_its_time() {
    let mut call = Simulcast::new();
    call.allocate(2);
    for n in 0..70 {
        let encodings: &[usize] = if n % 6 == 0 { &[0, 1, 2] } else { &[0, 1] };
        call.frames(encodings, n == 0);
    }
    let few = frames_until_given_up(&mut call);
    assert!(few > 600 / 33, "{few} frames of 33 ms");
}

#[test]
fn the_live_layers_are_told_with_what_they_cost() {
    let mut call = Simulcast::new();
    for n in 0..70 {
        call.frames(&[0, 2], n == 0);
    }
    let mut told: Vec<Vec<LayerState>> = Vec::new();
    for event in call.sim.take_events() {
        if let Event::ProducerLayers { producer_id: 100, layers } = event {
            told.push(layers);
        }
    }
    let newest = told.last().unwrap();
    assert_eq!(newest.iter().map(|layer| layer.spatial).collect::<Vec<_>>(), [0, 2]);
    assert!(newest.iter().all(|layer| (layer.width, layer.height) == (64, 64)));
    // 500 bytes thirty times a second.
    assert!(newest.iter().all(|layer| layer.bitrate.abs_diff(120_000) < 6_000), "{newest:?}");
    assert!(newest.iter().all(|layer| (28.0..33.0).contains(&layer.frame_rate)), "{newest:?}");
    assert!(told.len() <= 6, "told {} times in two seconds", told.len());
}

#[test]
fn sound_has_no_layers_and_a_layer_has_to_be_possible() {
    let mut call = Simulcast::new();
    call.sim.command(Command::CreateProducer { producer_id: 101, params: media::audio_params(10, Some(6_000)) });
    call.sim.command(Command::CreateConsumer { consumer_id: 201, params: media::audio_consumer(20, 101, 9_100) });
    let allocation = ConsumerAllocation { spatial: 0, temporal: 7, priority: 0, still_interval_ms: None };
    call.sim.command(Command::AllocateConsumer { consumer_id: 201, allocation });
    let spatial_9 = ConsumerAllocation { spatial: 9, ..allocation };
    call.sim.command(Command::AllocateConsumer { consumer_id: 200, allocation: spatial_9 });
    let mut refused = Vec::new();
    for event in call.sim.take_events() {
        if let Event::CommandFailed { command, id, .. } = event {
            refused.push((command, id));
        }
    }
    assert_eq!(refused, [("allocate_consumer", 201), ("allocate_consumer", 200)]);
}

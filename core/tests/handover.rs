//! A consumer that is handed over from one producer to another, through the engine: its receiver sees one stream.

mod common;

use _core::command::Command;
use _core::event::Event;
use _core::packet::rtcp::{Packet, Pli, packets};
use _core::packet::rtp::RtpPacket;
use _core::params::{ConsumerAllocation, ConsumerHandover, EncodingParams};

use common::media::{self, Camera};
use common::{Client, Sim};

const CAMERA: u64 = 100;
const LEG: u64 = 110;
const VIEWER: u64 = 200;

/// A camera on transport 10, what a leg makes of it in two encodings on transport 30, and a viewer on transport 20.
struct Call {
    sim: Sim,
    publisher: Client,
    leg: Client,
    viewer: Client,
    camera: Camera,
    made: [Camera; 2],
}

/// A packet as the viewer gets it: sequence number, picture id and TL0PICIDX, timestamp.
type Got = (u16, (u16, u8), u32);

impl Call {
    fn new() -> Call {
        let mut sim = Sim::new();
        let (publisher, viewer, camera) = media::one_viewer(&mut sim);
        let leg = Client::connect(&mut sim, 1, 30);
        let mut params = media::video_params(30, Some(6_000));
        params.encodings.push(EncodingParams { ssrc: Some(6_002), ..Default::default() });
        sim.command(Command::CreateProducer { producer_id: LEG, params });
        sim.assert_no_failure();
        let mut made = [6_000, 6_002].map(Camera::new);
        for (camera, first) in made.iter_mut().zip([20_000, 40_000]) {
            (camera.sequence_number, camera.picture_id, camera.timestamp) = (first, 300, 4_294_960_000);
        }
        Call { sim, publisher, leg, viewer, camera, made }
    }

    /// Somebody else has what the leg makes, so that its packets are kept.
    fn shared(&mut self) {
        let _other = Client::connect(&mut self.sim, 1, 40);
        let params = media::video_consumer(40, LEG, 9_000);
        self.sim.command(Command::CreateConsumer { consumer_id: 201, params });
        self.sim.assert_no_failure();
    }

    fn hand_over(&mut self, producer_id: u64) {
        let payload_types = media::video_consumer(20, producer_id, 0).payload_types;
        let handover = ConsumerHandover { producer_id, payload_types };
        self.sim.command(Command::HandOverConsumer { consumer_id: VIEWER, handover });
        self.sim.assert_no_failure();
    }

    /// A frame of the camera and of what is made of it, and 33 ms.
    fn frames(&mut self, camera: bool, made: bool) {
        let packet = self.camera.frame(camera);
        self.publisher.send_rtp(&mut self.sim, &packet);
        for each in &mut self.made {
            let packet = each.frame(made);
            self.leg.send_rtp(&mut self.sim, &packet);
        }
        self.sim.run_ms(33);
    }

    fn received(&mut self) -> Vec<Got> {
        let read = |packet: &Vec<u8>| {
            let packet = RtpPacket::parse(packet).unwrap();
            assert_eq!((packet.header.ssrc, packet.header.payload_type), (9_000, 100));
            let payload = packet.payload();
            let picture = (u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff, payload[4]);
            (packet.header.sequence_number, picture, packet.header.timestamp)
        };
        self.viewer.received(&mut self.sim).rtp.iter().map(read).collect()
    }

    fn handed_over(&mut self) -> Vec<u64> {
        let told = self.sim.take_events().into_iter().filter_map(|event| match event {
            Event::ConsumerHandedOver { consumer_id: VIEWER, producer_id } => Some(producer_id),
            _ => None,
        });
        told.collect()
    }

    /// SSRCs that keyframes are asked of, by publisher and by leg.
    fn asked(&mut self) -> (Vec<u32>, Vec<u32>) {
        let mut of = |client: &mut Client| {
            let compounds = client.received(&mut self.sim).rtcp;
            let all = compounds.iter().flat_map(|compound| packets(compound));
            let asked = all.filter_map(|packet| match packet {
                Ok(Packet::Pli(Pli { media_ssrc, .. })) => Some(media_ssrc),
                _ => None,
            });
            asked.collect()
        };
        (of(&mut self.publisher), of(&mut self.leg))
    }

    fn failure(&mut self, handover: ConsumerHandover) -> String {
        self.sim.command(Command::HandOverConsumer { consumer_id: VIEWER, handover });
        let failed = self.sim.take_events().into_iter().find_map(|event| match event {
            Event::CommandFailed { command: "hand_over_consumer", id: VIEWER, message } => Some(message),
            _ => None,
        });
        failed.unwrap()
    }
}

fn assert_seamless(received: &[Got]) {
    for pair in received.windows(2) {
        let [(number, (picture, index), timestamp), next] = [pair[0], pair[1]];
        let expected = (number.wrapping_add(1), ((picture + 1) & 0x7fff, index.wrapping_add(1)));
        assert_eq!((next.0, next.1), expected, "{received:?}");
        let passed = next.2.wrapping_sub(timestamp);
        assert!((1..4_000).contains(&passed), "{passed} ticks: {received:?}");
    }
}

#[test]
fn one_stream_goes_from_one_producer_to_the_other_and_back() {
    let mut call = Call::new();
    for n in 0..5 {
        call.frames(n == 0, n == 0);
    }
    call.sim.run_ms(300);
    call.camera.timestamp += 300 * 90;
    call.asked();
    call.hand_over(LEG);
    for _ in 0..4 {
        call.frames(false, false);
    }
    assert_eq!(call.handed_over(), [], "until a keyframe comes of the other");
    assert_eq!(call.asked(), (vec![], vec![6_000]), "which is asked for");
    call.frames(false, true);
    assert_eq!(call.handed_over(), [LEG]);
    for _ in 0..4 {
        call.frames(false, false);
    }
    let received = call.received();
    assert_eq!(received.len(), 15, "each picture of the camera until one of the other comes");
    assert_seamless(&received[5..]);
    call.sim.run_ms(300);
    call.asked();
    call.hand_over(CAMERA);
    for n in 0..5 {
        call.frames(n == 2, false);
    }
    assert_eq!((call.handed_over(), call.asked()), (vec![CAMERA], (vec![5_000], vec![])));
    let back = call.received();
    assert_eq!((back.len(), back[0].0), (5, received[14].0.wrapping_add(1)));
    assert_seamless(&back);
}

#[test]
fn a_keyframe_of_a_moment_ago_serves() {
    let mut call = Call::new();
    call.shared();
    call.frames(true, true);
    call.frames(false, false);
    call.asked();
    call.hand_over(LEG);
    assert_eq!((call.handed_over(), call.asked()), (vec![LEG], (vec![], vec![])));
    call.frames(false, false);
    let numbers: Vec<u16> = call.received().iter().map(|got| got.0).collect();
    assert!(numbers.len() == 5 && numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{numbers:?}");
}

#[test]
fn where_the_old_one_has_ended_it_waits_for_the_keyframe() {
    let mut call = Call::new();
    call.frames(true, false);
    call.hand_over(LEG);
    call.sim.command(Command::CloseProducer { producer_id: CAMERA });
    assert_eq!(call.handed_over(), [LEG]);
    call.frames(false, false);
    assert_eq!(call.received().len(), 1);
    call.frames(false, true);
    call.frames(false, false);
    assert_eq!(call.received().len(), 2);
    call.sim.command(Command::CloseProducer { producer_id: LEG });
    call.sim.command(Command::CloseConsumer { consumer_id: VIEWER });
    let events = call.sim.take_events();
    assert!(events.iter().any(|event| matches!(event, Event::CommandFailed { command: "close_consumer", .. })));
}

#[test]
fn where_the_other_ends_before_it_begins_all_is_as_it_was() {
    let mut call = Call::new();
    call.frames(true, false);
    call.hand_over(LEG);
    call.sim.command(Command::CloseTransport { transport_id: 30 });
    let packet = call.camera.frame(false);
    call.publisher.send_rtp(&mut call.sim, &packet);
    assert_eq!((call.handed_over(), call.received().len()), (vec![], 2));
    call.hand_over(CAMERA);
    assert_eq!(call.handed_over(), [CAMERA], "which it has");
}

#[test]
fn who_changes_his_mind_goes_on_as_before() {
    let mut call = Call::new();
    call.frames(true, false);
    call.hand_over(LEG);
    call.hand_over(CAMERA);
    assert_eq!(call.handed_over(), [CAMERA]);
    call.frames(false, true);
    call.frames(false, false);
    let received = call.received();
    assert_eq!(received.len(), 3);
    assert_seamless(&received);
}

#[test]
fn a_paused_one_goes_over_at_once_and_begins_when_it_is_resumed() {
    let mut call = Call::new();
    call.frames(true, true);
    call.frames(false, false);
    call.sim.run_ms(300);
    call.sim.command(Command::PauseConsumer { consumer_id: VIEWER, paused: true });
    call.asked();
    call.hand_over(LEG);
    call.sim.run_ms(1_000);
    assert_eq!((call.handed_over(), call.asked()), (vec![LEG], (vec![], vec![])), "nobody would see it");
    call.sim.command(Command::PauseConsumer { consumer_id: VIEWER, paused: false });
    call.sim.run_ms(100);
    assert_eq!(call.asked(), (vec![], vec![6_000]));
    call.received();
    call.frames(false, true);
    assert_eq!(call.received().len(), 1);
}

#[test]
fn one_that_is_paused_on_its_way_goes_over_at_once() {
    let mut call = Call::new();
    call.frames(true, false);
    call.hand_over(LEG);
    call.sim.command(Command::PauseConsumer { consumer_id: VIEWER, paused: true });
    assert_eq!(call.handed_over(), [LEG]);
    call.sim.assert_no_failure();
}

#[test]
fn it_begins_with_the_encoding_that_is_allocated_and_the_old_one_keeps_its_own() {
    let mut call = Call::new();
    let stills = ConsumerAllocation { spatial: 0, temporal: 7, priority: 0, still_interval_ms: Some(60_000) };
    call.frames(true, true);
    call.sim.command(Command::AllocateConsumer { consumer_id: VIEWER, allocation: stills });
    call.sim.run_ms(300);
    call.received();
    call.asked();
    call.hand_over(LEG);
    let thin = ConsumerAllocation { spatial: 1, still_interval_ms: None, ..stills };
    call.sim.command(Command::AllocateConsumer { consumer_id: VIEWER, allocation: thin });
    call.sim.assert_no_failure();
    for _ in 0..3 {
        call.frames(false, false);
    }
    assert_eq!(call.received(), [], "the picture of the old one stands still");
    assert!(call.asked().1.contains(&6_002));
    let main = call.made[0].frame(true);
    call.leg.send_rtp(&mut call.sim, &main);
    assert_eq!(call.handed_over(), []);
    call.frames(false, true);
    call.frames(false, false);
    assert_eq!((call.handed_over(), call.received().len()), (vec![LEG], 2));
    let payload_types = media::video_consumer(20, LEG, 0).payload_types;
    let beyond = ConsumerAllocation { spatial: 9, ..thin };
    call.sim.command(Command::HandOverConsumer {
        consumer_id: VIEWER,
        handover: ConsumerHandover { producer_id: CAMERA, payload_types },
    });
    call.sim.command(Command::AllocateConsumer { consumer_id: VIEWER, allocation: beyond });
    let failed = call
        .sim
        .take_events()
        .into_iter()
        .any(|event| matches!(event, Event::CommandFailed { command: "allocate_consumer", id: VIEWER, .. }));
    assert!(failed);
}

#[test]
fn a_stream_that_stood_still_takes_up_no_old_packets() {
    let mut call = Call::new();
    call.shared();
    for n in 0..5 {
        call.frames(n == 0, n == 4);
    }
    let last = call.received()[4].0;
    call.hand_over(LEG);
    call.frames(false, false);
    call.received();
    call.viewer.send_rtcp(&mut call.sim, |writer| {
        writer.nack(1, 9_000, [last, last.wrapping_add(1), last.wrapping_add(2)]).unwrap();
    });
    call.sim.run_ms(50);
    let again = call.viewer.received(&mut call.sim).rtp;
    let again: Vec<RtpPacket<'_>> = again.iter().map(|packet| RtpPacket::parse(packet).unwrap()).collect();
    let originals: Vec<u16> =
        again.iter().map(|packet| u16::from_be_bytes([packet.payload()[0], packet.payload()[1]])).collect();
    assert!(again.iter().all(|packet| packet.header.ssrc == 9_001));
    assert_eq!(originals, [last.wrapping_add(1), last.wrapping_add(2)], "the first is of the producer before");
}

#[test]
fn what_cannot_be_is_told() {
    let mut call = Call::new();
    let payload_types = media::video_consumer(20, LEG, 0).payload_types;
    let to = |producer_id| ConsumerHandover { producer_id, payload_types: payload_types.clone() };
    assert_eq!(call.failure(to(99)), "there is no such producer");
    let _elsewhere = Client::connect(&mut call.sim, 2, 40);
    call.sim.command(Command::CreateProducer { producer_id: 120, params: media::video_params(40, Some(7_000)) });
    assert_eq!(call.failure(to(120)), "producer and consumer belong to different routers");
    call.sim.command(Command::CreateProducer { producer_id: 130, params: media::audio_params(10, Some(5_100)) });
    assert_eq!(call.failure(to(130)), "it is not of video");
    let mut of_another_codec = media::video_params(30, Some(6_100));
    of_another_codec.mid = None;
    of_another_codec.codecs[0].name = "VP9".to_owned();
    call.sim.command(Command::CreateProducer { producer_id: 140, params: of_another_codec });
    let expected = "the receiver's payload type 100 is not the codec of the producer's payload type 96";
    assert_eq!(call.failure(to(140)), expected);
    call.frames(true, true);
    assert_eq!(call.received().len(), 1, "and all is as it was");
}

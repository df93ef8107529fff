//! Whoever was let in, and has keys, sends what is cheap to send and dear to heed.

mod common;

use _core::command::Command;
use _core::engine::ErrorKind;
use _core::packet::rtp::Fields;
use _core::params::{CodecParams, PayloadTypeMapping};
use common::client::{MID, TWCC, extensions};
use common::media::{self, Camera};
use common::{Client, Sim};

const OWN: u32 = 1;
const CONSUMER: u32 = 9_000;

/// One RTCP packet of whole words.
fn rtcp(count: u8, kind: u8, content: &[u8]) -> Vec<u8> {
    let words = content.len() as u16 / 4;
    [&[0x80 | count, kind][..], &words.to_be_bytes(), content].concat()
}

/// A viewer that has watched a camera for a while.
fn viewer() -> (Sim, Client) {
    let mut sim = Sim::new();
    let mut publisher = Client::connect(&mut sim, 1, 10);
    let viewer = Client::connect_with(&mut sim, 1, 20, extensions(&[(TWCC, 3), (MID, 4)]), Some(1_000_000));
    sim.command(Command::CreateProducer { producer_id: 100, params: media::video_params(10, Some(5_000)) });
    let params = media::video_consumer(20, 100, CONSUMER);
    sim.command(Command::CreateConsumer { consumer_id: 200, params });
    sim.assert_no_failure();
    let mut camera = Camera::new(5_000);
    for number in 0..100 {
        let frame = camera.frame(number == 0);
        publisher.send_rtp(&mut sim, &frame);
        sim.run_ms(5);
    }
    (sim, viewer)
}

#[test]
fn a_receiver_that_lacks_everything_is_heeded_within_bounds() {
    let (mut sim, mut viewer) = viewer();
    let lacks = (0..340_u16).flat_map(|number| [(number * 17).to_be_bytes(), [0xff; 2]].concat());
    let content: Vec<u8> = OWN.to_be_bytes().into_iter().chain(CONSUMER.to_be_bytes()).chain(lacks).collect();
    let nack = rtcp(1, 205, &content);
    for _ in 0..100 {
        viewer.send_compound(&mut sim, &nack);
    }
    let at_once = sim.engine.counters().nacks_received;
    assert!((1_000..=10_000).contains(&at_once), "{at_once} of 578,000");
    sim.run_ms(1_000);
    viewer.send_compound(&mut sim, &nack);
    assert_eq!(sim.engine.counters().nacks_received, at_once + 340 * 17, "an honest burst is heeded");
}

#[test]
fn feedback_that_tells_of_a_thousand_times_its_length_is_refused() {
    let (mut sim, mut viewer) = viewer();
    let mut content: Vec<u8> = OWN.to_be_bytes().into_iter().chain(CONSUMER.to_be_bytes()).collect();
    content.extend([0, 0, 0xff, 0xff, 0, 0, 1, 0]);
    // The reserved status: received, without a delta.
    content.extend([0x7f, 0xff].repeat(8));
    content.extend([0x60, 7, 0, 0]);
    let feedback = rtcp(15, 205, &content);
    let compound = feedback.repeat(30);
    viewer.send_compound(&mut sim, &[rtcp(0, 201, &OWN.to_be_bytes()), compound].concat());
    assert_eq!(sim.errors(ErrorKind::RtcpMalformed), 30);
}

/// A packet of sound can say that it repeats hundreds, and each would be a packet to every receiver.
#[test]
fn sound_that_repeats_more_than_anybody_waits_for_is_passed_on_within_bounds() {
    const OPUS: u8 = 111;
    const RED: u8 = 63;
    let mut sim = Sim::new();
    let mut publisher = Client::connect(&mut sim, 1, 10);
    let mut listener = Client::connect(&mut sim, 1, 20);
    let mut params = media::audio_params(10, Some(5_000));
    params.codecs.push(CodecParams { payload_type: RED, name: "red".into(), ..params.codecs[0].clone() });
    sim.command(Command::CreateProducer { producer_id: 100, params });
    let mut params = media::audio_consumer(20, 100, CONSUMER);
    let opus = PayloadTypeMapping { producer_payload_type: OPUS, payload_type: 109, rtx_payload_type: None };
    params.payload_types = vec![opus];
    sim.command(Command::CreateConsumer { consumer_id: 200, params });
    sim.assert_no_failure();
    for (number, blocks) in [(0_u16, 0_u16), (200, 199), (400, 199)] {
        let heads = (0..blocks).flat_map(|block| {
            let offset = (blocks - block) * 60;
            let rest = (u32::from(offset) << 10 | 1).to_be_bytes();
            [0x80 | OPUS, rest[1], rest[2], rest[3]]
        });
        let payload: Vec<u8> = heads.chain([OPUS]).chain((0..=blocks).map(|block| block as u8)).collect();
        let fields = Fields {
            marker: false,
            payload_type: RED,
            sequence_number: number,
            timestamp: u32::from(number) * 960,
            ssrc: 5_000,
        };
        publisher.send_rtp(&mut sim, &media::packet(&fields, &[], &payload));
        sim.run_ms(20);
    }
    assert_eq!(listener.received(&mut sim).rtp.len(), 3 + 2 * 4);
}

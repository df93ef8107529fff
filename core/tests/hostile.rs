//! Whoever was let in, and has keys, sends what is cheap to send and dear to heed.

mod common;

use _core::command::Command;
use _core::engine::ErrorKind;
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

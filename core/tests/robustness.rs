//! Whatever arrives, nothing panics and what is kept stays bounded.

mod common;

use std::time::Duration;

use _core::command::Command;
use _core::event::Event;
use _core::packet::rtp::Fields;
use _core::params::PlainTransportParams;
use _core::path::{Path, Protocol, SocketId};
use proptest::prelude::*;

use common::client::{AUDIO_LEVEL, MID, TWCC, extensions};
use common::media::{self, Camera, VP8};
use common::{Client, Sim};

/// A plain transport, whose peer can say anything without encrypting it, with a producer and a consumer.
fn plain_room() -> (Sim, Path) {
    let mut sim = Sim::new();
    let remote = ([127, 0, 0, 1], 7_000).into();
    let list = extensions(&[(AUDIO_LEVEL, 1), (TWCC, 3), (MID, 4)]);
    let params = PlainTransportParams {
        router_id: 1,
        listen_ip: [127, 0, 0, 1].into(),
        remote: Some(remote),
        srtp: None,
        receive_extensions: list.clone(),
        send_extensions: list,
    };
    sim.engine.create_plain_transport(50, params, SocketId(500), ([127, 0, 0, 1], 4_000).into());
    Client::connect(&mut sim, 1, 20);
    sim.command(Command::CreateProducer { producer_id: 100, params: media::video_params(50, Some(5_000)) });
    sim.command(Command::CreateProducer { producer_id: 101, params: media::audio_params(50, None) });
    for (id, transport, producer) in [(200, 20, 100), (201, 50, 100)] {
        let params = media::video_consumer(transport, producer, 9_000);
        sim.command(Command::CreateConsumer { consumer_id: id, params });
    }
    sim.command(Command::CreateConsumer { consumer_id: 202, params: media::audio_consumer(20, 101, 9_100) });
    sim.assert_no_failure();
    (sim, Path { protocol: Protocol::Udp, socket: SocketId(500), remote })
}

/// A datagram: noise, noise that looks like media, a frame, or a frame with bytes changed.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let noise = || prop::collection::vec(any::<u8>(), 0..120);
    let rtp =
        (noise(), prop::sample::select(vec![96_u8, 97, 111]), any::<bool>()).prop_map(|(mut noise, kind, known)| {
            let ssrc = if known { 5_000_u32 } else { 5_001 };
            noise.splice(0..0, [0x90, kind, 0, 1, 0, 0, 0, 1].into_iter().chain(ssrc.to_be_bytes()));
            noise
        });
    let rtcp = (noise(), 200_u8..208, 0_u8..32).prop_map(|(mut noise, kind, count)| {
        noise.truncate(noise.len() / 4 * 4);
        let words = noise.len() as u16 / 4 + 2;
        let head = [0x80 | count, kind].into_iter().chain(words.to_be_bytes());
        noise.splice(0..0, head.chain(1_u32.to_be_bytes()).chain(9_000_u32.to_be_bytes()));
        noise
    });
    let frame = (any::<u16>(), any::<bool>(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |(number, keyframe, at, value)| {
            let mut camera = Camera::new(5_000);
            camera.sequence_number = number;
            let mut frame = camera.frame(keyframe);
            let at = at.index(frame.len());
            frame[at] ^= value;
            frame
        },
    );
    prop_oneof![noise(), rtp, rtcp, frame]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_input_makes_the_engine_panic(datagrams in prop::collection::vec((datagram(), 0_u64..300), 1..60)) {
        let (mut sim, path) = plain_room();
        for (datagram, wait) in datagrams {
            sim.deliver(path, datagram);
            sim.run_ms(wait);
        }
        sim.run_ms(20_000);
        let closed = sim.take_events().into_iter().find(|event| matches!(event, Event::TransportClosed { .. }));
        prop_assert_eq!(closed, None);
        prop_assert_eq!(sim.engine.counters().transports, 2);
    }
}

#[test]
fn what_arrives_does_not_wait_for_what_many_transports_want_at_the_same_time() {
    const MANY: usize = 100;
    let mut sim = Sim::new();
    let mut publishers: Vec<Client> = (0..MANY as u64).map(|id| Client::connect(&mut sim, id, 10 + id)).collect();
    for (id, publisher) in (5_000..).zip(&mut publishers) {
        let params = media::video_params(publisher.transport_id, Some(id));
        sim.command(Command::CreateProducer { producer_id: id.into(), params });
        let fields = Fields { marker: true, payload_type: VP8, sequence_number: 1, timestamp: 7, ssrc: id };
        let first = media::packet(&fields, &[(3, &[0, 1]), (4, b"v")], &media::vp8_payload(1, true, 500));
        publisher.send_rtp(&mut sim, &first);
    }
    sim.assert_no_failure();
    for publisher in &mut publishers {
        publisher.received(&mut sim);
    }
    let until = sim.now + Duration::from_millis(1_500);
    let mut most = 0;
    while sim.engine.poll_timeout() <= until {
        sim.now = sim.now.max(sim.engine.poll_timeout());
        sim.engine.handle_timeout(sim.now);
        most = most.max(sim.engine.transmits().flows().count());
        sim.drain();
    }
    assert!(most < MANY / 2, "{most} of {MANY} were sent something at once");
    let told = publishers.iter_mut().filter_map(|publisher| publisher.received(&mut sim).rtcp.first().map(drop));
    assert_eq!(told.count(), MANY, "everybody's turn comes");
}

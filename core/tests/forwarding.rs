//! Media from publishers to receivers.

mod common;

use _core::command::Command;
use _core::engine::{ErrorKind, Outcome};
use _core::event::Event;
use _core::packet::rtcp::{Packet, Pli, packets};
use _core::packet::rtp::{Fields, RtpPacket};

use common::media::{self, Camera, one_viewer};
use common::{Client, Sim};

/// The packets of all compounds that satisfy `wanted`.
fn count(compounds: &[Vec<u8>], wanted: impl Fn(&Packet<'_>) -> bool) -> usize {
    compounds.iter().flat_map(|compound| packets(compound)).filter(|packet| wanted(packet.as_ref().unwrap())).count()
}

fn is_pli_for(ssrc: u32) -> impl Fn(&Packet<'_>) -> bool {
    move |packet| matches!(packet, Packet::Pli(Pli { media_ssrc, .. }) if *media_ssrc == ssrc)
}

#[test]
fn a_frame_reaches_the_viewer_in_the_viewers_own_terms() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    assert_eq!(publisher.send_rtp(&mut sim, &camera.frame(true)), Outcome::Authenticated);
    publisher.send_rtp(&mut sim, &camera.frame(false));
    let received = viewer.received(&mut sim).rtp;
    assert_eq!(received.len(), 2);
    let [first, second] = [0, 1].map(|i| RtpPacket::parse(&received[i]).unwrap());
    assert_eq!((first.header.ssrc, first.header.payload_type, first.header.marker), (9_000, 100, true));
    assert_eq!(second.header.sequence_number, first.header.sequence_number.wrapping_add(1));
    assert_eq!(second.header.timestamp, first.header.timestamp.wrapping_add(3_000));
    let extensions: Vec<(u8, &[u8])> = first.extensions().collect();
    assert!(extensions.contains(&(9, b"7")), "MID of the viewer's m-line");
    assert!(extensions.contains(&(11, &[1])), "orientation under the viewer's id");
    assert_eq!(extensions.len(), 2);
    assert_eq!(first.payload().len(), 500);
}

#[test]
fn what_comes_before_keys_is_counted_and_dropped() {
    let mut sim = Sim::new();
    let mut client = Client::create(&mut sim, 1, 10);
    client.check(&mut sim, true);
    assert_eq!(client.send_rtp(&mut sim, &Camera::new(1).frame(true)), Outcome::Rejected);
    assert_eq!(sim.errors(ErrorKind::SrtpNoKeys), 1);
}

#[test]
fn a_replayed_packet_is_not_forwarded_twice() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    let packet = publisher.protect(&camera.frame(true));
    assert_eq!(sim.deliver(publisher.path, packet.clone()), Outcome::Authenticated);
    assert_eq!(sim.deliver(publisher.path, packet.clone()), Outcome::Rejected);
    let mut forged = publisher.protect(&camera.frame(false));
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(sim.deliver(publisher.path, forged), Outcome::Rejected);
    assert_eq!((sim.errors(ErrorKind::SrtpReplay), sim.errors(ErrorKind::SrtpAuthentication)), (1, 1));
    assert_eq!(viewer.received(&mut sim).rtp.len(), 1);
}

#[test]
fn a_viewer_starts_at_a_keyframe_that_is_asked_for() {
    let mut sim = Sim::new();
    let mut publisher = Client::connect(&mut sim, 1, 10);
    sim.command(Command::CreateProducer { producer_id: 100, params: media::video_params(10, Some(5_000)) });
    let mut camera = Camera::new(5_000);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    sim.run_ms(3_000);
    publisher.received(&mut sim);

    let mut viewer = Client::create(&mut sim, 1, 20);
    sim.command(Command::CreateConsumer { consumer_id: 200, params: media::video_consumer(20, 100, 9_000) });
    sim.run_ms(100);
    assert_eq!(count(&publisher.received(&mut sim).rtcp, is_pli_for(5_000)), 0, "nobody can take it yet");

    viewer.check(&mut sim, true);
    viewer.set_keys(&mut sim, 0);
    sim.run_ms(100);
    assert_eq!(count(&publisher.received(&mut sim).rtcp, is_pli_for(5_000)), 1);
    publisher.send_rtp(&mut sim, &camera.frame(false));
    assert!(viewer.received(&mut sim).rtp.is_empty(), "no keyframe yet");
    publisher.send_rtp(&mut sim, &camera.frame(true));
    assert_eq!(viewer.received(&mut sim).rtp.len(), 1);
}

#[test]
fn a_keyframe_request_goes_upstream_and_is_throttled() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    sim.run_ms(1_000);
    publisher.received(&mut sim);
    for _ in 0..20 {
        viewer.send_rtcp(&mut sim, |writer| writer.pli(1, 9_000).unwrap());
        sim.run_ms(10);
    }
    assert_eq!(count(&publisher.received(&mut sim).rtcp, is_pli_for(5_000)), 1);
    assert_eq!(sim.engine.counters().keyframe_requests_received, 20);
    sim.assert_no_failure();
}

#[test]
fn an_ssrc_that_was_not_signalled_is_learned_by_mid_and_so_is_its_rtx() {
    let mut sim = Sim::new();
    let mut publisher = Client::connect(&mut sim, 1, 10);
    let mut viewer = Client::connect(&mut sim, 1, 20);
    sim.command(Command::CreateProducer { producer_id: 100, params: media::video_params(10, None) });
    sim.command(Command::CreateProducer { producer_id: 101, params: media::audio_params(10, None) });
    sim.command(Command::CreateConsumer { consumer_id: 200, params: media::video_consumer(20, 100, 9_000) });
    let mut camera = Camera::new(77);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    let lost = camera.frame(false);
    publisher.send_rtp(&mut sim, &camera.frame(false));
    publisher.send_rtp(&mut sim, &media::rtx(&lost, 78, 1));
    let numbers: Vec<u16> = viewer
        .received(&mut sim)
        .rtp
        .iter()
        .map(|packet| RtpPacket::parse(packet).unwrap().header.sequence_number)
        .collect();
    let first = numbers[0];
    assert_eq!(numbers, [first, first.wrapping_add(2), first.wrapping_add(1)]);
    let stranger = Fields { marker: false, payload_type: 50, sequence_number: 1, timestamp: 1, ssrc: 99 };
    publisher.send_rtp(&mut sim, &media::packet(&stranger, &[], &[1]));
    assert_eq!(sim.errors(ErrorKind::RtpUnroutable), 1);
}

#[test]
fn audio_is_forwarded_with_levels_and_they_are_told() {
    let mut sim = Sim::new();
    let mut publisher = Client::connect(&mut sim, 1, 10);
    let mut listener = Client::connect(&mut sim, 1, 20);
    sim.command(Command::CreateProducer { producer_id: 100, params: media::audio_params(10, Some(5_000)) });
    sim.command(Command::CreateConsumer { consumer_id: 200, params: media::audio_consumer(20, 100, 9_000) });
    sim.take_events();
    for n in 0..50_u16 {
        let fields = Fields {
            marker: n == 0,
            payload_type: media::OPUS,
            sequence_number: n,
            timestamp: u32::from(n) * 960,
            ssrc: 5_000,
        };
        publisher
            .send_rtp(&mut sim, &media::packet(&fields, &[(1, &[0x80 | 30]), (4, b"a"), (6, &[0, 0, 0])], &[9; 80]));
        sim.run_ms(20);
    }
    let received = listener.received(&mut sim).rtp;
    assert_eq!(received.len(), 50);
    let packet = RtpPacket::parse(&received[10]).unwrap();
    assert_eq!((packet.header.payload_type, packet.header.ssrc), (63, 9_000));
    let mut extensions: Vec<(u8, &[u8])> = packet.extensions().collect();
    extensions.sort_unstable();
    assert_eq!(extensions, [(9, &b"8"[..]), (10, &[0x80 | 30])], "playout delay was not negotiated");
    sim.run_ms(2_000);
    let told: Vec<usize> = sim
        .take_events()
        .iter()
        .filter_map(|event| match event {
            Event::AudioLevels { router_id: 1, levels } => Some(levels.len()),
            _ => None,
        })
        .collect();
    assert_eq!(told, [1, 1, 0], "when it begins, when the voice ends, when all is silent");
}

#[test]
fn consumers_of_another_router_are_refused() {
    let mut sim = Sim::new();
    Client::connect(&mut sim, 1, 10);
    Client::connect(&mut sim, 2, 20);
    sim.command(Command::CreateProducer { producer_id: 100, params: media::video_params(10, Some(5_000)) });
    sim.take_events();
    sim.command(Command::CreateConsumer { consumer_id: 200, params: media::video_consumer(20, 100, 9_000) });
    assert!(matches!(sim.take_events()[..], [Event::CommandFailed { command: "create_consumer", id: 200, .. }]));
}

#[test]
fn a_closed_transport_says_goodbye() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    viewer.received(&mut sim);
    sim.command(Command::CloseTransport { transport_id: 20 });
    let goodbyes = count(&viewer.received(&mut sim).rtcp, |packet| matches!(packet, Packet::Goodbye(_)));
    assert_eq!(goodbyes, 1);
}

#[test]
fn closing_ends_what_hung_on_it_and_leaves_the_m_line_of_others_alive() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    viewer.received(&mut sim);
    sim.command(Command::CloseTransport { transport_id: 10 });
    let goodbyes = count(&viewer.received(&mut sim).rtcp, |packet| matches!(packet, Packet::Goodbye(_)));
    assert_eq!(goodbyes, 0, "receivers end a track for good on BYE");
    let counters = sim.engine.counters();
    assert_eq!((counters.transports, counters.producers, counters.consumers), (1, 0, 0));
    assert_eq!(publisher.send_rtp(&mut sim, &camera.frame(false)), Outcome::Rejected);
    sim.command(Command::CloseTransport { transport_id: 20 });
    sim.run_ms(60_000);
    sim.assert_no_failure();
}

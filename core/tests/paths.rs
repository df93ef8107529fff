//! Media while addresses move, consent ends and keys change.

mod common;

use _core::command::Command;
use _core::engine::Outcome;
use _core::event::{Event, IceState};
use _core::packet::rtcp::{Packet, packets};
use _core::packet::rtp::RtpPacket;
use _core::packet::stun::{Class, IntegrityKey, StunMessage, write_binding_success};
use _core::params::{PeerIce, TransportUpdate};
use _core::path::Protocol;

use common::media::one_viewer;
use common::{Client, Sim, udp};

const PWD: &str = "the-password-of-the-peer";

fn moved(transport_id: u64) -> Event {
    Event::Ice { transport_id, state: IceState::Connected, protocol: Protocol::Udp, moved: true }
}

#[test]
fn a_publisher_that_moves_is_heard_without_a_gap() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    sim.take_events();
    publisher.path = udp(4_444);
    publisher.check(&mut sim, false);
    sim.run_ms(300);
    publisher.send_rtp(&mut sim, &camera.frame(false));
    assert_eq!(sim.take_events().iter().filter(|event| **event == moved(10)).count(), 1);
    assert_eq!(viewer.received(&mut sim).rtp.len(), 2);
    sim.run_ms(2_000);
    assert!(!publisher.received(&mut sim).rtcp.is_empty(), "reports go to the new address");
}

#[test]
fn a_viewer_that_moves_gets_its_media_at_the_new_address() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    let before = viewer.received(&mut sim).rtp;
    viewer.path = udp(4_445);
    viewer.check(&mut sim, true);
    assert!(sim.take_events().contains(&moved(20)));
    publisher.send_rtp(&mut sim, &camera.frame(false));
    let after = viewer.received(&mut sim).rtp;
    let number = |packet: &[u8]| RtpPacket::parse(packet).unwrap().header.sequence_number;
    assert_eq!(number(&after[0]), number(&before[0]).wrapping_add(1));
}

#[test]
fn media_from_an_address_that_was_not_checked_is_not_taken() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    publisher.path = udp(4_446);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    assert!(viewer.received(&mut sim).rtp.is_empty());
}

/// Tells the bridge the credentials of the client of a transport, as descriptions do.
fn tell_peer_ice(sim: &mut Sim, transport_id: u64, pwd: &str) {
    let peer_ice = Some(PeerIce { ufrag: format!("peer{transport_id}"), pwd: pwd.into() });
    let update = TransportUpdate { peer_ice, ..TransportUpdate::default() };
    sim.command(Command::UpdateTransport { transport_id, update });
    sim.assert_no_failure();
}

/// Answers the one check that the bridge has sent on the client's path; the answer is signed with `pwd`.
fn answer_check(sim: &mut Sim, client: &mut Client, pwd: &str) -> Outcome {
    let [request] = &client.received(sim).stun[..] else { panic!("one check was expected") };
    let message = StunMessage::parse(request).unwrap();
    assert_eq!(message.class, Class::Request);
    let mut answer = vec![0; 128];
    let key = IntegrityKey::new(pwd);
    let len = write_binding_success(&mut answer, message.transaction_id, client.path.remote, &key).unwrap();
    answer.truncate(len);
    sim.deliver(client.path, answer)
}

#[test]
fn a_peer_whose_nat_gave_it_another_port_is_asked_there_and_goes_on() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    tell_peer_ice(&mut sim, 10, PWD);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    sim.run_ms(300);
    sim.take_events();
    viewer.received(&mut sim);
    publisher.path = udp(4_447);
    assert_eq!(publisher.send_rtp(&mut sim, &camera.frame(false)), Outcome::Authenticated);
    assert_eq!(answer_check(&mut sim, &mut publisher, PWD), Outcome::Authenticated);
    assert!(sim.take_events().contains(&moved(10)));
    publisher.send_rtp(&mut sim, &camera.frame(true));
    assert_eq!(viewer.received(&mut sim).rtp.len(), 1);
    sim.run_ms(2_000);
    assert!(!publisher.received(&mut sim).rtcp.is_empty(), "reports go to the new port");
}

#[test]
fn a_viewer_whose_nat_gave_it_another_port_gets_its_media_there() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    tell_peer_ice(&mut sim, 20, PWD);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    sim.run_ms(300);
    viewer.received(&mut sim);
    viewer.path = udp(4_448);
    viewer.send_rtcp(&mut sim, |writer| writer.pli(1, 5_000).unwrap());
    answer_check(&mut sim, &mut viewer, PWD);
    publisher.send_rtp(&mut sim, &camera.frame(false));
    assert_eq!(viewer.received(&mut sim).rtp.len(), 1);
}

#[test]
fn a_peer_is_found_among_many_of_the_same_house_who_are_silent() {
    let mut sim = Sim::new();
    let (mut publisher, _, mut camera) = one_viewer(&mut sim);
    let mut silent: Vec<Client> = (30..70).map(|id| Client::connect(&mut sim, 1, id)).collect();
    for transport_id in [10, 50] {
        tell_peer_ice(&mut sim, transport_id, PWD);
    }
    publisher.send_rtp(&mut sim, &camera.frame(true));
    sim.run_ms(300);
    publisher.received(&mut sim);
    publisher.path = udp(4_450);
    publisher.send_rtp(&mut sim, &camera.frame(false));
    answer_check(&mut sim, &mut publisher, PWD);

    let viewer = &mut silent[20];
    viewer.path = udp(4_451);
    let found = (0..60).any(|_| {
        sim.run_ms(100);
        viewer.send_rtcp(&mut sim, |writer| writer.pli(1, 5_000).unwrap()) == Outcome::Authenticated
    });
    assert!(found, "whose reports alone say who it is, is found in time, too");
}

#[test]
fn nobody_else_has_anything_sent_to_a_strange_port() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    for transport_id in [10, 20] {
        tell_peer_ice(&mut sim, transport_id, PWD);
    }
    let overheard = publisher.protect(&camera.frame(true));
    sim.deliver(publisher.path, overheard.clone());
    let early = publisher.protect(&camera.frame(false));
    assert_eq!(sim.deliver(udp(4_449), early.clone()), Outcome::Rejected, "the peer is heard where it was");
    sim.run_ms(300);
    for path in [publisher.path, viewer.path] {
        sim.take_sent(path);
    }
    let mut forged = early.clone();
    *forged.last_mut().unwrap() ^= 1;
    for datagram in [overheard, forged] {
        assert_eq!(sim.deliver(udp(4_449), datagram), Outcome::Rejected);
    }
    assert!(sim.take_sent(udp(4_449)).is_empty());

    publisher.path = udp(4_449);
    sim.deliver(publisher.path, early);
    assert_eq!(answer_check(&mut sim, &mut publisher, "another-password-of-22-or-more"), Outcome::Rejected);
    viewer.received(&mut sim);
    publisher.send_rtp(&mut sim, &camera.frame(false));
    assert!(viewer.received(&mut sim).rtp.is_empty(), "an answer that is not signed is none");
}

#[test]
fn without_consent_nothing_is_sent_and_afterwards_media_begins_at_a_keyframe() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    for _ in 0..400 {
        sim.run_ms(100);
        publisher.send_rtp(&mut sim, &camera.frame(false));
    }
    assert!(
        sim.take_events()
            .iter()
            .any(|event| matches!(event, Event::Ice { transport_id: 20, state: IceState::ConsentExpired, .. }))
    );
    let sent = viewer.received(&mut sim).rtp.len();
    assert!((295..=305).contains(&sent), "{sent}");
    publisher.send_rtp(&mut sim, &camera.frame(false));
    sim.run_ms(1_000);
    assert!(sim.take_sent(viewer.path).is_empty());

    publisher.received(&mut sim);
    viewer.check(&mut sim, false);
    sim.run_ms(1_000);
    let asked = publisher.received(&mut sim).rtcp;
    assert!(asked.iter().flat_map(|compound| packets(compound)).any(|packet| matches!(packet, Ok(Packet::Pli(_)))));
    publisher.send_rtp(&mut sim, &camera.frame(false));
    assert!(viewer.received(&mut sim).rtp.is_empty());
    publisher.send_rtp(&mut sim, &camera.frame(true));
    assert_eq!(viewer.received(&mut sim).rtp.len(), 1);
}

#[test]
fn media_is_consent_enough() {
    let mut sim = Sim::new();
    let (mut publisher, _, mut camera) = one_viewer(&mut sim);
    for n in 0..100 {
        publisher.send_rtp(&mut sim, &camera.frame(n == 0));
        sim.run_ms(1_000);
    }
    let expired = |event: &Event| matches!(event, Event::Ice { transport_id: 10, state: IceState::ConsentExpired, .. });
    assert!(!sim.take_events().iter().any(expired));
}

#[test]
fn new_keys_take_over_and_old_ones_are_void() {
    let mut sim = Sim::new();
    let (mut publisher, mut viewer, mut camera) = one_viewer(&mut sim);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    viewer.received(&mut sim);
    let old = publisher.protect(&camera.frame(false));
    publisher.set_keys(&mut sim, 1);
    viewer.set_keys(&mut sim, 1);
    sim.deliver(publisher.path, old);
    assert!(viewer.received(&mut sim).rtp.is_empty());
    publisher.send_rtp(&mut sim, &camera.frame(true));
    assert_eq!(viewer.received(&mut sim).rtp.len(), 1);
    viewer.set_keys(&mut sim, 1);
    publisher.send_rtp(&mut sim, &camera.frame(false));
    sim.take_sent(viewer.path);
}

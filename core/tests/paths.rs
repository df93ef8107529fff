//! Media while addresses move, consent ends and keys change.

mod common;

use _core::event::{Event, IceState};
use _core::packet::rtcp::{Packet, packets};
use _core::packet::rtp::RtpPacket;
use _core::path::Protocol;

use common::media::one_viewer;
use common::{Sim, udp};

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

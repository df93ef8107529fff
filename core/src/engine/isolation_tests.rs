//! A panic while working for one transport ends that one and no other.

use super::Outcome;
use crate::command::Command;
use crate::event::{CloseReason, Event};

use super::common::media::{self, Camera};
use super::common::{Client, Sim};

fn closed_by_panic(events: &[Event]) -> Vec<u64> {
    let closed = |event: &Event| match event {
        Event::TransportClosed { transport_id, reason: CloseReason::Panic } => Some(*transport_id),
        _ => None,
    };
    events.iter().filter_map(closed).collect()
}

/// A camera of transport 10, shown on 20 and 30.
fn room(sim: &mut Sim) -> (Client, [Client; 2], Camera) {
    let publisher = Client::connect(sim, 1, 10);
    let viewers = [20, 30].map(|id| Client::connect(sim, 1, id));
    sim.command(Command::CreateProducer { producer_id: 100, params: media::video_params(10, Some(5_000)) });
    for viewer in [20, 30] {
        let params = media::video_consumer(viewer, 100, 9_000);
        sim.command(Command::CreateConsumer { consumer_id: viewer, params });
    }
    sim.take_events();
    (publisher, viewers, Camera::new(5_000))
}

#[test]
fn a_receiver_that_panics_does_not_take_the_sender_with_it() {
    let mut sim = Sim::new();
    let (mut publisher, [mut failing, mut other], mut camera) = room(&mut sim);
    sim.engine.failing = Some(20);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    assert_eq!(closed_by_panic(&sim.take_events()), [20]);
    sim.engine.failing = None;
    assert_eq!(publisher.send_rtp(&mut sim, &camera.frame(true)), Outcome::Authenticated);
    assert_eq!(other.received(&mut sim).rtp.len(), 1);
    assert!(failing.received(&mut sim).rtp.is_empty());
    assert_eq!(failing.check(&mut sim, true), None, "it is gone");
    assert_eq!(sim.engine.counters().consumers, 1);
}

#[test]
fn a_sender_that_panics_leaves_its_receivers() {
    let mut sim = Sim::new();
    let (mut publisher, [mut viewer, _], mut camera) = room(&mut sim);
    sim.engine.failing = Some(10);
    assert_eq!(publisher.send_rtp(&mut sim, &camera.frame(true)), Outcome::Rejected);
    assert_eq!(closed_by_panic(&sim.take_events()), [10]);
    sim.engine.failing = None;
    sim.run_ms(5_000);
    assert!(viewer.check(&mut sim, true).is_some());
    let counters = sim.engine.counters();
    assert_eq!((counters.transports, counters.producers, counters.consumers), (2, 0, 0));
}

#[test]
fn a_timer_or_command_that_panics_ends_its_transport_only() {
    let mut sim = Sim::new();
    let (_, [_, mut other], _) = room(&mut sim);
    sim.engine.failing = Some(10);
    sim.run_ms(5_000);
    assert_eq!(closed_by_panic(&sim.take_events()), [10]);
    sim.engine.failing = Some(20);
    sim.command(Command::SendDtls { transport_id: 20, datagrams: vec![] });
    assert_eq!(closed_by_panic(&sim.take_events()), [20]);
    sim.engine.failing = None;
    assert!(other.check(&mut sim, true).is_some());
}

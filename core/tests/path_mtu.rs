//! Probes of what a path carries, as a client sees them.

mod common;

use _core::command::Command;
use _core::engine::{ErrorKind, Outcome};
use _core::event::{Event, IceState};
use _core::ice::{PROBE_LEN, PROOF_LEN};
use _core::packet::stun::{Class, IntegrityKey, StunMessage, write_binding_success};
use _core::params::{PeerIce, TransportUpdate};
use _core::path::Protocol;

use common::client::extensions;
use common::{Client, Sim, tcp, udp};

const PEER_PWD: &str = "the-password-of-the-peer";
const NARROW: Event = Event::NarrowPath { transport_id: 10 };

fn probed() -> (Sim, Client) {
    probed_with(None)
}

/// With the estimate to begin with, in bit/s.
fn probed_with(start_bitrate: Option<u64>) -> (Sim, Client) {
    let mut sim = Sim::new();
    let client = Client::connect_with(&mut sim, 1, 10, extensions(&[]), start_bitrate);
    let peer_ice = Some(PeerIce { ufrag: "peer".into(), pwd: PEER_PWD.into() });
    let update = TransportUpdate { peer_ice, ..TransportUpdate::default() };
    sim.command(Command::UpdateTransport { transport_id: 10, update });
    sim.assert_no_failure();
    sim.take_events();
    (sim, client)
}

/// Lets time pass on a path that carries `mtu` bytes of UDP payload, and answers what arrives of the bridge's requests.
/// How many there were.
fn run(sim: &mut Sim, client: &mut Client, mtu: usize, millis: u64) -> usize {
    let key = IntegrityKey::new(PEER_PWD);
    let mut requests = 0;
    for _ in 0..millis / 10 {
        for request in client.received(sim).stun {
            requests += 1;
            let message = StunMessage::parse(&request).unwrap();
            assert_eq!((message.class, message.ufrags()), (Class::Request, Some(("peer", client.ufrag.as_str()))));
            assert!(message.verify_fingerprint() && message.verify_integrity(&key));
            assert_eq!((message.unknown_required, message.ice_controlled), (None, Some(0)));
            if request.len() <= mtu {
                let mut answer = vec![0; 128];
                let len = write_binding_success(&mut answer, message.transaction_id, client.path.remote, &key).unwrap();
                answer.truncate(len);
                assert_eq!(sim.deliver(client.path, answer), Outcome::Accepted);
            }
        }
        sim.run_ms(10);
    }
    requests
}

#[test]
fn a_path_that_carries_long_packets_is_asked_once_where_nobody_says_that_its_line_is_wide() {
    let (mut sim, mut client) = probed();
    let requests = run(&mut sim, &mut client, PROBE_LEN, 25_000);
    assert_eq!(requests, 2, "a long and a short one");
    assert!(sim.take_events().is_empty());
}

#[test]
fn the_path_of_a_wide_line_is_asked_every_five_seconds() {
    let (mut sim, mut client) = probed_with(Some(2_000_000));
    assert_eq!(run(&mut sim, &mut client, PROBE_LEN, 20_500), 2 * 5);
    assert!(sim.take_events().is_empty());
}

#[test]
fn a_path_that_narrows_in_mid_call_is_told_of_once() {
    let (mut sim, mut client) = probed_with(Some(2_000_000));
    run(&mut sim, &mut client, PROBE_LEN, 5_000);
    run(&mut sim, &mut client, PROBE_LEN - 1, 8_000);
    assert_eq!(sim.take_events(), [NARROW]);
    assert_eq!(run(&mut sim, &mut client, PROBE_LEN - 1, 10_000), 0);
    assert!(sim.take_events().is_empty());
}

#[test]
fn a_path_that_falls_silent_while_it_swallows_long_packets_is_left_in_peace_by_and_by() {
    let (mut sim, mut client) = probed_with(Some(2_000_000));
    run(&mut sim, &mut client, PROBE_LEN, 5_000);
    assert_eq!(run(&mut sim, &mut client, PROBE_LEN - 1, 100), 2, "the short one alone is answered");
    // Twelve pairs right after one another, and then one each second.
    let in_silence = [3_000, 5_000, 5_000, 5_000].map(|millis| run(&mut sim, &mut client, 0, millis));
    assert_eq!(in_silence, [2 * 11, 2 * 6, 2 * 5, 2 * 3]);
    // What it proved before counts no more: it takes twelve others to tell.
    assert_eq!(client.check(&mut sim, true), Some(Class::Success));
    run(&mut sim, &mut client, PROBE_LEN - 1, 5_000);
    assert_eq!(sim.take_events(), []);
    run(&mut sim, &mut client, PROBE_LEN - 1, 5_000);
    assert_eq!(sim.take_events(), [NARROW]);
}

#[test]
fn a_queue_that_is_full_is_no_narrow_path() {
    let (mut sim, mut client) = probed_with(Some(2_000_000));
    let mut random = 1_u32;
    for turn in 0..60_000 {
        if turn % 500 == 0 {
            client.check(&mut sim, true);
        }
        // What room is left when they come, of a queue that one packet of 1,500 bytes leaves at a time.
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        run(&mut sim, &mut client, (random >> 16) as usize % 1_500, 10);
    }
    assert_eq!(sim.take_events(), []);
}

#[test]
fn another_path_is_asked_anew_and_tcp_is_not() {
    let (mut sim, mut client) = probed();
    run(&mut sim, &mut client, PROOF_LEN, 10_000);
    assert_eq!(sim.take_events(), [NARROW]);
    client.path = udp(99);
    assert_eq!(client.check(&mut sim, true), Some(Class::Success));
    run(&mut sim, &mut client, PROOF_LEN, 10_000);
    let moved = Event::Ice { transport_id: 10, state: IceState::Connected, protocol: Protocol::Udp, moved: true };
    assert_eq!(sim.take_events(), [moved, NARROW]);

    let update = TransportUpdate { leave_udp: true, ..TransportUpdate::default() };
    sim.command(Command::UpdateTransport { transport_id: 10, update });
    client.path = tcp(5_000);
    assert_eq!(client.check(&mut sim, true), Some(Class::Success));
    assert_eq!(run(&mut sim, &mut client, PROBE_LEN, 10_000), 0);
}

#[test]
fn who_cannot_be_asked_to_leave_udp_finds_none_there_once_it_restarts() {
    let (mut sim, mut client) = probed();
    let told = |ufrag: &str| Some(PeerIce { ufrag: ufrag.into(), pwd: PEER_PWD.into() });
    let update = TransportUpdate { leave_udp_at_restart: true, peer_ice: told("client"), ..TransportUpdate::default() };
    sim.command(Command::UpdateTransport { transport_id: 10, update });
    sim.assert_no_failure();
    assert_eq!(client.check(&mut sim, true), Some(Class::Success), "what it has serves");
    client.path = udp(98);
    assert_eq!(client.check(&mut sim, false), Some(Class::Success), "and it may move");

    client.own_ufrag = "restarted".into();
    client.path = udp(99);
    assert_eq!(client.check(&mut sim, false), Some(Class::Error), "before the bridge was told");
    client.path = tcp(5_000);
    assert_eq!(client.check(&mut sim, true), Some(Class::Success));
}

#[test]
fn answers_that_nobody_asked_for_are_dropped() {
    let mut sim = Sim::new();
    let client = Client::connect(&mut sim, 1, 10);
    let mut answer = vec![0; 128];
    let id = _core::packet::stun::TransactionId([1; 12]);
    let len = write_binding_success(&mut answer, id, client.path.remote, &IntegrityKey::new(PEER_PWD)).unwrap();
    answer.truncate(len);
    assert_eq!(sim.deliver(client.path, answer.clone()), Outcome::Rejected, "it is not probed");
    assert_eq!(sim.deliver(udp(6_666), answer), Outcome::Rejected, "an address that passed no check");
    assert_eq!(sim.errors(ErrorKind::StunMalformed), 2);
}

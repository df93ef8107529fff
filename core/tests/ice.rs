//! ICE, DTLS and consent, as a client sees them.

mod common;

use _core::command::Command;
use _core::engine::{ErrorKind, Outcome};
use _core::event::{Event, IceState};
use _core::packet::stun::{Class, Role, StunMessage};
use _core::params::TransportUpdate;
use _core::path::Protocol;

use common::{Client, Sim, tcp, udp};

fn ice(transport_id: u64, state: IceState, moved: bool) -> Event {
    Event::Ice { transport_id, state, protocol: Protocol::Udp, moved }
}

#[test]
fn the_first_check_connects_and_is_answered() {
    let mut sim = Sim::new();
    let mut client = Client::create(&mut sim, 1, 10);
    let request = client.valid_request(false);
    assert_eq!(sim.deliver(client.path, request), Outcome::Authenticated);
    assert_eq!(sim.take_events(), [ice(10, IceState::Connected, false)], "though it nominates nothing yet");
    let answers = sim.take_sent(client.path);
    let answer = StunMessage::parse(&answers[0]).unwrap();
    assert_eq!((answer.class, answer.xor_mapped_address), (Class::Success, Some(client.path.remote)));
    assert!(answer.verify_fingerprint());

    assert_eq!(client.check(&mut sim, true), Some(Class::Success));
    assert!(sim.take_events().is_empty(), "told once");
}

#[test]
fn strangers_get_no_answer_and_leave_no_state() {
    let mut sim = Sim::new();
    let mut client = Client::create(&mut sim, 1, 10);
    let wrong_password = client.request(true, Role::Controlling(1), "some-other-password-of-32-chars");
    let mut wrong_fingerprint = client.valid_request(true);
    *wrong_fingerprint.last_mut().unwrap() ^= 1;
    client.ufrag = "unknown".into();
    let wrong_ufrag = client.valid_request(true);
    for stranger in [wrong_password, wrong_fingerprint, wrong_ufrag] {
        assert_eq!(sim.deliver(client.path, stranger), Outcome::Rejected);
    }
    for kind in [ErrorKind::StunIntegrity, ErrorKind::StunFingerprint, ErrorKind::StunUnknownUfrag] {
        assert_eq!(sim.errors(kind), 1, "{kind:?}");
    }
    assert_eq!(sim.deliver(client.path, vec![22; 100]), Outcome::Rejected, "DTLS from an address that passed no check");
    assert_eq!(sim.errors(ErrorKind::UnknownAddress), 1);
    assert!(sim.take_sent(client.path).is_empty());
    assert!(sim.take_events().is_empty());
}

#[test]
fn a_flood_of_garbage_is_counted_and_changes_nothing() {
    let mut sim = Sim::new();
    let mut client = Client::connect(&mut sim, 1, 10);
    sim.take_events();
    for i in 0..100_000_u32 {
        let len = (i % 300) as usize;
        let datagram: Vec<u8> = (0..len).map(|at| (i.wrapping_mul(2_654_435_761) >> (at % 24)) as u8).collect();
        let path = if i % 2 == 0 { client.path } else { udp(20_000) };
        assert_ne!(sim.deliver(path, datagram), Outcome::Authenticated);
    }
    assert!(sim.take_sent(udp(20_000)).is_empty());
    assert!(sim.take_events().iter().all(|event| matches!(event, Event::Dtls { .. })));
    assert_eq!(client.check(&mut sim, true), Some(Class::Success));
}

#[test]
fn a_peer_that_wants_to_be_controlled_is_told_to_switch() {
    let mut sim = Sim::new();
    let mut client = Client::create(&mut sim, 1, 10);
    let request = client.request(false, Role::Controlled(1), "the-password-of-22-chars-or-more");
    assert_eq!(sim.deliver(client.path, request), Outcome::Accepted, "nothing that a connection may live on");
    let answers = sim.take_sent(client.path);
    assert_eq!(StunMessage::parse(&answers[0]).unwrap().error_code, Some(487));
    assert_eq!(sim.deliver(client.path, vec![22; 100]), Outcome::Rejected, "it made no path");
}

#[test]
fn dtls_goes_up_in_batches_and_comes_down_on_the_newest_path() {
    let mut sim = Sim::new();
    let mut client = Client::create(&mut sim, 1, 10);
    client.check(&mut sim, false);
    sim.take_events();
    let mut hello = vec![0; 50];
    hello[0] = 22;
    let mut datagrams = [hello.clone(), hello.clone()];
    for datagram in &mut datagrams {
        assert_eq!(sim.engine.handle_packet(sim.now, sim.now, &client.path, datagram), Outcome::Accepted);
    }
    sim.drain();
    let events = sim.take_events();
    assert!(matches!(&events[..], [Event::Dtls { transport_id: 10, datagrams }] if datagrams.len() == 2));
    sim.command(Command::SendDtls { transport_id: 10, datagrams: vec![hello.clone(), hello.clone()] });
    assert_eq!(client.received(&mut sim).dtls, [hello.clone(), hello]);
}

#[test]
fn a_flood_of_dtls_is_limited_per_transport() {
    let mut sim = Sim::new();
    let mut client = Client::create(&mut sim, 1, 10);
    client.check(&mut sim, false);
    let mut other = Client::create(&mut sim, 1, 11);
    other.check(&mut sim, false);
    let mut hello = vec![0; 50];
    hello[0] = 22;
    let accepted = (0..10_000).filter(|_| sim.deliver(client.path, hello.clone()) == Outcome::Accepted).count();
    assert!((1..1_000).contains(&accepted));
    assert_eq!(sim.errors(ErrorKind::DtlsRateLimited), 10_000 - accepted as u64);
    assert_eq!(sim.deliver(other.path, hello), Outcome::Accepted);
}

#[test]
fn consent_runs_out_and_a_check_brings_it_back() {
    let mut sim = Sim::new();
    let mut client = Client::connect(&mut sim, 1, 10);
    sim.take_events();
    sim.run_ms(20_000);
    client.check(&mut sim, false);
    sim.run_ms(29_000);
    assert!(sim.take_events().is_empty());
    sim.run_ms(2_000);
    assert_eq!(sim.take_events(), [ice(10, IceState::ConsentExpired, false)]);
    client.received(&mut sim);
    sim.command(Command::SendDtls { transport_id: 10, datagrams: vec![vec![22; 50]] });
    sim.run_ms(10_000);
    assert!(sim.take_sent(client.path).is_empty());
    client.check(&mut sim, false);
    assert_eq!(sim.take_events(), [ice(10, IceState::Connected, false)]);
    sim.command(Command::SendDtls { transport_id: 10, datagrams: vec![vec![22; 50]] });
    assert_eq!(client.received(&mut sim).dtls.len(), 1);
}

#[test]
fn an_ice_restart_leaves_the_old_credentials_until_the_new_ones_succeed() {
    let mut sim = Sim::new();
    let mut client = Client::connect(&mut sim, 1, 10);
    let restart = |ufrag: &str| Command::RestartIce {
        transport_id: 10,
        ice_ufrag: ufrag.into(),
        ice_pwd: "the-password-of-22-chars-or-more".into(),
    };
    sim.command(restart("again"));
    sim.assert_no_failure();
    assert_eq!(client.check(&mut sim, true), Some(Class::Success), "the old ones");
    sim.take_events();
    client.ufrag = "again".into();
    client.path = udp(99);
    assert_eq!(client.check(&mut sim, true), Some(Class::Success));
    assert_eq!(sim.take_events(), [ice(10, IceState::Connected, true)]);
    client.ufrag = "ufrag10".into();
    assert_eq!(client.check(&mut sim, true), None, "the old ones are void");
}

#[test]
fn a_transport_that_leaves_udp_refuses_checks_there_and_is_reached_over_tcp() {
    let mut sim = Sim::new();
    let mut client = Client::connect(&mut sim, 1, 10);
    sim.take_events();
    let update = TransportUpdate { leave_udp: true, ..TransportUpdate::default() };
    sim.command(Command::UpdateTransport { transport_id: 10, update });
    sim.assert_no_failure();
    let request = client.valid_request(true);
    assert_eq!(sim.deliver(client.path, request), Outcome::Accepted);
    let answers = sim.take_sent(client.path);
    assert_eq!(StunMessage::parse(&answers[0]).unwrap().error_code, Some(403));
    assert_eq!(sim.take_events(), [Event::UdpRefused { transport_id: 10 }]);
    let again = client.valid_request(true);
    assert_eq!(sim.deliver(client.path, again), Outcome::Accepted);
    assert_eq!(sim.take_sent(client.path).len(), 1, "refused too, and no news");
    assert_eq!(sim.take_events(), []);
    sim.command(Command::SendDtls { transport_id: 10, datagrams: vec![vec![22; 50]] });
    assert_eq!(client.received(&mut sim).dtls.len(), 1, "the path serves as long as there is no other");
    client.path = tcp(5_000);
    assert_eq!(client.check(&mut sim, true), Some(Class::Success));
    let moved = Event::Ice { transport_id: 10, state: IceState::Connected, protocol: Protocol::Tcp, moved: true };
    assert_eq!(sim.take_events(), [moved]);
}

#[test]
fn an_address_in_use_is_not_taken_over_and_a_silent_one_is() {
    let mut sim = Sim::new();
    let first = Client::connect(&mut sim, 1, 10);
    let mut second = Client::create(&mut sim, 1, 11);
    second.path = first.path;
    assert_eq!(second.check(&mut sim, true), None);
    assert_eq!(sim.errors(ErrorKind::StunAddressTaken), 1);
    sim.run_ms(6_000);
    assert_eq!(second.check(&mut sim, true), None, "who only receives is heard every five seconds");
    sim.run_ms(3_000);
    assert_eq!(second.check(&mut sim, true), Some(Class::Success));
}

#[test]
fn an_overheard_check_moves_nothing_when_it_is_sent_again_from_elsewhere() {
    let mut sim = Sim::new();
    let mut client = Client::connect(&mut sim, 1, 10);
    sim.take_events();
    let overheard = client.valid_request(true);
    assert_eq!(sim.deliver(client.path, overheard.clone()), Outcome::Authenticated);
    assert_eq!(sim.deliver(client.path, overheard.clone()), Outcome::Authenticated, "a retransmission");
    assert_eq!(sim.deliver(udp(6_666), overheard), Outcome::Rejected);
    assert_eq!(sim.errors(ErrorKind::StunReplayed), 1);
    assert!(sim.take_sent(udp(6_666)).is_empty() && sim.take_events().is_empty());
    client.path = udp(99);
    assert_eq!(client.check(&mut sim, true), Some(Class::Success), "the client itself may move");
    assert_eq!(sim.take_events(), [ice(10, IceState::Connected, true)]);
}

#[test]
fn a_peer_that_moves_all_the_time_does_not_flood_the_control_plane() {
    let mut sim = Sim::new();
    let mut client = Client::connect(&mut sim, 1, 10);
    sim.take_events();
    for port in 20_000..20_200 {
        client.path = udp(port);
        assert_eq!(client.check(&mut sim, true), Some(Class::Success));
    }
    let told = sim.take_events().len();
    assert!((1..=30).contains(&told), "{told}");
    sim.run_ms(60_000);
    assert_eq!(sim.take_events(), [ice(10, IceState::ConsentExpired, false)], "what matters is always told");
    client.check(&mut sim, true);
    assert_eq!(sim.take_events(), [ice(10, IceState::Connected, false)]);
}

#[test]
fn tcp_connections_are_released_with_their_transport_and_survived_when_they_end() {
    let mut sim = Sim::new();
    let mut client = Client::create(&mut sim, 1, 10);
    client.path = tcp(5_000);
    client.check(&mut sim, true);
    assert!(matches!(sim.take_events()[..], [Event::Ice { protocol: Protocol::Tcp, .. }]));
    sim.engine.handle_path_closed(sim.now, client.path.socket);
    assert_eq!(sim.deliver(client.path, vec![22; 100]), Outcome::Rejected);
    client.path = tcp(5_001);
    assert_eq!(client.check(&mut sim, true), Some(Class::Success));
    assert!(matches!(sim.take_events()[..], [Event::Ice { protocol: Protocol::Tcp, moved: true, .. }]));
    sim.command(Command::CloseTransport { transport_id: 10 });
    assert_eq!(sim.released, [client.path.socket]);
    sim.assert_no_failure();
}

#[test]
fn commands_that_cannot_be_carried_out_are_answered() {
    let mut sim = Sim::with(_core::engine::EngineConfig { max_transports: 1, ..Default::default() });
    sim.command(Command::CloseTransport { transport_id: 5 });
    assert!(matches!(sim.take_events()[..], [Event::CommandFailed { command: "close_transport", id: 5, .. }]));
    let first = Client::create(&mut sim, 1, 10);
    let again = |transport_id, ufrag: &str| Command::CreateWebRtcTransport {
        transport_id,
        params: _core::params::WebRtcTransportParams {
            router_id: 1,
            ice_ufrag: ufrag.into(),
            ice_pwd: "the-password-of-22-chars-or-more".into(),
            receive_extensions: vec![],
            send_extensions: vec![],
            start_bitrate: None,
            max_bitrate: None,
        },
    };
    sim.command(again(10, "other"));
    sim.command(again(11, "other"));
    sim.command(Command::CloseTransport { transport_id: first.transport_id });
    sim.command(again(11, "no"));
    let failed: Vec<u64> = sim
        .take_events()
        .iter()
        .map(|event| match event {
            Event::CommandFailed { command: "create_webrtc_transport", id, .. } => *id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(failed, [10, 11, 11]);
}

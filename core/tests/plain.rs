//! RTP on sockets of its own: for child processes on the host, and as a pipe between two workers.

mod common;

use std::net::SocketAddr;

use _core::command::Command;
use _core::engine::{ErrorKind, Outcome};
use _core::event::{CloseReason, Event};
use _core::packet::rtcp::{Packet, RtcpWriter, packets};
use _core::packet::rtp::RtpPacket;
use _core::params::{PayloadTypeMapping, PlainTransportParams, SrtpParams};
use _core::path::{Path, Protocol, SocketId};

use common::client::{MID, ORIENTATION, extensions, srtp_params};
use common::media::{self, Camera};
use common::{Client, Sim};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn plain_params(remote: Option<&str>, srtp: Option<SrtpParams>) -> PlainTransportParams {
    let list = extensions(&[(MID, 4), (ORIENTATION, 5)]);
    PlainTransportParams {
        router_id: 1,
        listen_ip: [127, 0, 0, 1].into(),
        remote: remote.map(address),
        srtp,
        receive_extensions: list.clone(),
        send_extensions: list,
    }
}

fn path(socket: u32, remote: &str) -> Path {
    Path { protocol: Protocol::Udp, socket: SocketId(socket), remote: address(remote) }
}

fn create(sim: &mut Sim, transport_id: u64, socket: u32, params: PlainTransportParams) {
    sim.engine.create_plain_transport(transport_id, params, SocketId(socket), address("127.0.0.1:4000"));
    sim.drain();
}

#[test]
fn a_child_process_gets_plain_rtp_and_sends_it() {
    let mut sim = Sim::new();
    let mut publisher = Client::connect(&mut sim, 1, 10);
    create(&mut sim, 50, 500, plain_params(Some("127.0.0.1:7000"), None));
    assert!(
        sim.take_events().contains(&Event::PlainTransportReady { transport_id: 50, local: "127.0.0.1:4000".into() })
    );
    sim.command(Command::CreateProducer { producer_id: 100, params: media::video_params(10, Some(5_000)) });
    sim.command(Command::CreateConsumer { consumer_id: 200, params: media::video_consumer(50, 100, 9_000) });
    sim.assert_no_failure();
    let mut camera = Camera::new(5_000);
    publisher.send_rtp(&mut sim, &camera.frame(true));
    let child = path(500, "127.0.0.1:7000");
    let sent = sim.take_sent(child);
    assert_eq!(RtpPacket::parse(&sent[0]).unwrap().header.ssrc, 9_000);

    sim.command(Command::CreateProducer { producer_id: 101, params: media::video_params(50, Some(6_000)) });
    sim.command(Command::CreateConsumer { consumer_id: 201, params: media::video_consumer(10, 101, 9_100) });
    assert_eq!(sim.deliver(child, Camera::new(6_000).frame(true)), Outcome::Accepted);
    assert_eq!(publisher.received(&mut sim).rtp.len(), 1);
    let other = path(500, "127.0.0.1:7001");
    assert_eq!(sim.deliver(other, Camera::new(6_000).frame(true)), Outcome::Rejected);
    assert_eq!(sim.errors(ErrorKind::PlainWrongRemote), 1);
}

#[test]
fn the_first_valid_packet_tells_where_the_peer_is() {
    let mut sim = Sim::new();
    create(&mut sim, 50, 500, plain_params(None, None));
    sim.command(Command::CreateProducer { producer_id: 100, params: media::video_params(50, Some(5_000)) });
    let mut camera = Camera::new(5_000);
    assert_eq!(sim.deliver(path(500, "192.0.2.9:7000"), camera.frame(true)), Outcome::Rejected, "not on the host");
    assert_eq!(sim.deliver(path(500, "127.0.0.1:7000"), vec![0x80, 200, 0, 99, 1, 2, 3, 4]), Outcome::Rejected);
    assert_eq!(sim.deliver(path(500, "127.0.0.1:7000"), vec![22; 60]), Outcome::Rejected);
    assert_eq!(sim.deliver(path(500, "127.0.0.1:7001"), camera.frame(true)), Outcome::Accepted);
    assert_eq!(sim.deliver(path(500, "127.0.0.1:7000"), camera.frame(true)), Outcome::Rejected, "it is another now");
    sim.run_ms(2_000);
    assert!(!sim.take_sent(path(500, "127.0.0.1:7001")).is_empty());
}

#[test]
fn unencrypted_media_does_not_leave_the_host() {
    let mut sim = Sim::new();
    create(&mut sim, 50, 500, plain_params(Some("192.0.2.9:7000"), None));
    assert!(matches!(sim.take_events()[..], [Event::CommandFailed { command: "create_plain_transport", id: 50, .. }]));
    assert_eq!(sim.released, [SocketId(500)]);
    create(&mut sim, 51, 501, plain_params(Some("192.0.2.9:7000"), Some(srtp_params(1, 0))));
    sim.assert_no_failure();
}

#[test]
fn a_failed_socket_ends_its_transport_and_a_closed_one_is_released() {
    let mut sim = Sim::new();
    create(&mut sim, 50, 500, plain_params(None, None));
    create(&mut sim, 51, 501, plain_params(None, None));
    sim.take_events();
    sim.engine.handle_path_closed(sim.now, SocketId(500));
    sim.drain();
    assert_eq!(sim.take_events(), [Event::TransportClosed { transport_id: 50, reason: CloseReason::SocketFailed }]);
    sim.command(Command::CloseTransport { transport_id: 51 });
    assert_eq!(sim.released, [SocketId(500), SocketId(501)]);
}

/// Two workers with a pipe between them: an encrypted plain transport on each side.
struct Pipe {
    a: Sim,
    b: Sim,
    /// Every n-th packet from `a` to `b` is lost; 0 loses none.
    lose_every: usize,
    carried: usize,
}

const A: &str = "198.51.100.1:4000";
const B: &str = "198.51.100.2:4000";

impl Pipe {
    fn new() -> Self {
        let (mut a, mut b) = (Sim::new(), Sim::new());
        let keys = srtp_params(7, 0);
        let mirrored = SrtpParams {
            profile: keys.profile,
            send_key: keys.receive_key.clone(),
            receive_key: keys.send_key.clone(),
        };
        // B learns A's address by A's first packet.
        create(&mut b, 60, 600, plain_params(None, Some(mirrored)));
        create(&mut a, 50, 500, plain_params(Some(B), Some(keys)));
        a.assert_no_failure();
        b.assert_no_failure();
        Pipe { a, b, lose_every: 0, carried: 0 }
    }

    /// Carries what waits, in both directions.
    fn carry(&mut self) {
        for packet in self.a.take_sent(path(500, B)) {
            self.carried += 1;
            if self.lose_every == 0 || !self.carried.is_multiple_of(self.lose_every) {
                assert_eq!(self.b.deliver(path(600, A), packet), Outcome::Authenticated);
            }
        }
        for packet in self.b.take_sent(path(600, A)) {
            assert_eq!(self.a.deliver(path(500, B), packet), Outcome::Authenticated);
        }
    }

    fn run_ms(&mut self, millis: u64) {
        for _ in 0..millis / 5 {
            self.carry();
            self.a.run_ms(5);
            self.b.run_ms(5);
        }
    }
}

#[test]
fn a_pipe_carries_a_producer_to_another_worker_with_repair_and_keyframe_requests() {
    let mut pipe = Pipe::new();
    let mut publisher = Client::connect(&mut pipe.a, 1, 10);
    pipe.a.command(Command::CreateProducer { producer_id: 100, params: media::video_params(10, Some(5_000)) });
    // The pipe's consumer keeps payload types and MID, so that the producer behind it is made of the same parameters.
    let mut to_pipe = media::video_consumer(50, 100, 70_000);
    to_pipe.mid = Some("v".into());
    to_pipe.payload_types = vec![PayloadTypeMapping {
        producer_payload_type: media::VP8,
        payload_type: media::VP8,
        rtx_payload_type: Some(media::VP8_RTX),
    }];
    pipe.a.command(Command::CreateConsumer { consumer_id: 150, params: to_pipe });
    pipe.b.command(Command::CreateProducer { producer_id: 160, params: media::video_params(60, Some(70_000)) });
    let mut viewer = Client::connect(&mut pipe.b, 1, 20);
    pipe.b.command(Command::CreateConsumer { consumer_id: 200, params: media::video_consumer(20, 160, 9_000) });
    pipe.a.assert_no_failure();
    pipe.b.assert_no_failure();

    let mut camera = Camera::new(5_000);
    publisher.send_rtp(&mut pipe.a, &camera.frame(true));
    pipe.run_ms(20);
    pipe.lose_every = 7;
    for _ in 0..200 {
        publisher.send_rtp(&mut pipe.a, &camera.frame(false));
        pipe.run_ms(20);
    }
    pipe.lose_every = 0;
    pipe.run_ms(500);
    let mut got: Vec<u16> = viewer
        .received(&mut pipe.b)
        .rtp
        .iter()
        .map(|packet| RtpPacket::parse(packet).unwrap().header.sequence_number)
        .collect();
    let start = got[0];
    got.sort_by_key(|number| number.wrapping_sub(start));
    got.dedup();
    assert_eq!(got.len(), 201, "what was lost in the pipe was repaired in the pipe");
    assert!(pipe.a.engine.counters().retransmissions > 20);

    publisher.received(&mut pipe.a);
    viewer.send_rtcp(&mut pipe.b, |writer: &mut RtcpWriter<'_>| writer.pli(1, 9_000).unwrap());
    pipe.run_ms(100);
    let asked = publisher.received(&mut pipe.a).rtcp;
    let is_pli = |packet: &Packet<'_>| matches!(packet, Packet::Pli(pli) if pli.media_ssrc == 5_000);
    assert!(asked.iter().flat_map(|compound| packets(compound)).any(|packet| is_pli(&packet.unwrap())));
}

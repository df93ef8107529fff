//! The loop on real sockets, its steps taken one by one.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};

use super::IoLoop;
use crate::command::Command;
use crate::engine::ErrorKind;
use crate::packet::framing::{FRAME_HEADER_LEN, frame_header};
use crate::packet::stun::{BindingRequest, Class, IntegrityKey, Role, StunMessage, TransactionId};
use crate::params::WebRtcTransportParams;
use crate::worker::command_queue::CommandQueue;
use crate::worker::config::WorkerConfig;
use crate::worker::event_queue::EventQueue;
use crate::worker::sockets::Listening;
use crate::worker::stats::Snapshot;
use crate::worker::tokens::Token;
use crate::worker::{Shared, offloads};

const PWD: &str = "the-password-of-22-chars-or-more";

/// A loop that runs in the test's own thread, and where it listens.
fn start() -> (IoLoop, SocketAddr) {
    let config = WorkerConfig { gather_us: 0, ..WorkerConfig::new(0, vec![(Ipv4Addr::LOCALHOST, 0).into()]) };
    let offloads = offloads();
    let listening = Listening::bind(&config, offloads.gro).unwrap();
    let address = listening.udp[0].local_address();
    let shared = Arc::new(Shared {
        commands: CommandQueue::new().unwrap(),
        events: EventQueue::new().unwrap(),
        snapshot: Mutex::new(Snapshot::default()),
    });
    (IoLoop::new(config, listening, offloads, shared).unwrap(), address)
}

/// Commands a transport, as the control plane does before it answers a peer.
fn command_transport(io_loop: &IoLoop) {
    let params = WebRtcTransportParams {
        router_id: 1,
        ice_ufrag: "ours".to_owned(),
        ice_pwd: PWD.to_owned(),
        receive_extensions: Vec::new(),
        send_extensions: Vec::new(),
        start_bitrate: None,
        max_bitrate: None,
    };
    io_loop.shared.commands.push(Command::CreateWebRtcTransport { transport_id: 1, params }).unwrap();
}

/// The first check of the peer that was answered.
fn first_check() -> Vec<u8> {
    let request = BindingRequest {
        transaction_id: TransactionId([7; 12]),
        username: "ours:peer",
        priority: 1,
        role: Role::Controlling(1),
        use_candidate: true,
    };
    let mut datagram = vec![0; 256];
    let len = request.write(&mut datagram, &IntegrityKey::new(PWD)).unwrap();
    datagram.truncate(len);
    datagram
}

/// Has the loop work until `packets` have come in.
fn run_until(io_loop: &mut IoLoop, packets: u64) {
    while io_loop.engine.counters().packets_received < packets {
        let ready = io_loop.wait().unwrap();
        io_loop.take_turn(ready);
    }
}

fn assert_it_found_its_transport(io_loop: &IoLoop, answer: &[u8]) {
    assert_eq!(io_loop.engine.counters().errors.of(ErrorKind::StunUnknownUfrag), 0);
    let answer = StunMessage::parse(answer).unwrap();
    assert_eq!((answer.class, answer.transaction_id), (Class::Success, TransactionId([7; 12])));
}

#[test]
fn a_command_is_obeyed_before_a_datagram_that_came_after_it() {
    let (mut io_loop, address) = start();
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // The loop has been woken by another packet. What is commanded now, that waking does not tell of.
    peer.send_to(b"?", address).unwrap();
    let ready = io_loop.wait().unwrap();
    command_transport(&io_loop);
    peer.send_to(&first_check(), address).unwrap();
    io_loop.take_turn(ready);
    run_until(&mut io_loop, 2);
    assert_eq!(io_loop.engine.counters().packets_sent, 1, "the check is answered");
    let mut answer = [0; 256];
    let len = peer.recv(&mut answer).unwrap();
    assert_it_found_its_transport(&io_loop, &answer[..len]);
}

#[test]
fn a_command_is_obeyed_before_a_frame_that_was_read_after_it() {
    let (mut io_loop, address) = start();
    let mut peer = TcpStream::connect(address).unwrap();
    while io_loop.connections.len() == 0 {
        let ready = io_loop.wait().unwrap();
        io_loop.take_turn(ready);
    }
    let check = first_check();
    peer.write_all(&[&frame_header(check.len()).unwrap(), &check[..]].concat()).unwrap();
    let ready = io_loop.wait().unwrap();
    assert_eq!((ready, Token::decode(io_loop.epoll.ready(0).token)), (1, Token::Tcp(0)));
    // Whatever is commanded until the bytes have been read may have come before them.
    let received = io_loop.connections.receive(0).unwrap();
    command_transport(&io_loop);
    io_loop.hand_on_frames(0, received).unwrap();
    io_loop.finish_turn();
    assert_eq!(io_loop.engine.counters().packets_sent, 1, "the check is answered");
    let mut head = [0; FRAME_HEADER_LEN];
    peer.read_exact(&mut head).unwrap();
    let mut answer = vec![0; usize::from(u16::from_be_bytes(head))];
    peer.read_exact(&mut answer).unwrap();
    assert_it_found_its_transport(&io_loop, &answer);
}

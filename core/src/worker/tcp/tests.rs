//! Connections over loopback, with the time given.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::connection::{MAX_FRAME_LEN, MAX_OUTPUT_BYTES, MAX_UNPROVEN_FRAMES};
use super::connections::{Full, MAX_CONNECTIONS, PEER_TIMEOUT, STRANGER_TIMEOUT};
use super::{Closed, Connections, listen};
use crate::engine::Outcome;
use crate::net::{Epoll, Interest};
use crate::path::SocketId;
use crate::time::Time;

const MAX_STRANGERS: usize = 8;
const START: Time = Time::from_millis(1_000);

/// Connections and the listener they come from.
struct Bench {
    listener: TcpListener,
    connections: Connections,
    opened: u32,
}

impl Bench {
    fn new() -> Self {
        let listener = listen("127.0.0.1:0".parse().unwrap(), false).unwrap();
        Bench { listener, connections: Connections::new(MAX_STRANGERS), opened: 0 }
    }

    fn connect(&mut self, now: Time) -> (TcpStream, usize) {
        let client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        wait_readable(&self.listener);
        let (stream, remote) = self.listener.accept().unwrap();
        self.opened += 1;
        (client, self.connections.add(stream, SocketId(self.opened), remote, now).unwrap())
    }

    /// Reads what has arrived; all frames get `outcome`.
    fn read(&mut self, key: usize, now: Time, outcome: Outcome) -> (Vec<Vec<u8>>, Result<(), Closed>) {
        wait_readable(self.connections.fd(key).unwrap());
        let mut frames = Vec::new();
        let result = self.connections.receive(key).and_then(|received| {
            self.connections.hand_on(key, now, received, |_, frame| {
                frames.push(frame.to_vec());
                outcome
            })
        });
        (frames, result)
    }

    /// Has a connection prove itself.
    fn prove(&mut self, client: &mut TcpStream, key: usize, now: Time) {
        client.write_all(&framed(b"proof")).unwrap();
        assert_eq!(self.read(key, now, Outcome::Authenticated).1, Ok(()));
    }
}

fn wait_readable(fd: impl std::os::fd::AsFd) {
    let mut epoll = Epoll::new().unwrap();
    epoll.add(fd, 0, Interest::Read).unwrap();
    assert_eq!(epoll.wait(Some(Duration::from_secs(10))).unwrap(), 1);
}

fn framed(packet: &[u8]) -> Vec<u8> {
    [&(packet.len() as u16).to_be_bytes(), packet].concat()
}

#[test]
fn frames_are_found_wherever_the_stream_is_cut() {
    let mut bench = Bench::new();
    let (mut client, key) = bench.connect(START);
    client.set_nodelay(true).unwrap();
    let stream = [framed(b"one"), framed(b""), framed(&[7; 3_000])].concat();
    for cut in [1, 3, 5, 7, 8, 1_000] {
        let mut frames = Vec::new();
        for part in [&stream[..cut], &stream[cut..]] {
            client.write_all(part).unwrap();
            let (more, result) = bench.read(key, START, Outcome::Accepted);
            assert_eq!(result, Ok(()));
            frames.extend(more);
        }
        assert_eq!(frames, [b"one".to_vec(), Vec::new(), vec![7; 3_000]]);
    }
}

#[test]
fn a_frame_that_is_too_long_is_garbage() {
    let mut bench = Bench::new();
    let (mut client, key) = bench.connect(START);
    client.write_all(&(MAX_FRAME_LEN as u16 + 1).to_be_bytes()).unwrap();
    assert_eq!(bench.read(key, START, Outcome::Accepted).1, Err(Closed::Garbage));
}

#[test]
fn a_stranger_may_try_a_few_times_and_a_peer_is_borne_with() {
    let mut bench = Bench::new();
    let (mut client, key) = bench.connect(START);
    let attempts = framed(b"?").repeat(MAX_UNPROVEN_FRAMES as usize);
    client.write_all(&attempts).unwrap();
    assert_eq!(bench.read(key, START, Outcome::Rejected).1, Ok(()));
    client.write_all(&framed(b"?")).unwrap();
    assert_eq!(bench.read(key, START, Outcome::Rejected).1, Err(Closed::Garbage));

    let (mut client, key) = bench.connect(START);
    bench.prove(&mut client, key, START);
    client.write_all(&attempts.repeat(2)).unwrap();
    assert_eq!(bench.read(key, START, Outcome::Rejected).1, Ok(()));
}

#[test]
fn the_end_of_a_connection_is_noticed() {
    let mut bench = Bench::new();
    let (client, key) = bench.connect(START);
    drop(client);
    assert_eq!(bench.read(key, START, Outcome::Accepted).1, Err(Closed::Gone));
}

#[test]
fn a_peer_that_does_not_read_loses_whole_packets_only() {
    let mut bench = Bench::new();
    let (mut client, key) = bench.connect(START);
    let packet = [9u8; 1_200];
    let (mut sent, mut dropped) = (0, 0);
    while dropped < 100 {
        dropped += bench.connections.send(key, [&packet[..]; 10].into_iter()).unwrap();
        sent += 10;
    }
    assert_eq!(bench.connections.changed_interest(key).map(|(_, interest)| interest), Some(Interest::ReadWrite));
    assert!(bench.connections.changed_interest(key).is_none());

    let mut frame = [0; 1_202];
    for _ in 0..sent - dropped {
        // What the client takes makes room for what waits.
        bench.connections.write(key).unwrap();
        client.read_exact(&mut frame).unwrap();
        assert_eq!(frame[..], framed(&packet));
    }
    bench.connections.write(key).unwrap();
    assert_eq!(bench.connections.changed_interest(key).map(|(_, interest)| interest), Some(Interest::Read));
    assert_eq!(bench.connections.send(key, std::iter::once(&packet[..])), Ok(0));
}

#[test]
fn a_packet_that_no_frame_holds_is_dropped() {
    let mut bench = Bench::new();
    let (_client, key) = bench.connect(START);
    let packet = vec![0; MAX_OUTPUT_BYTES.min(65_536)];
    assert_eq!(bench.connections.send(key, std::iter::once(&packet[..])), Ok(1));
}

#[test]
fn the_oldest_stranger_makes_room_and_peers_are_not_strangers() {
    let mut bench = Bench::new();
    let mut clients = Vec::new();
    for _ in 0..MAX_STRANGERS {
        assert_eq!(bench.connections.make_room(), Ok(None));
        clients.push(bench.connect(START));
    }
    let (client, first) = &mut clients[0];
    assert_eq!(bench.connections.make_room(), Ok(Some(*first)));
    bench.prove(client, *first, START);
    assert_eq!(bench.connections.make_room(), Ok(None));
    clients.push(bench.connect(START));
    assert_eq!(bench.connections.make_room(), Ok(Some(clients[1].1)));
    assert_eq!(bench.connections.remove(clients[1].1), Some(SocketId(2)));
    assert_eq!(bench.connections.make_room(), Ok(None));
    assert_eq!(bench.connections.len(), MAX_STRANGERS);
    const { assert!(MAX_STRANGERS < MAX_CONNECTIONS) };
    assert_ne!(bench.connections.make_room(), Err(Full));
}

#[test]
fn strangers_have_five_seconds_and_silent_peers_a_minute() {
    let mut bench = Bench::new();
    assert_eq!(bench.connections.deadline(), Time::MAX);
    let (mut peer_client, peer) = bench.connect(START);
    let (_stranger_client, stranger) = bench.connect(START + Duration::from_secs(1));
    bench.prove(&mut peer_client, peer, START);
    let due = START + Duration::from_secs(1) + STRANGER_TIMEOUT;
    assert!(bench.connections.deadline() <= due);
    assert!(bench.connections.expired(due - Duration::from_nanos(1)).is_empty());
    assert_eq!(bench.connections.expired(due), [stranger]);
    bench.connections.remove(stranger);

    let silent = START + PEER_TIMEOUT;
    let mut now = due;
    while bench.connections.deadline() < silent {
        now = bench.connections.deadline();
        assert!(bench.connections.expired(now).is_empty());
    }
    assert!(now < silent);
    assert_eq!(bench.connections.expired(bench.connections.deadline()), [peer]);
}

//! The state of one worker: transports, producers, consumers and what connects them, without any I/O.
//!
//! The I/O loop hands in datagrams, commands and the time; it takes out packets to send, events, and sockets that are
//! not needed any more.

mod config;
mod counters;

use std::collections::VecDeque;
use std::net::SocketAddr;

pub use self::config::EngineConfig;
pub use self::counters::{Counters, ErrorKind, Errors};
use crate::command::Command;
use crate::event::Event;
use crate::params::PlainTransportParams;
use crate::path::{Path, SocketId};
use crate::time::Time;
use crate::transmit::TransmitQueue;

/// What a datagram turned out to be. A TCP connection that brings nothing [`Authenticated`](Outcome::Authenticated)
/// within a while is closed by the I/O loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its sender proved to be the peer of a transport (STUN integrity or SRTP tag).
    Authenticated,
    /// It came from a path that was authenticated before, and carries no proof of its own (DTLS, plain RTP).
    Accepted,
    /// It was counted and dropped.
    Rejected,
}

/// The sans-IO state of one worker.
pub struct Engine {
    counters: Counters,
    transmits: TransmitQueue,
    events: VecDeque<Event>,
    released: Vec<SocketId>,
}

impl Engine {
    /// An engine without transports.
    pub fn new(_config: EngineConfig) -> Self {
        Engine {
            counters: Counters::default(),
            transmits: TransmitQueue::new(),
            events: VecDeque::new(),
            released: Vec::new(),
        }
    }

    /// Carries out one command. What fails is answered by [`Event::CommandFailed`].
    ///
    /// `CreatePlainTransport` is for the I/O loop: it binds the socket, then calls
    /// [`create_plain_transport`](Self::create_plain_transport) or [`fail_command`](Self::fail_command).
    pub fn handle_command(&mut self, _now: Time, _command: Command) {}

    /// Makes a `PlainTransport` on `socket`, which is bound to `local`.
    pub fn create_plain_transport(
        &mut self,
        _now: Time,
        _transport_id: u64,
        _params: PlainTransportParams,
        _socket: SocketId,
        _local: SocketAddr,
    ) {
    }

    /// Answers a command that the I/O loop could not carry out.
    pub fn fail_command(&mut self, command: &'static str, id: u64, message: String) {
        self.events.push_back(Event::CommandFailed { command, id, message });
    }

    /// Takes one datagram (or one frame of a TCP connection). It is decrypted in place.
    pub fn handle_packet(&mut self, _now: Time, _path: &Path, datagram: &mut [u8]) -> Outcome {
        self.counters.packets_received += 1;
        self.counters.bytes_received += datagram.len() as u64;
        Outcome::Rejected
    }

    /// A TCP connection ended, or the socket of a `PlainTransport` failed for good.
    pub fn handle_path_closed(&mut self, _now: Time, _socket: SocketId) {}

    /// Does what is due at `now`. To be called when [`poll_timeout`](Self::poll_timeout) has passed.
    pub fn handle_timeout(&mut self, _now: Time) {}

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next; [`Time::MAX`] for never. Cheap.
    pub fn poll_timeout(&self) -> Time {
        Time::MAX
    }

    /// Packets to send. The I/O loop sends and clears them after each batch.
    pub fn transmits(&mut self) -> &mut TransmitQueue {
        &mut self.transmits
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// A TCP connection or a socket of a `PlainTransport` that no transport uses any more: to be closed by the I/O
    /// loop once what waits in [`transmits`](Self::transmits) was sent.
    pub fn poll_released_socket(&mut self) -> Option<SocketId> {
        self.released.pop()
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

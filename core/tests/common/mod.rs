//! A worker's engine in virtual time, and clients around it that speak STUN, SRTP and RTCP.

// Each test file uses its part of this.
#![allow(dead_code)]

pub mod call;
pub mod client;
pub mod media;
pub mod scalable;
pub mod viewer;

use std::collections::HashMap;
use std::time::Duration;

use _core::command::Command;
use _core::engine::{Engine, EngineConfig, Outcome};
use _core::event::Event;
use _core::path::{Path, Protocol, SocketId};
use _core::time::{Time, WallClock};

pub use self::client::Client;

/// The UDP socket that all clients send to.
pub const UDP: SocketId = SocketId(1);

/// A UDP path from a client's port.
pub fn udp(port: u16) -> Path {
    Path { protocol: Protocol::Udp, socket: UDP, remote: ([192, 0, 2, 1], port).into() }
}

/// A TCP connection from a client's port.
pub fn tcp(port: u16) -> Path {
    Path { protocol: Protocol::Tcp, socket: SocketId(1_000 + u32::from(port)), remote: ([192, 0, 2, 1], port).into() }
}

/// An engine, what time it is, and what came out of it.
pub struct Sim {
    pub engine: Engine,
    pub now: Time,
    /// How long datagrams have waited when they are handed in.
    pub waited: Duration,
    pub events: Vec<Event>,
    pub released: Vec<SocketId>,
    inboxes: HashMap<Path, Vec<Vec<u8>>>,
}

impl Sim {
    pub fn new() -> Self {
        Sim::with(EngineConfig::default())
    }

    pub fn with(config: EngineConfig) -> Self {
        let wall_clock = WallClock::new(1_700_000_000_000_000_000);
        Sim {
            engine: Engine::new(EngineConfig { wall_clock, ..config }),
            now: Time::from_millis(1_000),
            waited: Duration::ZERO,
            events: Vec::new(),
            released: Vec::new(),
            inboxes: HashMap::new(),
        }
    }

    pub fn command(&mut self, command: Command) {
        self.engine.handle_command(self.now, command);
        self.drain();
    }

    pub fn deliver(&mut self, path: Path, mut datagram: Vec<u8>) -> Outcome {
        let outcome = self.engine.handle_packet(self.now, self.now - self.waited, &path, &mut datagram);
        self.drain();
        outcome
    }

    /// Lets time pass, timer by timer.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        let mut calls = 0;
        while self.engine.poll_timeout() <= until {
            self.now = self.now.max(self.engine.poll_timeout());
            self.engine.handle_timeout(self.now);
            self.drain();
            calls += 1;
            assert!(calls < 1_000_000, "the engine wants to be called again and again");
        }
        self.now = until;
    }

    pub fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    /// Collects what the engine has to say.
    pub fn drain(&mut self) {
        for (path, packets) in self.engine.transmits().flows() {
            self.inboxes.entry(path).or_default().extend(packets.map(<[u8]>::to_vec));
        }
        self.engine.transmits().clear();
        while let Some(event) = self.engine.poll_event() {
            self.events.push(event);
        }
        while let Some(socket) = self.engine.poll_released_socket() {
            self.released.push(socket);
        }
    }

    /// What was sent on `path` since the last call.
    pub fn take_sent(&mut self, path: Path) -> Vec<Vec<u8>> {
        self.inboxes.remove(&path).unwrap_or_default()
    }

    /// The events since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Asserts that no command failed.
    pub fn assert_no_failure(&self) {
        for event in &self.events {
            assert!(!matches!(event, Event::CommandFailed { .. }), "{event:?}");
        }
    }

    /// How often an error was counted.
    pub fn errors(&self, kind: _core::engine::ErrorKind) -> u64 {
        self.engine.counters().errors.of(kind)
    }
}

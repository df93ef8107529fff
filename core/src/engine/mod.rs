//! The state of one worker: transports, producers, consumers and what connects them, without any I/O.
//!
//! The I/O loop hands in datagrams, commands and the time; it takes out packets to send, events, and sockets that are
//! not needed any more. A panic while the engine works for one transport ends that transport only.

mod address_table;
mod bandwidth;
mod close;
mod commands;
mod compound;
mod config;
mod consumers;
mod counters;
mod departures;
mod dtls;
mod forward;
mod handover;
mod levels;
mod moved_peer;
mod outbox;
mod path_mtu;
mod producers;
mod random;
mod receive;
mod router;
mod rtcp_in;
mod rtcp_out;
mod speakers;
mod stats;
mod stun;
mod timeout;
mod timers;

#[cfg(test)]
#[path = "../../tests/common/mod.rs"]
mod common;
#[cfg(test)]
mod isolation_tests;
#[cfg(test)]
mod starvation_tests;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustc_hash::FxHashMap;
use slab::Slab;

use self::address_table::AddressTable;
pub use self::bandwidth::ToldEstimate;
pub use self::config::EngineConfig;
use self::consumers::ConsumerEntry;
pub use self::counters::{Counters, ErrorKind, Errors};
use self::outbox::Outbox;
use self::producers::ProducerEntry;
use self::random::Random;
use self::router::Router;
use self::timers::Timers;
use crate::command::Command;
use crate::event::{CloseReason, Event};
use crate::flight::FlightBudget;
use crate::params::PlainTransportParams;
use crate::path::{Path, SocketId};
use crate::repair::{BLOCK_LEN, BlockPool};
use crate::time::Time;
use crate::transmit::TransmitQueue;
use crate::transport::{TokenBucket, Transport};

/// Blocks for packets that receivers may ask for again, per worker at most: 256 MiB. When they are used up, packets are
/// forwarded and not kept.
const MAX_HISTORY_BLOCKS: usize = 256 * 1024 * 1024 / BLOCK_LEN;

/// Memory for what transports did lately, packet by packet, per worker at most: the last five minutes of a thousand thin
/// lines. When it is used up, new transports have their seconds recorded only.
const MAX_FLIGHT_BYTES: usize = 256 * 1024 * 1024;

/// Transports looked after before packets that arrived meanwhile have their turn: some tenths of a millisecond.
const DUE_AT_ONCE: usize = 16;

/// What a datagram turned out to be. A TCP connection that brings nothing [`Authenticated`](Outcome::Authenticated)
/// within a while is closed by the I/O loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its sender proved to be the peer of a transport (STUN integrity or SRTP tag).
    Authenticated,
    /// It came from a path that was authenticated before, and carries no proof of its own (DTLS, plain RTP); or it is a
    /// check that was refused with an answer, and made no path for a connection to live on.
    Accepted,
    /// It was counted and dropped.
    Rejected,
}

/// The sans-IO state of one worker.
pub struct Engine {
    config: EngineConfig,
    transports: Slab<Transport>,
    /// Keys of transports by the control plane's ids.
    transport_ids: FxHashMap<u64, usize>,
    /// Keys of transports by our user name fragments.
    ufrags: FxHashMap<Box<str>, usize>,
    addresses: AddressTable,
    producers: Slab<ProducerEntry>,
    producer_ids: FxHashMap<u64, usize>,
    consumers: Slab<ConsumerEntry>,
    consumer_ids: FxHashMap<u64, usize>,
    routers: Slab<Router>,
    router_ids: FxHashMap<u64, usize>,
    /// Memory of packets that receivers may ask for again.
    pool: BlockPool,
    /// Memory of what transports did lately.
    flight_budget: FlightBudget,
    /// Keys of transports by the sockets that are theirs alone: of `PlainTransport`s, and TCP connections.
    sockets: FxHashMap<SocketId, usize>,
    timers: Timers,
    router_timers: Timers,
    /// When each transport has something to send by itself: what its pacer held back, probes.
    send_timers: Timers,
    dtls_total: TokenBucket,
    /// Limits what is looked at from addresses that belong to nobody.
    strangers_bucket: TokenBucket,
    random: Random,
    out: Outbox,
    /// The transport that is being worked for: it is to blame for a panic and for an error.
    working_for: Option<usize>,
    /// Kept for its memory: keys of transports, then routers, whose time has come.
    due: Vec<usize>,
    /// Kept for its memory: sequence numbers to ask for.
    nack_requests: Vec<u16>,
    /// Kept for its memory: keys of producers.
    scratch_keys: Vec<usize>,
    /// Work for this transport fails: how tests find out what that does to others.
    #[cfg(test)]
    failing: Option<u64>,
}

impl Engine {
    /// An engine without transports.
    pub fn new(config: EngineConfig) -> Self {
        Engine {
            random: Random::new(config.seed),
            config,
            transports: Slab::new(),
            transport_ids: FxHashMap::default(),
            ufrags: FxHashMap::default(),
            addresses: AddressTable::default(),
            producers: Slab::new(),
            producer_ids: FxHashMap::default(),
            consumers: Slab::new(),
            consumer_ids: FxHashMap::default(),
            routers: Slab::new(),
            router_ids: FxHashMap::default(),
            pool: BlockPool::new(MAX_HISTORY_BLOCKS),
            flight_budget: FlightBudget::new(MAX_FLIGHT_BYTES),
            sockets: FxHashMap::default(),
            timers: Timers::new(),
            router_timers: Timers::new(),
            send_timers: Timers::new(),
            dtls_total: dtls::total_limit(),
            strangers_bucket: moved_peer::limit(),
            out: Outbox::default(),
            working_for: None,
            due: Vec::new(),
            nack_requests: Vec::new(),
            scratch_keys: Vec::new(),
            #[cfg(test)]
            failing: None,
        }
    }

    /// Carries out one command. What fails is answered by [`Event::CommandFailed`].
    ///
    /// `CreatePlainTransport` is for the I/O loop: it binds the socket, then calls
    /// [`create_plain_transport`](Self::create_plain_transport) or [`fail_command`](Self::fail_command).
    pub fn handle_command(&mut self, now: Time, command: Command) {
        self.guarded(None, |engine| engine.carry_out(now, command));
    }

    /// Ends every transport as `CloseTransport` does. The I/O loop sends what that leaves to be sent, and stops.
    pub fn close(&mut self) {
        let keys: Vec<usize> = self.transports.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.guarded(Some(key), |engine| engine.close_transport(key));
        }
    }

    /// Makes a `PlainTransport` on `socket`, which is bound to `local`. If it fails, the socket is released.
    pub fn create_plain_transport(
        &mut self,
        transport_id: u64,
        params: PlainTransportParams,
        socket: SocketId,
        local: SocketAddr,
    ) {
        self.guarded(None, |engine| match engine.add_plain_transport(transport_id, &params, socket) {
            Ok(()) => engine.out.event(Event::PlainTransportReady { transport_id, local: local.to_string() }),
            Err(message) => {
                engine.out.released.push(socket);
                engine.fail_command("create_plain_transport", transport_id, message);
            }
        });
    }

    /// Answers a command that could not be carried out.
    pub fn fail_command(&mut self, command: &'static str, id: u64, message: String) {
        self.out.event(Event::CommandFailed { command, id, message });
    }

    /// Takes one datagram (or one frame of a TCP connection) that came at `arrived`, which is not after `now`: what peers
    /// are told of arrivals and what is measured by them does not depend on when the thread looked. It is decrypted in
    /// place.
    pub fn handle_packet(&mut self, now: Time, arrived: Time, path: &Path, datagram: &mut [u8]) -> Outcome {
        self.out.counters.packets_received += 1;
        self.out.counters.bytes_received += datagram.len() as u64;
        self.guarded(None, |engine| {
            let result = engine.receive(now, arrived, path, datagram);
            result.unwrap_or_else(|kind| {
                engine.count_error(kind);
                Outcome::Rejected
            })
        })
        .unwrap_or(Outcome::Rejected)
    }

    /// A TCP connection ended, or the socket of a `PlainTransport` failed for good.
    pub fn handle_path_closed(&mut self, now: Time, socket: SocketId) {
        let key = self.sockets.get(&socket).copied();
        self.guarded(key, |engine| engine.socket_closed(now, socket));
    }

    /// Does what is due at `now`, or a part of it: packets that arrive meanwhile are not to wait for all of many
    /// transports. To be called when [`poll_timeout`](Self::poll_timeout) has passed, and has still after it where
    /// something is left.
    pub fn handle_timeout(&mut self, now: Time) {
        let mut due = std::mem::take(&mut self.due);
        self.timers.take_due(now, DUE_AT_ONCE, &mut due);
        for key in due.drain(..) {
            self.guarded(Some(key), |engine| engine.look_after(now, key));
        }
        self.router_timers.take_due(now, DUE_AT_ONCE, &mut due);
        for key in due.drain(..) {
            self.guarded(None, |engine| engine.tell_levels(now, key));
        }
        self.send_timers.take_due(now, DUE_AT_ONCE, &mut due);
        for key in due.drain(..) {
            self.guarded(Some(key), |engine| engine.depart(now, key));
        }
        self.due = due;
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next; [`Time::MAX`] for never. Cheap.
    pub fn poll_timeout(&self) -> Time {
        self.timers.next().min(self.router_timers.next()).min(self.send_timers.next())
    }

    /// Packets to send. The I/O loop sends and clears them after each batch.
    pub fn transmits(&mut self) -> &mut TransmitQueue {
        &mut self.out.transmits
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.out.events.pop_front()
    }

    /// A TCP connection or a socket of a `PlainTransport` that no transport uses any more: to be closed by the I/O
    /// loop once what waits in [`transmits`](Self::transmits) was sent.
    pub fn poll_released_socket(&mut self) -> Option<SocketId> {
        self.out.released.pop()
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.out.counters
    }

    /// Runs `work`. Should it panic, the transport it was working for is closed; the others live.
    fn guarded<R>(&mut self, key: Option<usize>, work: impl FnOnce(&mut Self) -> R) -> Option<R> {
        self.working_for = key;
        // What a panic leaves half done belongs to the transport that is given up next; what is shared (maps, queue)
        // is changed only by code that does not panic.
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(result) => Some(result),
            Err(_) => {
                if let Some(key) = self.working_for.take() {
                    // What is left of it may be in such a state that this panics too. Then it stays where it is.
                    let _ = catch_unwind(AssertUnwindSafe(|| self.give_up(key, CloseReason::Panic)));
                }
                None
            }
        }
    }

    /// Notes for whom the engine works from here on.
    #[inline]
    fn work_for(&mut self, key: usize) {
        self.working_for = Some(key);
        #[cfg(test)]
        assert_ne!(self.failing, Some(self.transports[key].id), "injected failure");
    }

    fn count_error(&mut self, kind: ErrorKind) {
        self.out.counters.errors.count(kind);
        if let Some(transport) = self.working_for.and_then(|key| self.transports.get_mut(key)) {
            transport.errors.count(kind);
        }
    }
}

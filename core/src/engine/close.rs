//! Ending transports.

use super::Engine;
use crate::event::{CloseReason, Event};
use crate::path::{Path, SocketId};
use crate::time::Time;
use crate::transport::Endpoint;

impl Engine {
    /// Ends a transport by command: says goodbye, then forgets it.
    pub(super) fn close_transport(&mut self, key: usize) {
        let consumers: Vec<usize> = self.transports[key].consumers.iter().map(|(_, consumer)| *consumer).collect();
        self.say_goodbye(key, &consumers);
        self.forget_transport(key);
    }

    /// Ends a transport that cannot go on, and says so.
    pub(super) fn give_up(&mut self, key: usize, reason: CloseReason) {
        let Some(transport_id) = self.transports.get(key).map(|transport| transport.id) else { return };
        self.forget_transport(key);
        self.out.event(Event::TransportClosed { transport_id, reason });
    }

    /// A TCP connection ended, or the socket of a `PlainTransport` failed.
    pub(super) fn socket_closed(&mut self, now: Time, socket: SocketId) {
        let Some(key) = self.sockets.get(&socket).copied() else { return };
        let Endpoint::Ice(agent) = &mut self.transports[key].endpoint else {
            self.give_up(key, CloseReason::SocketFailed);
            return;
        };
        let lost: Vec<Path> = agent.paths().filter(|path| path.socket == socket).copied().collect();
        let change = agent.on_socket_closed(now, socket);
        self.sockets.remove(&socket);
        let deadline = self.transports[key].endpoint.deadline();
        for path in &lost {
            self.addresses.remove(path, key);
        }
        self.transports[key].update_path();
        if !self.transports[key].can_send() {
            self.media_stops(key);
        }
        self.timers.no_later_than(key, deadline);
        self.path_changed(now, key, change);
    }

    fn forget_transport(&mut self, key: usize) {
        while let Some(&(_, consumer)) = self.transports[key].consumers.last() {
            self.remove_consumer(consumer);
        }
        while let Some(&producer) = self.transports[key].producers.last() {
            self.remove_producer(producer);
        }
        let mut transport = self.transports.remove(key);
        self.leave_router(transport.router, key);
        self.transport_ids.remove(&transport.id);
        self.timers.clear(key);
        self.send_timers.clear(key);
        match &mut transport.endpoint {
            Endpoint::Ice(agent) => {
                for ufrag in agent.ufrags() {
                    self.ufrags.remove(ufrag);
                }
                for path in agent.paths() {
                    self.forget_address(key, path);
                }
            }
            Endpoint::Plain(plain) => {
                if let Some(path) = plain.path() {
                    self.addresses.remove(&path, key);
                }
                self.sockets.remove(&plain.socket());
                self.out.released.push(plain.socket());
            }
        }
        self.out.counters.transports = self.transports.len() as u64;
    }
}

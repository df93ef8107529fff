//! All TCP connections of a worker, and how many of whom there may be.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use slab::Slab;

use super::connection::{Closed, Connection};
use crate::engine::Outcome;
use crate::net::Interest;
use crate::path::{Path, SocketId};
use crate::time::Time;

/// Connections at most, of peers and strangers.
pub(super) const MAX_CONNECTIONS: usize = 8_192;
/// How long a stranger may take to prove itself.
pub(super) const STRANGER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a peer may go without proof. Browsers send consent checks every five seconds (RFC 7675), and the engine
/// stops sending after thirty of silence.
pub(super) const PEER_TIMEOUT: Duration = Duration::from_secs(60);
/// How often peers are looked through for silent ones.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Bytes read from one connection before the others have their turn.
const SCRATCH_LEN: usize = 65_536;

/// Connections by key.
pub(in crate::worker) struct Connections {
    slab: Slab<Connection>,
    /// Those that have not proven to be a peer's, oldest first.
    strangers: VecDeque<usize>,
    /// How many of those there may be.
    max_strangers: usize,
    next_sweep: Time,
    scratch: Box<[u8]>,
}

impl Connections {
    /// With `max_strangers` connections that have not proven to be a peer's at most: the oldest makes room for a new one.
    pub fn new(max_strangers: usize) -> Self {
        Connections {
            slab: Slab::new(),
            strangers: VecDeque::new(),
            max_strangers,
            next_sweep: Time::ZERO,
            scratch: vec![0; SCRATCH_LEN].into(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// The key that the next connection gets.
    pub fn next_key(&self) -> usize {
        self.slab.vacant_key()
    }

    /// Whether one more may be accepted once the connection that is returned has been closed; `Err` where all are
    /// peers' and their number is reached.
    pub fn make_room(&self) -> Result<Option<usize>, Full> {
        if self.strangers.len() < self.max_strangers && self.slab.len() < MAX_CONNECTIONS {
            return Ok(None);
        }
        self.oldest_stranger().map(Some).ok_or(Full)
    }

    /// The first to go where there is no place for another.
    pub fn oldest_stranger(&self) -> Option<usize> {
        self.strangers.front().copied()
    }

    /// Adds an accepted connection under [`next_key`](Self::next_key).
    pub fn add(&mut self, stream: TcpStream, id: SocketId, remote: SocketAddr, now: Time) -> std::io::Result<usize> {
        let key = self.slab.insert(Connection::new(stream, id, remote, now)?);
        self.strangers.push_back(key);
        Ok(key)
    }

    /// Closes one; returns its id.
    pub fn remove(&mut self, key: usize) -> Option<SocketId> {
        let connection = self.slab.try_remove(key)?;
        if connection.proven.is_none() {
            self.strangers.retain(|stranger| *stranger != key);
        }
        Some(connection.id())
    }

    /// Reads from one. How many bytes are there, to be handed on before any other is read.
    pub fn receive(&mut self, key: usize) -> Result<usize, Closed> {
        self.slab.get_mut(key).map_or(Ok(0), |connection| connection.receive(&mut self.scratch))
    }

    /// Hands on the whole frames of the `received` bytes.
    pub fn hand_on(
        &mut self,
        key: usize,
        now: Time,
        received: usize,
        handle: impl FnMut(&Path, &mut [u8]) -> Outcome,
    ) -> Result<(), Closed> {
        let Some(connection) = self.slab.get_mut(key) else {
            return Ok(());
        };
        let was_stranger = connection.proven.is_none();
        let result = connection.hand_on(now, &mut self.scratch[..received], handle);
        if was_stranger && connection.proven.is_some() {
            self.strangers.retain(|stranger| *stranger != key);
        }
        result
    }

    /// Sends packets over one; returns how many were dropped.
    pub fn send<'a>(&mut self, key: usize, packets: impl Iterator<Item = &'a [u8]>) -> Result<u64, Closed> {
        match self.slab.get_mut(key) {
            Some(connection) => connection.send(packets),
            None => Ok(packets.count() as u64),
        }
    }

    /// Writes what waits on one.
    pub fn write(&mut self, key: usize) -> Result<(), Closed> {
        self.slab.get_mut(key).map_or(Ok(()), Connection::write)
    }

    /// What one is to be watched for, where that differs from what was answered last.
    pub fn changed_interest(&mut self, key: usize) -> Option<(BorrowedFd<'_>, Interest)> {
        let connection = self.slab.get_mut(key)?;
        let wants_room = connection.has_output();
        if std::mem::replace(&mut connection.watched_for_room, wants_room) == wants_room {
            return None;
        }
        Some((connection.stream().as_fd(), if wants_room { Interest::ReadWrite } else { Interest::Read }))
    }

    /// Its descriptor.
    pub fn fd(&self, key: usize) -> Option<BorrowedFd<'_>> {
        self.slab.get(key).map(|connection| connection.stream().as_fd())
    }

    /// When [`expired`](Self::expired) is to be asked next; [`Time::MAX`] while there is no connection.
    pub fn deadline(&self) -> Time {
        let sweep = if self.slab.is_empty() { Time::MAX } else { self.next_sweep };
        let first = self.strangers.front().and_then(|key| self.slab.get(*key));
        first.map_or(sweep, |stranger| sweep.min(stranger.opened + STRANGER_TIMEOUT))
    }

    /// The connections whose time is up.
    pub fn expired(&mut self, now: Time) -> Vec<usize> {
        let overdue = |key: &&usize| self.slab[**key].opened + STRANGER_TIMEOUT <= now;
        let mut expired: Vec<usize> = self.strangers.iter().take_while(overdue).copied().collect();
        if self.next_sweep <= now {
            self.next_sweep = now + SWEEP_INTERVAL;
            let silent = |connection: &Connection| connection.proven.is_some_and(|at| at + PEER_TIMEOUT <= now);
            expired.extend(self.slab.iter().filter(|(_, connection)| silent(connection)).map(|(key, _)| key));
        }
        expired
    }
}

/// Every connection is a peer's, and there are as many as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) struct Full;

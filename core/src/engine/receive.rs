//! From a datagram to whom it concerns. Ordered so that garbage costs least: first bytes and length, then the table of
//! addresses, and only then anything cryptographic.

use super::address_table::Owner;
use super::{Engine, ErrorKind, Outcome};
use crate::packet::demux::{Kind, classify};
use crate::path::Path;
use crate::time::Time;
use crate::transport::Endpoint;

/// Whose path a packet came by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// A path of an ICE agent, in this place.
    Checked(u8),
    /// The remote address of a `PlainTransport`.
    Fixed,
    /// An address that becomes the remote of a `PlainTransport` if the packet is valid.
    Candidate,
}

impl Engine {
    pub(super) fn receive(
        &mut self,
        now: Time,
        arrived: Time,
        path: &Path,
        datagram: &mut [u8],
    ) -> Result<Outcome, ErrorKind> {
        let kind = classify(datagram);
        if kind == Kind::Unknown {
            return Err(ErrorKind::UnknownProtocol);
        }
        if kind == Kind::Stun {
            return self.receive_stun(now, path, datagram);
        }
        let (key, source) = match self.addresses.get(path) {
            Some(owner) => match self.transports[owner.transport].endpoint {
                Endpoint::Ice(_) => (owner.transport, Source::Checked(owner.slot)),
                Endpoint::Plain(_) => (owner.transport, Source::Fixed),
            },
            None => match self.candidate_for(path) {
                Ok(key) => (key, Source::Candidate),
                Err(refusal) => return self.receive_from_stranger(now, path, kind, datagram).ok_or(refusal),
            },
        };
        self.work_for(key);
        self.transports[key].traffic.received(datagram.len());
        match kind {
            Kind::Rtp => self.receive_rtp(now, arrived, key, source, path, datagram),
            Kind::Rtcp => self.receive_rtcp(now, arrived, key, source, path, datagram),
            _ => self.receive_dtls(now, key, datagram),
        }
    }

    /// The `PlainTransport` that waits for its first packet on the path's socket.
    fn candidate_for(&self, path: &Path) -> Result<usize, ErrorKind> {
        let key = *self.sockets.get(&path.socket).ok_or(ErrorKind::UnknownAddress)?;
        match &self.transports[key].endpoint {
            Endpoint::Plain(plain) if plain.would_take(&path.remote) => Ok(key),
            Endpoint::Plain(_) => Err(ErrorKind::PlainWrongRemote),
            Endpoint::Ice(_) => Err(ErrorKind::UnknownAddress),
        }
    }

    /// Takes the news that a valid packet of media came by `path`.
    #[inline]
    pub(super) fn heard(&mut self, now: Time, key: usize, source: Source, path: &Path) -> Outcome {
        let transport = &mut self.transports[key];
        match source {
            Source::Checked(slot) => {
                let change = transport.endpoint.ice().and_then(|agent| agent.on_media(now, slot));
                if change.is_some() {
                    self.timers.no_later_than(key, transport.endpoint.deadline());
                    self.path_changed(now, key, change);
                }
            }
            Source::Fixed => {}
            Source::Candidate => self.take_remote(now, key, path),
        }
        if self.transports[key].keys.authenticate() { Outcome::Authenticated } else { Outcome::Accepted }
    }
}

impl Engine {
    /// The first valid packet came in on a `PlainTransport` that had no remote address yet.
    fn take_remote(&mut self, now: Time, key: usize, path: &Path) {
        let transport = &mut self.transports[key];
        if let Endpoint::Plain(plain) = &mut transport.endpoint {
            plain.take(path.remote);
            transport.update_path();
            self.addresses.insert(path, Owner { transport: key, slot: 0 });
            self.media_can_flow(now, key);
        }
    }
}

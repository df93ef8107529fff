//! Connectivity checks: verified first, then heeded (RFC 8445, section 7.3).

use std::time::Duration;

use super::address_table::Owner;
use super::{Engine, ErrorKind, Outcome};
use crate::event::{Event, IceState};
use crate::ice::{Change, Check, Checked};
use crate::packet::stun::{
    Class, ErrorCode, IntegrityKey, MAX_RESPONSE_LEN, StunMessage, write_binding_error, write_binding_success,
};
use crate::path::{Path, Protocol};
use crate::time::Time;
use crate::transport::Endpoint;

/// An address that belongs to a transport is given to another one only after it was silent for this long, so that a
/// participant who forges another's address cannot take it over. Longer than who only receives may be silent: consent
/// checks come every five seconds (RFC 7675, section 5.1).
const TAKEOVER_SILENCE: Duration = Duration::from_secs(8);

impl Engine {
    pub(super) fn receive_stun(&mut self, now: Time, path: &Path, datagram: &[u8]) -> Result<Outcome, ErrorKind> {
        let message = StunMessage::parse(datagram).map_err(|_| ErrorKind::StunMalformed)?;
        match message.class {
            Class::Request => {}
            Class::Success | Class::Error => return self.receive_stun_response(now, path, &message, datagram.len()),
            Class::Indication => return Err(ErrorKind::StunMalformed),
        }
        let (ufrag, peer_ufrag) = message.ufrags().ok_or(ErrorKind::StunMalformed)?;
        let key = *self.ufrags.get(ufrag).ok_or(ErrorKind::StunUnknownUfrag)?;
        if !message.verify_fingerprint() {
            return Err(ErrorKind::StunFingerprint);
        }
        // The socket of a `PlainTransport` is that transport's alone.
        let is_own = |owner: &usize| matches!(self.transports[*owner].endpoint, Endpoint::Plain(_));
        if self.sockets.get(&path.socket).is_some_and(is_own) {
            return Err(ErrorKind::PlainWrongRemote);
        }
        let transport = &mut self.transports[key];
        let agent = transport.endpoint.ice().ok_or(ErrorKind::StunUnknownUfrag)?;
        let (generation, credentials) = agent.credentials(ufrag).ok_or(ErrorKind::StunUnknownUfrag)?;
        let integrity = credentials.key.clone();
        if !message.verify_integrity(&integrity) {
            return Err(ErrorKind::StunIntegrity);
        }
        // From here on the sender is known.
        self.work_for(key);
        self.transports[key].traffic.received(datagram.len());
        if message.ice_controlled.is_some() {
            // A lite agent never takes the controlling role (RFC 8445, section 6.1.1): the peer has to.
            self.refuse(key, path, &message, ErrorCode::RoleConflict, &integrity);
            self.count_error(ErrorKind::StunRoleConflict);
            return Ok(Outcome::Accepted);
        }
        if let Some(attribute) = message.unknown_required {
            self.refuse(key, path, &message, ErrorCode::UnknownAttribute(attribute), &integrity);
            return Ok(Outcome::Accepted);
        }
        let transport = &mut self.transports[key];
        let restarts = transport.mtu_probe.as_ref().is_some_and(|probe| *probe.peer().ufrag != *peer_ufrag);
        let agent = transport.endpoint.ice().ok_or(ErrorKind::StunUnknownUfrag)?;
        if restarts && !agent.takes_restart(path) {
            // Once one of its new candidates over UDP is answered, Chromium gathers none over TCP any more.
            self.refuse(key, path, &message, ErrorCode::Forbidden, &integrity);
            return Ok(Outcome::Accepted);
        }
        if !agent.takes(path) {
            // Left without an answer, Chromium would hold on to the path for five seconds, and never try another one. So
            // it gives the path up, and restarts ICE.
            let first = agent.on_refusal(path);
            let transport_id = self.transports[key].id;
            if first {
                self.out.event(Event::UdpRefused { transport_id });
            }
            self.refuse(key, path, &message, ErrorCode::Forbidden, &integrity);
            return Ok(Outcome::Accepted);
        }
        if !agent.admit(path, &message.transaction_id.0) {
            return Err(ErrorKind::StunReplayed);
        }
        if !self.take_over(now, key, path) {
            return Err(ErrorKind::StunAddressTaken);
        }
        let check = Check { path: *path, generation, nominates: message.use_candidate };
        self.check_succeeded(now, key, &check);
        let mut response = [0; MAX_RESPONSE_LEN];
        if let Some(len) = write_binding_success(&mut response, message.transaction_id, path.remote, &integrity) {
            self.answer(key, path, &response[..len]);
        }
        Ok(Outcome::Authenticated)
    }

    pub(super) fn check_succeeded(&mut self, now: Time, key: usize, check: &Check) {
        let Some(agent) = self.transports[key].endpoint.ice() else { return };
        let path = &check.path;
        let Checked { slot, added, evicted, retired, change } = agent.on_check(now, *check);
        let deadline = agent.deadline();
        if let Some(evicted) = evicted {
            self.forget_address(key, &evicted);
        }
        if let Some(ufrag) = retired {
            self.ufrags.remove(&ufrag);
        }
        if added {
            self.addresses.insert(path, Owner { transport: key, slot });
            if path.protocol == Protocol::Tcp {
                self.sockets.insert(path.socket, key);
            }
        }
        self.timers.no_later_than(key, deadline);
        self.path_changed(now, key, change);
    }

    /// Makes sure that no other transport has the path's address. False where one does and is alive.
    fn take_over(&mut self, now: Time, key: usize, path: &Path) -> bool {
        let Some(owner) = self.addresses.get(path).filter(|owner| owner.transport != key) else {
            return true;
        };
        let Some(agent) = self.transports[owner.transport].endpoint.ice() else {
            return false;
        };
        if agent.heard_on(owner.slot).is_some_and(|heard| now.since(heard) < TAKEOVER_SILENCE) {
            return false;
        }
        agent.forget(owner.slot);
        self.transports[owner.transport].update_path();
        self.addresses.remove(path, owner.transport);
        true
    }

    /// Tells everybody that the selected path changed, if it did.
    pub(super) fn path_changed(&mut self, now: Time, key: usize, change: Option<Change>) {
        let Some(Change { protocol, moved, regained }) = change else { return };
        let transport = &mut self.transports[key];
        transport.update_path();
        let transport_id = transport.id;
        if regained || transport.moves_bucket.take(now) {
            self.out.event(Event::Ice { transport_id, state: IceState::Connected, protocol, moved });
        }
        self.restart_mtu_probe(now, key);
        self.media_can_flow(now, key);
        if moved || regained {
            self.refresh_pictures(now, key);
        }
    }

    /// A publisher is back, from wherever: what it sent meanwhile is lost, and nothing decodes before a keyframe.
    fn refresh_pictures(&mut self, now: Time, key: usize) {
        for index in 0..self.transports[key].producers.len() {
            let producer = self.transports[key].producers[index];
            if !self.producers[producer].consumers.is_empty() {
                self.want_keyframe(now, producer);
            }
        }
    }

    /// Forgets an address that a transport does not use any more; a TCP connection is released.
    pub(super) fn forget_address(&mut self, key: usize, path: &Path) {
        self.addresses.remove(path, key);
        if path.protocol == Protocol::Tcp && self.sockets.get(&path.socket) == Some(&key) {
            self.sockets.remove(&path.socket);
            self.out.released.push(path.socket);
        }
    }

    fn refuse(
        &mut self,
        key: usize,
        path: &Path,
        message: &StunMessage<'_>,
        error: ErrorCode,
        integrity: &IntegrityKey,
    ) {
        let mut response = [0; MAX_RESPONSE_LEN];
        if let Some(len) = write_binding_error(&mut response, message.transaction_id, error, Some(integrity)) {
            self.answer(key, path, &response[..len]);
        }
    }

    fn answer(&mut self, key: usize, path: &Path, response: &[u8]) {
        self.transports[key].send_raw(&mut self.out.transmits, *path, response);
        self.out.sent(Some(response.len()));
    }
}

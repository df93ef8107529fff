//! Probes of what the selected path carries, and their answers (`ice::MtuProbe`).

use std::time::Duration;

use super::{Engine, ErrorKind, Outcome};
use crate::estimator::Estimate;
use crate::event::Event;
use crate::ice::{Credentials, MtuProbe, PROBE_LEN, PROOF_LEN, Probes};
use crate::packet::stun::{BindingRequest, Role, StunMessage, TransactionId};
use crate::path::{Path, Protocol};
use crate::time::Time;
use crate::transport::Endpoint;

/// From an answered probe to the next on a line that is not known to be wide and loses little: a long probe is 40 ms of 250 kbit/s, in which sound
/// and pictures wait.
const SELDOM: Duration = Duration::from_secs(30);
/// Estimate in bit/s from which on a line is wide, and the share of packets whose loss gives cause to ask any line.
const WIDE: u64 = 500_000;
const CAUSE: f64 = 0.1;
/// Until it is looked again whether there is cause.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// PRIORITY of what is sent: that of a host candidate (RFC 8445, section 5.1.2.1). It makes no candidate, since the peer
/// knows this one.
const PRIORITY: u32 = 0x7eff_ffff;

impl Engine {
    /// Begins to probe, or goes on with other credentials of the peer.
    pub(super) fn set_peer_ice(&mut self, now: Time, key: usize, ufrag: &str, pwd: &str) -> Result<(), String> {
        let peer = Credentials::new(ufrag, pwd)?;
        if self.transports[key].endpoint.ice().is_none() {
            return Err("a plain transport has no ICE".to_owned());
        }
        self.transports[key].mtu_probe = Some(Box::new(MtuProbe::new(now, peer)));
        self.timers.no_later_than(key, now);
        Ok(())
    }

    /// The selected path is another one.
    pub(super) fn restart_mtu_probe(&mut self, now: Time, key: usize) {
        if let Some(probe) = &mut self.transports[key].mtu_probe {
            probe.restart(now);
            self.timers.no_later_than(key, now);
        }
    }

    /// Sends the probes that are due, and says when the next ones are. TCP has no MTU that concerns us.
    pub(super) fn probe_mtu(&mut self, now: Time, key: usize) -> Time {
        let transport = &mut self.transports[key];
        let (Endpoint::Ice(agent), Some(probe)) = (&transport.endpoint, &mut transport.mtu_probe) else {
            return Time::MAX;
        };
        let Some(path) = agent.media_path().filter(|path| path.protocol == Protocol::Udp) else { return Time::MAX };
        let deadline = probe.deadline();
        if now < deadline {
            return deadline;
        }
        let estimate = transport.estimator.as_ref().map(|estimator| estimator.estimate());
        let has_cause = |line: &Estimate| line.bitrate.as_bps() >= WIDE || line.fraction_lost >= CAUSE;
        let asked_lately = probe.content_since().is_some_and(|since| now.since(since) < SELDOM);
        if asked_lately && !estimate.is_some_and(|line| has_cause(&line)) {
            return probe.postpone(now + LOOK_AGAIN);
        }
        let short_len = probe.proves().then_some(PROOF_LEN);
        let probes = Probes { long: self.random.transaction_id(), short: self.random.transaction_id() };
        probe.on_sent(now, probes);
        let deadline = probe.deadline();
        for (transaction_id, len) in [(probes.long, Some(PROBE_LEN)), (probes.short, short_len)] {
            self.ask_peer(key, path, transaction_id, len);
        }
        deadline
    }

    /// Sends a Binding request, as long as it has to be or of `len` bytes, to where the peer is or may be. None goes to a peer
    /// whose credentials were not told.
    pub(super) fn ask_peer(&mut self, key: usize, path: Path, transaction_id: TransactionId, len: Option<usize>) {
        let transport = &mut self.transports[key];
        let (Endpoint::Ice(agent), Some(probe)) = (&transport.endpoint, &transport.mtu_probe) else { return };
        let username = format!("{}:{}", probe.peer().ufrag, agent.ufrag());
        let integrity = &probe.peer().key;
        // The tie-breaker decides between two who want the same role: the peer controls.
        let role = Role::Controlled(0);
        let request =
            BindingRequest { transaction_id, username: &username, priority: PRIORITY, role, use_candidate: false };
        let mut datagram = [0; PROBE_LEN];
        let written = match len {
            Some(len) => request.write_padded(&mut datagram, integrity, len),
            None => request.write(&mut datagram, integrity),
        };
        // User name fragments of hundreds of characters leave no room: such a peer is not asked.
        if let Some(len) = written {
            transport.send_raw(&mut self.out.transmits, path, &datagram[..len]);
            self.out.sent(Some(len));
        }
    }

    /// Takes the answer to a request of ours. On a path that was checked its integrity is not looked at: nobody off the path can
    /// guess the id, and who is on it can swallow probes as well.
    pub(super) fn receive_stun_response(
        &mut self,
        now: Time,
        path: &Path,
        message: &StunMessage<'_>,
        len: usize,
    ) -> Result<Outcome, ErrorKind> {
        let Some(owner) = self.addresses.get(path) else { return self.receive_moved_answer(now, path, message, len) };
        let key = owner.transport;
        let transport = &mut self.transports[key];
        let probe = transport.mtu_probe.as_mut().ok_or(ErrorKind::StunMalformed)?;
        transport.traffic.received(len);
        let transport_id = transport.id;
        if probe.on_answer(now, message.transaction_id) {
            self.out.event(Event::NarrowPath { transport_id });
        }
        Ok(Outcome::Accepted)
    }
}

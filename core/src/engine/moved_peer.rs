//! Peers whose NAT has given them another port in mid-call.
//!
//! A peer does not notice, and says so by its next check only: every 2.5 s in Chromium, every five in Firefox. Until then its media
//! comes from a stranger and ours goes nowhere. What a stranger's packet is worth, the keys tell: where it opens with those of
//! a transport that just fell silent on the same host, the peer is asked at the new port by a check of ours, and its answer,
//! signed, is consent to send there (RFC 7675, section 5.1). Nobody else can have a packet sent anywhere by this.

use super::{Engine, ErrorKind, Outcome};
use crate::ice::{Check, Generation};
use crate::packet::demux::Kind;
use crate::packet::rtp::RtpHeader;
use crate::packet::stun::{Class, StunMessage};
use crate::path::Path;
use crate::time::Time;
use crate::transport::TokenBucket;

/// Transports whose keys one packet is tried with, at most: behind the NAT of a large house many may fall silent at a time.
const MOST_TRIED: usize = 4;
/// Transports of one host that are looked at for one packet, at most.
const MOST_LOOKED_AT: usize = 256;
/// Packets of strangers that are looked at per second in the long run, and at once, where participants have their host in common:
/// tens of microseconds each, at worst.
const LOOKED_AT_PER_SECOND: u32 = 200;
const LOOKED_AT_BURST: u32 = 50;
/// Longer packets are not tried. None of a browser's is.
const LONGEST: usize = 1_500;

/// Limits how many packets of strangers are looked at, of a whole worker.
pub(super) fn limit() -> TokenBucket {
    TokenBucket::new(LOOKED_AT_PER_SECOND, LOOKED_AT_BURST)
}

impl Engine {
    /// Takes a packet from an address that belongs to nobody. None where it is nobody's that could have moved there.
    ///
    /// The packet itself goes unused: media that was lost meanwhile is asked for again in any case.
    #[cold]
    pub(super) fn receive_from_stranger(
        &mut self,
        now: Time,
        path: &Path,
        kind: Kind,
        datagram: &[u8],
    ) -> Option<Outcome> {
        let neighbours = self.addresses.neighbours(path);
        if neighbours.is_empty() || datagram.len() > LONGEST || !self.strangers_bucket.take(now) {
            return None;
        }
        let ssrc = if kind == Kind::Rtp { Some(RtpHeader::parse(datagram).ok()?.ssrc) } else { None };
        // From anywhere: where more are silent than can be tried, each has its turn.
        let (later, sooner) = neighbours.split_at(self.random.next_u32() as usize % neighbours.len());
        let transports = &mut self.transports;
        let silent = sooner.iter().chain(later).copied().take(MOST_LOOKED_AT).filter(|key| {
            let transport = &mut transports[*key];
            let moved = transport.endpoint.ice().is_some_and(|agent| agent.may_have_moved_to(now, path));
            moved && ssrc.is_none_or(|ssrc| transport.routes.get(ssrc).is_some())
        });
        let mut tried = [0; MOST_TRIED];
        let mut count = 0;
        for key in silent.take(MOST_TRIED) {
            tried[count] = key;
            count += 1;
        }
        let key = tried[..count].iter().copied().find(|key| self.is_from(now, *key, kind, datagram))?;
        self.work_for(key);
        self.transports[key].traffic.received(datagram.len());
        let transaction_id = self.random.transaction_id();
        self.transports[key].asked = Some((*path, transaction_id));
        self.ask_peer(key, *path, transaction_id, None);
        Some(Outcome::Authenticated)
    }

    /// Whether the packet opens with the transport's keys. It is tried on a copy: with wrong keys nothing is left of it.
    fn is_from(&mut self, now: Time, key: usize, kind: Kind, datagram: &[u8]) -> bool {
        let transport = &mut self.transports[key];
        if !transport.keys.authenticate() || !transport.strangers_bucket.take(now) {
            return false;
        }
        let mut copy = [0; LONGEST];
        let copy = &mut copy[..datagram.len()];
        copy.copy_from_slice(datagram);
        match kind {
            Kind::Rtp => RtpHeader::parse(datagram).is_ok_and(|header| transport.keys.open_rtp(&header, copy).is_ok()),
            Kind::Rtcp => transport.keys.open_rtcp(copy).is_ok(),
            _ => false,
        }
    }

    /// Takes an answer from an address that belongs to nobody: that of a peer which was asked there.
    pub(super) fn receive_moved_answer(
        &mut self,
        now: Time,
        path: &Path,
        message: &StunMessage<'_>,
        len: usize,
    ) -> Result<Outcome, ErrorKind> {
        let asked = Some((*path, message.transaction_id));
        let neighbours = self.addresses.neighbours(path).iter();
        let key = neighbours.copied().take(MOST_LOOKED_AT).find(|key| self.transports[*key].asked == asked);
        let key = key.ok_or(ErrorKind::StunMalformed)?;
        let transport = &mut self.transports[key];
        let signed = transport.mtu_probe.as_ref().is_some_and(|probe| message.verify_integrity(&probe.peer().key));
        if message.class != Class::Success || !signed || !message.verify_fingerprint() {
            return Err(ErrorKind::StunIntegrity);
        }
        self.work_for(key);
        let transport = &mut self.transports[key];
        transport.asked = None;
        transport.traffic.received(len);
        // The peer has nominated this path: for it nothing has changed.
        let check = Check { path: *path, generation: Generation::Current, nominates: true };
        self.check_succeeded(now, key, &check);
        Ok(Outcome::Authenticated)
    }
}

//! DTLS goes up to the control plane and comes down from it: the engine carries the datagrams.

use super::{Engine, ErrorKind, Outcome};
use crate::event::Event;
use crate::time::Time;
use crate::transport::{Endpoint, TokenBucket};

/// DTLS datagrams per second that a worker hands up in the long run.
const TOTAL_PER_SECOND: u32 = 10_000;
/// DTLS datagrams that a worker hands up at once.
const TOTAL_BURST: u32 = 2_000;
/// Datagrams in one event at most.
const MAX_BATCH: usize = 64;

/// What a worker hands up, over all its transports.
pub(super) fn total_limit() -> TokenBucket {
    TokenBucket::new(TOTAL_PER_SECOND, TOTAL_BURST)
}

impl Engine {
    /// Hands up a datagram from a path that was checked. It proves nothing by itself, and so gives no consent.
    pub(super) fn receive_dtls(&mut self, now: Time, key: usize, datagram: &[u8]) -> Result<Outcome, ErrorKind> {
        let transport = &mut self.transports[key];
        if !matches!(transport.endpoint, Endpoint::Ice(_)) {
            return Err(ErrorKind::UnknownProtocol);
        }
        // The transport's own limit first, so that one transport cannot use up what all have together.
        if !transport.dtls_bucket.take(now) || !self.dtls_total.take(now) {
            return Err(ErrorKind::DtlsRateLimited);
        }
        let id = transport.id;
        let datagram = serde_bytes::ByteBuf::from(datagram);
        match self.out.events.back_mut() {
            Some(Event::Dtls { transport_id, datagrams }) if *transport_id == id && datagrams.len() < MAX_BATCH => {
                datagrams.push(datagram);
            }
            _ => self.out.event(Event::Dtls { transport_id: id, datagrams: vec![datagram] }),
        }
        Ok(Outcome::Accepted)
    }

    /// Sends the control plane's datagrams on the selected path, or on the one checked last as long as the peer has
    /// nominated none.
    pub(super) fn send_dtls(&mut self, key: usize, datagrams: &[Vec<u8>]) -> Result<(), String> {
        let transport = &mut self.transports[key];
        let Some(agent) = transport.endpoint.ice() else {
            return Err("a plain transport has no DTLS".to_owned());
        };
        // Without a path (or consent) they are dropped: DTLS sends them again by itself.
        if let Some(path) = agent.dtls_path() {
            for datagram in datagrams {
                transport.send_raw(&mut self.out.transmits, path, datagram);
                self.out.sent(Some(datagram.len()));
            }
        }
        Ok(())
    }
}

//! Which producer an SSRC on a transport belongs to: signalled, or learned from MID (RFC 8843, section 9.2), or from a
//! payload type that only one producer has. Which of its encodings it is, the producer knows.

use std::collections::VecDeque;

use crate::extension::ExtensionValues;
use crate::params::ProducerParams;

/// SSRCs whose MID is remembered at most; at the bound the one goes that was learned first.
const MOST_NAMES: usize = 128;

struct Route {
    ssrc: u32,
    producer: usize,
    learned: bool,
}

/// A producer as far as routing needs it.
struct Declared {
    producer: usize,
    mid: Option<Box<str>>,
    /// Bit per payload type, of media and of retransmissions.
    payload_types: u128,
}

/// What the first packets of an SSRC said it is.
struct Name {
    ssrc: u32,
    mid: Box<[u8]>,
    rid: Option<Box<[u8]>>,
    repaired_rid: Option<Box<[u8]>>,
}

/// The routes of one transport. Their number is bounded by the encodings of its producers: what is learned for an
/// encoding replaces what was known.
#[derive(Default)]
pub struct Routes {
    /// Few enough that a scan beats hashing; the route used last is looked at first.
    routes: Vec<Route>,
    last: usize,
    declared: Vec<Declared>,
    /// Of SSRCs that were learned by MID, also when their producers have ended. Chromium leaves MID and RID out once they
    /// were received, and goes on with the same SSRCs when its m-line is used again: a screen is shared a second time.
    names: VecDeque<Name>,
}

impl Routes {
    /// Enters a producer and the SSRCs that were signalled for it. Fails where one of them was signalled for another;
    /// what was only learned gives way.
    pub fn declare(&mut self, producer: usize, params: &ProducerParams) -> Result<(), &'static str> {
        let signalled = || params.encodings.iter().flat_map(|encoding| [encoding.ssrc, encoding.rtx_ssrc]).flatten();
        if signalled().any(|ssrc| self.routes.iter().any(|route| route.ssrc == ssrc && !route.learned)) {
            return Err("an SSRC of its encodings belongs to another producer of the transport");
        }
        self.routes.retain(|route| !signalled().any(|ssrc| ssrc == route.ssrc));
        self.routes.extend(signalled().map(|ssrc| Route { ssrc, producer, learned: false }));
        let payload_types = params.codecs.iter().flat_map(|codec| [Some(codec.payload_type), codec.rtx_payload_type]);
        self.declared.push(Declared {
            producer,
            mid: params.mid.as_deref().map(Into::into),
            payload_types: payload_types.flatten().fold(0, |bits, payload_type| bits | bit(payload_type)),
        });
        Ok(())
    }

    /// Forgets a producer and all its SSRCs.
    pub fn remove(&mut self, producer: usize) {
        self.routes.retain(|route| route.producer != producer);
        self.declared.retain(|declared| declared.producer != producer);
    }

    /// The producer that an SSRC is known to belong to.
    #[inline]
    pub fn get(&mut self, ssrc: u32) -> Option<usize> {
        if let Some(route) = self.routes.get(self.last)
            && route.ssrc == ssrc
        {
            return Some(route.producer);
        }
        self.last = self.routes.iter().position(|route| route.ssrc == ssrc)?;
        Some(self.routes[self.last].producer)
    }

    /// What a packet of an unknown SSRC says, with the MID and RID that earlier ones had, where it has no MID.
    pub fn named<'a>(&'a self, ssrc: u32, values: &ExtensionValues<'a>) -> ExtensionValues<'a> {
        let name = self.names.iter().find(|name| name.ssrc == ssrc).filter(|_| values.mid.is_none());
        name.map_or(*values, |name| ExtensionValues {
            mid: Some(&name.mid),
            rid: name.rid.as_deref(),
            repaired_rid: name.repaired_rid.as_deref(),
            ..*values
        })
    }

    /// The producer that a packet of an unknown SSRC seems to belong to.
    pub fn candidate(&self, mid: Option<&[u8]>, payload_type: u8) -> Option<usize> {
        let takes = |declared: &&Declared| declared.payload_types & bit(payload_type) != 0;
        let declared = match mid {
            Some(mid) => self
                .declared
                .iter()
                .find(|declared| declared.mid.as_deref().map(str::as_bytes) == Some(mid))
                .filter(takes)?,
            None => {
                let mut candidates = self.declared.iter().filter(takes);
                candidates.next().filter(|_| candidates.next().is_none())?
            }
        };
        Some(declared.producer)
    }

    /// Remembers that an SSRC, whose packet said this, belongs to a producer, in the place of one that does not any more.
    pub fn learn(&mut self, ssrc: u32, producer: usize, values: &ExtensionValues<'_>, replaced: Option<u32>) {
        self.routes.retain(|route| Some(route.ssrc) != replaced && route.ssrc != ssrc);
        self.routes.push(Route { ssrc, producer, learned: true });
        let Some(mid) = values.mid else { return };
        self.names.retain(|name| name.ssrc != ssrc);
        if self.names.len() >= MOST_NAMES {
            self.names.pop_front();
        }
        let (rid, repaired_rid) = (values.rid.map(Into::into), values.repaired_rid.map(Into::into));
        self.names.push_back(Name { ssrc, mid: mid.into(), rid, repaired_rid });
    }
}

fn bit(payload_type: u8) -> u128 {
    1 << (payload_type & 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{CodecParams, EncodingParams, MediaKind};

    fn params(mid: &str, payload_type: u8, encoding: EncodingParams) -> ProducerParams {
        let codec = CodecParams {
            payload_type,
            name: "VP8".into(),
            clock_rate: 90_000,
            rtx_payload_type: Some(payload_type + 1),
            rtcp_feedback: vec![],
        };
        ProducerParams {
            transport_id: 1,
            kind: MediaKind::Video,
            mid: Some(mid.into()),
            codecs: vec![codec],
            encodings: vec![encoding],
            paused: false,
        }
    }

    #[test]
    fn signalled_ssrcs_are_known_and_cannot_be_taken_twice() {
        let mut routes = Routes::default();
        let encoding = EncodingParams { ssrc: Some(10), rtx_ssrc: Some(11), rid: None };
        routes.declare(1, &params("0", 96, encoding.clone())).unwrap();
        assert_eq!((routes.get(10), routes.get(11), routes.get(12)), (Some(1), Some(1), None));
        assert!(routes.declare(2, &params("1", 98, encoding)).is_err());
        routes.remove(1);
        assert_eq!(routes.get(10), None);
        assert_eq!(routes.candidate(Some(b"0"), 96), None);
    }

    #[test]
    fn mid_tells_producers_apart() {
        let mut routes = Routes::default();
        routes.declare(1, &params("0", 96, EncodingParams::default())).unwrap();
        routes.declare(2, &params("1", 96, EncodingParams::default())).unwrap();
        assert_eq!(routes.candidate(Some(b"0"), 96), Some(1));
        assert_eq!(routes.candidate(Some(b"1"), 97), Some(2), "its retransmissions");
        assert_eq!(routes.candidate(Some(b"2"), 96), None, "unknown MID");
        assert_eq!(routes.candidate(Some(b"1"), 100), None, "undeclared payload type");
        assert_eq!(routes.candidate(None, 96), None, "not unique");
    }

    #[test]
    fn a_payload_type_decides_where_it_is_unique() {
        let mut routes = Routes::default();
        routes.declare(1, &params("0", 96, EncodingParams::default())).unwrap();
        routes.declare(2, &params("1", 98, EncodingParams::default())).unwrap();
        assert_eq!(routes.candidate(None, 99), Some(2));
    }

    #[test]
    fn signalling_outdoes_learning() {
        let mut routes = Routes::default();
        routes.declare(1, &params("0", 96, EncodingParams::default())).unwrap();
        routes.learn(20, 1, &ExtensionValues::default(), None);
        routes.declare(2, &params("1", 96, EncodingParams { ssrc: Some(20), ..Default::default() })).unwrap();
        assert_eq!(routes.get(20), Some(2));
    }

    #[test]
    fn what_is_learned_replaces_what_was_known() {
        let mut routes = Routes::default();
        routes.declare(1, &params("0", 96, EncodingParams::default())).unwrap();
        routes.learn(20, 1, &ExtensionValues::default(), None);
        assert_eq!(routes.get(20), Some(1));
        routes.learn(21, 1, &ExtensionValues::default(), Some(20));
        assert_eq!((routes.get(20), routes.get(21)), (None, Some(1)));
        assert_eq!(routes.routes.len(), 1);
    }

    #[test]
    fn an_ssrc_that_has_said_its_mid_need_not_say_it_again() {
        let mut routes = Routes::default();
        let said = ExtensionValues { mid: Some(b"2"), rid: Some(b"l"), ..ExtensionValues::default() };
        routes.learn(20, 1, &said, None);
        routes.remove(1);
        assert_eq!(routes.named(20, &ExtensionValues::default()), said);
        let newer = ExtensionValues { mid: Some(b"3"), ..ExtensionValues::default() };
        assert_eq!(routes.named(20, &newer), newer, "what is said now counts");
        assert_eq!(routes.named(21, &ExtensionValues::default()), ExtensionValues::default());
        for ssrc in 100..100 + MOST_NAMES as u32 {
            routes.learn(ssrc, 1, &said, None);
        }
        assert_eq!(routes.named(20, &ExtensionValues::default()), ExtensionValues::default());
        assert_eq!(routes.names.len(), MOST_NAMES);
    }
}

//! Which producer an SSRC on a transport belongs to: signalled, or learned from MID and RID (RFC 8843, section 9.2;
//! RFC 8852), or from a payload type that only one producer has.

use crate::params::ProducerParams;

/// Learned SSRCs of one transport at most. At the bound the one that was learned first is forgotten, and is learned
/// again should its packets still come.
pub const MAX_LEARNED_SSRCS: usize = 64;

/// Where packets of an SSRC go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Key of the producer in the engine's slab.
    pub producer: usize,
    /// Index of the encoding in its parameters.
    pub encoding: usize,
    /// Whether the SSRC carries retransmissions (RFC 4588).
    pub rtx: bool,
}

/// What an unknown packet says about itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// MID header extension.
    pub mid: Option<&'a [u8]>,
    /// RID header extension.
    pub rid: Option<&'a [u8]>,
    /// Repaired RID header extension.
    pub repaired_rid: Option<&'a [u8]>,
    /// Its payload type.
    pub payload_type: u8,
}

struct Entry {
    ssrc: u32,
    route: Route,
    learned: bool,
}

/// A producer as far as routing needs it.
struct Declared {
    producer: usize,
    mid: Option<Box<str>>,
    rids: Vec<Option<Box<str>>>,
    /// Bit per payload type of media.
    media_types: u128,
    /// Bit per payload type of retransmissions.
    rtx_types: u128,
}

/// The routes of one transport.
#[derive(Default)]
pub struct Routes {
    /// Few enough that a scan beats hashing; the entry used last is looked at first.
    entries: Vec<Entry>,
    last: usize,
    declared: Vec<Declared>,
}

impl Routes {
    /// Enters a producer. Fails where one of its SSRCs is taken on this transport.
    pub fn declare(&mut self, producer: usize, params: &ProducerParams) -> Result<(), &'static str> {
        let signalled = || {
            params.encodings.iter().enumerate().flat_map(|(encoding, e)| {
                let media = e.ssrc.map(|ssrc| (ssrc, Route { producer, encoding, rtx: false }));
                let rtx = e.rtx_ssrc.map(|ssrc| (ssrc, Route { producer, encoding, rtx: true }));
                media.into_iter().chain(rtx)
            })
        };
        if signalled().any(|(ssrc, _)| self.entries.iter().any(|e| e.ssrc == ssrc && !e.learned)) {
            return Err("an SSRC of its encodings belongs to another producer of the transport");
        }
        for (ssrc, route) in signalled() {
            self.entries.retain(|entry| entry.ssrc != ssrc);
            self.entries.push(Entry { ssrc, route, learned: false });
        }
        let bits = |types: &mut dyn Iterator<Item = u8>| types.fold(0, |bits, t| bits | 1_u128 << (t & 0x7f));
        self.declared.push(Declared {
            producer,
            mid: params.mid.as_deref().map(Into::into),
            rids: params.encodings.iter().map(|e| e.rid.as_deref().map(Into::into)).collect(),
            media_types: bits(&mut params.codecs.iter().map(|codec| codec.payload_type)),
            rtx_types: bits(&mut params.codecs.iter().filter_map(|codec| codec.rtx_payload_type)),
        });
        Ok(())
    }

    /// Forgets a producer and all its SSRCs.
    pub fn remove(&mut self, producer: usize) {
        self.entries.retain(|entry| entry.route.producer != producer);
        self.declared.retain(|declared| declared.producer != producer);
    }

    /// Where a known SSRC goes.
    #[inline]
    pub fn get(&mut self, ssrc: u32) -> Option<Route> {
        if let Some(entry) = self.entries.get(self.last)
            && entry.ssrc == ssrc
        {
            return Some(entry.route);
        }
        self.last = self.entries.iter().position(|entry| entry.ssrc == ssrc)?;
        Some(self.entries[self.last].route)
    }

    /// The SSRCs that go to a producer: of an encoding's media, and of its retransmissions.
    pub fn learn(&mut self, ssrc: u32, hints: Hints<'_>) -> Option<Route> {
        let route = self.resolve(hints)?;
        if self.entries.iter().filter(|entry| entry.learned).count() >= MAX_LEARNED_SSRCS
            && let Some(oldest) = self.entries.iter().position(|entry| entry.learned)
        {
            self.entries.remove(oldest);
        }
        self.entries.push(Entry { ssrc, route, learned: true });
        Some(route)
    }

    fn resolve(&self, hints: Hints<'_>) -> Option<Route> {
        let bit = 1_u128 << (hints.payload_type & 0x7f);
        let takes = |declared: &Declared| (declared.media_types | declared.rtx_types) & bit != 0;
        let declared = match hints.mid {
            Some(mid) => self.declared.iter().find(|d| d.mid.as_deref().map(str::as_bytes) == Some(mid))?,
            None => {
                let mut candidates = self.declared.iter().filter(|declared| takes(declared));
                candidates.next().filter(|_| candidates.next().is_none())?
            }
        };
        if !takes(declared) {
            return None;
        }
        let rtx = declared.rtx_types & bit != 0;
        let rid = if rtx { hints.repaired_rid.or(hints.rid) } else { hints.rid };
        let encoding = match rid {
            Some(rid) => declared.rids.iter().position(|r| r.as_deref().map(str::as_bytes) == Some(rid)),
            None => None,
        };
        // Without a RID only a producer with one encoding can be meant.
        let encoding = encoding.or_else(|| (declared.rids.len() == 1).then_some(0))?;
        Some(Route { producer: declared.producer, encoding, rtx })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{CodecParams, EncodingParams, MediaKind};

    fn params(mid: &str, payload_type: u8, encodings: Vec<EncodingParams>) -> ProducerParams {
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
            encodings,
            paused: false,
        }
    }

    fn route(producer: usize, encoding: usize, rtx: bool) -> Option<Route> {
        Some(Route { producer, encoding, rtx })
    }

    #[test]
    fn signalled_ssrcs_are_known_and_cannot_be_taken_twice() {
        let mut routes = Routes::default();
        let encoding = EncodingParams { ssrc: Some(10), rtx_ssrc: Some(11), rid: None };
        routes.declare(1, &params("0", 96, vec![encoding.clone()])).unwrap();
        assert_eq!(routes.get(10), route(1, 0, false));
        assert_eq!(routes.get(11), route(1, 0, true));
        assert_eq!(routes.get(12), None);
        assert!(routes.declare(2, &params("1", 98, vec![encoding])).is_err());
        routes.remove(1);
        assert_eq!(routes.get(10), None);
    }

    #[test]
    fn mid_and_rid_tell_encodings_apart() {
        let mut routes = Routes::default();
        let encodings = ["h", "l"].map(|rid| EncodingParams { rid: Some(rid.into()), ..Default::default() });
        routes.declare(1, &params("0", 96, encodings.to_vec())).unwrap();
        routes.declare(2, &params("1", 96, vec![EncodingParams::default()])).unwrap();
        let hints = |mid, rid, payload_type| Hints { mid: Some(mid), rid, repaired_rid: None, payload_type };
        assert_eq!(routes.learn(20, hints(b"0", Some(b"l"), 96)), route(1, 1, false));
        assert_eq!(routes.learn(21, Hints { repaired_rid: Some(b"l"), ..hints(b"0", None, 97) }), route(1, 1, true));
        assert_eq!(routes.learn(22, hints(b"1", None, 96)), route(2, 0, false));
        assert_eq!(routes.learn(23, hints(b"0", None, 96)), None, "which encoding?");
        assert_eq!(routes.learn(24, hints(b"2", None, 96)), None, "unknown MID");
        assert_eq!(routes.learn(25, hints(b"1", None, 100)), None, "undeclared payload type");
        assert_eq!(routes.get(20), route(1, 1, false));
    }

    #[test]
    fn a_payload_type_decides_only_where_it_is_unique() {
        let mut routes = Routes::default();
        routes.declare(1, &params("0", 96, vec![EncodingParams::default()])).unwrap();
        let hints = Hints { payload_type: 96, ..Default::default() };
        assert_eq!(routes.learn(30, hints), route(1, 0, false));
        routes.declare(2, &params("1", 96, vec![EncodingParams::default()])).unwrap();
        assert_eq!(routes.learn(31, hints), None);
    }

    #[test]
    fn learned_ssrcs_are_bounded() {
        let mut routes = Routes::default();
        routes.declare(1, &params("0", 96, vec![EncodingParams { ssrc: Some(1), ..Default::default() }])).unwrap();
        for ssrc in 100..100 + MAX_LEARNED_SSRCS as u32 + 1 {
            routes.learn(ssrc, Hints { payload_type: 96, ..Default::default() });
        }
        assert_eq!(routes.get(100), None);
        assert_eq!(routes.get(1), route(1, 0, false));
        assert_eq!(routes.entries.len(), MAX_LEARNED_SSRCS + 1);
    }
}

//! RTP header extensions by meaning: which URI has which id on each side, and what is passed on (RFC 8285).

use std::fmt;

use crate::codec::frame_marking::FrameMarking;
use crate::packet::rtp::RtpPacket;
use crate::params::HeaderExtension;

/// Extensions per direction of a transport at most. Chrome offers about 15.
const MAX_EXTENSIONS: usize = 64;

/// The extensions that mean something to us. All others are passed on as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionKind {
    /// MID (RFC 9143): which m-line a packet belongs to.
    Mid,
    /// RTP stream id (RFC 8852): which encoding a packet belongs to.
    RtpStreamId,
    /// Repaired RTP stream id (RFC 8852): which encoding a retransmission belongs to.
    RepairedRtpStreamId,
    /// Time of sending, 24 bits of 6.18 fixed-point seconds.
    AbsSendTime,
    /// Sequence number over all packets of a transport (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportSequenceNumber,
    /// Level of the sound (RFC 6464).
    AudioLevel,
    /// AV1's dependency descriptor, which serves for other codecs as well: passed on with another frame number.
    DependencyDescriptor,
    /// What a sender tells of its frames beside the payload (RFC 9626): passed on without the number of the frame of the
    /// lowest layer.
    FrameMarking,
    /// Passed on untouched: video orientation, playout delay, absolute capture time, colour space, and whatever else
    /// both sides know by the same URI.
    PassedOn,
}

impl ExtensionKind {
    /// The meaning of an `a=extmap` URI.
    pub fn of_uri(uri: &str) -> Self {
        match uri {
            "urn:ietf:params:rtp-hdrext:sdes:mid" => ExtensionKind::Mid,
            "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" => ExtensionKind::RtpStreamId,
            "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id" => ExtensionKind::RepairedRtpStreamId,
            "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time" => ExtensionKind::AbsSendTime,
            "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01" => {
                ExtensionKind::TransportSequenceNumber
            }
            "urn:ietf:params:rtp-hdrext:ssrc-audio-level" => ExtensionKind::AudioLevel,
            "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension" => {
                ExtensionKind::DependencyDescriptor
            }
            "urn:ietf:params:rtp-hdrext:framemarking"
            | "http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07" => ExtensionKind::FrameMarking,
            _ => ExtensionKind::PassedOn,
        }
    }

    /// Whether a consumer copies it from the producer's packet. The others belong to one hop: they are written anew
    /// or left out.
    fn is_copied(self) -> bool {
        matches!(
            self,
            ExtensionKind::AudioLevel
                | ExtensionKind::DependencyDescriptor
                | ExtensionKind::FrameMarking
                | ExtensionKind::PassedOn
        )
    }
}

/// Why a list of extensions cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtensionError {
    /// An id of 0 or, in the one-byte form's reserved place, 15.
    InvalidId(u8),
    /// Two extensions with one id.
    DuplicateId(u8),
    /// More than any peer has.
    TooMany,
}

impl fmt::Display for ExtensionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExtensionError::InvalidId(id) => write!(f, "{id} is no id of a header extension"),
            ExtensionError::DuplicateId(id) => write!(f, "header extension id {id} is used twice"),
            ExtensionError::TooMany => write!(f, "more than {MAX_EXTENSIONS} header extensions"),
        }
    }
}

impl std::error::Error for ExtensionError {}

/// The extensions of one direction of a transport.
#[derive(Clone, Debug)]
pub struct ExtensionMap {
    extensions: Vec<HeaderExtension>,
    kinds: Box<[Option<ExtensionKind>; 256]>,
    is_numbered: bool,
}

impl Default for ExtensionMap {
    fn default() -> Self {
        ExtensionMap { extensions: Vec::new(), kinds: Box::new([None; 256]), is_numbered: false }
    }
}

impl ExtensionMap {
    /// The map of a negotiated list.
    pub fn new(extensions: &[HeaderExtension]) -> Result<Self, ExtensionError> {
        if extensions.len() > MAX_EXTENSIONS {
            return Err(ExtensionError::TooMany);
        }
        let mut kinds = Box::new([None; 256]);
        for extension in extensions {
            if matches!(extension.id, 0 | 15) {
                return Err(ExtensionError::InvalidId(extension.id));
            }
            let kind = &mut kinds[usize::from(extension.id)];
            if kind.is_some() {
                return Err(ExtensionError::DuplicateId(extension.id));
            }
            *kind = Some(ExtensionKind::of_uri(&extension.uri));
        }
        let is_numbered = kinds.contains(&Some(ExtensionKind::TransportSequenceNumber));
        Ok(ExtensionMap { extensions: extensions.to_vec(), kinds, is_numbered })
    }

    /// Whether packets carry transport-wide sequence numbers.
    pub fn is_numbered(&self) -> bool {
        self.is_numbered
    }

    /// The id of the first extension of this kind.
    pub fn id_of(&self, kind: ExtensionKind) -> Option<u8> {
        self.kinds.iter().position(|found| *found == Some(kind)).map(|id| id as u8)
    }

    /// Reads what we need to know of a packet, in one walk.
    #[inline]
    pub fn read<'a>(&self, packet: &RtpPacket<'a>) -> ExtensionValues<'a> {
        let mut values = ExtensionValues::default();
        for (id, data) in packet.extensions() {
            match self.kinds[usize::from(id)] {
                Some(ExtensionKind::Mid) => values.mid = Some(data),
                Some(ExtensionKind::RtpStreamId) => values.rid = Some(data),
                Some(ExtensionKind::RepairedRtpStreamId) => values.repaired_rid = Some(data),
                Some(ExtensionKind::TransportSequenceNumber) => {
                    values.transport_sequence = data.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
                }
                Some(ExtensionKind::AudioLevel) => {
                    values.audio_level = data.first().map(|byte| (byte & 0x7f, byte & 0x80 != 0));
                }
                Some(ExtensionKind::DependencyDescriptor) => values.dependency_descriptor = Some(data),
                Some(ExtensionKind::FrameMarking) => values.frame_marking = FrameMarking::parse(data).ok(),
                Some(ExtensionKind::AbsSendTime | ExtensionKind::PassedOn) | None => {}
            }
        }
        values
    }
}

/// What the extensions of a packet said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtensionValues<'a> {
    /// MID of the m-line.
    pub mid: Option<&'a [u8]>,
    /// RID of the encoding.
    pub rid: Option<&'a [u8]>,
    /// RID of the encoding that is repaired.
    pub repaired_rid: Option<&'a [u8]>,
    /// The transport-wide sequence number.
    pub transport_sequence: Option<u16>,
    /// Level of the sound in −dBov, 0–127, and whether it is a voice (RFC 6464).
    pub audio_level: Option<(u8, bool)>,
    /// The dependency descriptor, as it came.
    pub dependency_descriptor: Option<&'a [u8]>,
    /// What is told of the frame (RFC 9626).
    pub frame_marking: Option<FrameMarking>,
}

/// From a producer's extensions to a consumer's: what is copied under which id, and what is written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionTranslation {
    /// The receiver's id by the producer's id; 0 for what is not copied.
    copied: Box<[u8; 256]>,
    /// The producer's id of the dependency descriptor, where it is copied.
    pub dependency_descriptor: Option<u8>,
    /// The producer's id of frame marking, where it is copied.
    pub frame_marking: Option<u8>,
    /// The receiver's id of MID.
    pub mid: Option<u8>,
    /// The receiver's id of the time of sending.
    pub abs_send_time: Option<u8>,
    /// The receiver's id of the transport-wide sequence number.
    pub transport_sequence: Option<u8>,
}

impl Default for ExtensionTranslation {
    fn default() -> Self {
        ExtensionTranslation::between(&ExtensionMap::default(), &ExtensionMap::default())
    }
}

impl ExtensionTranslation {
    /// The translation of what arrives with `receive` for a receiver that negotiated `send`.
    pub fn between(receive: &ExtensionMap, send: &ExtensionMap) -> Self {
        let mut copied = Box::new([0; 256]);
        for theirs in &receive.extensions {
            let kind = ExtensionKind::of_uri(&theirs.uri);
            if kind.is_copied() {
                // What has two names is the same under either.
                let ours = send.extensions.iter().find(|ours| match kind {
                    ExtensionKind::PassedOn => ours.uri == theirs.uri,
                    known => ExtensionKind::of_uri(&ours.uri) == known,
                });
                copied[usize::from(theirs.id)] = ours.map_or(0, |ours| ours.id);
            }
        }
        let if_copied = |kind| receive.id_of(kind).filter(|id| copied[usize::from(*id)] != 0);
        ExtensionTranslation {
            dependency_descriptor: if_copied(ExtensionKind::DependencyDescriptor),
            frame_marking: if_copied(ExtensionKind::FrameMarking),
            copied,
            mid: send.id_of(ExtensionKind::Mid),
            abs_send_time: send.id_of(ExtensionKind::AbsSendTime),
            transport_sequence: send.id_of(ExtensionKind::TransportSequenceNumber),
        }
    }

    /// The receiver's id of the producer's extension `id`, if it is to be copied.
    #[inline]
    pub fn copied(&self, id: u8) -> Option<u8> {
        match self.copied[usize::from(id)] {
            0 => None,
            id => Some(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::rtp::{Fields, write_header};

    const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
    const LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
    const TWCC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    const ORIENTATION: &str = "urn:3gpp:video-orientation";

    fn map(pairs: &[(&str, u8)]) -> ExtensionMap {
        let list: Vec<HeaderExtension> =
            pairs.iter().map(|(uri, id)| HeaderExtension { uri: (*uri).to_owned(), id: *id }).collect();
        ExtensionMap::new(&list).unwrap()
    }

    #[test]
    fn values_are_read_by_meaning() {
        let map = map(&[(MID, 3), (LEVEL, 1), (TWCC, 20)]);
        let fields = Fields { marker: false, payload_type: 96, sequence_number: 1, timestamp: 2, ssrc: 3 };
        let mut packet = [0; 64];
        let extensions: [(u8, &[u8]); 4] = [(3, b"v0"), (1, &[0x80 | 33]), (20, &[1, 2]), (7, &[9])];
        let len = write_header(&mut packet, &fields, extensions).unwrap();
        let values = map.read(&RtpPacket::parse(&packet[..len]).unwrap());
        assert_eq!(values.mid, Some(&b"v0"[..]));
        assert_eq!(values.audio_level, Some((33, true)));
        assert_eq!(values.transport_sequence, Some(0x102));
        assert_eq!(values.rid, None);
    }

    #[test]
    fn values_of_the_wrong_length_are_no_values() {
        let map = map(&[(TWCC, 1)]);
        let fields = Fields { marker: false, payload_type: 96, sequence_number: 1, timestamp: 2, ssrc: 3 };
        let mut packet = [0; 64];
        let len = write_header(&mut packet, &fields, [(1, &[7][..])]).unwrap();
        assert_eq!(map.read(&RtpPacket::parse(&packet[..len]).unwrap()), ExtensionValues::default());
    }

    #[test]
    fn what_both_sides_know_is_copied_and_what_belongs_to_a_hop_is_not() {
        let receive =
            map(&[(MID, 1), (LEVEL, 2), (TWCC, 3), (ORIENTATION, 4), ("urn:x:unknown-to-us", 5), ("urn:y", 6)]);
        let send = map(&[(MID, 9), (LEVEL, 8), (TWCC, 7), (ORIENTATION, 16), ("urn:x:unknown-to-us", 11)]);
        let translation = ExtensionTranslation::between(&receive, &send);
        let copied: Vec<Option<u8>> = (1..=7).map(|id| translation.copied(id)).collect();
        assert_eq!(copied, [None, Some(8), None, Some(16), Some(11), None, None]);
        assert_eq!((translation.mid, translation.transport_sequence), (Some(9), Some(7)));
        assert_eq!(translation.abs_send_time, None);
        assert_eq!((translation.dependency_descriptor, translation.frame_marking), (None, None));
    }

    #[test]
    fn frame_marking_is_one_extension_under_two_names() {
        let draft = map(&[("http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07", 3)]);
        let urn = map(&[("urn:ietf:params:rtp-hdrext:framemarking", 9)]);
        let translation = ExtensionTranslation::between(&draft, &urn);
        assert_eq!((translation.copied(3), translation.frame_marking), (Some(9), Some(3)));
        assert_eq!(ExtensionTranslation::between(&draft, &map(&[(LEVEL, 9)])).frame_marking, None);
    }

    #[test]
    fn impossible_lists_are_refused() {
        let list = |ids: &[u8]| {
            let list: Vec<HeaderExtension> =
                ids.iter().map(|id| HeaderExtension { uri: format!("urn:{id}"), id: *id }).collect();
            ExtensionMap::new(&list).err()
        };
        assert_eq!(list(&[1, 0]), Some(ExtensionError::InvalidId(0)));
        assert_eq!(list(&[15]), Some(ExtensionError::InvalidId(15)));
        assert_eq!(list(&[2, 2]), Some(ExtensionError::DuplicateId(2)));
        assert_eq!(list(&(16..=90).collect::<Vec<u8>>()), Some(ExtensionError::TooMany));
    }
}

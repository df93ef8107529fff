//! What the control plane tells the core: parameters of transports, producers and consumers.
//!
//! Each struct is deserialised from a Python dict (see `bridge/_core.pyi`); an unknown key is an error.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// One RTP header extension, as negotiated (RFC 8285).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderExtension {
    /// The URI of the `a=extmap` line.
    pub uri: String,
    /// The id on the wire: 1–14 (one-byte form), 1–255 (two-byte form).
    pub id: u8,
}

/// One payload type that a producer may send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodecParams {
    /// Payload type on the wire, 0–127.
    pub payload_type: u8,
    /// Encoding name of `a=rtpmap`, in any case: opus, red, VP8, VP9, H264, AV1, PCMU, telephone-event …
    pub name: String,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Payload type of its retransmissions (RFC 4588), where negotiated.
    #[serde(default)]
    pub rtx_payload_type: Option<u8>,
    /// `a=rtcp-fb` values without the payload type: "nack", "nack pli", "ccm fir", "transport-cc", "ack ccfb",
    /// "goog-remb".
    #[serde(default)]
    pub rtcp_feedback: Vec<String>,
}

/// Whether `a=rtcp-fb` values name feedback by source (RFC 8888).
pub fn is_told_by_source(rtcp_feedback: &[String]) -> bool {
    rtcp_feedback.iter().any(|feedback| feedback == "ack ccfb")
}

/// One encoding of a producer. Without an SSRC it is learned from MID (and RID) of the first packets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodingParams {
    /// SSRC of the media, where signalled.
    #[serde(default)]
    pub ssrc: Option<u32>,
    /// SSRC of its retransmissions, where signalled.
    #[serde(default)]
    pub rtx_ssrc: Option<u32>,
    /// RID (RFC 8851), where simulcast is used.
    #[serde(default)]
    pub rid: Option<String>,
}

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// An incoming media source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProducerParams {
    /// The transport it arrives on.
    pub transport_id: u64,
    /// Audio or video.
    pub kind: MediaKind,
    /// MID of its m-line (RFC 8843).
    #[serde(default)]
    pub mid: Option<String>,
    /// Every payload type that was accepted for it.
    pub codecs: Vec<CodecParams>,
    /// Its encodings; one for media without simulcast.
    pub encodings: Vec<EncodingParams>,
    /// Whether it starts paused.
    #[serde(default)]
    pub paused: bool,
}

/// How one of the producer's payload types is called on the consumer's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayloadTypeMapping {
    /// As the producer sends it.
    pub producer_payload_type: u8,
    /// As the receiver negotiated it.
    pub payload_type: u8,
    /// The receiver's payload type for retransmissions of it, where negotiated.
    #[serde(default)]
    pub rtx_payload_type: Option<u8>,
}

/// A producer as sent to one receiver. Packets whose payload type has no mapping are dropped and counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsumerParams {
    /// The receiver's transport.
    pub transport_id: u64,
    /// What is sent.
    pub producer_id: u64,
    /// SSRC towards the receiver, unique on its transport.
    pub ssrc: u32,
    /// SSRC of retransmissions, where negotiated; without it lost packets are sent again as they were.
    #[serde(default)]
    pub rtx_ssrc: Option<u32>,
    /// MID of the receiver's m-line.
    #[serde(default)]
    pub mid: Option<String>,
    /// CNAME in SDES: one per participant, so that its sound and picture are played in step.
    pub cname: String,
    /// The payload types that the receiver takes.
    pub payload_types: Vec<PayloadTypeMapping>,
    /// The receiver's payload type of redundant audio (RFC 2198) with its Opus inside, where negotiated.
    #[serde(default)]
    pub redundancy_payload_type: Option<u8>,
    /// `a=rtcp-fb` values of the receiver for this media.
    #[serde(default)]
    pub rtcp_feedback: Vec<String>,
    /// Whether it starts paused.
    #[serde(default)]
    pub paused: bool,
}

/// What a video consumer is to send from now on in place of what it sends, in the same RTP stream.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsumerHandover {
    /// What is to be sent: of the same router.
    pub producer_id: u64,
    /// Its payload types as the receiver numbers them. Those of the receiver stand for the codecs that they stood for
    /// when the consumer was made.
    pub payload_types: Vec<PayloadTypeMapping>,
}

/// SRTP protection profiles (RFC 5764, RFC 7714), by their names in the IANA registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SrtpProfile {
    /// 16-byte keys, 12-byte salts, 16-byte tags.
    #[serde(rename = "SRTP_AEAD_AES_128_GCM")]
    AeadAes128Gcm,
    /// 32-byte keys, 12-byte salts, 16-byte tags.
    #[serde(rename = "SRTP_AEAD_AES_256_GCM")]
    AeadAes256Gcm,
    /// 16-byte keys, 14-byte salts, 10-byte tags.
    #[serde(rename = "SRTP_AES128_CM_SHA1_80")]
    Aes128CmSha1_80,
}

/// Master keys of both directions. Its `Debug` shows no key.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SrtpParams {
    /// The profile that DTLS (or SDES) agreed on.
    pub profile: SrtpProfile,
    /// Master key and salt for what we send, one after the other.
    #[serde(with = "serde_bytes")]
    pub send_key: Vec<u8>,
    /// Master key and salt for what we receive, one after the other.
    #[serde(with = "serde_bytes")]
    pub receive_key: Vec<u8>,
}

impl std::fmt::Debug for SrtpParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SrtpParams").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// An ICE/DTLS association with a client (RFC 8445 lite, RFC 5764).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebRtcTransportParams {
    /// The room's forwarding table it belongs to.
    pub router_id: u64,
    /// Our user name fragment, unique in this worker.
    pub ice_ufrag: String,
    /// Our password.
    pub ice_pwd: String,
    /// Extensions of what the client sends: id on the wire by URI.
    #[serde(default)]
    pub receive_extensions: Vec<HeaderExtension>,
    /// Extensions of what we send.
    #[serde(default)]
    pub send_extensions: Vec<HeaderExtension>,
    /// The estimate to begin with, in bit/s.
    #[serde(default)]
    pub start_bitrate: Option<u64>,
    /// The estimate never exceeds this, in bit/s.
    #[serde(default)]
    pub max_bitrate: Option<u64>,
}

impl std::fmt::Debug for WebRtcTransportParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebRtcTransportParams").field("router_id", &self.router_id).finish_non_exhaustive()
    }
}

/// RTP and RTCP on a UDP socket of its own (RFC 5761 mux), for child processes, gateways and pipes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlainTransportParams {
    /// The room's forwarding table it belongs to.
    pub router_id: u64,
    /// Address to bind, port chosen by the system.
    pub listen_ip: IpAddr,
    /// Where to send. Without it the source of the first valid packet is taken (comedia).
    #[serde(default)]
    pub remote: Option<SocketAddr>,
    /// Keys, where the media is encrypted. Without them only loopback addresses are accepted.
    #[serde(default)]
    pub srtp: Option<SrtpParams>,
    /// Extensions of what the peer sends.
    #[serde(default)]
    pub receive_extensions: Vec<HeaderExtension>,
    /// Extensions of what we send.
    #[serde(default)]
    pub send_extensions: Vec<HeaderExtension>,
}

/// What can be changed on a transport that exists: a re-offer may add extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransportUpdate {
    /// Replaces the list, where given.
    #[serde(default)]
    pub receive_extensions: Option<Vec<HeaderExtension>>,
    /// Replaces the list, where given.
    #[serde(default)]
    pub send_extensions: Option<Vec<HeaderExtension>>,
    /// Refuses checks over UDP: its paths there serve until the peer nominates one over TCP.
    #[serde(default)]
    pub leave_udp: bool,
    /// Keeps paths over UDP until the peer restarts ICE: checks there are refused that it makes with credentials which
    /// were not told yet.
    #[serde(default)]
    pub leave_udp_at_restart: bool,
    /// The peer's half of ICE, where given: from then on is probed whether the selected path carries long packets.
    #[serde(default)]
    pub peer_ice: Option<PeerIce>,
    /// What the peer is to send at most, in bit/s with all headers; 0 for no bound any more. Told by REMB, for producers
    /// that negotiated it.
    #[serde(default)]
    pub max_incoming_bitrate: Option<u64>,
}

/// The peer's user name fragment and password (RFC 8445, section 5.3).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerIce {
    /// User name fragment.
    pub ufrag: String,
    /// Password.
    pub pwd: String,
}

impl std::fmt::Debug for PeerIce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerIce").finish_non_exhaustive()
    }
}

/// What a receiver is to get of a video producer: the best that may be sent. Where the producer has no such layer, or
/// it has gone dead, the best live one below it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsumerAllocation {
    /// Index of the encoding (simulcast), or spatial layer within the only one (SVC).
    pub spatial: u8,
    /// Highest temporal layer.
    pub temporal: u8,
    /// Who goes first where the line is thin: higher before lower.
    #[serde(default)]
    pub priority: u8,
    /// Still pictures instead of video: one keyframe about every so many milliseconds, and nothing between them.
    #[serde(default)]
    pub still_interval_ms: Option<u32>,
}

/// How much a transport is to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransportDemand {
    /// What was allocated, audio included, in bit/s.
    pub allocated: u64,
    /// What would be allocated if the line allowed it, in bit/s: probes go no further.
    pub desired: u64,
}

/// Which audio producers of a router are forwarded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeakerSelection {
    /// How many of the loudest; none for all.
    #[serde(default)]
    pub max: Option<u8>,
    /// Producers that are forwarded beside them, whatever their level: a pinned interpreter.
    #[serde(default)]
    pub always: Vec<u64>,
}

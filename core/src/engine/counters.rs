//! What a worker counts. Errors are an array indexed by a fixed enum: no strings and no hashing on the packet path.

/// Why a datagram could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ErrorKind {
    /// Empty, too short, or a first byte that belongs to no protocol (RFC 7983).
    UnknownProtocol,
    /// Not STUN, and from an address that passed no ICE check.
    UnknownAddress,
    /// STUN that cannot be parsed or is no Binding request.
    StunMalformed,
    /// STUN for a user name fragment that is not ours.
    StunUnknownUfrag,
    /// STUN with a wrong or missing FINGERPRINT.
    StunFingerprint,
    /// STUN with a wrong or missing MESSAGE-INTEGRITY.
    StunIntegrity,
    /// STUN from a peer that takes itself for the controlled agent (answered by 487).
    StunRoleConflict,
    /// A valid check from an address that another transport is using.
    StunAddressTaken,
    /// A valid check that came before, from another address: somebody overheard it.
    StunReplayed,
    /// A DTLS datagram above the rate that is handed up.
    DtlsRateLimited,
    /// RTP or RTCP before the keys.
    SrtpNoKeys,
    /// An authentication tag that does not match.
    SrtpAuthentication,
    /// A packet that was received before, or is too old to tell.
    SrtpReplay,
    /// SRTP or SRTCP that is too short, or of more SSRCs than are kept.
    SrtpMalformed,
    /// RTP whose header or extensions cannot be parsed.
    RtpMalformed,
    /// RTP that belongs to no producer.
    RtpUnroutable,
    /// RTP of a payload type that its producer did not declare.
    RtpPayloadType,
    /// RTCP that cannot be parsed.
    RtcpMalformed,
    /// A packet to a `PlainTransport` from another address than its remote.
    PlainWrongRemote,
}

impl ErrorKind {
    /// How many kinds there are.
    pub const COUNT: usize = ErrorKind::PlainWrongRemote as usize + 1;

    /// The names under which the kinds are reported, by `ErrorKind as usize`.
    pub const NAMES: [&'static str; ErrorKind::COUNT] = [
        "unknown_protocol",
        "unknown_address",
        "stun_malformed",
        "stun_unknown_ufrag",
        "stun_fingerprint",
        "stun_integrity",
        "stun_role_conflict",
        "stun_address_taken",
        "stun_replayed",
        "dtls_rate_limited",
        "srtp_no_keys",
        "srtp_authentication",
        "srtp_replay",
        "srtp_malformed",
        "rtp_malformed",
        "rtp_unroutable",
        "rtp_payload_type",
        "rtcp_malformed",
        "plain_wrong_remote",
    ];
}

/// Error counts by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Errors([u64; ErrorKind::COUNT]);

impl Errors {
    /// Counts one.
    pub fn count(&mut self, kind: ErrorKind) {
        self.0[kind as usize] += 1;
    }

    /// How many of `kind`.
    pub fn of(&self, kind: ErrorKind) -> u64 {
        self.0[kind as usize]
    }

    /// Every kind with its name and count, zeros included.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        ErrorKind::NAMES.into_iter().zip(self.0)
    }
}

/// Counters of a worker since its start.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Datagrams handed in.
    pub packets_received: u64,
    /// Their bytes, without IP and UDP headers.
    pub bytes_received: u64,
    /// Packets put into the transmit queue.
    pub packets_sent: u64,
    /// Their bytes, without IP and UDP headers.
    pub bytes_sent: u64,
    /// Unusable datagrams by kind.
    pub errors: Errors,
    /// Transports that exist.
    pub transports: u64,
    /// Producers that exist.
    pub producers: u64,
    /// Consumers that exist.
    pub consumers: u64,
    /// Sequence numbers that receivers asked for again.
    pub nacks_received: u64,
    /// Sequence numbers that publishers were asked for again.
    pub nacks_sent: u64,
    /// Retransmissions sent to receivers.
    pub retransmissions: u64,
    /// Keyframes that receivers asked for.
    pub keyframe_requests_received: u64,
    /// Keyframes that publishers were asked for.
    pub keyframe_requests_sent: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_name() {
        let mut errors = Errors::default();
        errors.count(ErrorKind::PlainWrongRemote);
        assert_eq!(errors.of(ErrorKind::PlainWrongRemote), 1);
        assert_eq!(errors.iter().last(), Some(("plain_wrong_remote", 1)));
        let mut names = ErrorKind::NAMES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorKind::COUNT);
    }
}

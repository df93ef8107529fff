//! Which protocol a datagram belongs to, when several share one port (RFC 7983, RFC 9443, RFC 5761 §4).

/// What a datagram is, as far as its first two bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// First byte 0–3, at least one STUN header long.
    Stun,
    /// First byte 20–63, at least one record header long.
    Dtls,
    /// Version 2, and no RTCP packet type in the second byte.
    Rtp,
    /// Version 2, and a packet type of 192–223 in the second byte.
    Rtcp,
    /// Anything else: ZRTP, TURN channels, QUIC, noise, or too short for what it claims to be.
    Unknown,
}

/// Length of a STUN header (RFC 8489 §5).
const STUN_HEADER_LEN: usize = 20;
/// Length of a DTLS 1.2 record header (RFC 6347 §4.1).
const DTLS_RECORD_HEADER_LEN: usize = 13;
/// Length of an RTP header without CSRCs and extensions (RFC 3550 §5.1).
const RTP_HEADER_LEN: usize = 12;
/// Length of the header and the sender's SSRC of an RTCP packet (RFC 3550 §6.4).
const RTCP_HEADER_LEN: usize = 8;

/// Sorts a datagram by its first bytes and the least length its protocol needs.
pub fn classify(datagram: &[u8]) -> Kind {
    let (kind, least) = match datagram {
        [0..=3, ..] => (Kind::Stun, STUN_HEADER_LEN),
        // DTLS 1.3 records with the unified header (RFC 9147 §4) are in this range too. They are longer than the DTLS
        // 1.2 header as well: encrypting their record number takes 16 bytes of ciphertext.
        [20..=63, ..] => (Kind::Dtls, DTLS_RECORD_HEADER_LEN),
        [128..=191, 192..=223, ..] => (Kind::Rtcp, RTCP_HEADER_LEN),
        [128..=191, ..] => (Kind::Rtp, RTP_HEADER_LEN),
        _ => return Kind::Unknown,
    };
    if datagram.len() < least { Kind::Unknown } else { kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_decide() {
        let cases: [(u8, u8, Kind); 14] = [
            (0, 1, Kind::Stun),
            (3, 0, Kind::Stun),
            (4, 0, Kind::Unknown),
            (16, 0, Kind::Unknown),
            (20, 254, Kind::Dtls),
            (22, 254, Kind::Dtls),
            (63, 0, Kind::Dtls),
            (64, 0, Kind::Unknown),
            (127, 200, Kind::Unknown),
            (0x80, 96, Kind::Rtp),
            (0x90, 0xe0, Kind::Rtp),
            (0x80, 200, Kind::Rtcp),
            (0x81, 223, Kind::Rtcp),
            (192, 200, Kind::Unknown),
        ];
        for (first, second, kind) in cases {
            let mut datagram = [0; 20];
            datagram[..2].copy_from_slice(&[first, second]);
            assert_eq!(classify(&datagram), kind, "{first} {second}");
        }
    }

    #[test]
    fn too_short_for_its_protocol_is_unknown() {
        assert_eq!(classify(&[]), Kind::Unknown);
        assert_eq!(classify(&[0x80]), Kind::Unknown);
        assert_eq!(classify(&[0; 19]), Kind::Unknown);
        assert_eq!(classify(&[22; 12]), Kind::Unknown);
        assert_eq!(classify(&[0x80; 11]), Kind::Unknown);
        assert_eq!(classify(&[0x80, 200, 0, 1]), Kind::Unknown);
    }
}

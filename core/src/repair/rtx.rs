//! Retransmissions in a stream of their own (RFC 4588): what they carry.

/// Length of the original sequence number (OSN) before the payload.
pub const OSN_LEN: usize = 2;

/// Splits the payload of a retransmission into the original sequence number and payload. None for packets that carry
/// no original, as senders use to probe the network.
#[inline]
pub fn original(payload: &[u8]) -> Option<(u16, &[u8])> {
    let (osn, payload) = payload.split_first_chunk::<OSN_LEN>()?;
    (!payload.is_empty()).then(|| (u16::from_be_bytes(*osn), payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn originals_and_probes() {
        assert_eq!(original(&[1, 2, 3, 4]), Some((0x102, &[3, 4][..])));
        assert_eq!(original(&[1, 2]), None);
        assert_eq!(original(&[1]), None);
        assert_eq!(original(&[]), None);
    }
}

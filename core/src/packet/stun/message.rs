//! Reading a message.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{BINDING, FINGERPRINT_XOR, HEADER_LEN, INTEGRITY_LEN, IntegrityKey, MAGIC_COOKIE, attribute};

/// Names a request; the response repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId(pub [u8; 12]);

/// What a message is for (RFC 8489 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Wants a response.
    Request,
    /// Wants none: a keepalive.
    Indication,
    /// Answers a request.
    Success,
    /// Refuses a request.
    Error,
}

/// Why a datagram is no STUN message that ICE uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StunError {
    /// Not a STUN header, or another length than it says.
    #[error("not a STUN message")]
    NotStun,
    /// Another method than Binding.
    #[error("not a STUN Binding message")]
    Method,
    /// An attribute reaches beyond the message, has the wrong length, or follows the fingerprint.
    #[error("malformed STUN attribute")]
    Attribute,
}

/// A Binding message. Attributes are those of ICE; others are skipped.
#[derive(Clone, Copy, Debug)]
pub struct StunMessage<'a> {
    /// Request, response or indication.
    pub class: Class,
    /// Of the request.
    pub transaction_id: TransactionId,
    /// USERNAME as it came: in a request `receiver's ufrag:sender's ufrag`.
    pub username: Option<&'a [u8]>,
    /// PRIORITY of a peer-reflexive candidate.
    pub priority: Option<u32>,
    /// Whether the sender nominates this path.
    pub use_candidate: bool,
    /// The tie-breaker of a sender that controls.
    pub ice_controlling: Option<u64>,
    /// The tie-breaker of a sender that is controlled.
    pub ice_controlled: Option<u64>,
    /// The address in a response.
    pub xor_mapped_address: Option<SocketAddr>,
    /// The code of an error response, 300–699.
    pub error_code: Option<u16>,
    /// The first attribute that must be understood and is not (RFC 8489 §14): a request with one is answered by
    /// error 420.
    pub unknown_required: Option<u16>,
    data: &'a [u8],
    /// Where MESSAGE-INTEGRITY and FINGERPRINT start; 0 is nowhere.
    integrity_at: u16,
    fingerprint_at: u16,
}

impl<'a> StunMessage<'a> {
    /// Reads a datagram. Neither fingerprint nor integrity have been looked at after it.
    pub fn parse(data: &'a [u8]) -> Result<Self, StunError> {
        let Some(header) = data.first_chunk::<HEADER_LEN>() else {
            return Err(StunError::NotStun);
        };
        let [t0, t1, l0, l1, c0, c1, c2, c3, id @ ..] = *header;
        let message_type = u16::from_be_bytes([t0, t1]);
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        if message_type & 0xc000 != 0
            || u32::from_be_bytes([c0, c1, c2, c3]) != MAGIC_COOKIE
            || len % 4 != 0
            || len + HEADER_LEN != data.len()
        {
            return Err(StunError::NotStun);
        }
        // Class bits lie between the method bits (RFC 8489 §5, figure 3).
        let method = (message_type & 0x000f) | ((message_type & 0x00e0) >> 1) | ((message_type & 0x3e00) >> 2);
        if method != BINDING {
            return Err(StunError::Method);
        }
        let class = match message_type & 0x0110 {
            0x0000 => Class::Request,
            0x0010 => Class::Indication,
            0x0100 => Class::Success,
            _ => Class::Error,
        };
        let mut message = StunMessage {
            class,
            transaction_id: TransactionId(id),
            username: None,
            priority: None,
            use_candidate: false,
            ice_controlling: None,
            ice_controlled: None,
            xor_mapped_address: None,
            error_code: None,
            unknown_required: None,
            data,
            integrity_at: 0,
            fingerprint_at: 0,
        };
        message.read_attributes()?;
        Ok(message)
    }

    fn read_attributes(&mut self) -> Result<(), StunError> {
        let data = self.data;
        let mut at = HEADER_LEN;
        while at < data.len() {
            // The length of the message is a multiple of 4, so that a head is whole and padding is there.
            let [t0, t1, l0, l1] = *data[at..].first_chunk().ok_or(StunError::Attribute)?;
            let kind = u16::from_be_bytes([t0, t1]);
            let len = usize::from(u16::from_be_bytes([l0, l1]));
            let value = data.get(at + 4..at + 4 + len).ok_or(StunError::Attribute)?;
            if self.fingerprint_at != 0 {
                return Err(StunError::Attribute);
            }
            if kind == attribute::FINGERPRINT {
                if len != 4 {
                    return Err(StunError::Attribute);
                }
                self.fingerprint_at = at as u16;
            } else if self.integrity_at == 0 {
                self.read_attribute(kind, value, at)?;
            }
            // What follows MESSAGE-INTEGRITY is not covered by it, and so is not heeded (RFC 8489 §14.5).
            at += 4 + len.next_multiple_of(4);
        }
        Ok(())
    }

    fn read_attribute(&mut self, kind: u16, value: &'a [u8], at: usize) -> Result<(), StunError> {
        match kind {
            attribute::USERNAME => self.username = Some(value),
            attribute::PRIORITY => self.priority = Some(u32::from_be_bytes(exactly(value)?)),
            attribute::USE_CANDIDATE => self.use_candidate = true,
            attribute::ICE_CONTROLLING => self.ice_controlling = Some(u64::from_be_bytes(exactly(value)?)),
            attribute::ICE_CONTROLLED => self.ice_controlled = Some(u64::from_be_bytes(exactly(value)?)),
            attribute::XOR_MAPPED_ADDRESS => {
                self.xor_mapped_address = Some(read_xor_address(value, &self.transaction_id)?);
            }
            attribute::ERROR_CODE => {
                let &[_, _, class, number] = value.first_chunk().ok_or(StunError::Attribute)?;
                self.error_code = Some(u16::from(class & 7) * 100 + u16::from(number));
            }
            attribute::MESSAGE_INTEGRITY => {
                if value.len() != INTEGRITY_LEN {
                    return Err(StunError::Attribute);
                }
                self.integrity_at = at as u16;
            }
            // Understood as far as needed: they play no part in short-term credentials.
            attribute::REALM
            | attribute::NONCE
            | attribute::UNKNOWN_ATTRIBUTES
            | attribute::MESSAGE_INTEGRITY_SHA256 => {}
            0..0x8000 => self.unknown_required = self.unknown_required.or(Some(kind)),
            _ => {}
        }
        Ok(())
    }

    /// The two halves of USERNAME: the fragment of whom the request is for, and that of its sender.
    pub fn ufrags(&self) -> Option<(&'a str, &'a str)> {
        std::str::from_utf8(self.username?).ok()?.split_once(':')
    }

    /// Whether FINGERPRINT is there and right. ICE wants one in every message (RFC 8445 §7.1.2).
    pub fn verify_fingerprint(&self) -> bool {
        let at = usize::from(self.fingerprint_at);
        let Some(value) = self.data[at..].get(4..).and_then(|rest| rest.first_chunk::<4>()) else {
            return false;
        };
        at != 0 && crc32fast::hash(&self.data[..at]) ^ FINGERPRINT_XOR == u32::from_be_bytes(*value)
    }

    /// Whether MESSAGE-INTEGRITY is there and was made with `key`.
    pub fn verify_integrity(&self, key: &IntegrityKey) -> bool {
        let at = usize::from(self.integrity_at);
        if at == 0 {
            return false;
        }
        let value = &self.data[at + 4..at + 4 + INTEGRITY_LEN];
        aws_lc_rs::constant_time::verify_slices_are_equal(&key.sign(&self.data[..at]), value).is_ok()
    }

    /// Whether MESSAGE-INTEGRITY is there: a request without is answered by error 400 (RFC 8489 §9.1.3).
    pub fn has_integrity(&self) -> bool {
        self.integrity_at != 0
    }
}

fn exactly<const N: usize>(value: &[u8]) -> Result<[u8; N], StunError> {
    value.try_into().map_err(|_| StunError::Attribute)
}

/// RFC 8489 §14.2: the port is combined with the upper half of the cookie, the address with cookie and id.
fn read_xor_address(value: &[u8], id: &TransactionId) -> Result<SocketAddr, StunError> {
    let (&[_, family, p0, p1], address) = value.split_first_chunk().ok_or(StunError::Attribute)?;
    let port = u16::from_be_bytes([p0, p1]) ^ (MAGIC_COOKIE >> 16) as u16;
    let ip = match family {
        1 => IpAddr::V4(Ipv4Addr::from_bits(u32::from_be_bytes(exactly(address)?) ^ MAGIC_COOKIE)),
        2 => IpAddr::V6(Ipv6Addr::from_bits(u128::from_be_bytes(exactly(address)?) ^ xor_mask(id))),
        _ => return Err(StunError::Attribute),
    };
    Ok(SocketAddr::new(ip, port))
}

/// What an IPv6 address is combined with: the cookie followed by the transaction id.
pub(super) fn xor_mask(id: &TransactionId) -> u128 {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&id.0);
    u128::from_be_bytes(mask)
}

//! Writing responses, and requests as a client would.

use std::net::SocketAddr;

use super::message::xor_mask;
use super::{
    BINDING, FINGERPRINT_XOR, HEADER_LEN, INTEGRITY_LEN, IntegrityKey, MAGIC_COOKIE, TransactionId, attribute,
};

/// No response written here is longer: a buffer of this size always does.
pub const MAX_RESPONSE_LEN: usize = 128;

/// MESSAGE-INTEGRITY and FINGERPRINT with their heads.
const TRAILER_LEN: usize = 4 + INTEGRITY_LEN + 8;
/// What a request is padded with.
const ZEROS: [u8; 1_500] = [0; 1_500];

/// Type bits of a success response.
const SUCCESS: u16 = 0x0100;
/// Type bits of an error response.
const ERROR: u16 = 0x0110;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// 400: an attribute that must be there is missing.
    BadRequest,
    /// 401: the integrity check failed.
    Unauthenticated,
    /// 403: what the request is made with does not serve any more.
    Forbidden,
    /// 420: this attribute must be understood, and is not.
    UnknownAttribute(u16),
    /// 487: both sides want the same role (RFC 8445 §7.3.1.1).
    RoleConflict,
}

impl ErrorCode {
    fn code_and_reason(self) -> (u16, &'static str) {
        match self {
            ErrorCode::BadRequest => (400, "Bad Request"),
            ErrorCode::Unauthenticated => (401, "Unauthenticated"),
            ErrorCode::Forbidden => (403, "Forbidden"),
            ErrorCode::UnknownAttribute(_) => (420, "Unknown Attribute"),
            ErrorCode::RoleConflict => (487, "Role Conflict"),
        }
    }
}

/// Writes the success response to a Binding request that came from `mapped`, and returns its length; `None` if `out`
/// is shorter than the response.
pub fn write_binding_success(
    out: &mut [u8],
    id: TransactionId,
    mapped: SocketAddr,
    key: &IntegrityKey,
) -> Option<usize> {
    let mut writer = Writer::new(out, BINDING | SUCCESS, id)?;
    let port = (mapped.port() ^ (MAGIC_COOKIE >> 16) as u16).to_be_bytes();
    match mapped {
        SocketAddr::V4(v4) => {
            let address = (v4.ip().to_bits() ^ MAGIC_COOKIE).to_be_bytes();
            writer.attribute(attribute::XOR_MAPPED_ADDRESS, &[&[0, 1], &port, &address])?;
        }
        SocketAddr::V6(v6) => {
            let address = (v6.ip().to_bits() ^ xor_mask(&id)).to_be_bytes();
            writer.attribute(attribute::XOR_MAPPED_ADDRESS, &[&[0, 2], &port, &address])?;
        }
    }
    writer.integrity(key)?;
    writer.finish()
}

/// Writes an error response and returns its length. It is signed where the request could be verified: errors 400 and
/// 401 go without a key (RFC 8489 §9.1.3).
pub fn write_binding_error(
    out: &mut [u8],
    id: TransactionId,
    error: ErrorCode,
    key: Option<&IntegrityKey>,
) -> Option<usize> {
    let mut writer = Writer::new(out, BINDING | ERROR, id)?;
    let (code, reason) = error.code_and_reason();
    let head = [0, 0, (code / 100) as u8, (code % 100) as u8];
    writer.attribute(attribute::ERROR_CODE, &[&head, reason.as_bytes()])?;
    if let ErrorCode::UnknownAttribute(kind) = error {
        writer.attribute(attribute::UNKNOWN_ATTRIBUTES, &[&kind.to_be_bytes()])?;
    }
    if let Some(key) = key {
        writer.integrity(key)?;
    }
    writer.finish()
}

/// The role that a client claims, with its tie-breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Decides which path is used.
    Controlling(u64),
    /// Follows.
    Controlled(u64),
}

/// A Binding request as an ICE client sends it. The bridge is ICE-lite and checks nothing with them: its own ask whether
/// a path carries long packets. Tests and load generators send those of clients.
#[derive(Clone, Copy, Debug)]
pub struct BindingRequest<'a> {
    /// Repeated in the response.
    pub transaction_id: TransactionId,
    /// `receiver's ufrag:sender's ufrag`.
    pub username: &'a str,
    /// Of the candidate it is sent from.
    pub priority: u32,
    /// The sender's role.
    pub role: Role,
    /// Whether the path is nominated.
    pub use_candidate: bool,
}

impl BindingRequest<'_> {
    /// Writes the request, signed with the receiver's password, and returns its length; `None` if `out` is too short.
    pub fn write(&self, out: &mut [u8], key: &IntegrityKey) -> Option<usize> {
        self.start(out)?.sign(key)
    }

    /// The same with `len` bytes in all, a multiple of four; `None` also if that is less than the request takes.
    pub fn write_padded(&self, out: &mut [u8], key: &IntegrityKey, len: usize) -> Option<usize> {
        let mut writer = self.start(out)?;
        let filler = len.checked_sub(writer.end + 4 + TRAILER_LEN)?;
        writer.attribute(attribute::FILLER, &[ZEROS.get(..filler)?])?;
        writer.sign(key)
    }

    fn start<'o>(&self, out: &'o mut [u8]) -> Option<Writer<'o>> {
        let mut writer = Writer::new(out, BINDING, self.transaction_id)?;
        writer.attribute(attribute::USERNAME, &[self.username.as_bytes()])?;
        match self.role {
            Role::Controlling(tie) => writer.attribute(attribute::ICE_CONTROLLING, &[&tie.to_be_bytes()])?,
            Role::Controlled(tie) => writer.attribute(attribute::ICE_CONTROLLED, &[&tie.to_be_bytes()])?,
        }
        writer.attribute(attribute::PRIORITY, &[&self.priority.to_be_bytes()])?;
        if self.use_candidate {
            writer.attribute(attribute::USE_CANDIDATE, &[])?;
        }
        Some(writer)
    }
}

/// Appends attributes behind a header; each step fails when the buffer is full.
struct Writer<'o> {
    out: &'o mut [u8],
    end: usize,
}

impl<'o> Writer<'o> {
    fn new(out: &'o mut [u8], message_type: u16, id: TransactionId) -> Option<Self> {
        let header = out.first_chunk_mut::<HEADER_LEN>()?;
        header[..2].copy_from_slice(&message_type.to_be_bytes());
        header[2..4].fill(0);
        header[4..8].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
        header[8..].copy_from_slice(&id.0);
        Some(Writer { out, end: HEADER_LEN })
    }

    /// Appends an attribute whose value is `parts` one after the other, padded with zeros.
    fn attribute(&mut self, kind: u16, parts: &[&[u8]]) -> Option<()> {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let end = self.end + 4 + len.next_multiple_of(4);
        let (head, value) = self.out.get_mut(self.end..end)?.split_first_chunk_mut::<4>()?;
        head[..2].copy_from_slice(&kind.to_be_bytes());
        head[2..].copy_from_slice(&u16::try_from(len).ok()?.to_be_bytes());
        let mut rest = value;
        for part in parts {
            let (here, behind) = rest.split_at_mut(part.len());
            here.copy_from_slice(part);
            rest = behind;
        }
        rest.fill(0);
        self.end = end;
        Some(())
    }

    fn integrity(&mut self, key: &IntegrityKey) -> Option<()> {
        let tag: [u8; INTEGRITY_LEN] = key.sign(&self.out[..self.end]);
        self.attribute(attribute::MESSAGE_INTEGRITY, &[&tag])
    }

    fn sign(mut self, key: &IntegrityKey) -> Option<usize> {
        self.integrity(key)?;
        self.finish()
    }

    /// Appends FINGERPRINT, which covers the final length, and returns the length of the message.
    fn finish(mut self) -> Option<usize> {
        let len = u16::try_from(self.end + 8 - HEADER_LEN).ok()?;
        self.out[2..4].copy_from_slice(&len.to_be_bytes());
        let checksum = crc32fast::hash(&self.out[..self.end]) ^ FINGERPRINT_XOR;
        self.attribute(attribute::FINGERPRINT, &[&checksum.to_be_bytes()])?;
        Some(self.end)
    }
}

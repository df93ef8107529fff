//! STUN (RFC 8489) as ICE uses it (RFC 8445 §7): Binding requests and their responses.
//!
//! Reading is split so that garbage costs next to nothing: [`StunMessage::parse`] looks at lengths and the magic cookie,
//! [`StunMessage::verify_fingerprint`] at a checksum, and only a message whose user name is known is worth the HMAC
//! of [`StunMessage::verify_integrity`].

mod integrity;
mod message;
mod writer;

pub use integrity::IntegrityKey;
pub use message::{Class, StunError, StunMessage, TransactionId};
pub use writer::{BindingRequest, ErrorCode, MAX_RESPONSE_LEN, Role, write_binding_error, write_binding_success};

/// Length of the header.
pub const HEADER_LEN: usize = 20;
/// The same in every message (RFC 8489 §5).
const MAGIC_COOKIE: u32 = 0x2112_a442;
/// The method of a Binding request and its responses.
const BINDING: u16 = 0x001;
/// What the CRC-32 of a fingerprint is combined with, so that it differs from other checksums (RFC 8489 §14.7).
const FINGERPRINT_XOR: u32 = 0x5354_554e;
/// Length of an HMAC-SHA1.
const INTEGRITY_LEN: usize = 20;

/// Attribute types (RFC 8489 §18.3, RFC 8445 §20.2).
mod attribute {
    pub(super) const USERNAME: u16 = 0x0006;
    pub(super) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(super) const ERROR_CODE: u16 = 0x0009;
    pub(super) const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    pub(super) const REALM: u16 = 0x0014;
    pub(super) const NONCE: u16 = 0x0015;
    pub(super) const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
    pub(super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(super) const PRIORITY: u16 = 0x0024;
    pub(super) const USE_CANDIDATE: u16 = 0x0025;
    /// Of no meaning: it makes a request longer. Not assigned, and of the half that who does not know it skips, which is
    /// not so for the PADDING of RFC 5780.
    pub(super) const FILLER: u16 = 0xfff7;
    pub(super) const FINGERPRINT: u16 = 0x8028;
    pub(super) const ICE_CONTROLLED: u16 = 0x8029;
    pub(super) const ICE_CONTROLLING: u16 = 0x802a;
}

#[cfg(test)]
mod tests;

//! MESSAGE-INTEGRITY with short-term credentials (RFC 8489 §14.5, §9.1).

use aws_lc_rs::hmac;

use super::{HEADER_LEN, INTEGRITY_LEN};

/// An ICE password, prepared for use: half of an HMAC's work is done once per password.
#[derive(Clone)]
pub struct IntegrityKey(hmac::Key);

impl IntegrityKey {
    /// The key of an ICE password as it stands in the SDP.
    pub fn new(password: &str) -> Self {
        IntegrityKey(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()))
    }

    /// The HMAC of a message up to its MESSAGE-INTEGRITY attribute. `covered` ends right before that attribute; the
    /// length in the header is taken to end right behind it, whatever it says.
    pub(super) fn sign(&self, covered: &[u8]) -> [u8; INTEGRITY_LEN] {
        let mut context = hmac::Context::with_key(&self.0);
        // The header is covered with the length it had when the attribute was the last one.
        let len = (covered.len() - HEADER_LEN + 4 + INTEGRITY_LEN) as u16;
        context.update(&covered[..2]);
        context.update(&len.to_be_bytes());
        context.update(&covered[4..]);
        let mut tag = [0; INTEGRITY_LEN];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }
}

impl std::fmt::Debug for IntegrityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IntegrityKey")
    }
}

//! Session keys from a master key (RFC 3711 §4.3, RFC 6188 §3.1.1, RFC 7714 §11).

use aws_lc_rs::cipher::{AES_128, AES_256, Algorithm, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

use super::SrtpError;
use crate::params::SrtpProfile;

/// What a derived key is for (RFC 3711 §4.3.1). SRTCP's labels are SRTP's plus 3.
#[derive(Clone, Copy)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// Lengths of master key and master salt in bytes.
pub fn key_and_salt_len(profile: SrtpProfile) -> (usize, usize) {
    match profile {
        SrtpProfile::AeadAes128Gcm => (16, 12),
        SrtpProfile::AeadAes256Gcm => (32, 12),
        SrtpProfile::Aes128CmSha1_80 => (16, 14),
    }
}

/// AES in counter mode for one key.
pub(super) fn counter_mode(key: &[u8]) -> Result<EncryptingKey, SrtpError> {
    let algorithm: &'static Algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    UnboundCipherKey::new(algorithm, key).and_then(EncryptingKey::ctr).map_err(|_| SrtpError::KeyLength)
}

/// Adds the keystream that starts at counter block `iv` to `data`.
#[inline]
pub(super) fn add_keystream(key: &EncryptingKey, iv: [u8; 16], data: &mut [u8]) {
    key.less_safe_encrypt(data, EncryptionContext::Iv128(FixedLength::from(iv)))
        .expect("counter mode takes any length, and its IV is of the right kind");
}

/// The key derivation function of one master key.
pub(super) struct KeyDerivation {
    key: EncryptingKey,
    master_salt: [u8; 14],
}

impl KeyDerivation {
    pub(super) fn new(profile: SrtpProfile, key_and_salt: &[u8]) -> Result<Self, SrtpError> {
        let (key_len, salt_len) = key_and_salt_len(profile);
        if key_and_salt.len() != key_len + salt_len {
            return Err(SrtpError::KeyLength);
        }
        let (key, salt) = key_and_salt.split_at(key_len);
        // A salt of 12 bytes counts as one of 14 that ends in zeros (RFC 7714 §11).
        let mut master_salt = [0; 14];
        master_salt[..salt_len].copy_from_slice(salt);
        Ok(KeyDerivation { key: counter_mode(key)?, master_salt })
    }

    /// The first `N` bytes of the key for `label`. The key derivation rate is zero, as DTLS-SRTP has it.
    pub(super) fn derive<const N: usize>(&self, label: Label) -> [u8; N] {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.master_salt);
        iv[7] ^= label as u8;
        let mut derived = [0; N];
        add_keystream(&self.key, iv, &mut derived);
        derived
    }
}

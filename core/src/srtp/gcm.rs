//! AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 7714).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::SrtpError;
use super::key::{KeyDerivation, Label};

/// Length of the tag. Variants with shorter ones were never registered for DTLS-SRTP.
const TAG_LEN: usize = 16;
/// The part of an RTCP packet that is authenticated and not encrypted: header and SSRC.
const RTCP_CLEAR_LEN: usize = 8;
/// The E flag and SRTCP index, the last word of a packet.
const INDEX_LEN: usize = 4;

/// Key and salt of SRTP or of SRTCP.
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Gcm {
    /// The keys for SRTP.
    pub(super) fn for_rtp(derivation: &KeyDerivation, key_len: usize) -> Result<Self, SrtpError> {
        Self::new(derivation, key_len, Label::RtpEncryption, Label::RtpSalt)
    }

    /// The keys for SRTCP.
    pub(super) fn for_rtcp(derivation: &KeyDerivation, key_len: usize) -> Result<Self, SrtpError> {
        Self::new(derivation, key_len, Label::RtcpEncryption, Label::RtcpSalt)
    }

    fn new(derivation: &KeyDerivation, key_len: usize, key: Label, salt: Label) -> Result<Self, SrtpError> {
        let salt = derivation.derive(salt);
        if key_len == 32 {
            Self::with_session_key(&derivation.derive::<32>(key), salt)
        } else {
            Self::with_session_key(&derivation.derive::<16>(key), salt)
        }
    }

    /// A cipher with a session key of 16 or 32 bytes.
    pub(super) fn with_session_key(key: &[u8], salt: [u8; 12]) -> Result<Self, SrtpError> {
        let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        let key = UnboundKey::new(algorithm, key).map_err(|_| SrtpError::KeyLength)?;
        Ok(Gcm { key: LessSafeKey::new(key), salt })
    }

    /// Encrypts `buf[header_len..end]` and puts the tag behind it. Returns where the tag ends.
    #[inline]
    pub(super) fn seal_rtp(
        &self,
        buf: &mut [u8],
        header_len: usize,
        end: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, SrtpError> {
        let (header, rest) = buf.split_at_mut(header_len);
        let (payload, tag_room) = rest.split_at_mut(end - header_len);
        let tag_room = tag_room.get_mut(..TAG_LEN).ok_or(SrtpError::TooShort)?;
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce(ssrc, index), Aad::from(&*header), payload)
            .map_err(|_| SrtpError::TooShort)?;
        tag_room.copy_from_slice(tag.as_ref());
        Ok(end + TAG_LEN)
    }

    /// Verifies and decrypts a packet. Returns where its payload ends.
    #[inline]
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, SrtpError> {
        let (header, sealed) = packet.split_at_mut(header_len);
        let plain = self
            .key
            .open_in_place(self.nonce(ssrc, index), Aad::from(&*header), sealed)
            .map_err(|_| SrtpError::Authentication)?;
        Ok(header_len + plain.len())
    }

    /// Encrypts the compound `buf[..len]`, and puts tag and `index_word` behind it. Returns where they end.
    pub(super) fn seal_rtcp(&self, buf: &mut [u8], len: usize, ssrc: u32, index_word: u32) -> Result<usize, SrtpError> {
        let (packet, behind) = buf.split_at_mut(len);
        let behind = behind.get_mut(..TAG_LEN + INDEX_LEN).ok_or(SrtpError::TooShort)?;
        let (header, body) = packet.split_at_mut(RTCP_CLEAR_LEN);
        let tag = self
            .key
            .seal_in_place_separate_tag(self.rtcp_nonce(ssrc, index_word), rtcp_aad(header, index_word), body)
            .map_err(|_| SrtpError::TooShort)?;
        behind[..TAG_LEN].copy_from_slice(tag.as_ref());
        behind[TAG_LEN..].copy_from_slice(&index_word.to_be_bytes());
        Ok(len + TAG_LEN + INDEX_LEN)
    }

    /// Verifies and decrypts an SRTCP packet. Returns where the compound ends.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index_word: u32) -> Result<usize, SrtpError> {
        let sealed_end = packet.len() - INDEX_LEN;
        let (header, sealed) = packet[..sealed_end].split_at_mut(RTCP_CLEAR_LEN);
        let plain = self
            .key
            .open_in_place(self.rtcp_nonce(ssrc, index_word), rtcp_aad(header, index_word), sealed)
            .map_err(|_| SrtpError::Authentication)?;
        Ok(RTCP_CLEAR_LEN + plain.len())
    }

    /// Two zero bytes, SSRC and index, combined with the salt (RFC 7714 §8.1).
    #[inline]
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &ssrc.to_be_bytes());
        xor(&mut nonce[6..12], &index.to_be_bytes()[2..]);
        Nonce::assume_unique_for_key(nonce)
    }

    /// Two zero bytes, SSRC, two more and the SRTCP index, combined with the salt (RFC 7714 §9.1).
    fn rtcp_nonce(&self, ssrc: u32, index_word: u32) -> Nonce {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &ssrc.to_be_bytes());
        xor(&mut nonce[8..12], &(index_word & 0x7fff_ffff).to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }
}

/// What is authenticated beside the ciphertext: the header, and E flag with index (RFC 7714 §9.2).
fn rtcp_aad(header: &[u8], index_word: u32) -> Aad<[u8; RTCP_CLEAR_LEN + INDEX_LEN]> {
    let mut aad = [0; RTCP_CLEAR_LEN + INDEX_LEN];
    aad[..RTCP_CLEAR_LEN].copy_from_slice(header);
    aad[RTCP_CLEAR_LEN..].copy_from_slice(&index_word.to_be_bytes());
    Aad::from(aad)
}

#[inline]
fn xor(target: &mut [u8], with: &[u8]) {
    for (byte, with) in target.iter_mut().zip(with) {
        *byte ^= with;
    }
}

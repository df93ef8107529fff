//! AES128_CM_HMAC_SHA1_80 (RFC 3711 §4.1.1, §4.2).

use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::{constant_time, hmac};

use super::SrtpError;
use super::index::roll_over_counter;
use super::key::{KeyDerivation, Label, add_keystream, counter_mode};

/// Length of the tag: the first 80 of 160 bits.
const TAG_LEN: usize = 10;
/// The part of an RTCP packet that is authenticated and not encrypted: header and SSRC.
const RTCP_CLEAR_LEN: usize = 8;
/// The E flag and SRTCP index, the word before the tag.
const INDEX_LEN: usize = 4;

/// Keys and salt of SRTP or of SRTCP.
pub(super) struct CmHmac {
    encryption: EncryptingKey,
    authentication: hmac::Key,
    salt: [u8; 14],
}

impl CmHmac {
    /// The keys for SRTP.
    pub(super) fn for_rtp(derivation: &KeyDerivation) -> Result<Self, SrtpError> {
        Self::new(derivation, Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt)
    }

    /// The keys for SRTCP.
    pub(super) fn for_rtcp(derivation: &KeyDerivation) -> Result<Self, SrtpError> {
        Self::new(derivation, Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt)
    }

    fn new(
        derivation: &KeyDerivation,
        encryption: Label,
        authentication: Label,
        salt: Label,
    ) -> Result<Self, SrtpError> {
        let authentication = derivation.derive::<20>(authentication);
        Ok(CmHmac {
            encryption: counter_mode(&derivation.derive::<16>(encryption))?,
            authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &authentication),
            salt: derivation.derive(salt),
        })
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
        if buf.len() < end + TAG_LEN {
            return Err(SrtpError::TooShort);
        }
        add_keystream(&self.encryption, self.iv(ssrc, index), &mut buf[header_len..end]);
        let tag = self.tag(&buf[..end], roll_over_counter(index));
        buf[end..end + TAG_LEN].copy_from_slice(&tag);
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
        let end = packet.len() - TAG_LEN;
        let (packet, tag) = packet.split_at_mut(end);
        self.verify(packet, roll_over_counter(index), tag)?;
        add_keystream(&self.encryption, self.iv(ssrc, index), &mut packet[header_len..]);
        Ok(end)
    }

    /// Encrypts the compound `buf[..len]`, and puts `index_word` and tag behind it. Returns where they end.
    pub(super) fn seal_rtcp(&self, buf: &mut [u8], len: usize, ssrc: u32, index_word: u32) -> Result<usize, SrtpError> {
        let end = len + INDEX_LEN + TAG_LEN;
        if buf.len() < end {
            return Err(SrtpError::TooShort);
        }
        let index = u64::from(index_word & 0x7fff_ffff);
        add_keystream(&self.encryption, self.iv(ssrc, index), &mut buf[RTCP_CLEAR_LEN..len]);
        buf[len..len + INDEX_LEN].copy_from_slice(&index_word.to_be_bytes());
        let tag = self.tag(&buf[..len], index_word);
        buf[len + INDEX_LEN..end].copy_from_slice(&tag);
        Ok(end)
    }

    /// Verifies and decrypts an SRTCP packet. Returns where the compound ends.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index_word: u32) -> Result<usize, SrtpError> {
        let end = packet.len() - TAG_LEN - INDEX_LEN;
        let (packet, behind) = packet.split_at_mut(end);
        self.verify(packet, index_word, &behind[INDEX_LEN..])?;
        let index = u64::from(index_word & 0x7fff_ffff);
        add_keystream(&self.encryption, self.iv(ssrc, index), &mut packet[RTCP_CLEAR_LEN..]);
        Ok(end)
    }

    /// The counter block of a packet: salt, SSRC and index at their places, the block counter zero (RFC 3711 §4.1.1).
    #[inline]
    pub(super) fn iv(&self, ssrc: u32, index: u64) -> [u8; 16] {
        let mut salt = [0; 16];
        salt[..14].copy_from_slice(&self.salt);
        let block = u128::from_be_bytes(salt) ^ (u128::from(ssrc) << 64) ^ (u128::from(index) << 16);
        block.to_be_bytes()
    }

    /// The tag over `covered` and the word behind it: the roll-over counter in SRTP, which is not sent, and E flag with
    /// index in SRTCP, which is.
    #[inline]
    fn tag(&self, covered: &[u8], word: u32) -> [u8; TAG_LEN] {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(covered);
        context.update(&word.to_be_bytes());
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG_LEN]);
        tag
    }

    #[inline]
    fn verify(&self, covered: &[u8], word: u32, tag: &[u8]) -> Result<(), SrtpError> {
        constant_time::verify_slices_are_equal(&self.tag(covered, word), tag).map_err(|_| SrtpError::Authentication)
    }
}

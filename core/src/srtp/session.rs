//! The keys of one direction: the profile's cipher for SRTP and for SRTCP.

use super::SrtpError;
use super::cm_hmac::CmHmac;
use super::gcm::Gcm;
use super::key::{KeyDerivation, key_and_salt_len};
use crate::params::SrtpProfile;

/// No profile adds more bytes to an RTP packet.
pub const MAX_RTP_OVERHEAD: usize = 16;
/// No profile adds more bytes to an RTCP compound.
pub const MAX_RTCP_OVERHEAD: usize = 20;

/// One cipher. A match costs less than a virtual call, and lets the common one be inlined.
enum Cipher {
    Gcm(Gcm),
    /// Boxed because its key schedules are kept in place, and most calls use the other.
    CmHmac(Box<CmHmac>),
}

/// Both ciphers of a direction.
pub(super) struct Session {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_overhead: usize,
    rtcp_overhead: usize,
}

impl Session {
    /// Derives the session keys from a master key followed by its master salt.
    pub(super) fn new(profile: SrtpProfile, key_and_salt: &[u8]) -> Result<Self, SrtpError> {
        let derivation = KeyDerivation::new(profile, key_and_salt)?;
        let (key_len, _) = key_and_salt_len(profile);
        match profile {
            SrtpProfile::AeadAes128Gcm | SrtpProfile::AeadAes256Gcm => Ok(Session {
                rtp: Cipher::Gcm(Gcm::for_rtp(&derivation, key_len)?),
                rtcp: Cipher::Gcm(Gcm::for_rtcp(&derivation, key_len)?),
                rtp_overhead: 16,
                rtcp_overhead: 16 + 4,
            }),
            SrtpProfile::Aes128CmSha1_80 => Ok(Session {
                rtp: Cipher::CmHmac(Box::new(CmHmac::for_rtp(&derivation)?)),
                rtcp: Cipher::CmHmac(Box::new(CmHmac::for_rtcp(&derivation)?)),
                rtp_overhead: 10,
                rtcp_overhead: 10 + 4,
            }),
        }
    }

    /// How many bytes an RTP packet grows by.
    #[inline]
    pub(super) fn rtp_overhead(&self) -> usize {
        self.rtp_overhead
    }

    /// How many bytes an RTCP compound grows by.
    #[inline]
    pub(super) fn rtcp_overhead(&self) -> usize {
        self.rtcp_overhead
    }

    /// Where the E flag and index of an SRTCP packet are: last with an AEAD, before the tag otherwise.
    pub(super) fn index_word(&self, packet: &[u8]) -> u32 {
        let behind = if matches!(self.rtcp, Cipher::Gcm(_)) { 4 } else { self.rtcp_overhead };
        let at = packet.len() - behind;
        u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]])
    }

    #[inline]
    pub(super) fn seal_rtp(
        &self,
        buf: &mut [u8],
        header_len: usize,
        end: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, SrtpError> {
        match &self.rtp {
            Cipher::Gcm(cipher) => cipher.seal_rtp(buf, header_len, end, ssrc, index),
            Cipher::CmHmac(cipher) => cipher.seal_rtp(buf, header_len, end, ssrc, index),
        }
    }

    #[inline]
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<usize, SrtpError> {
        match &self.rtp {
            Cipher::Gcm(cipher) => cipher.open_rtp(packet, header_len, ssrc, index),
            Cipher::CmHmac(cipher) => cipher.open_rtp(packet, header_len, ssrc, index),
        }
    }

    pub(super) fn seal_rtcp(&self, buf: &mut [u8], len: usize, ssrc: u32, index_word: u32) -> Result<usize, SrtpError> {
        match &self.rtcp {
            Cipher::Gcm(cipher) => cipher.seal_rtcp(buf, len, ssrc, index_word),
            Cipher::CmHmac(cipher) => cipher.seal_rtcp(buf, len, ssrc, index_word),
        }
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index_word: u32) -> Result<usize, SrtpError> {
        match &self.rtcp {
            Cipher::Gcm(cipher) => cipher.open_rtcp(packet, ssrc, index_word),
            Cipher::CmHmac(cipher) => cipher.open_rtcp(packet, ssrc, index_word),
        }
    }
}

//! Opening what is received.

use super::replay::ReplayWindow;
use super::session::Session;
use super::sources::Sources;
use super::{SrtpError, index};
use crate::packet::rtp::RtpHeader;
use crate::params::SrtpProfile;

/// How many SSRCs are remembered. When one more authenticates, the one that was silent for longest is forgotten: who
/// has the key can only harm its own replay protection by that.
pub(super) const MAX_SOURCES: usize = 1024;
/// Header and SSRC of the first packet of a compound.
const RTCP_HEADER_LEN: usize = 8;
/// The flag that an SRTCP packet is encrypted (RFC 3711 §3.4).
const ENCRYPTED: u32 = 1 << 31;

/// The receiving direction of an association. A source gets a state once a packet of it has authenticated.
pub struct SrtpReceiver {
    session: Session,
    rtp: Sources,
    rtcp: Sources,
}

impl SrtpReceiver {
    /// A receiver for a master key followed by its master salt. Fails with [`SrtpError::KeyLength`].
    pub fn new(profile: SrtpProfile, key_and_salt: &[u8]) -> Result<Self, SrtpError> {
        Ok(SrtpReceiver {
            session: Session::new(profile, key_and_salt)?,
            rtp: Sources::default(),
            rtcp: Sources::default(),
        })
    }

    /// Verifies and decrypts an SRTP packet in place, and returns the length of the RTP packet at its start.
    /// `header` was read from `packet`. After an error the bytes behind the header are undefined.
    #[inline]
    pub fn unprotect_rtp(&mut self, header: &RtpHeader, packet: &mut [u8]) -> Result<usize, SrtpError> {
        if packet.len() < header.len() + self.session.rtp_overhead() {
            return Err(SrtpError::TooShort);
        }
        let (ssrc, sequence_number) = (header.ssrc, header.sequence_number);
        if let Some(window) = self.rtp.find(ssrc) {
            // An index before the first one is as good as too old: the sender starts at the roll-over counter zero.
            let index = index::estimate(window.highest(), sequence_number).ok_or(SrtpError::TooOld)?;
            window.check(index)?;
            let len = self.session.open_rtp(packet, header.len(), ssrc, index)?;
            window.accept(index);
            return Ok(len);
        }
        let index = u64::from(sequence_number);
        let len = self.session.open_rtp(packet, header.len(), ssrc, index)?;
        remember(&mut self.rtp, ssrc, index);
        Ok(len)
    }

    /// Verifies and decrypts an SRTCP packet in place, and returns the length of the RTCP compound at its start.
    /// After an error the bytes behind the first eight are undefined.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        if packet.len() < RTCP_HEADER_LEN + self.session.rtcp_overhead() {
            return Err(SrtpError::TooShort);
        }
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let index_word = self.session.index_word(packet);
        if index_word & ENCRYPTED == 0 {
            return Err(SrtpError::NotEncrypted);
        }
        let index = u64::from(index_word & !ENCRYPTED);
        if let Some(window) = self.rtcp.find(ssrc) {
            window.check(index)?;
            let len = self.session.open_rtcp(packet, ssrc, index_word)?;
            window.accept(index);
            return Ok(len);
        }
        let len = self.session.open_rtcp(packet, ssrc, index_word)?;
        remember(&mut self.rtcp, ssrc, index);
        Ok(len)
    }
}

#[cold]
fn remember(sources: &mut Sources, ssrc: u32, index: u64) {
    let window = ReplayWindow::starting_with(index);
    if sources.len() < MAX_SOURCES {
        sources.add(ssrc, window);
    } else {
        sources.replace_oldest(ssrc, window);
    }
}

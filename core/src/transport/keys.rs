//! How the media of a transport is protected.

use crate::engine::ErrorKind;
use crate::packet::rtp::RtpHeader;
use crate::params::SrtpParams;
use crate::srtp::{MAX_RTCP_OVERHEAD, MAX_RTP_OVERHEAD, SrtpError, SrtpReceiver, SrtpSender};

/// Room to leave behind an RTP packet, in bytes.
pub const RTP_ROOM: usize = MAX_RTP_OVERHEAD;
/// Room to leave behind an RTCP compound, in bytes.
pub const RTCP_ROOM: usize = MAX_RTCP_OVERHEAD;

/// How the media of a transport is protected.
pub enum Keys {
    /// Not known yet: nothing is taken in, nothing sent.
    Missing,
    /// Not at all (`PlainTransport` on the host).
    Plain,
    /// By SRTP.
    Srtp(Box<SrtpPair>),
}

/// The SRTP contexts of both directions.
pub struct SrtpPair {
    sender: SrtpSender,
    receiver: SrtpReceiver,
    params: SrtpParams,
}

impl Keys {
    /// SRTP with new contexts. Fails where a key does not have the length of the profile.
    pub fn srtp(params: &SrtpParams) -> Result<Self, SrtpError> {
        Ok(Keys::Srtp(Box::new(SrtpPair {
            sender: SrtpSender::new(params.profile, &params.send_key)?,
            receiver: SrtpReceiver::new(params.profile, &params.receive_key)?,
            params: params.clone(),
        })))
    }

    /// Whether media can be sent.
    #[inline]
    pub fn are_known(&self) -> bool {
        !matches!(self, Keys::Missing)
    }

    /// Whether these are the keys in use.
    pub fn are(&self, params: &SrtpParams) -> bool {
        matches!(self, Keys::Srtp(srtp) if srtp.params == *params)
    }

    /// Whether what arrives proves who sent it.
    pub fn authenticate(&self) -> bool {
        matches!(self, Keys::Srtp(_))
    }

    /// Opens an RTP packet in place and returns its length.
    #[inline]
    pub fn open_rtp(&mut self, header: &RtpHeader, packet: &mut [u8]) -> Result<usize, ErrorKind> {
        match self {
            Keys::Srtp(srtp) => srtp.receiver.unprotect_rtp(header, packet).map_err(kind_of),
            Keys::Plain => Ok(packet.len()),
            Keys::Missing => Err(ErrorKind::SrtpNoKeys),
        }
    }

    /// Opens an RTCP compound in place and returns its length.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, ErrorKind> {
        match self {
            Keys::Srtp(srtp) => srtp.receiver.unprotect_rtcp(packet).map_err(kind_of),
            Keys::Plain => Ok(packet.len()),
            Keys::Missing => Err(ErrorKind::SrtpNoKeys),
        }
    }

    /// Protects the RTP packet `buf[..end]` in place and returns its length. There must be [`RTP_ROOM`] behind it.
    #[inline]
    pub fn seal_rtp(&mut self, buf: &mut [u8], header_len: usize, end: usize) -> Option<usize> {
        match self {
            Keys::Srtp(srtp) => srtp.sender.protect_rtp(buf, header_len, end).ok(),
            Keys::Plain => Some(end),
            Keys::Missing => None,
        }
    }

    /// Protects a packet that was sent before and did not change to the last bit. There must be [`RTP_ROOM`] behind it.
    pub fn seal_rtp_again(&mut self, buf: &mut [u8], header_len: usize, end: usize) -> Option<usize> {
        match self {
            Keys::Srtp(srtp) => srtp.sender.protect_rtp_again(buf, header_len, end).ok(),
            Keys::Plain => Some(end),
            Keys::Missing => None,
        }
    }

    /// Nothing more will be sent with this SSRC.
    pub fn retire(&mut self, ssrc: u32) {
        if let Keys::Srtp(srtp) = self {
            srtp.sender.retire(ssrc);
        }
    }

    /// Protects the RTCP compound `buf[..len]` in place and returns its length. There must be [`RTCP_ROOM`] behind it.
    pub fn seal_rtcp(&mut self, buf: &mut [u8], len: usize) -> Option<usize> {
        match self {
            Keys::Srtp(srtp) => srtp.sender.protect_rtcp(buf, len).ok(),
            Keys::Plain => Some(len),
            Keys::Missing => None,
        }
    }
}

fn kind_of(error: SrtpError) -> ErrorKind {
    match error {
        SrtpError::Authentication => ErrorKind::SrtpAuthentication,
        SrtpError::Replayed | SrtpError::TooOld => ErrorKind::SrtpReplay,
        SrtpError::TooShort | SrtpError::NotEncrypted | SrtpError::KeyExhausted | SrtpError::KeyLength => {
            ErrorKind::SrtpMalformed
        }
    }
}

//! SRTP and SRTCP (RFC 3711, RFC 7714): protecting what is sent, opening what is received, in place.
//!
//! Both directions are separate: [`SrtpSender`] and [`SrtpReceiver`] have each their own master key, as DTLS-SRTP
//! gives them (RFC 5764 §4.2). Nothing is allocated per packet.

mod cm_hmac;
mod gcm;
mod index;
mod key;
mod receiver;
mod replay;
mod sender;
mod session;
mod sources;

pub use key::key_and_salt_len;
pub use receiver::SrtpReceiver;
pub use sender::SrtpSender;
pub use session::{MAX_RTCP_OVERHEAD, MAX_RTP_OVERHEAD};

/// Why a packet was not protected or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// Master key and salt do not have the length of the profile.
    #[error("wrong length of SRTP master key and salt")]
    KeyLength,
    /// Received: shorter than header and tag. Sent: no room for the tag behind the packet.
    #[error("SRTP packet or buffer too short")]
    TooShort,
    /// Received: this index was opened before. Sent: this index was used before, and using it again would give the
    /// keystream away.
    #[error("SRTP index used before")]
    Replayed,
    /// Older than the replay window reaches.
    #[error("SRTP packet older than the replay window")]
    TooOld,
    /// The tag is wrong: forged, damaged, or made with another key or roll-over counter.
    #[error("SRTP authentication failed")]
    Authentication,
    /// An SRTCP packet that is not encrypted, which no profile here allows.
    #[error("SRTCP packet is not encrypted")]
    NotEncrypted,
    /// The key has protected as many packets or sources as it may.
    #[error("SRTP key is worn out")]
    KeyExhausted,
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

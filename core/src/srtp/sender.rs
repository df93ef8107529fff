//! Protecting what is sent.

use rustc_hash::FxHashSet;

use super::replay::ReplayWindow;
use super::session::Session;
use super::sources::Sources;
use super::{SrtpError, index};
use crate::packet::rtp::FIXED_HEADER_LEN;
use crate::params::SrtpProfile;

/// How many SSRCs one key may serve. None is ever forgotten, for an SSRC that came back with its old sequence numbers
/// would repeat the keystream; so one more is refused, and the association needs new keys. Those that are retired take
/// some bytes each, and a room in which somebody comes or goes every second reaches this after a week.
const MAX_SOURCES: usize = 1 << 20;
/// Header and SSRC of the first packet of a compound.
const RTCP_HEADER_LEN: usize = 8;
/// The flag that an SRTCP packet is encrypted (RFC 3711 §3.4).
const ENCRYPTED: u32 = 1 << 31;

/// The sending direction of an association.
///
/// Sequence numbers of a new SSRC should start below 2^15: a receiver that misses the first packets could otherwise
/// not tell that they have wrapped around since (RFC 3711 §3.3.1).
pub struct SrtpSender {
    session: Session,
    rtp: Sources,
    /// SSRCs that were used and will not be again.
    retired: FxHashSet<u32>,
    next_rtcp_index: u32,
}

impl SrtpSender {
    /// A sender for a master key followed by its master salt. Fails with [`SrtpError::KeyLength`].
    pub fn new(profile: SrtpProfile, key_and_salt: &[u8]) -> Result<Self, SrtpError> {
        Ok(SrtpSender {
            session: Session::new(profile, key_and_salt)?,
            rtp: Sources::default(),
            retired: FxHashSet::default(),
            next_rtcp_index: 0,
        })
    }

    /// How many bytes an RTP packet grows by.
    pub fn rtp_overhead(&self) -> usize {
        self.session.rtp_overhead()
    }

    /// How many bytes an RTCP compound grows by.
    pub fn rtcp_overhead(&self) -> usize {
        self.session.rtcp_overhead()
    }

    /// Encrypts the RTP packet `buf[..end]`, whose payload starts at `header_len`, in place, and puts the tag behind
    /// it. Returns the length of the SRTP packet.
    ///
    /// Each sequence number of an SSRC is protected once: the second time is [`SrtpError::Replayed`], because two
    /// different packets under one nonce give a GCM key away. See [`protect_rtp_again`](Self::protect_rtp_again).
    #[inline]
    pub fn protect_rtp(&mut self, buf: &mut [u8], header_len: usize, end: usize) -> Result<usize, SrtpError> {
        let (ssrc, sequence_number) = self.check_rtp(buf, header_len, end)?;
        if let Some(window) = self.rtp.find(ssrc) {
            let index = next_index(window, sequence_number)?;
            window.check(index)?;
            window.accept(index);
            return self.session.seal_rtp(buf, header_len, end, ssrc, index);
        }
        if self.retired.contains(&ssrc) {
            return Err(SrtpError::Replayed);
        }
        if self.rtp.len() + self.retired.len() >= MAX_SOURCES {
            return Err(SrtpError::KeyExhausted);
        }
        let index = u64::from(sequence_number);
        self.rtp.add(ssrc, ReplayWindow::starting_with(index));
        self.session.seal_rtp(buf, header_len, end, ssrc, index)
    }

    /// Nothing more will be sent with this SSRC: what is kept of it shrinks to its number.
    pub fn retire(&mut self, ssrc: u32) {
        if self.rtp.remove(ssrc) {
            self.retired.insert(ssrc);
        }
    }

    /// Protects a packet that was protected before, for a receiver that has lost it and takes no RTX.
    ///
    /// The packet must be the same to the last bit, header extensions included (no new abs-send-time, no new
    /// transport-wide sequence number): anything else under the old nonce would break the key.
    pub fn protect_rtp_again(&mut self, buf: &mut [u8], header_len: usize, end: usize) -> Result<usize, SrtpError> {
        let (ssrc, sequence_number) = self.check_rtp(buf, header_len, end)?;
        let window = self.rtp.find(ssrc).ok_or(SrtpError::TooOld)?;
        let index = next_index(window, sequence_number)?;
        match window.check(index) {
            Err(SrtpError::Replayed) => self.session.seal_rtp(buf, header_len, end, ssrc, index),
            // It was never sent, or so long ago that nobody waits for it.
            _ => Err(SrtpError::TooOld),
        }
    }

    /// Encrypts the RTCP compound `buf[..len]` in place, and puts index and tag behind it. Returns the length of the
    /// SRTCP packet.
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        if len < RTCP_HEADER_LEN || buf.len() < len + self.session.rtcp_overhead() {
            return Err(SrtpError::TooShort);
        }
        if self.next_rtcp_index & ENCRYPTED != 0 {
            return Err(SrtpError::KeyExhausted);
        }
        let ssrc = u32::from_be_bytes([buf[4], buf[5], buf[6], buf[7]]);
        // One counter for all SSRCs: each sees it rise, which is all that is asked.
        let index_word = self.next_rtcp_index | ENCRYPTED;
        self.next_rtcp_index += 1;
        self.session.seal_rtcp(buf, len, ssrc, index_word)
    }

    /// SSRC and sequence number of a packet that there is room to protect.
    #[inline]
    fn check_rtp(&self, buf: &[u8], header_len: usize, end: usize) -> Result<(u32, u16), SrtpError> {
        if header_len < FIXED_HEADER_LEN || end < header_len || buf.len() < end + self.session.rtp_overhead() {
            return Err(SrtpError::TooShort);
        }
        let ssrc = u32::from_be_bytes([buf[8], buf[9], buf[10], buf[11]]);
        Ok((ssrc, u16::from_be_bytes([buf[2], buf[3]])))
    }
}

#[inline]
fn next_index(window: &ReplayWindow, sequence_number: u16) -> Result<u64, SrtpError> {
    let highest = window.highest();
    index::estimate(highest, sequence_number).ok_or({
        // Below the first index there is nothing to send again; above the last the key is worn out.
        if highest > u64::from(u16::MAX) { SrtpError::KeyExhausted } else { SrtpError::TooOld }
    })
}

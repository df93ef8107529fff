//! What receivers ask of senders: retransmissions, keyframes, and a limit of bandwidth.

use super::{RtcpError, split_two_u32, ssrcs};

/// Generic NACK (RFC 4585 §6.2.1).
#[derive(Clone, Copy, Debug)]
pub struct Nack<'a> {
    /// Who asks.
    pub sender_ssrc: u32,
    /// The source with the losses.
    pub media_ssrc: u32,
    entries: &'a [[u8; 4]],
}

impl<'a> Nack<'a> {
    pub(super) fn parse(content: &'a [u8]) -> Result<Self, RtcpError> {
        let (sender_ssrc, media_ssrc, rest) = split_two_u32(content)?;
        let (entries, remainder) = rest.as_chunks();
        if !remainder.is_empty() {
            return Err(RtcpError::Content);
        }
        Ok(Nack { sender_ssrc, media_ssrc, entries })
    }

    /// The sequence numbers asked for, in the order of the packet; at most 17 for every four of its bytes.
    pub fn sequence_numbers(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.entries.iter().flat_map(|&[p0, p1, b0, b1]| {
            let first = u16::from_be_bytes([p0, p1]);
            // Bit 0 is the first packet itself, bit n the one n after it.
            let lost = (u32::from(u16::from_be_bytes([b0, b1])) << 1) | 1;
            (0..17).filter(move |bit| lost & (1 << bit) != 0).map(move |bit| first.wrapping_add(bit))
        })
    }
}

/// Picture loss indication (RFC 4585 §6.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pli {
    /// Who asks.
    pub sender_ssrc: u32,
    /// The source of which a keyframe is wanted.
    pub media_ssrc: u32,
}

impl Pli {
    pub(super) fn parse(content: &[u8]) -> Result<Self, RtcpError> {
        let (sender_ssrc, media_ssrc, _) = split_two_u32(content)?;
        Ok(Pli { sender_ssrc, media_ssrc })
    }
}

/// One request of a [`Fir`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntry {
    /// The source of which a keyframe is wanted.
    pub ssrc: u32,
    /// Rises with every new request; the same again repeats the request.
    pub sequence_number: u8,
}

/// Full intra request (RFC 5104 §4.3.1).
#[derive(Clone, Copy, Debug)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender_ssrc: u32,
    entries: &'a [[u8; 8]],
}

impl<'a> Fir<'a> {
    pub(super) fn parse(content: &'a [u8]) -> Result<Self, RtcpError> {
        // The SSRC of the media stands in the entries, not here.
        let (sender_ssrc, _, rest) = split_two_u32(content)?;
        let (entries, remainder) = rest.as_chunks();
        if !remainder.is_empty() {
            return Err(RtcpError::Content);
        }
        Ok(Fir { sender_ssrc, entries })
    }

    /// Its requests.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = FirEntry> + use<'a> {
        self.entries.iter().map(|&[s0, s1, s2, s3, sequence_number, ..]| FirEntry {
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            sequence_number,
        })
    }
}

/// What marks application layer feedback as REMB.
pub(super) const REMB_NAME: [u8; 4] = *b"REMB";

/// Whether application layer feedback is a REMB.
pub(super) fn is_remb(content: &[u8]) -> bool {
    content.get(8..12) == Some(&REMB_NAME)
}

/// Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03).
#[derive(Clone, Copy, Debug)]
pub struct Remb<'a> {
    /// Who estimates.
    pub sender_ssrc: u32,
    /// Bits a second, for all the sources together.
    pub bitrate: u64,
    ssrcs: &'a [u8],
}

impl<'a> Remb<'a> {
    pub(super) fn parse(content: &'a [u8]) -> Result<Self, RtcpError> {
        let (sender_ssrc, _, rest) = split_two_u32(content)?;
        let (&[_, _, _, _, count, b0, b1, b2], rest) = rest.split_first_chunk().ok_or(RtcpError::Content)?;
        let ssrcs = rest.get(..usize::from(count) * 4).ok_or(RtcpError::Content)?;
        let mantissa = u64::from(u32::from_be_bytes([0, b0 & 3, b1, b2]));
        // 18 bits of mantissa and an exponent of up to 63: what does not fit is as good as no limit.
        let bitrate = u128::from(mantissa) << (b0 >> 2);
        Ok(Remb { sender_ssrc, bitrate: u64::try_from(bitrate).unwrap_or(u64::MAX), ssrcs })
    }

    /// The sources that the bitrate is for.
    pub fn ssrcs(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        ssrcs(self.ssrcs)
    }
}

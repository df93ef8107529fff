//! Sender and receiver reports (RFC 3550 §6.4).

use super::{RtcpError, split_u32};

/// Length of a report block.
pub(super) const BLOCK_LEN: usize = 24;
/// Length of the sender information of an SR, without the SSRC.
pub(super) const SENDER_INFO_LEN: usize = 20;

/// How a source is received (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the start; negative when duplicates prevail. 24 bits on the wire: written values are kept
    /// within them.
    pub cumulative_lost: i32,
    /// Highest sequence number received, with the number of wrap-arounds in the upper half.
    pub highest_sequence_number: u32,
    /// Interarrival jitter in units of the RTP clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP timestamp of the last SR, zero before the first.
    pub last_sender_report: u32,
    /// Time since then in units of 1/65536 s, zero before the first.
    pub delay_since_last_sender_report: u32,
}

impl ReportBlock {
    fn read(bytes: &[u8; BLOCK_LEN]) -> Self {
        let words = bytes.as_chunks::<4>().0;
        let word = |at: usize| u32::from_be_bytes(words[at]);
        ReportBlock {
            ssrc: word(0),
            fraction_lost: (word(1) >> 24) as u8,
            // The shifts extend the sign of the lower 24 bits.
            cumulative_lost: ((word(1) << 8) as i32) >> 8,
            highest_sequence_number: word(2),
            jitter: word(3),
            last_sender_report: word(4),
            delay_since_last_sender_report: word(5),
        }
    }

    pub(super) fn to_bytes(self) -> [u8; BLOCK_LEN] {
        let lost = self.cumulative_lost.clamp(-(1 << 23), (1 << 23) - 1) as u32 & 0x00ff_ffff;
        let words = [
            self.ssrc,
            (u32::from(self.fraction_lost) << 24) | lost,
            self.highest_sequence_number,
            self.jitter,
            self.last_sender_report,
            self.delay_since_last_sender_report,
        ];
        let mut bytes = [0; BLOCK_LEN];
        for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *bytes = word.to_be_bytes();
        }
        bytes
    }
}

/// What an SR says about its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// NTP timestamp: seconds since 1900 in the upper, the fraction in the lower half.
    pub ntp: u64,
    /// RTP timestamp of the same instant.
    pub rtp_timestamp: u32,
    /// Packets sent so far.
    pub packet_count: u32,
    /// Payload bytes sent so far.
    pub octet_count: u32,
}

/// SR.
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    /// Its sender.
    pub ssrc: u32,
    /// What is sent.
    pub info: SenderInfo,
    blocks: &'a [[u8; BLOCK_LEN]],
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: u8, content: &'a [u8]) -> Result<Self, RtcpError> {
        let (ssrc, rest) = split_u32(content)?;
        let (info, rest) = rest.split_first_chunk::<SENDER_INFO_LEN>().ok_or(RtcpError::Content)?;
        let words = info.as_chunks::<4>().0;
        let word = |at: usize| u32::from_be_bytes(words[at]);
        let info = SenderInfo {
            ntp: (u64::from(word(0)) << 32) | u64::from(word(1)),
            rtp_timestamp: word(2),
            packet_count: word(3),
            octet_count: word(4),
        };
        Ok(SenderReport { ssrc, info, blocks: blocks(count, rest)? })
    }

    /// How its sender receives others.
    pub fn reports(&self) -> impl ExactSizeIterator<Item = ReportBlock> + use<'a> {
        self.blocks.iter().map(ReportBlock::read)
    }
}

/// RR.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    /// Its sender.
    pub ssrc: u32,
    blocks: &'a [[u8; BLOCK_LEN]],
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: u8, content: &'a [u8]) -> Result<Self, RtcpError> {
        let (ssrc, rest) = split_u32(content)?;
        Ok(ReceiverReport { ssrc, blocks: blocks(count, rest)? })
    }

    /// How its sender receives others.
    pub fn reports(&self) -> impl ExactSizeIterator<Item = ReportBlock> + use<'a> {
        self.blocks.iter().map(ReportBlock::read)
    }
}

/// The announced blocks. What follows them is a profile's extension (RFC 3550 §6.4.3), which is skipped.
fn blocks(count: u8, rest: &[u8]) -> Result<&[[u8; BLOCK_LEN]], RtcpError> {
    rest.as_chunks().0.get(..usize::from(count)).ok_or(RtcpError::Content)
}

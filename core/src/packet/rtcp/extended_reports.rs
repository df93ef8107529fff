//! Extended reports (RFC 3611): round-trip times for receivers that send nothing themselves.

use super::{RtcpError, split_u32};

/// Receiver reference time report block.
pub(super) const RECEIVER_REFERENCE_TIME: u8 = 4;
/// Delay since the last of them.
pub(super) const DELAY_SINCE_LAST_RR: u8 = 5;
/// Length of one entry of a DLRR block.
pub(super) const DLRR_ENTRY_LEN: usize = 12;

/// The answer to one receiver's reference time (RFC 3611 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelaySinceLastRr {
    /// The receiver.
    pub ssrc: u32,
    /// Middle 32 bits of its latest reference time.
    pub last_receiver_reference: u32,
    /// Time since that arrived, in units of 1/65536 s.
    pub delay: u32,
}

/// A block that is of use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedReportBlock {
    /// RRTR: the sender's NTP time.
    ReceiverReferenceTime(u64),
    /// One entry of a DLRR.
    DelaySinceLastRr(DelaySinceLastRr),
}

/// XR.
#[derive(Clone, Copy, Debug)]
pub struct ExtendedReports<'a> {
    /// Its sender.
    pub ssrc: u32,
    blocks: &'a [u8],
}

impl<'a> ExtendedReports<'a> {
    pub(super) fn parse(content: &'a [u8]) -> Result<Self, RtcpError> {
        let (ssrc, blocks) = split_u32(content)?;
        let mut rest = blocks;
        while !rest.is_empty() {
            rest = split_block(rest).ok_or(RtcpError::Content)?.2;
        }
        Ok(ExtendedReports { ssrc, blocks })
    }

    /// The blocks that are of use here; others are skipped.
    pub fn blocks(&self) -> impl Iterator<Item = ExtendedReportBlock> + use<'a> {
        let mut rest = self.blocks;
        let blocks = std::iter::from_fn(move || {
            let (block_type, content, behind) = split_block(rest)?;
            rest = behind;
            Some((block_type, content))
        });
        blocks.flat_map(|(block_type, content)| {
            let time = match content.first_chunk() {
                Some(ntp) if block_type == RECEIVER_REFERENCE_TIME => {
                    Some(ExtendedReportBlock::ReceiverReferenceTime(u64::from_be_bytes(*ntp)))
                }
                _ => None,
            };
            let entries = if block_type == DELAY_SINCE_LAST_RR { content } else { &[] };
            time.into_iter().chain(entries.as_chunks::<DLRR_ENTRY_LEN>().0.iter().map(|entry| {
                let words = entry.as_chunks::<4>().0;
                ExtendedReportBlock::DelaySinceLastRr(DelaySinceLastRr {
                    ssrc: u32::from_be_bytes(words[0]),
                    last_receiver_reference: u32::from_be_bytes(words[1]),
                    delay: u32::from_be_bytes(words[2]),
                })
            }))
        })
    }
}

/// Takes a block off the front: its type, its content, and what is behind.
fn split_block(data: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[block_type, _, l0, l1], rest) = data.split_first_chunk()?;
    let (content, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([l0, l1])) * 4)?;
    Some((block_type, content, rest))
}

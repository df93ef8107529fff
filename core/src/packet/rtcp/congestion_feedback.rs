//! Congestion control feedback (RFC 8888): which packets of each source arrived, and when.

use super::{RtcpError, split_two_u32, split_u32};
use crate::time::Time;

/// Length of what precedes the reports on a source: SSRC, first sequence number, count.
pub(super) const STREAM_HEAD_LEN: usize = 8;
/// Reports on one source at most (section 3.1).
const MAX_REPORTS: usize = 16_384;
/// The packet arrived.
const RECEIVED: u16 = 0x8000;
/// The bits of the arrival time offset.
const OFFSET_BITS: u16 = 0x1fff;
/// Arrived longer ago than the offset can say.
const OFFSET_TOO_LONG: u16 = 0x1ffe;
/// Arrived, and nothing is known of when.
const OFFSET_UNKNOWN: u16 = 0x1fff;
/// Units of the offset in a second.
const OFFSET_UNITS: u128 = 1_024;

/// What is told of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketReport {
    /// It did not arrive before the report was made.
    Missing,
    /// It arrived so many nanoseconds before the report was made, in steps of 1/1024 s; none where that is not known.
    Arrived(Option<i64>),
}

impl PacketReport {
    fn from_word(word: u16) -> Self {
        if word & RECEIVED == 0 {
            return PacketReport::Missing;
        }
        match word & OFFSET_BITS {
            OFFSET_TOO_LONG | OFFSET_UNKNOWN => PacketReport::Arrived(None),
            offset => PacketReport::Arrived(Some(i64::from(offset) * 1_000_000_000 / OFFSET_UNITS as i64)),
        }
    }
}

/// The reports on one source.
#[derive(Clone, Copy, Debug)]
pub struct StreamReport<'a> {
    /// The source.
    pub ssrc: u32,
    /// Sequence number of the first packet told of.
    pub first: u16,
    reports: &'a [[u8; 2]],
}

impl<'a> StreamReport<'a> {
    /// Sequence numbers, one after the other, and what became of them: four for every eight bytes at most.
    pub fn packets(&self) -> impl ExactSizeIterator<Item = (u16, PacketReport)> + use<'a> {
        let first = self.first;
        let numbered = self.reports.iter().enumerate();
        numbered
            .map(move |(n, word)| (first.wrapping_add(n as u16), PacketReport::from_word(u16::from_be_bytes(*word))))
    }
}

/// Congestion control feedback.
#[derive(Clone, Copy, Debug)]
pub struct CongestionFeedback<'a> {
    /// Who reports.
    pub sender_ssrc: u32,
    /// When, in units of 1/65536 s on a clock that starts anywhere and wraps around.
    pub timestamp: u32,
    streams: &'a [u8],
}

impl<'a> CongestionFeedback<'a> {
    pub(super) fn parse(content: &'a [u8]) -> Result<Self, RtcpError> {
        let (sender_ssrc, rest) = split_u32(content)?;
        let (streams, timestamp) = rest.split_last_chunk::<4>().ok_or(RtcpError::Content)?;
        let mut left = streams;
        while !left.is_empty() {
            left = split_stream(left).ok_or(RtcpError::Content)?.1;
        }
        Ok(CongestionFeedback { sender_ssrc, timestamp: u32::from_be_bytes(*timestamp), streams })
    }

    /// The sources told of.
    pub fn streams(&self) -> impl Iterator<Item = StreamReport<'a>> + use<'a> {
        let mut left = self.streams;
        std::iter::from_fn(move || {
            let (stream, rest) = split_stream(left)?;
            left = rest;
            Some(stream)
        })
    }
}

/// Takes the reports on one source off the front. An odd number of them is padded.
fn split_stream(data: &[u8]) -> Option<(StreamReport<'_>, &[u8])> {
    let (ssrc, numbers, rest) = split_two_u32(data).ok()?;
    let (first, count) = ((numbers >> 16) as u16, (numbers & 0xffff) as usize);
    if count > MAX_REPORTS {
        return None;
    }
    let (reports, rest) = rest.split_at_checked((count * 2).next_multiple_of(4))?;
    Some((StreamReport { ssrc, first, reports: &reports.as_chunks::<2>().0[..count] }, rest))
}

/// How many reports fit behind the head of a source, in so much room.
pub(super) fn fitting(room: usize) -> usize {
    (room.saturating_sub(STREAM_HEAD_LEN) / 4 * 2).min(MAX_REPORTS)
}

/// Writes the reports on a source, made at `now`, and returns their length. There has to be room.
pub(super) fn write_stream(out: &mut [u8], now: Time, ssrc: u32, first: u16, arrivals: &[Option<Time>]) -> usize {
    out[..4].copy_from_slice(&ssrc.to_be_bytes());
    out[4..6].copy_from_slice(&first.to_be_bytes());
    out[6..8].copy_from_slice(&(arrivals.len() as u16).to_be_bytes());
    let len = STREAM_HEAD_LEN + (arrivals.len() * 2).next_multiple_of(4);
    out[STREAM_HEAD_LEN..len].fill(0);
    for (word, arrival) in out[STREAM_HEAD_LEN..len].as_chunks_mut::<2>().0.iter_mut().zip(arrivals) {
        let report = arrival.map_or(0, |at| {
            let offset = now.since(at).as_nanos() * OFFSET_UNITS / 1_000_000_000;
            RECEIVED | u16::try_from(offset).unwrap_or(u16::MAX).min(OFFSET_TOO_LONG)
        });
        *word = report.to_be_bytes();
    }
    len
}

//! Reading feedback.

use super::super::{RtcpError, split_two_u32};
use super::chunk::{Chunk, Status};
use super::{HEAD_LEN, REFERENCE_TICKS, TICK_NANOS};

/// A packet that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Transport-wide sequence number.
    pub sequence_number: u16,
    /// When, in nanoseconds on the clock of the feedback's sender, in steps of 250 µs. The clock starts anywhere, and
    /// wraps around with the reference time: every 2^24 · 64 ms, some twelve days. `None` for the reserved status,
    /// which has no time.
    pub nanos: Option<i64>,
}

/// Transport-wide feedback.
#[derive(Clone, Copy, Debug)]
pub struct TransportFeedback<'a> {
    /// Who reports.
    pub sender_ssrc: u32,
    /// Any source of the transport: nothing follows from it.
    pub media_ssrc: u32,
    /// Transport-wide sequence number of the first packet told of.
    pub base_sequence_number: u16,
    /// How many packets are told of. Those among them that are no [`arrivals`](Self::arrivals) have not arrived.
    pub status_count: u16,
    /// Rises by one with every feedback, so that lost ones are noticed.
    pub feedback_count: u8,
    /// In units of 64 ms.
    reference_time: u32,
    chunks: &'a [[u8; 2]],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    pub(in super::super) fn parse(content: &'a [u8]) -> Result<Self, RtcpError> {
        let (sender_ssrc, media_ssrc, rest) = split_two_u32(content)?;
        let (&[b0, b1, c0, c1, r0, r1, r2, feedback_count], rest) =
            rest.split_first_chunk::<HEAD_LEN>().ok_or(RtcpError::Content)?;
        let status_count = u16::from_be_bytes([c0, c1]);
        let words = rest.as_chunks::<2>().0;

        let mut left = status_count;
        let mut delta_len = 0;
        let mut chunk_count = 0;
        while left > 0 {
            let chunk = Chunk::from_word(u16::from_be_bytes(*words.get(chunk_count).ok_or(RtcpError::Content)?));
            let len = chunk.len().min(left);
            delta_len += match chunk {
                // Nobody who tells the truth writes one, and 65,535 arrivals in 26 bytes are dear to heed.
                Chunk::Run(Status::Reserved, _) => return Err(RtcpError::Content),
                // In one step, however long the run is: what is cheap to send has to be cheap to read.
                Chunk::Run(status, _) => status.delta_len() * usize::from(len),
                _ => (0..len).map(|at| chunk.status(at).delta_len()).sum(),
            };
            left -= len;
            chunk_count += 1;
        }
        let (chunks, _) = words.split_at(chunk_count);
        let deltas = rest[chunk_count * 2..].get(..delta_len).ok_or(RtcpError::Content)?;

        Ok(TransportFeedback {
            sender_ssrc,
            media_ssrc,
            base_sequence_number: u16::from_be_bytes([b0, b1]),
            status_count,
            feedback_count,
            reference_time: u32::from_be_bytes([0, r0, r1, r2]),
            chunks,
            deltas,
        })
    }

    /// The packets that arrived, by rising sequence number. Runs of packets that did not are passed over at once.
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            chunks: self.chunks.iter(),
            current: None,
            at: 0,
            left: self.status_count,
            sequence_number: self.base_sequence_number,
            ticks: i64::from(self.reference_time) * REFERENCE_TICKS as i64,
            deltas: self.deltas,
        }
    }
}

/// See [`TransportFeedback::arrivals`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    chunks: std::slice::Iter<'a, [u8; 2]>,
    current: Option<Chunk>,
    /// The next packet within the current chunk.
    at: u16,
    /// How many packets are still to be told of.
    left: u16,
    sequence_number: u16,
    ticks: i64,
    deltas: &'a [u8],
}

impl Arrivals<'_> {
    fn skip(&mut self, packets: u16) {
        self.at += packets;
        self.left -= packets;
        self.sequence_number = self.sequence_number.wrapping_add(packets);
    }
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        while self.left > 0 {
            let Some(chunk) = self.current.filter(|chunk| self.at < chunk.len()) else {
                self.current = Some(Chunk::from_word(u16::from_be_bytes(*self.chunks.next()?)));
                self.at = 0;
                continue;
            };
            if let Chunk::Run(Status::NotReceived, len) = chunk {
                self.skip((len - self.at).min(self.left));
                continue;
            }
            let (status, sequence_number) = (chunk.status(self.at), self.sequence_number);
            self.skip(1);
            let (delta, rest) = self.deltas.split_at_checked(status.delta_len())?;
            self.deltas = rest;
            match *delta {
                [] if status == Status::NotReceived => continue,
                [] => return Some(Arrival { sequence_number, nanos: None }),
                [small] => self.ticks += i64::from(small),
                [high, low, ..] => self.ticks += i64::from(i16::from_be_bytes([high, low])),
            }
            return Some(Arrival { sequence_number, nanos: Some(self.ticks * TICK_NANOS as i64) });
        }
        None
    }
}

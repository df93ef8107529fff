//! Composing feedback.

use super::chunk::{ChunkEncoder, Status};
use super::{HEAD_LEN, REFERENCE_BITS, REFERENCE_TICKS, TICK_NANOS};
use crate::time::Time;

/// Chunks that pending statuses may still need: two vectors of two bits each.
const MAX_PENDING_CHUNKS_LEN: usize = 4;

/// Writes the part of the packet behind the SSRCs, and returns its length without padding and how many of `arrivals`
/// it tells of. `None` if not one that arrived fits in.
pub(in super::super) fn write(
    out: &mut [u8],
    feedback_count: u8,
    base_sequence_number: u16,
    arrivals: &[Option<Time>],
) -> Option<(usize, usize)> {
    let first = arrivals.iter().find_map(|arrival| *arrival)?;
    let reference_time = first.as_nanos() / TICK_NANOS / REFERENCE_TICKS;
    let start_ticks = reference_time * REFERENCE_TICKS;

    let mut encoder = ChunkEncoder::new();
    let mut chunks_end = HEAD_LEN;
    let mut deltas_len = 0;
    let mut told = 0;
    let mut received = 0;
    let mut previous = start_ticks;
    for arrival in &arrivals[..arrivals.len().min(usize::from(u16::MAX))] {
        let status = match arrival {
            None => Status::NotReceived,
            Some(time) => match delta(previous, *time) {
                Some(0..=255) => Status::SmallDelta,
                Some(_) => Status::LargeDelta,
                None => break,
            },
        };
        let needed = chunks_end + MAX_PENDING_CHUNKS_LEN + 2 + deltas_len + status.delta_len();
        if needed > out.len() {
            break;
        }
        if let Some(chunk) = encoder.push(status) {
            out[chunks_end..chunks_end + 2].copy_from_slice(&chunk.to_be_bytes());
            chunks_end += 2;
        }
        told += 1;
        deltas_len += status.delta_len();
        if let Some(time) = arrival {
            previous = ticks(*time);
            received += 1;
        }
    }
    if received == 0 {
        return None;
    }
    while let Some(chunk) = encoder.finish() {
        out[chunks_end..chunks_end + 2].copy_from_slice(&chunk.to_be_bytes());
        chunks_end += 2;
    }

    let mut end = chunks_end;
    previous = start_ticks;
    for time in arrivals[..told].iter().flatten() {
        // The first walk has seen that it fits.
        let delta = delta(previous, *time)?;
        if let Ok(small) = u8::try_from(delta) {
            out[end] = small;
            end += 1;
        } else {
            out[end..end + 2].copy_from_slice(&delta.to_be_bytes());
            end += 2;
        }
        previous = ticks(*time);
    }

    let reference_time = (reference_time & ((1 << REFERENCE_BITS) - 1)) as u32;
    out[..2].copy_from_slice(&base_sequence_number.to_be_bytes());
    out[2..4].copy_from_slice(&(told as u16).to_be_bytes());
    out[4..8].copy_from_slice(&((reference_time << 8) | u32::from(feedback_count)).to_be_bytes());
    Some((end, told))
}

/// A time in whole ticks. Differences are taken between these, so that rounding never adds up.
fn ticks(time: Time) -> u64 {
    time.as_nanos() / TICK_NANOS
}

/// The delta from `previous` ticks, or `None` if it takes more than 16 bits: over 8 s.
fn delta(previous: u64, time: Time) -> Option<i16> {
    i16::try_from(ticks(time) as i64 - previous as i64).ok()
}

//! Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): which
//! packets of a transport arrived, and when.

mod chunk;
mod reader;
mod writer;

pub use reader::{Arrival, TransportFeedback};
pub(super) use writer::write;

/// Length of what precedes the chunks: base sequence number, status count, reference time, feedback count.
const HEAD_LEN: usize = 8;
/// The unit of arrival times, in nanoseconds.
const TICK_NANOS: u64 = 250_000;
/// The unit of the reference time, in ticks.
const REFERENCE_TICKS: u64 = 64_000_000 / TICK_NANOS;
/// The reference time has this many bits.
const REFERENCE_BITS: u32 = 24;

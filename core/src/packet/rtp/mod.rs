//! RTP packets (RFC 3550 §5.1) and their header extensions (RFC 8285).

mod extension;
mod header;
mod writer;

pub use extension::{ExtensionForm, Extensions};
pub use header::{RtpError, RtpHeader, RtpPacket};
pub use writer::{Fields, HeaderWriter, write_header};

/// The fixed part of a header.
pub const FIXED_HEADER_LEN: usize = 12;
/// The `defined by profile` word of an extension block in one-byte form (RFC 8285 §4.2).
const ONE_BYTE_PROFILE: u16 = 0xbede;
/// The same of the two-byte form, without the four application bits below (RFC 8285 §4.3).
const TWO_BYTE_PROFILE: u16 = 0x1000;

#[cfg(test)]
mod tests;

//! Packet formats on the wire: what a datagram is, and the parsers and writers of each kind.
//!
//! Parsers borrow from the datagram, never allocate and never panic: a malformed packet is an error value.

pub mod demux;
pub mod framing;
pub mod rtcp;
pub mod rtp;
pub mod stun;

//! SRTP and SRTCP, both of strangers and of the peer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bridge_core_fuzz::srtp(data));

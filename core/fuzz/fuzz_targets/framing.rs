//! Frames on a TCP connection, and what kind of packet each is.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bridge_core_fuzz::framing(data));

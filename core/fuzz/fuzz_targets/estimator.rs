//! What receivers tell of a line.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bridge_core_fuzz::estimator(data));

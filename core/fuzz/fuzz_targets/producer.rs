//! Packets of a publisher: layers by payload and descriptor, encodings without RID.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bridge_core_fuzz::producer(data));

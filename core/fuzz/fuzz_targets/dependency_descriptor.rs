//! The dependency descriptor and its structure.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bridge_core_fuzz::dependency_descriptor(data));

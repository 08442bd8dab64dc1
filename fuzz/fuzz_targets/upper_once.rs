//! The service `upper-once` under any bytes in any cut: see `tests/fuzzed/upper_once.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/fuzzed/mod.rs"]
mod fuzzed;

fuzz_target!(|data: &[u8]| fuzzed::upper_once::check(data));

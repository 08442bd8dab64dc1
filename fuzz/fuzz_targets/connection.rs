//! The event loop in a network that does whatever the bytes say: see `tests/fuzzed/connection.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/fuzzed/mod.rs"]
mod fuzzed;

fuzz_target!(|data: &[u8]| fuzzed::connection::check(data));

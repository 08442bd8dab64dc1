//! The service `login` under any bytes in any cut: see `tests/fuzzed/login.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/fuzzed/mod.rs"]
mod fuzzed;

fuzz_target!(|data: &[u8]| fuzzed::login::check(data));

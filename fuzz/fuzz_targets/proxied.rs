//! A proxy's header and what follows it, any bytes in any cut: see `tests/fuzzed/proxied.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/fuzzed/mod.rs"]
mod fuzzed;

fuzz_target!(|data: &[u8]| fuzzed::proxied::check(data));

//! The service `login` under any bytes in any cut: nothing panics, the cut changes nothing, and what
//! `serde_json` makes of the whole stream agrees.
//!
//! The first byte says how the rest is cut. `tests/login_corpus.rs` replays the corpus.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/login/model.rs"]
mod model;

fuzz_target!(|data: &[u8]| model::check(data));

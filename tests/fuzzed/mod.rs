//! What must hold whatever the bytes are: a module for each target of the fuzzer (`fuzz/fuzz_targets/`), whose
//! corpus `tests/fuzz_corpus.rs` replays.

// A target uses one of them.
#![allow(dead_code)]

pub(crate) mod connection;
pub(crate) mod handshake;
pub(crate) mod login;
#[path = "../common/model.rs"]
mod model;
mod pieces;
mod script;
pub(crate) mod upper_once;
pub(crate) mod user_file;

use sockmodes::auth::{Key, Scheme, Secret};

const SCHEMES: [Scheme; 4] = [Scheme::HmacMd5, Scheme::HmacSha256, Scheme::Md5, Scheme::None];
const SECRET: &[u8] = b"linhaifeng bang bang bang";

fn key(scheme: Scheme) -> Key {
    Key::new(scheme, &Secret::new(SECRET.to_vec()).expect("it is not empty"))
}

//! What must hold whatever the bytes are: a module for each target of the fuzzer (`fuzz/fuzz_targets/`), whose
//! corpus `tests/fuzz_corpus.rs` replays.

// A target uses one of them.
#![allow(dead_code)]

pub(crate) mod connection;
pub(crate) mod handshake;
// The tests have it in `common` as well, which the targets of the fuzzer have not; and the model, too.
#[allow(clippy::duplicate_mod)]
#[path = "../common/header.rs"]
mod header;
pub(crate) mod login;
#[allow(clippy::duplicate_mod)]
#[path = "../common/model.rs"]
mod model;
mod pieces;
pub(crate) mod proxied;
mod script;
pub(crate) mod upper_once;
pub(crate) mod user_file;

use sockmodes::auth::{Challenge, Entry, Key, NonceLen, Scheme, Secret};
use sockmodes::session::{Protocol, Session, Time};

const SCHEMES: [Option<Scheme>; 4] =
    [Some(Scheme::HmacMd5), Some(Scheme::HmacSha256), Some(Scheme::Md5), None];
const SECRET: &[u8] = b"linhaifeng bang bang bang";

fn entry(scheme: Option<Scheme>, nonce_len: usize) -> Entry {
    scheme.map_or(Entry::Open, |scheme| {
        let secret = Secret::new(SECRET.to_vec()).expect("it is not empty");
        let len = NonceLen::new(nonce_len).expect("a length that is allowed");
        Entry::Challenge(Challenge::new(Key::new(scheme, &secret), len))
    })
}

/// A session that begins with `nonce`, if it asks at all.
fn session(protocol: &Protocol, nonce: &[u8]) -> Session {
    Session::new(protocol, Time::START, |bytes| bytes.copy_from_slice(nonce)).0
}

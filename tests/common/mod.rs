//! What several tests need: the program at work and its clients; the model of what a server says, and
//! loops in a simulated network.

// Each test is a crate of its own and uses a part of this.
#![allow(dead_code)]

pub(crate) mod any;
pub(crate) mod drive;
pub(crate) mod harness;
pub(crate) mod header;
pub(crate) mod model;
#[cfg(unix)]
pub(crate) mod process;
#[cfg(unix)]
pub(crate) mod usage;

// What starts the program, and what talks to it.
#[cfg(feature = "cli")]
pub(crate) mod admin;
#[cfg(feature = "cli")]
pub(crate) mod client;
#[cfg(feature = "cli")]
pub(crate) mod login;
#[cfg(all(feature = "cli", target_os = "linux"))]
pub(crate) mod network;
#[cfg(feature = "cli")]
pub(crate) mod program;
#[cfg(feature = "cli")]
pub(crate) mod terminal;

use std::sync::LazyLock;

use sockmodes::auth::{Challenge, Entry, Key, NonceLen, Scheme, Secret};
use sockmodes::session::{Protocol, Service, Session, Time};

/// What a server can ask for: three proofs, or none.
pub(crate) const SCHEMES: [Option<Scheme>; 4] =
    [Some(Scheme::HmacMd5), Some(Scheme::HmacSha256), Some(Scheme::Md5), None];
pub(crate) const SERVICES: [Service; 3] = [Service::Upper, Service::Echo, Service::UpperOnce];

/// The secret of every server here.
pub(crate) const SECRET: &[u8] = b"linhaifeng bang bang bang";

pub(crate) fn key(scheme: Scheme) -> Key {
    // Made once: a test that plays every sequence asks for it a hundred thousand times.
    static KEYS: LazyLock<Vec<(Scheme, Key)>> = LazyLock::new(|| {
        let secret = Secret::new(SECRET.to_vec()).expect("it is not empty");
        let key = |scheme| (scheme, Key::new(scheme, &secret));
        SCHEMES.into_iter().flatten().map(key).collect()
    });
    let (_, key) = KEYS.iter().find(|(of, _)| *of == scheme).expect("it is one of these");
    key.clone()
}

/// Lets in by `scheme`, with nonces of `len` bytes; without a scheme, whoever comes.
pub(crate) fn entry(scheme: Option<Scheme>, len: usize) -> Entry {
    scheme.map_or(Entry::Open, |scheme| {
        let len = NonceLen::new(len).expect("a length that is allowed");
        Entry::Challenge(Challenge::new(key(scheme), len))
    })
}

/// A session that begins with `nonce`, if it asks at all.
pub(crate) fn session(protocol: &Protocol, nonce: &[u8], now: Time) -> Session {
    let (session, drawn) = Session::new(protocol, now, |bytes| bytes.copy_from_slice(nonce));
    assert!(drawn.is_empty() || *drawn == *nonce);
    session
}

//! What several tests need: the program at work and its clients; the model of what a server says, and a
//! network that is only simulated.

// Each test is a crate of its own and uses a part of this.
#![allow(dead_code)]

pub(crate) mod admin;
pub(crate) mod any;
pub(crate) mod client;
pub(crate) mod drive;
pub(crate) mod harness;
pub(crate) mod login;
pub(crate) mod model;
pub(crate) mod program;
pub(crate) mod sim;
pub(crate) mod terminal;

use sockmodes::auth::{Key, Nonces, Scheme, Secret};
use sockmodes::session::Service;

pub(crate) const SCHEMES: [Scheme; 4] =
    [Scheme::HmacMd5, Scheme::HmacSha256, Scheme::Md5, Scheme::None];
pub(crate) const SERVICES: [Service; 3] = [Service::Upper, Service::Echo, Service::UpperOnce];

/// The secret of every server here.
pub(crate) const SECRET: &[u8] = b"linhaifeng bang bang bang";

pub(crate) fn key(scheme: Scheme) -> Key {
    Key::new(scheme, &Secret::new(SECRET.to_vec()).expect("it is not empty"))
}

/// Nonces of `len` bytes; none at all with the scheme `none`.
pub(crate) fn nonces(scheme: Scheme, len: usize) -> Nonces {
    match scheme {
        Scheme::None => Nonces::none(),
        _ => Nonces::random(len).expect("a length that is allowed"),
    }
}

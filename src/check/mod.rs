//! A server of this protocol, tried from outside and graded: any server, in any language.
//!
//! It speaks to a socket, and where it has started the server itself it looks at the process: what it uses and how it
//! ends. There are six levels; a server is at the level up to which everything passes.
//!
//! ```text
//! Config ──▶ Run ── be there ──▶ Trial: clients, one attempt at one check ──▶ Outcome ──▶ Report
//!             ▲                     │
//!             └── again, if noise could have done it
//! ```
//!
//! Nothing is judged by the clock alone, and nothing waits for ever: a wait is a multiple of what the server has
//! needed so far (`pace.rs`), or lasts until it sleeps (`rest.rs`), a check has a bound, and all of them have one together.
//! What is asked is random, from a seed, so that no answer can be known beforehand.
//!
//! It is built on [`socket`](crate::socket), [`client`](crate::client) and [`auth`](crate::auth), and knows nothing of
//! [`server`](crate::server): what it tries is the protocol and not this implementation of it. Read `catalogue.rs` for
//! what a check is, `talks.rs` and the other files of the levels for what is tried, `run.rs` for how.

mod bulk;
mod catalogue;
mod connect;
mod deadlines;
mod descriptors;
mod end;
mod junit;
mod many;
mod pace;
mod peer;
mod port;
mod process;
mod report;
mod rest;
mod rude;
mod run;
mod server;
mod service;
mod slow;
mod story;
mod strangers;
mod stream;
mod stuck;
mod talks;
mod trial;
mod usage;
mod words;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use crate::auth::{Key, Scheme, Secret};

pub use catalogue::{Check, LEVEL_NAMES, LEVELS, checks};
pub use process::Leash;
pub use report::{Outcome, Report, Verdict};
pub use run::run;
pub use service::Service;

/// What is tried, and what of it is promised.
#[derive(Debug)]
pub struct Config {
    target: Target,
    /// The secret, made ready for the scheme; `None` where clients need no proof.
    key: Option<Key>,
    secret: Secret,
    /// Bytes of a nonce, 32 unless it is set.
    pub nonce_len: usize,
    /// What a client gets once it is let in, [`Service::Upper`] unless it is set.
    pub service: Service,
    /// After how long a client that does not answer its nonce is disconnected, ten seconds unless it is set; `None`
    /// if that is not promised.
    pub handshake: Option<Duration>,
    /// What all that is random comes from, but for the port.
    pub seed: u64,
}

impl Config {
    /// A server whose clients prove by `scheme`, if there is one, that they hold `secret`.
    pub fn new(target: Target, scheme: Option<Scheme>, secret: Secret, seed: u64) -> Config {
        Config {
            target,
            key: scheme.map(|scheme| Key::new(scheme, &secret)),
            secret,
            nonce_len: 32,
            service: Service::Upper,
            handshake: Some(Duration::from_secs(10)),
            seed,
        }
    }
}

/// The server that is tried.
#[derive(Debug)]
pub enum Target {
    /// One that runs already, at the first of these addresses that takes a connection.
    Running(Vec<SocketAddr>),
    /// One that is started by a command, in which `{port}` stands for the port.
    Command {
        /// The program and its arguments.
        words: Vec<OsString>,
        /// By which another thread can end it.
        leash: Leash,
    },
}

//! What all connections of one server have in common.

use std::time::Duration;

use super::time::Timeout;
use crate::auth::Entry;

/// What a connection gets once it is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// Sends back every byte, ASCII letters in upper case: Python's `bytes.upper()`.
    Upper,
    /// Sends back every byte unchanged.
    Echo,
    /// Answers one request, in upper case and without white space at its ends, and closes.
    UpperOnce,
    /// Reads JSON objects with a name and a password, and answers each with `success!` or `failed!`.
    Login,
}

impl Service {
    /// Every service.
    pub const ALL: [Service; 4] =
        [Service::Upper, Service::Echo, Service::UpperOnce, Service::Login];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Service::Upper => "upper",
            Service::Echo => "echo",
            Service::UpperOnce => "upper-once",
            Service::Login => "login",
        }
    }
}

/// The rules that every session of a server keeps.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Protocol {
    /// Who is let in.
    pub entry: Entry,
    /// What a connection gets once it is let in.
    pub service: Service,
    /// How long a client may take, from accept, to be let in; where entry is open, to make its
    /// request of [`Service::UpperOnce`] or to succeed at [`Service::Login`].
    pub handshake_timeout: Timeout,
    /// How long a client that is owed nothing may stay silent, plus some slack
    /// ([`IDLE_SLACK`](super::IDLE_SLACK)).
    pub idle_timeout: Timeout,
    /// How many logins may fail on one connection of [`Service::Login`], with or without successes
    /// between them. `None`: any number.
    pub max_tries: Option<usize>,
}

impl Protocol {
    /// `service` for whoever `entry` lets in, with the usual timeouts: 10 s to be let in, 5 min idle;
    /// and 6 tries.
    pub fn new(entry: Entry, service: Service) -> Protocol {
        Protocol {
            entry,
            service,
            handshake_timeout: Duration::from_secs(10).into(),
            idle_timeout: Duration::from_secs(5 * 60).into(),
            max_tries: Some(6),
        }
    }
}

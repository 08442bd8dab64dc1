//! What a server is told at its start.

use std::net::SocketAddr;
use std::time::Duration;

use super::admission::Limits;
use super::penalties::Penalties;
use crate::auth::Nonces;
use crate::session::{Protocol, Timeout};

/// The least that [`Config::max_buffer`] may be.
pub const MIN_MAX_BUFFER: usize = 4 * 1024;

/// Everything that a server has to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 lets the kernel choose one. An IPv6 listener takes IPv6 only.
    pub listen: Vec<SocketAddr>,
    /// The scheme, the service and the deadlines of each connection.
    pub protocol: Protocol,
    /// Where nonces come from.
    pub nonces: Nonces,
    /// How many connections there may be.
    pub limits: Limits,
    /// How long a source that was up to no good is refused. `None`: nobody is.
    pub penalties: Option<Penalties>,
    /// The most bytes that are kept for one peer that does not take its answers; also the most that one
    /// read takes, up to 1 MiB. To a [`Server`](super::Server), less than [`MIN_MAX_BUFFER`] counts as
    /// that much.
    pub max_buffer: usize,
    /// How long a peer's kernel may acknowledge nothing while something is under way to it
    /// (TCP_USER_TIMEOUT, tcp(7), so on Linux only). [`Timeout::NEVER`]: as long as the kernel's own
    /// limit is.
    pub write_timeout: Timeout,
    /// How long a stop may take to deliver what is owed.
    pub drain_timeout: Timeout,
}

impl Config {
    /// The usual limits and timeouts for `protocol` at `listen`.
    pub fn new(listen: SocketAddr, protocol: Protocol, nonces: Nonces) -> Config {
        Config {
            listen: vec![listen],
            protocol,
            nonces,
            limits: Limits::default(),
            penalties: Some(Penalties::default()),
            max_buffer: 256 * 1024,
            write_timeout: Duration::from_secs(30).into(),
            drain_timeout: Duration::from_secs(5).into(),
        }
    }
}

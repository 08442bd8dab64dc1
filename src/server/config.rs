//! What a server is told at its start.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::gate::{Limits, Penalties, Subnet};
use crate::session::{Protocol, Timeout};

/// Everything that a server has to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen; port 0 lets the kernel choose one. An IPv6 listener takes IPv6 only.
    pub listen: Vec<SocketAddr>,
    /// Whether other processes may listen at these addresses, too (SO_REUSEPORT), if they also say so: the
    /// kernel then gives each connection to one of them.
    pub reuse_port: bool,
    /// Who is let in, what they get, and the deadlines of each connection.
    pub protocol: Protocol,
    /// How many connections there may be.
    pub limits: Limits,
    /// How long a source that was up to no good is refused. `None`: nobody is.
    pub penalties: Option<Penalties>,
    /// From where proxies come: a connection from there begins with a header of the PROXY protocol,
    /// version 1 or 2, that says who is behind it. Whoever it names is the peer then, for limits,
    /// penalties and events. From anywhere else such a header is nothing but bytes.
    pub proxies: Vec<Subnet>,
    /// The most bytes that are kept for one peer that does not take its answers; also the most that one
    /// read takes, up to 1 MiB.
    pub max_buffer: NonZeroUsize,
    /// How long a peer's kernel may acknowledge nothing while something is under way to it
    /// (TCP_USER_TIMEOUT, tcp(7), so on Linux only). [`Timeout::NEVER`]: as long as the kernel's own
    /// limit is.
    pub write_timeout: Timeout,
    /// How long, from the first signal to stop, connections are still taken and served before the drain
    /// begins: so that a load balancer, which is told at once, has looked away before the door closes.
    /// `None`: not at all. A [`Handle`](super::Server::handle) that stops the server grants none.
    pub grace: Option<Duration>,
    /// How long a stop may take to deliver what is owed.
    pub drain_timeout: Timeout,
    /// How often the loop tells that it is alive ([`Event::Alive`](crate::observe::Event::Alive)), for whoever
    /// has to notice that it goes round no more.
    pub heartbeat: Timeout,
}

impl Config {
    /// The usual limits and timeouts for `protocol` at each address of `listen`.
    pub fn new(listen: Vec<SocketAddr>, protocol: Protocol) -> Config {
        Config {
            listen,
            reuse_port: false,
            protocol,
            limits: Limits::default(),
            penalties: Some(Penalties::default()),
            proxies: Vec::new(),
            max_buffer: const { NonZeroUsize::new(256 * 1024).expect("it is not zero") },
            write_timeout: Duration::from_secs(30).into(),
            grace: None,
            drain_timeout: Duration::from_secs(5).into(),
            heartbeat: Timeout::NEVER,
        }
    }
}

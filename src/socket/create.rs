//! A server or a connection in one call: `create_server` and `create_connection` of Lib/socket.py.
//!
//! What they are made of is in `make.rs` and `connect.rs`.

use std::net::SocketAddr;
use std::time::Instant;

use super::error::{Error, Result};
use super::{Address, Domain, Mode, OnlyV6, ReuseAddr, ReusePort, Socket, ToAddress, Type};

/// What [`Socket::create_server_with`] does beside what every server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "create_server")]
pub struct ServerOptions {
    /// The family in which a name is looked up, IPv4 by default. An address brings its own.
    pub domain: Domain,
    /// How many connections may wait, 128 by default: see [`listen`](Socket::listen).
    pub backlog: i32,
    /// [`ReusePort`], not by default.
    pub reuse_port: bool,
    /// An IPv6 server takes IPv4 connections as well; not by default. Python's `dualstack_ipv6`.
    pub dual_stack: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        ServerOptions { domain: Domain::IPV4, backlog: 128, reuse_port: false, dual_stack: false }
    }
}

impl Socket {
    /// A TCP socket that listens on `address`, with [`ReuseAddr`], in the [default mode](super::default_mode).
    ///
    /// ```
    /// use sockmodes::socket::{Mode, Socket};
    ///
    /// let server = Socket::create_server(("localhost", 0))?;
    /// let client = Socket::create_connection(server.local_addr()?, Mode::Blocking, None)?;
    /// let (connection, address) = server.accept()?;
    /// assert_eq!(address, client.local_addr()?);
    /// # Ok::<(), sockmodes::socket::Error>(())
    /// ```
    pub fn create_server(address: impl ToAddress) -> Result<Self> {
        Self::create_server_with(address, ServerOptions::default())
    }

    /// [`create_server`](Socket::create_server), and what else a server may want.
    #[doc(alias = "create_server")]
    pub fn create_server_with(address: impl ToAddress, options: ServerOptions) -> Result<Self> {
        let found = address.to_addresses(options.domain)?;
        let Some(address) = found.first() else {
            return Err(Error::InvalidValue("no address is given"));
        };
        let domain = address.family();
        if options.dual_stack && domain != Domain::IPV6 {
            return Err(Error::InvalidValue("only an IPv6 server takes both kinds of connections"));
        }
        let socket = Socket::new(domain, Type::STREAM, None)?;
        socket.set_option(ReuseAddr, true)?;
        if options.reuse_port {
            socket.set_option(ReusePort, true)?;
        }
        if domain == Domain::IPV6 {
            socket.set_option(OnlyV6, !options.dual_stack)?;
        }
        socket.bind(address)?;
        socket.listen(options.backlog)?;
        Ok(socket)
    }

    /// A TCP connection to the first of the addresses that takes it, one after the other, from `source` if there is
    /// one. The socket is in `mode` afterwards.
    ///
    /// Unlike Python's, the timeout is a deadline for all of them together, so that a name with many addresses
    /// takes no longer. Looking the name up is not part of it: nobody can interrupt the resolver.
    ///
    /// # Errors
    ///
    /// That of the last address, or [`Error::TimedOut`]. In non-blocking mode it is EINPROGRESS, all but always, and
    /// nobody has the socket then, as in Python: make one, and [`connect`](Socket::connect) it.
    pub fn create_connection(
        address: impl ToAddress,
        mode: Mode,
        source: Option<SocketAddr>,
    ) -> Result<Self> {
        let any = Domain::from(0);
        let found = address.to_addresses(any)?;
        let deadline = match mode {
            Mode::Timeout(limit) => Instant::now().checked_add(limit),
            Mode::Blocking | Mode::NonBlocking => None,
        };
        let mut last = Error::InvalidValue("no address is given");
        for address in &found {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(Error::TimedOut);
            }
            let limited = left.map_or(mode, Mode::Timeout);
            match connected(address, limited, source) {
                Ok(socket) => {
                    socket.set_mode(mode)?;
                    return Ok(socket);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn connected(address: &Address, mode: Mode, source: Option<SocketAddr>) -> Result<Socket> {
    let socket = Socket::new(address.family(), Type::STREAM, None)?;
    socket.set_mode(mode)?;
    if let Some(source) = source {
        socket.bind(source)?;
    }
    socket.connect(address)?;
    Ok(socket)
}

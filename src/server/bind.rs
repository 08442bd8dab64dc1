//! The server on real sockets: how it comes to listen, runs, and is stopped by another thread.
//!
//! Never here: the loop itself, which could run on any network.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::Waker;
use thiserror::Error;

use super::config::Config;
use super::event_loop::{EventLoop, Outcome};
use super::network::Network;
use super::network::mio::MioNetwork;
use super::verify::pool::Pool;
use crate::auth::UserStore;
use crate::observe::{Detail, Event, Events, Observer};

/// A server that listens and waits to be run.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::{Shutdown, TcpStream};
/// use sockmodes::auth::Entry;
/// use sockmodes::server::{Config, Outcome, Server};
/// use sockmodes::session::{Protocol, Service};
///
/// let protocol = Protocol::new(Entry::Open, Service::Upper);
/// let server = Server::bind(Config::new(vec!["127.0.0.1:0".parse()?], protocol))?;
/// let (address, handle) = (server.local_addr(), server.handle());
/// let running = std::thread::spawn(move || server.run());
///
/// let mut client = TcpStream::connect(address)?;
/// client.write_all(b"hello")?;
/// client.shutdown(Shutdown::Write)?;
/// let mut reply = String::new();
/// client.read_to_string(&mut reply)?;
/// assert_eq!(reply, "HELLO");
///
/// handle.stop();
/// assert_eq!(running.join().unwrap()?, Outcome::Drained);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    network: MioNetwork,
    config: Config,
    addresses: Vec<SocketAddr>,
    events: Events,
    stop: Arc<AtomicBool>,
    waker: Arc<Waker>,
    users: Option<Arc<dyn UserStore>>,
}

/// Why a server can't listen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// It can't listen at one of the addresses.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// It can't listen on a socket that was passed to it.
    #[error("cannot listen on a socket that was passed: {0}")]
    Passed(#[source] io::Error),
    /// It can't listen anywhere: there is no poll, or no address.
    #[error("cannot start the event loop: {0}")]
    Poll(#[from] io::Error),
}

/// Stops a server from another thread.
#[derive(Clone, Debug)]
pub struct Handle {
    stop: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Server {
    /// Listens at every address of `config`. Connections are accepted once it [runs](Server::run);
    /// until then the kernel keeps them.
    pub fn bind(config: Config) -> Result<Server, BindError> {
        Server::bind_beside(Vec::new(), config)
    }

    /// Listens on `passed`, which others have made (a supervisor, before it started this process), and then
    /// at every address of `config`. Those that were passed get the options of the others; how many may
    /// wait there, and whether one takes IPv4 and IPv6, is as it was.
    pub fn bind_beside(passed: Vec<TcpListener>, config: Config) -> Result<Server, BindError> {
        let mut network = MioNetwork::new()?;
        let mut addresses = Vec::new();
        for listener in passed {
            let bound = network.adopt(listener, &config).map_err(BindError::Passed)?;
            addresses.push(bound);
        }
        for address in config.listen.iter().copied() {
            let bound = network
                .listen(address, &config)
                .map_err(|source| BindError::Listen { address, source })?;
            addresses.push(bound);
        }
        if addresses.is_empty() {
            return Err(BindError::Poll(io::Error::other("no address to listen on")));
        }
        let waker = network.waker()?;
        Ok(Server {
            network,
            config,
            addresses,
            events: Events::default(),
            stop: Arc::default(),
            waker,
            users: None,
        })
    }

    /// The address of the first listener, with the port that the kernel gave it.
    pub fn local_addr(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// The addresses of all listeners: those that were passed, then in the order of [`Config::listen`].
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// A handle with which another thread can stop this server.
    pub fn handle(&self) -> Handle {
        Handle { stop: self.stop.clone(), waker: self.waker.clone() }
    }

    /// Adds an observer of the server's events, such as a [`Log`](crate::observe::log::Log), a
    /// [`Trace`](crate::observe::Trace) or [`Metrics`](crate::observe::Metrics).
    pub fn add_observer(&mut self, observer: Box<dyn Observer>) {
        self.events.add(observer);
    }

    /// From now on at most `most` connections at once, in place of what [`Config::limits`] said: for
    /// whoever knows only when all else is open how many descriptors are left.
    pub fn limit_connections(&mut self, most: usize) {
        self.config.limits.connections = Some(most);
    }

    /// Says who can log in, for [`Service::Login`](crate::session::Service::Login); until then,
    /// nobody can. While the server runs, threads of its own check passwords.
    pub fn set_users(&mut self, users: Arc<dyn UserStore>) {
        self.users = Some(users);
    }

    /// From now on SIGINT and SIGTERM stop the server, a second one at once, and SIGHUP has it read
    /// the users again and does not end the process. For a program; a library's user may have other
    /// plans for signals.
    pub fn catch_signals(&mut self) -> io::Result<()> {
        self.network.catch_signals()
    }

    // ANCHOR: run
    /// Serves on this thread until it is stopped.
    ///
    /// # Errors
    ///
    /// Only if there is no thread to check passwords, or if the kernel refuses to wait for events
    /// at all; no peer can cause that.
    pub fn run(mut self) -> io::Result<Outcome> {
        let waker = self.waker;
        // It fails only if the loop is gone.
        let wake = move || _ = waker.wake();
        let now = self.network.now();
        let max_buffer = self.config.max_buffer.get();
        for address in self.addresses {
            let listening = || Event::Listening { address, max_buffer };
            self.events.tell(now, Detail::Server, None, listening);
        }
        let event_loop = EventLoop::new(self.network, self.config, self.events, self.stop);
        let mut event_loop = match self.users {
            Some(users) => event_loop.with_verifier(Box::new(Pool::start(users, wake)?)),
            None => event_loop,
        };
        Ok(event_loop.run()?)
    }
    // ANCHOR_END: run
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Server { addresses, events, users, .. } = self;
        f.debug_struct("Server")
            .field("addresses", addresses)
            .field("events", events)
            .field("has_users", &users.is_some())
            .finish_non_exhaustive()
    }
}

impl Handle {
    /// Stops the server: no new connections; what is owed goes out, within the drain timeout.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        // It fails only if the server is gone, and then it has stopped.
        let _ = self.waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use crate::server::connection::Connection;
    use crate::server::event_loop::LINK_SIZE;

    /// As the slab has it: an entry is a connection, or says which place is free next.
    #[allow(dead_code)]
    enum Entry {
        Free(usize),
        Taken(Connection<mio::net::TcpStream>),
    }

    #[test]
    fn a_connection_that_owes_nothing_costs_at_most_128_bytes() {
        assert_eq!(LINK_SIZE, 16);
        // In a debug build mio keeps more than the descriptor.
        let debug = size_of::<mio::net::TcpStream>() - size_of::<std::os::fd::RawFd>();
        let (entry, most) = (size_of::<Entry>(), 128 + debug.next_multiple_of(align_of::<Entry>()));
        assert!(entry + LINK_SIZE <= most, "{entry} bytes and {LINK_SIZE}, at most {most}");
    }
}

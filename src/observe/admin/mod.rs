//! The admin address: a page that shows the loop at work, its events, its metrics and its health, over HTTP.
//!
//! How it is served is in `observe/http/`, on a thread of its own; what is answered in `answer.rs`, the endless
//! answer in `stream.rs`; the page itself is in `page/`.

mod answer;
mod stream;

use std::io;
use std::net::SocketAddr;

use self::answer::Shown;
use super::http::{Http, QUOTA, Quota};
use super::{Live, Metrics};

/// How many of those who are connected may watch the events: fewer than all, so that others can be answered.
const WATCHERS: usize = 48;

/// What can be seen at the admin address.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Seen {
    /// What the events add up to.
    pub metrics: Metrics,
    /// The events themselves.
    pub live: Live,
}

/// The admin address, being served; dropping this ends it.
///
/// ```
/// use sockmodes::auth::Entry;
/// use sockmodes::observe::{Admin, Seen};
/// use sockmodes::server::{Config, Server};
/// use sockmodes::session::{Protocol, Service};
///
/// let protocol = Protocol::new(Entry::Open, Service::Upper);
/// let mut server = Server::bind(Config::new(vec!["127.0.0.1:0".parse()?], protocol))?;
/// let seen = Seen::default();
/// let admin = Admin::start("127.0.0.1:0".parse()?, seen.clone())?;
/// server.add_observer(Box::new(seen.metrics));
/// server.add_observer(Box::new(seen.live));
/// println!("http://{}/ shows what the server does once it runs", admin.address());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "when it is dropped, nothing is served any more"]
pub struct Admin {
    live: Live,
    http: Http,
}

impl Admin {
    /// The most connections that it has at once, each of which needs a descriptor.
    pub const MOST_CONNECTIONS: usize = QUOTA.connections;

    /// Serves what is `seen` at `address`. Both halves of `seen` have to be given to the server as readers.
    ///
    /// # Errors
    ///
    /// If the operating system refuses a listener there, or a thread.
    pub fn start(address: SocketAddr, seen: Seen) -> io::Result<Admin> {
        Admin::start_with(address, seen, QUOTA)
    }

    fn start_with(address: SocketAddr, seen: Seen, quota: Quota) -> io::Result<Admin> {
        let live = seen.live.clone();
        let shown = Shown { seen: seen.clone(), watchers: WATCHERS };
        let http = Http::start("admin", address, quota, shown)?;
        seen.metrics.count_lost("events", live.counts());
        Ok(Admin { live, http })
    }

    /// Where it is served, with the port that the kernel gave it.
    pub fn address(&self) -> SocketAddr {
        self.http.address()
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        // Before the thread is waited for: the endless answers have an end now.
        self.live.end();
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

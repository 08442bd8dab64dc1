//! The rows of the table, and how one of their numbers comes about.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::calls::{self, Per};
use super::load::{self, Done, Until};
use super::peers::Peer;
use super::server::Server;

/// A kind of work.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// `clients` clients send `depth` messages at a time each; `silent` more say nothing.
    Talk { clients: usize, depth: usize, silent: usize },
    /// Clients send as fast as they can.
    Flood { clients: usize },
    /// Clients come, `at_once` at a time, and go.
    ComeAndGo { at_once: usize },
    /// Clients are let in and silent.
    Idle { clients: usize },
    /// System calls are counted.
    Calls(Per),
}

/// A row of the table.
pub(crate) struct Row {
    pub(crate) title: String,
    pub(crate) unit: &'static str,
    pub(crate) work: Work,
}

/// The most connections asked of the server with a thread for each.
const MOST_THREADS: usize = 1000;
/// How long a row's load lasts, for each server and round.
const TIME: Duration = Duration::from_millis(500);
/// Connections that come and go, at most: each leaves its client's port in TIME_WAIT.
const VISITS: usize = 3000;
/// Descriptors that a process needs beside its connections.
const RESERVE: usize = 100;

/// All rows. How many are silent depends on how many files a process may have open.
pub(crate) fn rows() -> Vec<Row> {
    let row = |title: &str, unit, work| Row { title: title.to_owned(), unit, work };
    let talk = |clients, depth, silent| Work::Talk { clients, depth, silent };
    let mut rows = vec![
        row("ping-pong, 1 client", "µs/message", talk(1, 1, 0)),
        row("ping-pong, 50 clients", "µs/message", talk(50, 1, 0)),
        row("ping-pong, 1000 clients", "µs/message", talk(1000, 1, 0)),
        row("pipeline, 50 clients, depth 16", "µs/message", talk(50, 16, 0)),
        row("bulk, 4 streams", "µs/MiB", Work::Flood { clients: 4 }),
        row("handshakes, 50 at once", "µs/connection", Work::ComeAndGo { at_once: 50 }),
    ];
    let silent = [10_000, 19_000].map(|wanted| wanted.min(most_connections() - 50));
    for silent in silent {
        rows.push(row(
            &format!("50 active beside {silent} idle"),
            "µs/message",
            talk(50, 1, silent),
        ));
    }
    for clients in silent {
        rows.push(row(&format!("{clients} idle"), "bytes each", Work::Idle { clients }));
    }
    if calls::can_be_counted() {
        for clients in [1, 50] {
            let title = format!("system calls, {clients} in step");
            rows.push(row(&title, "per message", Work::Calls(Per::Message { clients })));
        }
        rows.push(row("system calls", "per connection", Work::Calls(Per::Connection)));
    }
    rows
}

/// Connections that this process and a server can have, with the limit of open files raised as far
/// as it goes.
pub(crate) fn most_connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where that is refused, the limit as it is has to do.
    let _ = setrlimit(Resource::Nofile, raised);
    let most = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |most| most as usize);
    most.saturating_sub(RESERVE)
}

/// One measurement with a fresh server, in the row's unit; `None` where it is too much for the peer.
pub(crate) fn measure(work: Work, peer: Peer) -> io::Result<Option<f64>> {
    let server = Server::start(&mut peer.command())?;
    match work {
        Work::Talk { clients, depth, silent } => {
            if peer == Peer::Threads && silent > MOST_THREADS {
                return Ok(None);
            }
            let _silent = load::connect(server.address, silent)?;
            let clients = load::connect(server.address, clients)?;
            cpu(&server, || load::talk(clients, depth, Until::Time(TIME)))
        }
        Work::Flood { clients } => {
            let clients = load::connect(server.address, clients)?;
            cpu(&server, || load::flood(clients, Until::Time(TIME)))
        }
        Work::ComeAndGo { at_once } => {
            cpu(&server, || load::come_and_go(server.address, at_once, Until::Count(VISITS)))
        }
        Work::Idle { clients } => {
            let clients = if peer == Peer::Threads { MOST_THREADS } else { clients };
            memory(&server, clients).map(|(bytes, _)| Some(bytes))
        }
        Work::Calls(per) => calls::each(peer, per).map(Some),
    }
}

/// Microseconds of the server's CPU for each piece of work.
fn cpu(server: &Server, work: impl FnOnce() -> io::Result<Done>) -> io::Result<Option<f64>> {
    let before = server.cpu()?;
    let done = work()?;
    let used = server.cpu()? - before;
    Ok(Some(used.as_secs_f64() * 1e6 / done.count))
}

/// Bytes of memory that each of `clients` connections costs the server, and the connections. What
/// the first few cost once and for all is left out.
pub(crate) fn memory(server: &Server, clients: usize) -> io::Result<(f64, Vec<TcpStream>)> {
    let few = clients / 10;
    let mut streams = load::connect(server.address, few)?;
    let before = server.memory()?;
    streams.extend(load::connect(server.address, clients - few)?);
    let grown = server.memory()?.saturating_sub(before);
    Ok((grown as f64 / (clients - few) as f64, streams))
}

/// Messages that come back in a second.
pub(crate) fn rate(peer: Peer, clients: usize) -> io::Result<f64> {
    let server = Server::start(&mut peer.command())?;
    let done = load::talk(load::connect(server.address, clients)?, 1, Until::Time(TIME))?;
    Ok(done.count / done.took.as_secs_f64())
}

//! The five servers. All of them do the same work: what a client sends comes back in upper case.
//!
//! They differ in one thing only: **what they do while there is nothing to do**. Read them in this
//! order: each one mends the flaw of the one before, and asks a price for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use sockmodes::auth::Entry;
use sockmodes::observe::{Detail, Event, Observer, Record};
use sockmodes::server::{Config, Limits, Server};
use sockmodes::session::{Protocol, Service};
use sockmodes::socket::{Mode, Result, Socket};

use crate::child::Arrivals;

/// A way to build a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Design {
    Blocking,
    Threads,
    Spinning,
    Timeouts,
    Loop,
}

impl Design {
    pub(crate) const ALL: [Design; 5] =
        [Design::Blocking, Design::Threads, Design::Spinning, Design::Timeouts, Design::Loop];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Design::Blocking => "blocking",
            Design::Threads => "threads",
            Design::Spinning => "spinning",
            Design::Timeouts => "timeouts",
            Design::Loop => "loop",
        }
    }

    /// Whether nobody has to wait for somebody who says nothing.
    ///
    /// `Blocking` waits for its one client, `Timeouts` waits a little for each: with those two, how
    /// many are served in a given time is what we are here to find out.
    pub(crate) fn serves_everyone(self) -> bool {
        matches!(self, Design::Threads | Design::Spinning | Design::Loop)
    }

    /// Runs the server on this thread, until the process ends.
    pub(crate) fn run(self, arrivals: Arrivals) -> Result<()> {
        match self {
            Design::Blocking => one_after_another(&listen(&arrivals)?, &arrivals),
            Design::Threads => a_thread_each(&listen(&arrivals)?, &arrivals),
            Design::Spinning => go_round(&listen(&arrivals)?, Mode::NonBlocking, &arrivals),
            Design::Timeouts => go_round(&listen(&arrivals)?, Mode::Timeout(PATIENCE), &arrivals),
            Design::Loop => the_loop(arrivals),
        }
    }
}

/// How long the fourth server waits for each client before it turns to the next.
///
/// A millisecond is as short as Python's sockets can wait (they hand `poll` whole milliseconds), and
/// the twin of this lesson is to do the same.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1);

fn listen(arrivals: &Arrivals) -> Result<Socket> {
    let listener = Socket::tcp()?;
    listener.bind((Ipv4Addr::LOCALHOST, 0))?;
    // Room for all the clients that the lesson brings: where the server does not accept (the first
    // one will not), the kernel keeps them in this queue, connected and unheard.
    listener.listen(1024)?;
    arrivals.listening(listener.local_addr()?);
    Ok(listener)
}

// --- 1 --------------------------------------------------------------------------------------------

/// Blocking, one after another: the server of the socketserver example, and of every first book.
///
/// The flaw: `recv` waits for *this* client. While this client thinks, nobody else exists.
fn one_after_another(listener: &Socket, arrivals: &Arrivals) -> Result<()> {
    loop {
        let (client, _) = listener.accept()?;
        arrivals.count();
        serve_to_the_end(&client);
    }
}

/// Answers one client until it hangs up. Waiting is the kernel's business: we are asleep in `recv`.
fn serve_to_the_end(client: &Socket) {
    while let Ok(request) = client.recv(1024) {
        // No bytes means that the client has hung up; `break` it is, here as in Python.
        if request.is_empty() || client.send_all(&request.to_ascii_uppercase()).is_err() {
            break;
        }
    }
}

// --- 2 --------------------------------------------------------------------------------------------

/// A thread each: the same code, but somebody else runs it. The scheduler does the juggling.
///
/// The price: a thread is a stack, a place in the scheduler, and two context switches for each
/// request. And what two clients share, two threads share: from here on there are locks.
fn a_thread_each(listener: &Socket, arrivals: &Arrivals) -> Result<()> {
    loop {
        let (client, _) = listener.accept()?;
        arrivals.count();
        thread::spawn(move || serve_to_the_end(&client));
    }
}

// --- 3 and 4 --------------------------------------------------------------------------------------

/// One thread that asks everybody in turn: "anything?" With sockets that never wait (3), or that wait
/// a little (4). One word of difference, and two very different servers:
///
/// - never waiting, it asks as fast as it can, for ever: a whole core, for nothing;
/// - waiting a little, it sleeps; but it sleeps once **for each silent client**, one after another.
fn go_round(listener: &Socket, mode: Mode, arrivals: &Arrivals) -> Result<()> {
    let mut clients: Vec<Socket> = Vec::new();
    listener.set_mode(mode)?;
    loop {
        // Everybody who has come since the last round. "Nobody (any more)" comes as an error: EAGAIN
        // in non-blocking mode, a timeout in timeout mode. Neither means that anything is broken.
        loop {
            match listener.accept() {
                Ok((client, _)) => {
                    // An accepted socket does not inherit the listener's mode. Forget this line, and
                    // the first silent client stops the whole server.
                    client.set_mode(mode)?;
                    clients.push(client);
                    arrivals.count();
                }
                Err(nobody) if nobody.is_would_block() || nobody.is_timed_out() => break,
                Err(error) => return Err(error),
            }
        }
        clients.retain(is_still_there);
    }
}

/// Answers a client if it has said something; false once it is gone.
fn is_still_there(client: &Socket) -> bool {
    match client.recv(1024) {
        Ok(request) if request.is_empty() => false,
        // A reply of a few bytes fits into any send buffer. With larger ones this line is a bug: see
        // the example `slow_reader` for what to do when it does not fit.
        Ok(request) => client.send_all(&request.to_ascii_uppercase()).is_ok(),
        Err(silent) => silent.is_would_block() || silent.is_timed_out(),
    }
}

// --- 5 --------------------------------------------------------------------------------------------

/// The loop: ask the *kernel* who has something to say, sleep until somebody has, and serve only those.
///
/// This is the server of the crate itself, `sockmodes serve --auth none`. What it does in `epoll_wait`
/// is what the third server does with a thousand calls of `recv` and the fourth with a thousand naps.
fn the_loop(arrivals: Arrivals) -> Result<()> {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let protocol = Protocol::new(Entry::Open, Service::Upper);
    let mut config = Config::new(vec![anywhere], protocol);
    config.limits = Limits::NONE;
    let mut server = Server::bind(config).map_err(std::io::Error::other)?;
    arrivals.listening(server.local_addr());
    // The other servers count their clients where they accept; this one tells of them in its events.
    server.add_observer(Box::new(arrivals));
    server.run()?;
    Ok(())
}

impl Observer for Arrivals {
    fn detail(&self) -> Detail {
        Detail::Life
    }

    fn observe(&mut self, record: &Record) {
        if matches!(record.event, Event::Opened { .. }) {
            self.count();
        }
    }
}

//! 6, leaving well: the end is a state, too.
//!
//! The idea: SIGTERM is an event like others. Nobody new is taken; who is owed nothing is let go at once; who is owed
//! something still gets it, for DRAIN at most; and the status is 0. A second signal is somebody who can't wait.
//!
//! A trap lies in `close`: if bytes of the client are unread, the kernel sends a reset, which destroys what is on its way
//! to the client. So we end our side only (`shutdown`), and read and forget what still comes until the client ends its own.
//!
//! ```text
//! cargo build --example build_6_leaving
//! sockmodes check -- target/debug/examples/build_6_leaving {port}
//! ```
//!
//! It reaches level 6, "the end". What it can't do yet: be tested without a network, be looked at, be configured.
//! The same in Python: `6_leaving.py`. Next: `src/server/`, the same with a seam for every part.

mod client;

use std::collections::{HashMap, HashSet, VecDeque};
use std::error::Error;
use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::os::unix::ffi::OsStringExt;
use std::time::{Duration, Instant};
use std::{env, mem, process};

use client::Client;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustix::io::Errno;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

const LISTENER: Token = Token(0);
const SIGNALS: Token = Token(1);
const DRAIN: Duration = Duration::from_secs(3); // For those who are owed something at the end.
const MOST_CLIENTS: usize = 1000;
const LOOK_AGAIN: Duration = Duration::from_millis(100);

struct Server {
    secret: Vec<u8>,
    handshake: Duration,
    signals: Signals,
    listener: Option<TcpListener>,
    can_accept: bool,
    no_descriptor: bool,
    poll: Poll,
    clients: HashMap<Token, Client>,
    again: HashSet<Token>,
    last: Token,
    deadlines: VecDeque<(Instant, Token)>,
    /// Set once it is to end.
    leave_by: Option<Instant>,
    /// Who has been sent all that it was owed, and has not said that it is done.
    lingering: Vec<TcpStream>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).or(env::var("PORT").ok()).ok_or("no port is given")?;
    let handshake = env::args().nth(2).map_or(Ok(10.0), |seconds| seconds.parse())?;
    let secret = env::var_os("SOCKMODES_SECRET").ok_or("SOCKMODES_SECRET is not set")?.into_vec();
    let mut listener = TcpListener::bind(format!("127.0.0.1:{port}").parse()?)?;
    let poll = Poll::new()?;
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut server = Server {
        secret,
        handshake: Duration::try_from_secs_f64(handshake)?,
        signals,
        listener: Some(listener),
        can_accept: true,
        no_descriptor: false,
        poll,
        clients: HashMap::new(),
        again: HashSet::new(),
        last: SIGNALS,
        deadlines: VecDeque::new(),
        leave_by: None,
        lingering: Vec::new(),
    };
    let mut events = Events::with_capacity(256);
    while !server.is_done() {
        server.turn(&mut events)?;
    }
    Ok(())
}

impl Server {
    fn is_done(&self) -> bool {
        let nobody = self.clients.is_empty() && self.lingering.is_empty();
        self.leave_by.is_some_and(|moment| nobody || moment <= Instant::now())
    }

    fn heed_signals(&mut self) {
        for _ in self.signals.pending() {
            if self.leave_by.replace(Instant::now() + DRAIN).is_some() {
                process::exit(1); // Told twice: what was owed is cut off.
            }
            (self.listener, self.can_accept) = (None, false); // Nobody new.
            for client in self.clients.values_mut() {
                client.ended = true; // As if it had: when nothing is owed any more, it is over.
                forget(&mut client.stream);
            }
            self.clients.retain(|_, client| !client.outbox.is_empty());
            self.again.extend(self.clients.keys());
        }
    }

    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        match self.poll.poll(events, self.patience()) {
            // A signal cuts the sleep short, before it is an event.
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let mut ready = mem::take(&mut self.again);
        for edge in events.iter() {
            if edge.token() == LISTENER {
                self.can_accept = true;
            } else if edge.token() == SIGNALS {
                self.heed_signals();
            } else if let Some(client) = self.clients.get_mut(&edge.token()) {
                client.note(edge);
                ready.insert(edge.token());
            }
        }
        ready.into_iter().for_each(|token| self.turn_of(token));
        self.lingering.retain_mut(forget);
        self.no_descriptor = false;
        if self.can_accept {
            self.accept()?;
        }
        self.expire();
        Ok(())
    }

    fn patience(&self) -> Option<Duration> {
        if !self.again.is_empty() || self.can_accept && !self.no_descriptor {
            return Some(Duration::ZERO);
        }
        let waits_for_others = self.no_descriptor || !self.lingering.is_empty();
        let look_again = waits_for_others.then(|| Instant::now() + LOOK_AGAIN);
        let first = self.deadlines.front().map(|(when, _)| *when);
        let moment = look_again.into_iter().chain(first).chain(self.leave_by).min()?;
        Some(moment.saturating_duration_since(Instant::now()))
    }

    fn accept(&mut self) -> io::Result<()> {
        let Some(listener) = &self.listener else { return Ok(()) };
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                self.can_accept = error.kind() != ErrorKind::WouldBlock;
                let errno = Errno::from_io_error(&error);
                self.no_descriptor = matches!(errno, Some(Errno::MFILE | Errno::NFILE));
                return Ok(());
            }
        };
        if self.clients.len() >= MOST_CLIENTS {
            return Ok(());
        }
        self.last.0 += 1;
        let client = Client::new(stream, self.last, self.poll.registry(), &self.secret)?;
        self.clients.insert(self.last, client);
        self.deadlines.push_back((Instant::now() + self.handshake, self.last));
        self.turn_of(self.last);
        Ok(())
    }

    fn turn_of(&mut self, token: Token) {
        match self.clients.get_mut(&token).map(Client::turn) {
            Some(Ok(true)) => _ = self.again.insert(token),
            Some(Err(_)) => {
                let gone = self.clients.remove(&token);
                let sent = gone.filter(|it| self.leave_by.is_some() && it.outbox.is_empty());
                let told = sent.filter(|it| it.stream.shutdown(Shutdown::Write).is_ok());
                self.lingering.extend(told.map(|it| it.stream));
            }
            _ => {}
        }
    }

    fn expire(&mut self) {
        let now = Instant::now();
        let due = self.deadlines.partition_point(|(when, _)| *when <= now);
        for (_, token) in self.deadlines.drain(..due) {
            if self.clients.get(&token).is_some_and(|client| !client.is_in) {
                self.clients.remove(&token);
            }
        }
    }
}

/// Reads what has come, and forgets it. False once the other side has ended.
fn forget(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 128 * 1024]) {
        Ok(count) => count > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

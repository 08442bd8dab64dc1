//! 5, deadlines and limits: for who is silent, and for more than there is room for.
//!
//! Whoever connects and says nothing costs a descriptor, and those are few. The idea: everything that a stranger can take
//! has an end. Who has not proved itself in time is let go; more than so many are not let in; and when the descriptors run
//! out all the same, the server waits until one is free, and neither ends nor spins.
//!
//! A deadline is a point in time, set once. A timeout that each byte started anew would be none: one byte every nine
//! seconds would keep a place for ever. Everybody has the same time here, so deadlines end in the order in which they
//! began, and a queue is all that it takes. `poll` sleeps no longer than until the first of them.
//!
//! ```text
//! cargo build --example build_5_deadlines
//! sockmodes check -- target/debug/examples/build_5_deadlines {port}
//! ```
//!
//! It reaches level 5, "the other side is silent or rude". What it can't do yet: end as one should (`term-owed`).
//! The same in Python: `5_deadlines.py`. Next: `6_leaving.rs`.

mod client;

use std::collections::{HashMap, HashSet, VecDeque};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStringExt;
use std::time::{Duration, Instant};
use std::{env, mem};

use client::Client;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use rustix::io::Errno;

const LISTENER: Token = Token(0);
const HANDSHAKE: f64 = 10.0; // Seconds until a digest has to be there, unless the second argument says otherwise.
const MOST_CLIENTS: usize = 1000;
// When a descriptor is free that another program had, nobody tells us.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

struct Server {
    secret: Vec<u8>,
    handshake: Duration,
    listener: TcpListener,
    /// Remembered, like `can_read` of a client: who could not be accepted makes no second edge.
    can_accept: bool,
    no_descriptor: bool,
    poll: Poll,
    clients: HashMap<Token, Client>,
    again: HashSet<Token>,
    last: Token,
    /// The first to end is in front.
    deadlines: VecDeque<(Instant, Token)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).or(env::var("PORT").ok()).ok_or("no port is given")?;
    let handshake = env::args().nth(2).map_or(Ok(HANDSHAKE), |seconds| seconds.parse())?;
    let secret = env::var_os("SOCKMODES_SECRET").ok_or("SOCKMODES_SECRET is not set")?.into_vec();
    let mut listener = TcpListener::bind(format!("127.0.0.1:{port}").parse()?)?;
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut server = Server {
        secret,
        handshake: Duration::try_from_secs_f64(handshake)?,
        listener,
        can_accept: true,
        no_descriptor: false,
        poll,
        clients: HashMap::new(),
        again: HashSet::new(),
        last: LISTENER,
        deadlines: VecDeque::new(),
    };
    let mut events = Events::with_capacity(256);
    loop {
        server.turn(&mut events)?;
    }
}

impl Server {
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        self.poll.poll(events, self.patience())?;
        let mut ready = mem::take(&mut self.again);
        for edge in events.iter() {
            if edge.token() == LISTENER {
                self.can_accept = true;
            } else if let Some(client) = self.clients.get_mut(&edge.token()) {
                client.note(edge);
                ready.insert(edge.token());
            }
        }
        // Those who are here go first: whoever leaves makes room for a newcomer.
        ready.into_iter().for_each(|token| self.turn_of(token));
        self.no_descriptor = false;
        if self.can_accept {
            self.accept()?;
        }
        self.expire();
        Ok(())
    }

    /// How long to sleep; `None` is until something happens.
    fn patience(&self) -> Option<Duration> {
        if !self.again.is_empty() || self.can_accept && !self.no_descriptor {
            return Some(Duration::ZERO);
        }
        let look_again = self.no_descriptor.then(|| Instant::now() + LOOK_AGAIN);
        let first = self.deadlines.front().map(|(when, _)| *when);
        let moment = look_again.into_iter().chain(first).min()?;
        Some(moment.saturating_duration_since(Instant::now()))
    }

    /// One newcomer a turn: a flood of them is a greedy client, too.
    fn accept(&mut self) -> io::Result<()> {
        let stream = match self.listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                self.can_accept = error.kind() != ErrorKind::WouldBlock;
                let errno = Errno::from_io_error(&error);
                self.no_descriptor = matches!(errno, Some(Errno::MFILE | Errno::NFILE));
                return Ok(());
            }
        };
        if self.clients.len() >= MOST_CLIENTS {
            return Ok(()); // Dropped: better a plain no than a place in a queue that does not move.
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
            Some(Err(_)) => _ = self.clients.remove(&token),
            _ => {}
        }
    }

    /// Lets go of those whose time is up. Who is in by then, or gone, has no deadline any more.
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

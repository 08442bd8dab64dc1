//! 4, edges: be told once, and remember.
//!
//! `poll` is handed the whole list of sockets again on every turn, and says on every turn what is still so. The idea: give
//! the kernel the list once (mio does that with epoll or kqueue), and let it say only what has *changed*. Nobody tells us
//! the same thing twice, so we have to remember it: `can_read`, `can_write`. They stay true until a call says otherwise.
//!
//! Three duties come with it, and forgetting one of them is a connection that hangs without an error:
//! - go on until WouldBlock, or a *short read*: of what is left lying there nobody speaks, until more comes;
//! - but not for ever, or one client that sends without a pause keeps all others waiting: hence its budget, and the
//!   list `again` of those who have used it up;
//! - whoever was not read from because its outbox was full has to be read from once it is not: no edge will come for what
//!   has been there all the time. `Client::turn` does both by turns for that reason.
//!
//! ```text
//! cargo build --example build_4_edges
//! sockmodes check -- target/debug/examples/build_4_edges {port}
//! ```
//!
//! It reaches level 4, like `3_buffers.rs`, in fewer calls. What it can't do yet is the same.
//! Read `client.rs` first: the idea is there. The same in Python: `4_edges.py`. Next: `5_deadlines.rs`.

mod client;

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;
use std::{env, mem};

use client::Client;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(0);

/// All of them. What was a handful of variables is a struct now, for there are too many to hand around.
struct Server {
    secret: Vec<u8>,
    listener: TcpListener,
    poll: Poll,
    clients: HashMap<Token, Client>,
    /// Those who would have gone on.
    again: HashSet<Token>,
    /// The last token that was given out. None is given twice: an edge of a client that has gone finds nobody, and not
    /// the one that has its descriptor now.
    last: Token,
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).or(env::var("PORT").ok()).ok_or("no port is given")?;
    let secret = env::var_os("SOCKMODES_SECRET").ok_or("SOCKMODES_SECRET is not set")?.into_vec();
    let mut listener = TcpListener::bind(format!("127.0.0.1:{port}").parse()?)?;
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (clients, again, last) = (HashMap::new(), HashSet::new(), LISTENER);
    let mut server = Server { secret, listener, poll, clients, again, last };
    let mut events = Events::with_capacity(256);
    loop {
        server.turn(&mut events)?;
    }
}

impl Server {
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        // Where somebody would have gone on, look whether others have something, but don't sleep.
        let patience = (!self.again.is_empty()).then_some(Duration::ZERO);
        self.poll.poll(events, patience)?;
        let mut ready = mem::take(&mut self.again);
        for edge in events.iter() {
            if edge.token() == LISTENER {
                self.accept_all()?;
            } else if let Some(client) = self.clients.get_mut(&edge.token()) {
                client.note(edge);
                ready.insert(edge.token());
            }
        }
        ready.into_iter().for_each(|token| self.turn_of(token));
        Ok(())
    }

    /// A listener's edges count, too: accept until nobody is left.
    fn accept_all(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.last.0 += 1;
            let client = Client::new(stream, self.last, self.poll.registry(), &self.secret)?;
            self.clients.insert(self.last, client);
            self.turn_of(self.last);
        }
    }

    fn turn_of(&mut self, token: Token) {
        match self.clients.get_mut(&token).map(Client::turn) {
            Some(Ok(true)) => _ = self.again.insert(token),
            // Dropped, and so closed, which takes it off the kernel's list, too.
            Some(Err(_)) => _ = self.clients.remove(&token),
            _ => {}
        }
    }
}

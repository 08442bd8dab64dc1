//! `slow_reader`: back-pressure, or where the bytes go that nobody reads.
//!
//! A client sends and sends, and does not read the answers. The kernel's buffers take some, then the server's `send`
//! takes no more. What now? A server can keep the rest and go on reading, or stop reading. One of the two dies
//! of it.
//!
//! Before you run it: the client sends 8 MiB and reads nothing. How much lies in the memory of the server that
//! goes on reading? And of the one that stops at 64 KiB: does it lose anything? Who notices that it stopped?
//!
//! ```text
//! cargo run --example slow_reader
//! python3 examples/python/slow_reader.py
//! ```
//!
//! Next: `server_designs`, what all these servers cost.

mod common;

use std::error::Error;
use std::io;
use std::process::ExitCode;

use common::{Lesson, Told, connected};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sockmodes::socket::{RecvBuffer, Result, SendBuffer, Socket};

/// What the client has to say.
const TOTAL: usize = 8 * 1024 * 1024;
/// What the second server keeps for one client, at most: sixteen pages.
const LIMIT: usize = 64 * 1024;

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "slow_reader: where the bytes go that nobody reads",
        &[
            "8 MiB sent, no answer read: how much does a server keep that goes on reading?",
            "and one that stops reading while it owes 64 KiB?",
            "who notices that it has stopped, and how?",
            "the client reads at last: is anything missing?",
        ],
    );
    ignoring_it(&mut lesson)?;
    let exchange = heeding_it(&mut lesson)?;
    reading_at_last(&mut lesson, exchange)?;
    Ok(lesson.end())
}

fn ignoring_it(lesson: &mut Lesson) -> Result<()> {
    lesson.part("A server that ignores back-pressure: what send does not take, it keeps");
    let (client, server) = small_buffers()?;
    let mut exchange = Exchange::new(client, Server::new(server, usize::MAX));
    lesson.told("client: send 4 MiB, read nothing", &exchange.run(TOTAL / 2, Reads::Never)?);
    let half = exchange.server.kept();
    lesson.told("the server keeps", &half);
    lesson.told("client: send 4 MiB more", &exchange.run(TOTAL, Reads::Never)?);
    let whole = exchange.server.kept();
    lesson.told("the server keeps", &whole);
    // The difference from what was sent lies in the kernel: the server's send buffer and the
    // client's receive buffer.
    lesson.check("nearly all of it lies in the server's memory", whole.0 > TOTAL - TOTAL / 8);
    // One client did this, on purpose or because its user closed the laptop. Where is the end? At the memory
    // limit, where the kernel kills the server and with it everybody else's connection.
    lesson.check("and the more is sent, the more it keeps: there is no end", whole.0 > half.0);
    Ok(())
}

fn heeding_it(lesson: &mut Lesson) -> Result<Exchange> {
    lesson.part("A server that heeds it: while it owes 64 KiB, it does not read");
    let (client, server) = small_buffers()?;
    let mut exchange = Exchange::new(client, Server::new(server, LIMIT));
    let sent = exchange.run(TOTAL, Reads::Never)?;
    lesson.told("client: send 8 MiB, read nothing", &sent);
    lesson.told("the server keeps", &exchange.server.kept());
    // The pressure travels back, buffer by buffer: the server does not read, so its receive buffer fills up, so its
    // kernel tells the client's kernel "window: 0", so the client's send buffer fills up, so its `send` says
    // EAGAIN (or, on a blocking socket, waits). Nobody sent a message for it. This *is* TCP's flow control.
    lesson.check("the client is stopped before the 8 MiB are through", sent.0 < TOTAL);
    lesson.check("the server never kept more than 64 KiB", exchange.server.most <= LIMIT);
    Ok(exchange)
}

fn reading_at_last(lesson: &mut Lesson, mut exchange: Exchange) -> Result<()> {
    lesson.part("The client reads at last");
    lesson.told("client: send the rest, and read", &exchange.run(TOTAL, Reads::Everything)?);
    lesson.check("every byte comes, in order, none twice", exchange.is_whole());
    lesson.check("and the server never kept more than 64 KiB", exchange.server.most <= LIMIT);
    lesson.check("now it keeps nothing", exchange.server.owed.is_empty());
    Ok(())
}

/// The server's side: it sends back in upper case what it reads, and never waits.
struct Server {
    socket: Socket,
    /// Answers that the kernel has not taken yet.
    owed: Vec<u8>,
    /// How many bytes of them there may be.
    limit: usize,
    /// How many there have been, at most.
    most: usize,
}

impl Server {
    fn new(socket: Socket, limit: usize) -> Server {
        Server { socket, owed: Vec::new(), limit, most: 0 }
    }

    /// Does what can be done without waiting; false if that was nothing.
    fn turn(&mut self) -> Result<bool> {
        let mut has_moved = false;
        // What is owed goes first, or the answers would come out of order.
        if !self.owed.is_empty()
            && let Some(taken) = unless_would_block(self.socket.send(&self.owed))?
        {
            self.owed.drain(..taken);
            has_moved = true;
        }
        // This line is all the difference between the two servers. What is not read is not lost:
        // the bytes wait in the kernel, and when that is full, with the client. A read takes no
        // more than its answer has room for, so the limit is a hard one.
        let room = self.limit - self.owed.len();
        if room > 0
            && let Some(mut request) = unless_would_block(self.socket.recv(room.min(PIECE)))?
        {
            request.make_ascii_uppercase();
            self.owed.extend(request);
            self.most = self.most.max(self.owed.len());
            has_moved = true;
        }
        Ok(has_moved)
    }

    fn kept(&self) -> Bytes {
        Bytes(self.owed.len())
    }
}

/// How much one call of `send` or `recv` moves at most.
const PIECE: usize = 16 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    Never,
    Everything,
}

/// Client and server, in turn on one thread. Both sockets are non-blocking, so neither holds up the other.
struct Exchange {
    client: Socket,
    server: Server,
    text: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
}

impl Exchange {
    fn new(client: Socket, server: Server) -> Exchange {
        Exchange { client, server, text: text(), sent: 0, received: Vec::new() }
    }

    /// Runs until the client has sent `goal` bytes in all (and, if it reads, got them back), or
    /// until nothing moves any more. Returns how much the client has sent.
    fn run(&mut self, goal: usize, reads: Reads) -> Result<Bytes> {
        loop {
            let mut has_moved = self.server.turn()?;
            if self.sent < goal {
                let piece = &self.text[self.sent..goal.min(self.sent + PIECE)];
                if let Some(taken) = unless_would_block(self.client.send(piece))? {
                    self.sent += taken;
                    has_moved = true;
                }
            }
            if reads == Reads::Everything
                && let Some(answer) = unless_would_block(self.client.recv(PIECE))?
            {
                self.received.extend(answer);
                has_moved = true;
            }
            let is_done = match reads {
                // "Sent" means that the kernel has it. Let the server take all it will take, too.
                Reads::Never => self.sent == goal && !has_moved,
                Reads::Everything => self.received.len() == goal,
            };
            if is_done || (!has_moved && !self.wait(goal, reads)?) {
                return Ok(Bytes(self.sent));
            }
        }
    }

    /// Waits until somebody can go on; false if nobody can for half a second, and so never: everything that could
    /// move is here in this process.
    fn wait(&self, goal: usize, reads: Reads) -> Result<bool> {
        let wants = |wanted, flag| if wanted { flag } else { PollFlags::empty() };
        let client = wants(self.sent < goal, PollFlags::OUT)
            | wants(reads == Reads::Everything, PollFlags::IN);
        let server = wants(self.server.owed.len() < self.server.limit, PollFlags::IN)
            | wants(!self.server.owed.is_empty(), PollFlags::OUT);
        let (near, far) = (self.client.descriptor()?, self.server.socket.descriptor()?);
        let mut both = [PollFd::new(&near, client), PollFd::new(&far, server)];
        let half_a_second = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
        let ready = poll(&mut both, Some(&half_a_second)).map_err(io::Error::from)?;
        Ok(ready > 0)
    }

    /// Whether exactly what was sent has come back, in upper case.
    fn is_whole(&self) -> bool {
        self.received == self.text.to_ascii_uppercase()
    }
}

/// The client's text: the alphabet again and again, each time shifted by one letter, so that a mistake in the
/// order shows.
fn text() -> Vec<u8> {
    (0..TOTAL).map(|at| b'a' + ((at + at / 26) % 26) as u8).collect()
}

/// `None` for EAGAIN, which is no error but an answer: "not now".
fn unless_would_block<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_would_block() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Two connected sockets, both non-blocking, with small buffers in the kernel.
///
/// Left alone, Linux lets these buffers grow to several megabytes: the same story, told more slowly.
fn small_buffers() -> Result<(Socket, Socket)> {
    let (client, server) = connected()?;
    for socket in [&client, &server] {
        socket.set_blocking(false)?;
        socket.set_option(SendBuffer, 64 * 1024)?;
        socket.set_option(RecvBuffer, 64 * 1024)?;
    }
    Ok((client, server))
}

/// A number of bytes that depends on how the kernel cuts things.
struct Bytes(usize);

impl Told for Bytes {
    fn told(&self) -> String {
        format!("~{} bytes", self.0)
    }
}

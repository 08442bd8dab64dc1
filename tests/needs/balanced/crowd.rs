//! Hundreds of clients who talk all the time, and others who come and go beside them. Whoever loses its connection
//! comes anew; what became of each connection is written down.

use std::io::{self, ErrorKind, Read, Write};
use std::iter::repeat_n;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use sockmodes::auth::Scheme;

use crate::common::client::{NONCE_LEN, connect_from, digest, read_some};
use crate::common::process::PATIENCE;
use crate::common::program::SECRET;

/// Where the clients are: a network of which this machine has every address.
pub(super) const NETWORK: &str = "10.128.0.0/9";
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 128, 0, 1);
/// Threads, and how many clients stay with each.
const THREADS: usize = 8;
const STAY: usize = 40;
/// What each of these threads does between two rounds of talk: the clients are many, not in a hurry.
const PAUSE: Duration = Duration::from_millis(50);
/// How many come and go between.
const PASS: usize = 4;
/// Clients beside these who say more than all that is between can keep, end their input, and only then listen.
const GREEDY: usize = 6;
/// A stretch in which nothing more goes out, so all that is between is full.
const STUFFED: Duration = Duration::from_millis(300);
/// Bytes that they say at the most: more than there is room for.
const MOST_STUFFED: usize = 32 << 20;
/// Bytes of a message: more than a segment, and less than what the kernels between keep.
const MESSAGE: usize = 6000;

/// What all say, from the one letter or the other on.
static LETTERS: LazyLock<Vec<u8>> =
    LazyLock::new(|| (b'a'..=b'z').cycle().take(26 + MESSAGE).collect());

/// A connection that is over.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) peer: SocketAddr,
    pub(super) begun: Instant,
    pub(super) ended: Instant,
    /// How long it took from connecting to its first answer, if it got that far: then it has succeeded.
    pub(super) served: Option<Duration>,
    /// Bytes said and heard, without digest and nonce.
    pub(super) said: usize,
    pub(super) heard: usize,
    /// The client itself ended it, and heard everything before the end came back.
    pub(super) whole: bool,
}

/// The client number so-and-so, who has an address of its own.
struct Client {
    stream: TcpStream,
    number: u32,
    life: Life,
}

impl Client {
    /// A new connection, up to its first answer; else what became of it.
    fn begin(number: u32, balancer: SocketAddr) -> Result<Client, Life> {
        let begun = Instant::now();
        let source = Ipv4Addr::from(u32::from(FIRST) + number);
        let stream = connect_from(source, balancer);
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let peer = stream.local_addr().unwrap();
        let life =
            Life { peer, begun, ended: begun, served: None, said: 0, heard: 0, whole: false };
        let mut client = Client { stream, number, life };
        if client.enter().is_ok() {
            client.life.served = Some(begun.elapsed());
            return Ok(client);
        }
        Err(client.leave())
    }

    fn enter(&mut self) -> io::Result<()> {
        let mut nonce = [0; NONCE_LEN];
        self.stream.read_exact(&mut nonce).map_err(end)?;
        let digest = digest(Scheme::HmacMd5, SECRET.as_bytes(), &nonce);
        self.stream.write_all(&digest).map_err(end)?;
        self.say().map_err(end)?;
        self.hear()
    }

    fn say(&mut self) -> io::Result<()> {
        let mut rest = &LETTERS[self.at(self.life.said)..][..MESSAGE];
        while !rest.is_empty() {
            let written = self.stream.write(rest)?;
            self.life.said += written;
            rest = &rest[written..];
        }
        Ok(())
    }

    /// Says as much as goes. The server then owes megabytes.
    fn stuff(&mut self) -> io::Result<()> {
        self.stream.set_write_timeout(Some(STUFFED)).unwrap();
        // A server that has stopped throws away what comes: that would go on for ever.
        while self.life.said < MOST_STUFFED {
            match self.say() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                said => said?,
            }
        }
        Ok(())
    }

    /// Where byte number `number` of what it says is in the letters: not every client begins with the same.
    fn at(&self, number: usize) -> usize {
        (number + self.number as usize) % 26
    }

    /// Until everything is answered that it has said.
    fn hear(&mut self) -> io::Result<()> {
        let mut answer = [0; MESSAGE];
        while self.life.heard < self.life.said {
            let read = read_some(&mut self.stream, &mut answer).map_err(end)?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let expected = &LETTERS[self.at(self.life.heard)..][..read];
            assert!(answer[..read] == expected.to_ascii_uppercase(), "not its own answer");
            self.life.heard += read;
        }
        Ok(())
    }

    /// Ends it, unless it has ended already.
    fn leave(mut self) -> Life {
        // Whose connection has ended may still have something to hear.
        let _ = self.stream.shutdown(Shutdown::Write);
        self.life.whole = self.life.served.is_some()
            && self.hear().is_ok()
            && read_some(&mut self.stream, &mut [0]).map_err(end).is_ok_and(|read| read == 0);
        self.life.ended = Instant::now();
        self.life
    }
}

/// An error that is the end of a connection. Any other, as one that nothing was heard for so long, fails the test.
fn end(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => error,
        _ => panic!("neither an answer nor an end: {error}"),
    }
}

/// Runs `meanwhile` beside the clients, once those who stay are there. It gets what tells the greedy ones to listen.
pub(super) fn around(balancer: SocketAddr, meanwhile: impl FnOnce(&dyn Fn())) -> Vec<Life> {
    let number = AtomicU32::new(0);
    let next = || Client::begin(number.fetch_add(1, Ordering::Relaxed), balancer);
    let (there, ready) = channel();
    thread::scope(|scope| {
        let start = |(thread, there)| {
            let (tell, told) = channel();
            let live = if thread < THREADS { talk } else { gorge };
            let next = &next;
            (tell, scope.spawn(move || live(next, there, &told)))
        };
        let all = THREADS + GREEDY;
        let (tell, threads): (Vec<Sender<()>>, Vec<_>) =
            (0..all).zip(repeat_n(there, all)).map(start).unzip();
        assert_eq!(ready.iter().count(), all, "a client failed before anything was done");
        meanwhile(&|| tell[THREADS..].iter().for_each(|greedy| greedy.send(()).unwrap()));
        drop(tell);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// What becomes of the clients of a thread, until it is over.
fn talk(
    next: &dyn Fn() -> Result<Client, Life>,
    there: Sender<()>,
    over: &Receiver<()>,
) -> Vec<Life> {
    let (mut lives, mut staying) = (Vec::new(), Vec::new());
    come(next, &mut staying, &mut lives);
    there.send(()).unwrap();
    drop(there);
    while over.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        // All speak before anybody listens: so, whenever a server ends, there is something that it owes.
        for client in &mut staying {
            // Whether it has ended is heard below.
            let _ = client.say().map_err(end);
        }
        for _ in 0..PASS {
            lives.push(next().map_or_else(|life| life, Client::leave));
        }
        let (stay, leave): (Vec<_>, Vec<_>) = staying
            .into_iter()
            .map(|mut client| (client.hear().is_ok(), client))
            .partition(|(stays, _)| *stays);
        lives.extend(leave.into_iter().map(|(_, client)| client.leave()));
        staying = stay.into_iter().map(|(_, client)| client).collect();
        come(next, &mut staying, &mut lives);
    }
    lives.extend(staying.into_iter().map(Client::leave));
    lives
}

/// Whoever has lost its connection comes anew.
fn come(next: &dyn Fn() -> Result<Client, Life>, staying: &mut Vec<Client>, lives: &mut Vec<Life>) {
    for _ in staying.len()..STAY {
        match next() {
            Ok(client) => staying.push(client),
            Err(life) => lives.push(life),
        }
    }
}

/// What becomes of a greedy client, one after the other, until it is over. Like each client of this protocol that has
/// no more to say, it ends its input before it listens: to a server that has ended and is gone HAProxy can pass nothing
/// on, and if it has to, it throws away what that one has left for the client.
fn gorge(
    next: &dyn Fn() -> Result<Client, Life>,
    there: Sender<()>,
    told: &Receiver<()>,
) -> Vec<Life> {
    let (mut lives, mut there, mut goes_on) = (Vec::new(), Some(there), true);
    while goes_on {
        lives.push(next().map_or_else(
            |life| life,
            |mut client| {
                // Whether it has ended is heard at its end.
                let _ = client.stuff().map_err(end);
                let _ = client.stream.shutdown(Shutdown::Write);
                if let Some(there) = there.take() {
                    there.send(()).unwrap();
                }
                goes_on = told.recv().is_ok();
                client.leave()
            },
        ));
    }
    lives
}

//! The load: the same for every server.
//!
//! N clients are connected the whole time, and at most five of them are waiting for an answer; the
//! others are silent. That is what most servers see: nearly everybody is nearly always silent. Whoever
//! gets an answer falls silent, and somebody else speaks up, as chance has it.
//!
//! It runs on one thread, on mio: this is what the fifth server looks like from the other end.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::child::{Running, Usage};
use crate::servers::Design;

/// Requests that are under way at one time, at most.
pub(crate) const UNDER_WAY: usize = 5;
/// A request, and what has to come back: of the same length, so nobody needs to look for its end.
const REQUEST: &[u8; 16] = b"hello, sockmodes";
const REPLY: &[u8; 16] = b"HELLO, SOCKMODES";
/// How long all clients are silent before they begin.
const SILENCE: Duration = Duration::from_millis(20);
/// After this long something is broken, not slow.
const HOPELESS: Duration = Duration::from_secs(60);

/// What one server did for one number of clients.
pub(crate) struct Cell {
    pub(crate) design: Design,
    pub(crate) clients: usize,
    pub(crate) elapsed: Duration,
    pub(crate) answered: usize,
    /// Clients that got at least one answer.
    pub(crate) served: usize,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// CPU time of the server, for all of its answers together.
    pub(crate) cpu: Duration,
    /// The server's CPU time while nobody says anything, as a part of the time that passes.
    pub(crate) idle: f64,
    pub(crate) memory_kib: u64,
}

impl Cell {
    pub(crate) fn answers_per_second(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn cpu_per_answer(&self) -> Duration {
        self.cpu / u32::try_from(self.answered.max(1)).unwrap_or(u32::MAX)
    }
}

/// Starts a server, connects `clients` clients, and lets them talk for `slice`.
pub(crate) fn measure(
    design: Design,
    clients: usize,
    slice: Duration,
) -> Result<Cell, Box<dyn Error>> {
    let serves_everyone = design.serves_everyone() || clients == 1;
    // The first design accepts its first client, and no other while that one stays.
    let expected = if design == Design::Blocking { 1 } else { clients };
    let mut server = Running::start(design, expected)?;
    let mut load = Load::connect(&server, clients)?;
    server.wait_until_ready()?;

    let idle = idle_share(&mut server)?;
    let before = server.usage()?;
    load.run(slice, serves_everyone)?;
    let elapsed = load.start.elapsed();
    let after = server.usage()?;
    Ok(load.into_cell(design, elapsed, idle, before, after))
}

/// For how much of a short pause the server is on the CPU. Nobody says anything meanwhile.
fn idle_share(server: &mut Running) -> Result<f64, Box<dyn Error>> {
    let (start, before) = (Instant::now(), server.usage()?);
    // There is no event to wait for: that nothing happens is what is being measured.
    std::thread::sleep(SILENCE);
    let after = server.usage()?;
    Ok((after.cpu - before.cpu).as_secs_f64() / start.elapsed().as_secs_f64())
}

/// The clients, and what they have seen so far.
struct Load {
    poll: Poll,
    clients: Vec<Client>,
    /// Who speaks next, and after that.
    deck: Deck,
    start: Instant,
    latencies: Vec<Duration>,
}

struct Client {
    stream: TcpStream,
    /// When its request went out; nothing while it is silent.
    asked: Option<Instant>,
    /// How much of the reply has come.
    received: usize,
    served: bool,
}

impl Load {
    fn connect(server: &Running, clients: usize) -> Result<Load, Box<dyn Error>> {
        let poll = Poll::new()?;
        let mut all = Vec::with_capacity(clients);
        for number in 0..clients {
            let stream = std::net::TcpStream::connect(server.address)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            all.push(Client { stream, asked: None, received: 0, served: false });
        }
        let (start, latencies) = (Instant::now(), Vec::new());
        Ok(Load { poll, clients: all, deck: Deck::new(clients), start, latencies })
    }

    /// Keeps five requests under way until `slice` is over, and longer if `everyone` is to be served
    /// once: on a slow machine the numbers get worse, but no client is ever left out by chance.
    fn run(&mut self, slice: Duration, everyone: bool) -> Result<(), Box<dyn Error>> {
        let mut events = Events::with_capacity(UNDER_WAY);
        let mut unserved = if everyone { self.clients.len() } else { 0 };
        self.start = Instant::now();
        for _ in 0..UNDER_WAY.min(self.clients.len()) {
            self.next_speaks()?;
        }
        loop {
            let elapsed = self.start.elapsed();
            if elapsed >= slice && unserved == 0 {
                return Ok(());
            }
            if elapsed >= HOPELESS {
                return Err("some client was not served within a minute".into());
            }
            let until = if elapsed < slice { slice } else { HOPELESS };
            self.poll.poll(&mut events, Some(until - elapsed))?;
            for event in &events {
                let Token(number) = event.token();
                let was_served = self.clients[number].served;
                if self.listen_to(number)? {
                    unserved = unserved.saturating_sub(usize::from(!was_served));
                    self.next_speaks()?;
                }
            }
        }
    }

    fn next_speaks(&mut self) -> Result<(), Box<dyn Error>> {
        let clients = &self.clients;
        let number = self.deck.draw(|number| clients[number].asked.is_none());
        let client = &mut self.clients[number];
        client.asked = Some(Instant::now());
        // Sixteen bytes into an empty send buffer: they fit, or something is very wrong.
        if client.stream.write(REQUEST)? != REQUEST.len() {
            return Err("a request of 16 bytes did not fit".into());
        }
        Ok(())
    }

    /// Reads what has come; true once the reply is whole.
    fn listen_to(&mut self, number: usize) -> Result<bool, Box<dyn Error>> {
        let client = &mut self.clients[number];
        let mut buffer = [0; REPLY.len()];
        loop {
            // No more room than the reply has bytes left: once it is whole there is nothing to drain,
            // and the next edge comes with the next reply.
            let room = &mut buffer[client.received..];
            match client.stream.read(room) {
                Ok(0) => return Err("the server hung up".into()),
                Ok(count) if room[..count] == REPLY[client.received..][..count] => {
                    client.received += count;
                }
                Ok(_) => return Err("the server sent something else".into()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            if client.received == REPLY.len() {
                client.received = 0;
                client.served = true;
                self.latencies.extend(client.asked.take().map(|asked| asked.elapsed()));
                return Ok(true);
            }
        }
    }

    fn into_cell(
        mut self,
        design: Design,
        elapsed: Duration,
        idle: f64,
        before: Usage,
        after: Usage,
    ) -> Cell {
        let answered = self.latencies.len();
        // Whoever is still waiting counts with the time waited so far. Leave them out, as many a
        // benchmark does, and a server that answers one client and forgets the others looks splendid.
        let waiting = self.clients.iter().filter_map(|client| client.asked);
        self.latencies.extend(waiting.map(|asked| asked.elapsed()));
        self.latencies.sort_unstable();
        Cell {
            design,
            clients: self.clients.len(),
            elapsed,
            answered,
            served: self.clients.iter().filter(|client| client.served).count(),
            p50: percentile(&self.latencies, 50),
            p99: percentile(&self.latencies, 99),
            cpu: after.cpu - before.cpu,
            idle,
            memory_kib: after.memory_kib,
        }
    }
}

/// The smallest value that at least `percent` of all values do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The order in which clients speak: a pack of cards with every client in it once, and when it is used up,
/// another, shuffled anew.
///
/// Why so much ado? In the order of connecting, or with whoever has been silent longest speaking next, the load
/// would run ahead of the servers that go round their clients, as if it knew whom they ask next. And with dice in
/// place of cards it would take long until everybody has had a turn.
struct Deck {
    clients: usize,
    cards: VecDeque<usize>,
    random: u32,
}

impl Deck {
    fn new(clients: usize) -> Deck {
        Deck { clients, cards: VecDeque::new(), random: 9090 }
    }

    /// The next client that is free to speak; one that is still waiting for an answer keeps its
    /// card for later.
    fn draw(&mut self, is_free: impl Fn(usize) -> bool) -> usize {
        loop {
            let at = self.cards.iter().position(|&number| is_free(number));
            if let Some(number) = at.and_then(|at| self.cards.remove(at)) {
                return number;
            }
            self.shuffle();
        }
    }

    /// Adds a pack: client 0 on top, since the first server serves no other, and the rest in any order.
    fn shuffle(&mut self) {
        let mut pack: Vec<usize> = (0..self.clients).collect();
        for at in (2..self.clients).rev() {
            // Knuth's "quick and dirty" generator: plenty for this, and the same in Python.
            self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            pack.swap(at, 1 + (self.random >> 16) as usize % at);
        }
        self.cards.extend(pack);
    }
}

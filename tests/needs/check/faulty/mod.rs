//! A small server of this protocol, right in everything, with one fault that is chosen by its name.
//!
//! One loop around poll(2). It uses nothing of the library but the digests, and above all not its server: what is right
//! here and what is right there should not be wrong together. `connection.rs` and `hearing.rs` have what a connection
//! does, `speech.rs` what it says, `ending.rs` how the server ends.

mod connection;
mod ending;
mod hearing;
mod speech;

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use socket2::{Domain, Socket, Type};

use connection::{Connection, Gone};
use ending::Ending;
use speech::Terms;

/// The first argument that makes this program the server.
pub(crate) const ARGUMENT: &str = "faulty-server";

/// The server: its listener, its connections, and what it does wrong.
struct Server {
    /// None once it does not take new ones any more.
    listener: Option<TcpListener>,
    terms: Terms,
    connections: Vec<Connection>,
    ending: Ending,
    accepted: usize,
    refused: usize,
}

/// Serves as the arguments say: `PORT FAULT AUTH SERVICE TIMEOUT`.
pub(crate) fn serve(arguments: &[String]) -> ExitCode {
    let [port, fault, auth, service, timeout] = arguments else {
        panic!("PORT FAULT AUTH SERVICE TIMEOUT, and not {arguments:?}");
    };
    let terms = Terms::new(fault, auth, service, humantime::parse_duration(timeout).unwrap());
    let listener = listen(port.parse().unwrap(), terms.is("no-reuseaddr")).unwrap();
    let (signals, sender) = UnixStream::pair().unwrap();
    signals.set_nonblocking(true).unwrap();
    pipe::register(SIGTERM, sender.try_clone().unwrap()).unwrap();
    if terms.is("int-kills") {
        drop(sender);
    } else {
        pipe::register(SIGINT, sender).unwrap();
    }
    let mut server = Server {
        listener: Some(listener),
        ending: Ending::new(signals),
        terms,
        connections: Vec::new(),
        accepted: 0,
        refused: 0,
    };
    loop {
        server.turn();
        if let Some(status) = server.ended() {
            return status;
        }
    }
}

fn listen(port: u16, without_reuse: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(!without_reuse)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(1024)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn is_out_of_files(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error())
}

impl Server {
    fn is(&self, fault: &str) -> bool {
        self.terms.is(fault)
    }

    /// Waits for something to happen, and does what it asks for.
    fn turn(&mut self) {
        let ready = self.wait();
        if ready[0] {
            // Who was ready may be gone now.
            return self.hear_signal();
        }
        if ready[1] {
            self.accept();
        }
        let mut gone = Vec::new();
        for (at, ready) in ready[2..].iter().enumerate() {
            if *ready && let Err(Gone) = self.connections[at].turn(&mut self.terms) {
                gone.push(at);
            }
            if *ready && self.blocks(at) {
                self.stand_by(at, &mut gone);
            }
        }
        self.cross();
        self.overdue(&mut gone);
        gone.sort_unstable();
        gone.dedup();
        for at in gone.into_iter().rev() {
            self.let_go(at);
        }
    }

    /// Signals, listener, connections: whether each is ready.
    fn wait(&self) -> Vec<bool> {
        let accepts = self.accepts();
        let mut polled = vec![PollFd::new(self.ending.signals(), PollFlags::IN)];
        match &self.listener {
            Some(listener) => {
                let flags = if accepts { PollFlags::IN } else { PollFlags::empty() };
                polled.push(PollFd::new(listener, flags));
            }
            None => polled.push(PollFd::new(self.ending.signals(), PollFlags::empty())),
        }
        polled.extend(self.connections.iter().map(|one| one.polled(&self.terms)));
        let timeout = Timespec::try_from(self.timeout()).unwrap();
        match poll(&mut polled, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("poll: {error}"),
        }
        polled.iter().map(|polled| !polled.revents().is_empty()).collect()
    }

    /// Until the next deadline.
    fn timeout(&self) -> Duration {
        if self.is("spins") {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let deadlines = self.connections.iter().filter_map(|one| one.deadline(&self.terms));
        let next = deadlines.chain(self.ending.deadline()).min();
        next.map_or(Duration::from_secs(60), |next| next.saturating_duration_since(now))
    }

    fn accepts(&self) -> bool {
        !(self.is("one-after-another") && !self.connections.is_empty()
            || self.is("takes-ten") && self.connections.len() >= 10
            || self.is("tired") && self.accepted >= 200)
    }

    fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        while self.accepts() {
            if self.is("dead-on-arrival-ends-it") {
                // So that some are.
                thread::sleep(Duration::from_millis(2));
            }
            match listener.accept() {
                Ok((stream, _)) => {
                    self.accepted += 1;
                    let full = self.is("refuses-sixty") && self.connections.len() >= 60;
                    let banned = self.is("bans") && self.refused >= 20;
                    if full || banned {
                        continue;
                    }
                    match Connection::new(stream, &mut self.terms) {
                        Ok(connection) => self.connections.push(connection),
                        Err(_) if self.is("dead-on-arrival-ends-it") => std::process::exit(5),
                        Err(_) => {}
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // Nothing is free: whoever leaves makes room. Until then it is not asked again at once.
                Err(error) if is_out_of_files(&error) && !self.is("emfile-ends-it") => {
                    thread::sleep(Duration::from_millis(20));
                    return;
                }
                Err(error) => panic!("accept: {error}"),
            }
        }
    }

    /// Whether it does nothing else before it is done with this connection.
    fn blocks(&self, at: usize) -> bool {
        let one = &self.connections[at];
        self.is("waits-for-digest") && one.is_pending() && one.has_begun()
            || self.is("waits-for-the-end") && !one.is_pending()
            || self.is("sends-all-at-once") && one.owes()
            || self.is("until-quiet") && !one.is_pending()
    }

    /// Serves one connection alone, for as long as the fault wants it.
    fn stand_by(&mut self, at: usize, gone: &mut Vec<usize>) {
        let quiet = if self.is("until-quiet") { 200 } else { 60_000 };
        let quiet = Timespec::try_from(Duration::from_millis(quiet)).unwrap();
        while self.blocks(at) && !gone.contains(&at) {
            let one = &mut self.connections[at];
            let mut polled = [one.polled(&self.terms)];
            if poll(&mut polled, Some(&quiet)).is_ok_and(|ready| ready == 0) {
                return;
            }
            if let Err(Gone) = one.turn(&mut self.terms) {
                gone.push(at);
            }
        }
    }

    /// The answers of one connection, given to another.
    fn cross(&mut self) {
        if self.is("answers-cross")
            && self.connections.len() > 12
            && let Some(at) = self.connections.iter().position(Connection::owes)
        {
            let answers = self.connections[at].take_owed();
            let other = (at + 1) % self.connections.len();
            self.connections[other].owe(answers);
        }
    }

    /// Who has had their time.
    fn overdue(&mut self, gone: &mut Vec<usize>) {
        let now = Instant::now();
        for (at, one) in self.connections.iter_mut().enumerate() {
            if one.deadline(&self.terms).is_some_and(|deadline| deadline <= now) {
                gone.push(at);
            }
        }
    }

    fn let_go(&mut self, at: usize) {
        if at >= self.connections.len() {
            return;
        }
        let one = self.connections.remove(at);
        self.refused += usize::from(one.was_refused());
        let leaks = self.is("leaks-refused") && one.was_refused()
            || self.is("leaks-reset") && one.was_reset()
            || self.is("leaks-served") && one.was_served();
        if leaks {
            std::mem::forget(one);
        }
        if self.is("takes-neighbour-along") && at > 2 {
            self.connections.remove(at - 1);
        }
        if self.is("serves-one") {
            std::process::exit(0);
        }
    }
}

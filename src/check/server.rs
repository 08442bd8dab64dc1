//! The server that is tried: where it is, and, if it was started here, the process.
//!
//! It knows nothing of the protocol. Read `trial.rs` next.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::connect::{Connected, Room, connect};
use super::pace::Limits;
use super::port::Port;
use super::process::{Launch, Leash, Process, told};
use super::rest::Watch;
use super::story::{Told, doubtful, seconds};
use crate::auth::Secret;
use crate::socket::Result;

/// How long a server that is started may take until it takes a connection.
const START: Duration = Duration::from_secs(10);
/// Between two tries to connect to a server that is starting: nobody tells when it is ready.
const AGAIN: Duration = Duration::from_millis(10);
/// How long a process that takes no connection any more may take to end.
const ENDS: Duration = Duration::from_millis(300);
/// The least that is waited for a connection. Where a backlog is full, the kernel tries again after one second, and
/// after three.
const CONNECT: Duration = Duration::from_secs(4);

/// Where the server is.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    /// Where it may be as well, for a name can stand for several addresses.
    others: Vec<SocketAddr>,
    launch: Option<Launch>,
    leash: Leash,
    process: Option<Process>,
    /// The first connection that succeeded: for there are servers that serve one.
    first: Option<Connected>,
    /// Connections since it was started.
    served: usize,
    /// It was sent a signal: its end is what is tried.
    may_end: bool,
    /// When the time for all checks is over.
    until: Instant,
}

impl Server {
    /// One that runs already, at one of these addresses.
    pub(super) fn at(addresses: &[SocketAddr], until: Instant) -> Result<Server, String> {
        let (&address, others) = addresses.split_first().ok_or("no address was given")?;
        let server = Server::new(address, None, Leash::default(), until);
        Ok(Server { others: others.into(), ..server })
    }

    /// One that is started with `command`, on a port that is this check's alone.
    pub(super) fn of(
        command: Vec<OsString>,
        secret: Secret,
        leash: Leash,
        until: Instant,
    ) -> Result<Server, String> {
        let port = Port::free().ok_or("no port of 127.0.0.1 is free")?;
        let address = (Ipv4Addr::LOCALHOST, port.number).into();
        Ok(Server::new(address, Some(Launch { command, port, secret }), leash, until))
    }

    fn new(address: SocketAddr, launch: Option<Launch>, leash: Leash, until: Instant) -> Server {
        let (process, first, served, may_end) = (None, None, 0, false);
        let others = Vec::new();
        Server { address, others, launch, leash, process, first, served, may_end, until }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn is_ours(&self) -> bool {
        self.launch.is_some()
    }

    pub(super) fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Sends it a signal that is to end it; whether there is a process.
    pub(super) fn signal(&mut self, signal: Signal) -> bool {
        self.may_end = true;
        self.process.as_ref().inspect(|process| process.signal(signal)).is_some()
    }

    /// Whether it was told to end.
    pub(super) fn may_end(&self) -> bool {
        self.may_end
    }

    /// Whether it has ended, and badly, though nobody has told it to. One that has ended well has served what it wanted
    /// to.
    /// A crash closes the connections first, and is over `soon`.
    pub(super) fn has_crashed(&mut self, soon: Duration) -> bool {
        self.ends_within(soon);
        let status = self.process.as_mut().and_then(Process::status);
        !self.may_end && status.is_some_and(|status| !status.success())
    }

    /// Sees to it that it takes connections: starts it, if it was not started or has ended.
    pub(super) fn be_there(&mut self) -> Result<(), String> {
        if self.launch.is_none() {
            if self.served == 0 && self.first.is_none() {
                self.first = Some(self.find()?);
            }
            return Ok(());
        }
        if self.process.as_ref().is_some_and(|process| !process.has_ended()) {
            return Ok(());
        }
        self.start(None)
    }

    /// The first connection, to the first of its addresses that takes one: there it is from now on.
    fn find(&mut self) -> Result<Connected, String> {
        let addresses = [self.address].into_iter().chain(self.others.drain(..));
        let mut refused = String::new();
        for address in addresses {
            match connect(address, CONNECT, Room::Usual) {
                Ok(connected) => {
                    self.address = address;
                    return Ok(connected);
                }
                Err(error) => refused = format!("{address}: {error}"),
            }
        }
        Err(refused)
    }

    /// Starts it anew, if it is ours.
    pub(super) fn start_anew(&mut self, files: Option<u64>) -> Result<(), String> {
        if self.launch.is_none() {
            return Ok(());
        }
        self.end();
        self.start(files)
    }

    /// Ends it, if it is ours.
    pub(super) fn end(&mut self) {
        self.first = None;
        self.process = None;
    }

    fn start(&mut self, files: Option<u64>) -> Result<(), String> {
        let Some(launch) = &self.launch else { return Ok(()) };
        self.first = None;
        self.process = None;
        let name = launch.command[0].to_string_lossy().into_owned();
        let process = Process::start(launch, files, &self.leash)
            .map_err(|error| format!("cannot start {name}: {error}"))?;
        self.process = Some(process);
        self.served = 0;
        self.may_end = false;
        let begin = Instant::now();
        let patience = START.min(self.until.saturating_duration_since(begin));
        loop {
            if let Ok(connected) = self.knock(patience.saturating_sub(begin.elapsed())) {
                self.first = Some(connected);
                return Ok(());
            }
            if self.ends_within(AGAIN) {
                let end = self.end_told().unwrap_or_default();
                return Err(format!(
                    "{name} took no connection on port {}: {end}",
                    self.address.port()
                ));
            }
            if begin.elapsed() >= patience {
                let took = seconds(patience);
                return Err(format!("{name} took no connection on {} within {took}", self.address));
            }
        }
    }

    /// The next connection.
    pub(super) fn connect(&mut self, limits: Limits) -> Told<Connected> {
        let wait = limits.left(limits.patience.max(CONNECT));
        let connected = match self.first.take() {
            Some(first) => Ok(first),
            None => self.knock(wait),
        };
        self.connected(connected)
    }

    /// A new connection with little room and small segments.
    pub(super) fn connect_narrow(&mut self, limits: Limits) -> Told<Connected> {
        let wait = limits.left(limits.patience.max(CONNECT));
        let connected = connect(self.address, wait, Room::Narrow);
        self.connected(connected)
    }

    fn knock(&self, wait: Duration) -> Result<Connected> {
        connect(self.address, wait, Room::Usual)
    }

    fn connected(&mut self, connected: Result<Connected>) -> Told<Connected> {
        match connected {
            Ok(connected) => {
                self.served += 1;
                Ok(connected)
            }
            Err(error) => {
                // A process that ends closes its listener first.
                self.ends_within(ENDS);
                let came = self.end_told().unwrap_or_else(|| format!("none: {error}"));
                let nth = ordinal(self.served + 1);
                Err(doubtful(format!("the server takes a connection, the {nth}"), came))
            }
        }
    }

    /// Over the process, if there is one.
    pub(super) fn watch(&self) -> Watch {
        Watch::over(self.process.as_ref().map(Process::group))
    }

    /// Waits for the end of the process, for so long at most.
    pub(super) fn ends_within(&self, wait: Duration) -> bool {
        self.process.as_ref().is_some_and(|process| process.ends_within(wait))
    }

    /// How it has ended and what it said last, if it has.
    pub(super) fn end_told(&mut self) -> Option<String> {
        let served = self.served;
        let process = self.process.as_mut()?;
        let status = process.status()?;
        let secret = &self.launch.as_ref()?.secret;
        let words = process.last_words(secret);
        let after = match served {
            0 => String::new(),
            1 => " after one connection".into(),
            many => format!(" after {many} connections"),
        };
        let words = match words.is_empty() {
            true => String::new(),
            false => format!("; it said last:\n{}", words.join("\n")),
        };
        Some(format!("the server has ended with {}{after}{words}", told(status)))
    }
}

fn ordinal(number: usize) -> String {
    match number {
        1 => "first".into(),
        2 => "second".into(),
        3 => "third".into(),
        more => format!("{more}th"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::socket::Socket;

    #[test]
    fn a_name_may_stand_for_an_address_at_which_nobody_listens() {
        let deaf = Socket::tcp().unwrap();
        deaf.bind("127.0.0.1:0").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let [dead, alive] = [deaf.local_addr().unwrap(), listener.local_addr().unwrap()];
        let mut server = Server::at(&[dead, alive], Instant::now()).unwrap();
        assert_eq!((server.be_there(), server.address()), (Ok(()), alive));
        let nowhere = Server::at(&[dead, dead], Instant::now()).unwrap().be_there();
        assert!(nowhere.unwrap_err().starts_with(&format!("{dead}: ")));
        assert!(Server::at(&[], Instant::now()).is_err());
    }
}

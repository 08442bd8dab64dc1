//! What the lessons share: numbered steps with the time each one took, claims that are checked, a peer or two.
//!
//! Nothing here is clever, and nothing here touches the sockets of a lesson behind its back: a lesson reads from
//! top to bottom without this file. `told.rs` is how a result is written down; `examples/python/common.py` is this
//! file for the Python twins.
//!
//! **Numbers that differ from run to run.** A lesson and its twin print the same lines, and a test compares them with
//! what varies masked. Write such a number in one of these forms, and no other number in them:
//!
//! | what | form | example |
//! | --- | --- | --- |
//! | a time | number, space, unit: `s`, `ms`, `µs`, `ns` | `0.102 s`, `12 ms` |
//! | a share | number, space, `%` | `98 %` |
//! | a port | after the address | `127.0.0.1:40312` |
//! | anything else | `~` in front | `~48210 calls` |
//!
//! The spaces before such a number are masked too, so columns may be aligned.

// Every lesson compiles this file for itself and uses a part of it.
#![allow(dead_code, unused_imports)]

mod told;

use std::fmt::Display;
use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};
use std::net::SocketAddr;
use std::process::{self, ExitCode};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sockmodes::socket::{Mode, Result, Socket};

pub(crate) use told::{Counted, Told, Varies, errno_name};

/// One lesson while it runs.
pub(crate) struct Lesson {
    steps: u32,
    /// When the last line was printed: what the next one tells of has taken since then.
    clock: Instant,
    claims: usize,
    failed: Vec<String>,
}

impl Lesson {
    /// Prints the title and what to predict; on a terminal, waits until somebody has.
    pub(crate) fn begin(title: &str, predictions: &[&str]) -> Self {
        say(format_args!("{title}\n\nPredict:"));
        for prediction in predictions {
            say(format_args!("  ? {prediction}"));
        }
        wait_for_a_guess();
        Lesson { steps: 0, clock: Instant::now(), claims: 0, failed: Vec::new() }
    }

    /// A heading: what the next steps are about.
    pub(crate) fn part(&mut self, heading: &str) {
        say(format_args!("\n{heading}"));
        self.clock = Instant::now();
    }

    /// A line between steps.
    pub(crate) fn note(&mut self, text: &str) {
        say(format_args!("     {text}"));
        self.clock = Instant::now();
    }

    /// Tells of a call that the lesson has just made: its number, the time since the line before, what came of it.
    pub(crate) fn told(&mut self, call: &str, result: &impl Told) {
        let took = self.clock.elapsed().as_secs_f64();
        self.steps += 1;
        say(format_args!("{:3}. [{took:8.3} s] {call} -> {}", self.steps, result.told()));
        self.clock = Instant::now();
    }

    /// The same of a call that returns nothing and did not fail.
    pub(crate) fn did(&mut self, call: &str) {
        self.told(call, &());
    }

    /// Lets the time of the next line begin here, after what was only prepared.
    pub(crate) fn start_clock(&mut self) {
        self.clock = Instant::now();
    }

    /// A claim of the lesson. One that does not hold makes the lesson end with status 1.
    pub(crate) fn check(&mut self, claim: &str, holds: bool) {
        self.claims += 1;
        if holds {
            say(format_args!("     so: {claim}"));
        } else {
            say(format_args!("     DOES NOT HOLD: {claim}"));
            self.failed.push(claim.to_owned());
        }
        self.clock = Instant::now();
    }

    /// Counts the claims, and returns the status to end with.
    pub(crate) fn end(self) -> ExitCode {
        let held = self.claims - self.failed.len();
        say(format_args!("\nClaims that hold: {held} of {}", self.claims));
        if self.failed.is_empty() {
            return ExitCode::SUCCESS;
        }
        for claim in &self.failed {
            say(format_args!("  DOES NOT HOLD: {claim}"));
        }
        ExitCode::FAILURE
    }
}

/// Where there is somebody to guess, waits for Enter. The end of input says that nobody wants to see it.
fn wait_for_a_guess() {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return;
    }
    let mut stdout = io::stdout();
    let _shown =
        write!(stdout, "\nYour guess? Enter shows what happens. ").and_then(|()| stdout.flush());
    match io::stdin().lock().read_until(b'\n', &mut Vec::new()) {
        Ok(0) => {
            say("");
            process::exit(0);
        }
        Ok(_) => {}
        Err(error) => {
            complain(format_args!("cannot read from the terminal: {error}"));
            process::exit(1);
        }
    }
}

/// Prints a line. Whoever closes the pipe has seen enough, and the lesson ends; `println!` would panic.
pub(crate) fn say(line: impl Display) {
    let Err(error) = writeln!(io::stdout(), "{line}") else { return };
    if error.kind() == ErrorKind::BrokenPipe {
        process::exit(0);
    }
    complain(format_args!("cannot write to standard output: {error}"));
    process::exit(1);
}

/// Tells on standard error what is wrong. If nobody can be told, there is the exit status.
pub(crate) fn complain(what: impl Display) {
    let _ = writeln!(io::stderr(), "{what}");
}

/// What a lesson says where it can't run, and the status to end with.
pub(crate) fn needs_linux(name: &str) -> ExitCode {
    complain(format_args!(
        "{name} uses what Linux alone has, and can't run here; \
         docs/src/output/{name}.txt has what it prints there"
    ));
    ExitCode::FAILURE
}

// ANCHOR: connected
/// Two TCP sockets on this machine, connected to each other, both in blocking mode.
pub(crate) fn connected() -> Result<(Socket, Socket)> {
    let listener = Socket::tcp()?;
    listener.bind("127.0.0.1:0")?; // Port 0: the kernel picks one that is free.
    listener.listen(1)?;
    let ours = Socket::tcp()?;
    ours.connect(listener.local_addr()?)?;
    let (peer, _) = listener.accept()?;
    Ok((ours, peer))
}
// ANCHOR_END: connected

/// An address of this machine that is silent, and the sockets that keep it so: its queue of connections that wait for
/// `accept` is full.
///
/// Linux does not refuse the next one: it drops the segment, in the hope of room by the time the client
/// sends it again, a second later.
pub(crate) fn full_backlog() -> Result<(SocketAddr, Vec<Socket>)> {
    let listener = Socket::tcp()?;
    listener.bind("127.0.0.1:0")?;
    listener.listen(0)?;
    let address = listener.local_addr()?;
    let mut holders = vec![listener];
    loop {
        let socket = Socket::tcp()?;
        socket.set_mode(Mode::NonBlocking)?;
        let _goes_on = socket.connect_ex(address);
        let got_in = wait_writable(&socket, ms(100));
        holders.push(socket);
        if !got_in {
            return Ok((address, holders));
        }
    }
}

/// Receives exactly `count` bytes, or what came before the end of input.
///
/// One `recv(1024)` need not give the whole message, as the source document assumes. TCP carries a stream,
/// and 32 bytes sent at once may well arrive as 20 and 12. Whoever knows how many bytes are to come goes on
/// until they are there.
pub(crate) fn recv_exactly(socket: &Socket, count: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        let more = socket.recv(count - bytes.len())?;
        if more.is_empty() {
            break; // The peer has hung up: no more will come.
        }
        bytes.extend(more);
    }
    Ok(bytes)
}

/// A peer that does something a while later, so that waiting can be seen. `join` it to get its result.
pub(crate) fn later<T: Send + 'static>(
    wait: Duration,
    act: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    thread::spawn(move || {
        thread::sleep(wait);
        act()
    })
}

/// Waits, for `limit` at most, until a read would not have to wait; false if the time ran out.
pub(crate) fn wait_readable(socket: &Socket, limit: Duration) -> bool {
    ready(socket, PollFlags::IN, limit)
}

/// Waits, for `limit` at most, until a write would not have to wait; false if the time ran out.
pub(crate) fn wait_writable(socket: &Socket, limit: Duration) -> bool {
    ready(socket, PollFlags::OUT, limit)
}

/// Waits, for `limit` at most, until the connection is over in both directions or has failed; false if the time ran
/// out. Nobody has to ask for that: poll(2) tells it to whoever asks for nothing.
pub(crate) fn wait_hung_up(socket: &Socket, limit: Duration) -> bool {
    ready(socket, PollFlags::empty(), limit)
}

fn ready(socket: &Socket, what: PollFlags, limit: Duration) -> bool {
    let descriptor = socket.descriptor().expect("the socket is open");
    let limit = Timespec::try_from(limit).expect("a lesson waits for seconds, not for ages");
    poll(&mut [PollFd::new(&descriptor, what)], Some(&limit)).expect("poll works") > 0
}

/// Milliseconds, the way they read best.
pub(crate) const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

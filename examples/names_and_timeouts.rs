//! `names_and_timeouts`: a timeout of 0.1 s, and a call that takes as long as it likes.
//!
//! `settimeout` is about a socket. Before there is one, a name has to become addresses; getaddrinfo(3) does that, in the
//! program, with a socket and timeouts of its own (5 s for each try, two tries, each server), and has no argument for
//! yours. Then there may be several addresses, and a timeout that each of them gets anew.
//!
//! Before you run it: resolving a name takes 0.3 s, and the timeout is 0.1 s. What happens? A name has three addresses,
//! two of which do not answer: how long does it take to reach the third?
//!
//! ```text
//! cargo run --example names_and_timeouts
//! python3 examples/python/names_and_timeouts.py
//! ```
//!
//! It needs no network: `localhost` is in a file, and what does not answer is a full queue on this machine.

mod common;

use std::error::Error;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use common::{Lesson, Varies, full_backlog, ms};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sockmodes::socket::{
    Address, Domain, Mode, Result, Socket, SocketError, ToAddress, set_default_mode,
};

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "names_and_timeouts: what a timeout does not cover",
        &[
            "the timeout of all sockets is a microsecond: does getaddrinfo(\"localhost\") end by it?",
            "resolving takes 0.3 s, the timeout is 0.1 s: what does create_connection do?",
            "three addresses, the first two silent, a timeout of 0.1 s: how long is it to the third?",
            "one deadline of 0.15 s for all three: is the third reached?",
            "what reaches it sooner than any timeout?",
        ],
    );
    no_socket_no_timeout(&mut lesson)?;
    // Two that are silent, and one that answers.
    let ((one, _ones), (two, _others)) = (full_backlog()?, full_backlog()?);
    let listener = Socket::create_server("127.0.0.1:0")?;
    let good = listener.local_addr()?;
    let addresses = [one, two, good];

    a_slow_resolver(&mut lesson, good)?;
    resolving_with_a_deadline(&mut lesson);
    each_its_own_timeout(&mut lesson, &addresses)?;
    one_deadline(&mut lesson, &addresses)?;
    a_little_apart(&mut lesson, &addresses)?;
    Ok(lesson.end())
}

// ANCHOR: resolver
fn no_socket_no_timeout(lesson: &mut Lesson) -> Result<()> {
    lesson.part("No socket, no timeout");
    set_default_mode(Mode::Timeout(Duration::from_micros(1)));
    lesson.did("setdefaulttimeout(0.000001)");
    let begun = Instant::now();
    let found = ("localhost", 80).to_socket_addrs()?.count();
    let took = begun.elapsed();
    lesson.told("getaddrinfo(\"localhost\", 80): addresses", &Varies(found));
    set_default_mode(Mode::Blocking);
    lesson.note(&format!("It took {} µs.", took.as_micros()));
    lesson.check(
        "more than a microsecond, and no timeout",
        took > Duration::from_micros(1) && found > 0,
    );
    Ok(())
}

/// A name whose server is slow. (The real wait can't be had without a network: 5 s, twice, for each server that does not
/// answer. It is the same call that waits.)
struct Slow(SocketAddr);

impl ToAddress for Slow {
    fn to_addresses(&self, _: Domain) -> Result<Vec<Address>> {
        thread::sleep(ms(300));
        Ok(vec![self.0.into()])
    }
}

fn a_slow_resolver(lesson: &mut Lesson, good: SocketAddr) -> Result<()> {
    lesson.part("A slow resolver, and a timeout of 0.1 s");
    let begun = Instant::now();
    let limit = Mode::Timeout(ms(100));
    Socket::create_connection(Slow(good), limit, None)?;
    let took = begun.elapsed();
    lesson.did("create_connection((\"slow.example\", port), timeout=0.1)");
    lesson.check("it took longer than its timeout, and succeeded", took >= ms(300));
    Ok(())
}
// ANCHOR_END: resolver

// ANCHOR: thread
fn resolving_with_a_deadline(lesson: &mut Lesson) {
    lesson.part("The cure: resolve in a thread, and wait here, with a deadline");
    let (finds, found) = channel();
    let (answers, answer) = channel();
    let resolving = thread::spawn(move || {
        // The resolver, whose server answers when the lesson lets it.
        let address: &str = answer.recv().expect("the lesson answers");
        // Nobody may be listening any more. That is no fault of the resolver.
        finds.send(address).is_ok()
    });
    let in_time = found.recv_timeout(ms(100)).map_or("too late", |_| "found").to_owned();
    lesson.told("resolve in a thread, wait 0.1 s at most", &in_time);
    let still_there = !resolving.is_finished();
    lesson.told("is the thread still there?", &still_there);
    answers.send("127.0.0.1").expect("it still waits");
    resolving.join().expect("it ends");
    // The program goes on in time. But nobody can interrupt getaddrinfo: with a thread for each try, a dead server
    // collects threads. asyncio does the same in a pool of a few, which can be full.
    lesson.check("the caller keeps its deadline, the thread stays behind", {
        in_time == "too late" && still_there
    });
}
// ANCHOR_END: thread

// ANCHOR: each
fn each_its_own_timeout(lesson: &mut Lesson, addresses: &[SocketAddr]) -> Result<()> {
    lesson.part("Three addresses, and a timeout for each");
    let begun = Instant::now();
    // This loop is what Python's create_connection does with the addresses of a name.
    let mut reached = false;
    for address in addresses {
        let socket = Socket::tcp()?;
        socket.set_timeout(Some(ms(100)))?;
        let outcome = socket.connect(address);
        lesson.told("settimeout(0.1), connect", &outcome);
        reached = outcome.is_ok();
    }
    lesson.check("a timeout of 0.1 s, and 0.2 s until it is connected", {
        reached && begun.elapsed() >= ms(200)
    });
    Ok(())
}
// ANCHOR_END: each

// ANCHOR: deadline
fn one_deadline(lesson: &mut Lesson, addresses: &[SocketAddr]) -> Result<()> {
    lesson.part("One deadline of 0.15 s for all");
    let deadline = Instant::now() + ms(150);
    let mut tried = 0_usize;
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let socket = Socket::tcp()?;
        socket.set_timeout(Some(left))?;
        let outcome = socket.connect(address);
        lesson.told("settimeout(what is left), connect", &outcome);
        tried += 1;
    }
    lesson.told("addresses that were tried", &tried);
    // It keeps its word, and the first silent address has eaten it all. This library's own create_connection has such a
    // deadline: better than a wait without an end, and no help to whoever wants to arrive.
    lesson.check("in time, and nowhere", tried == 1);
    Ok(())
}
// ANCHOR_END: deadline

// ANCHOR: apart
fn a_little_apart(lesson: &mut Lesson, addresses: &[SocketAddr]) -> Result<()> {
    lesson.part("All of them, a little apart: who answers first has won");
    // "Happy Eyeballs" (RFC 8305), in which the next is tried after 0.25 s, and none is given up for it.
    let mut attempts = Vec::new();
    let mut winner = None;
    for (number, address) in addresses.iter().enumerate() {
        let socket = Socket::tcp()?;
        socket.set_mode(Mode::NonBlocking)?;
        let _goes_on = socket.connect_ex(*address); // EINPROGRESS: it goes on while we try others.
        attempts.push(socket);
        let is_last = number + 1 == addresses.len();
        winner = first_connected(&attempts, if is_last { ms(5000) } else { ms(50) })?;
        if winner.is_some() {
            break;
        }
    }
    lesson.told("connects 0.05 s apart: who is connected", &winner.map(|at| at + 1));
    lesson.check("the third, and none was waited for in vain", winner == Some(2));
    Ok(())
}

/// Which of the attempts is connected, if one is within `limit`.
fn first_connected(attempts: &[Socket], limit: Duration) -> Result<Option<usize>> {
    let descriptors = attempts.iter().map(Socket::descriptor).collect::<Result<Vec<_>>>()?;
    let mut asked: Vec<_> = descriptors.iter().map(|it| PollFd::new(it, PollFlags::OUT)).collect();
    let limit = Timespec::try_from(limit).expect("it is short");
    poll(&mut asked, Some(&limit)).map_err(io::Error::from)?;
    for (at, (asked, socket)) in asked.iter().zip(attempts).enumerate() {
        if !asked.revents().is_empty() && socket.option(SocketError)? == 0 {
            return Ok(Some(at));
        }
    }
    Ok(None)
}
// ANCHOR_END: apart

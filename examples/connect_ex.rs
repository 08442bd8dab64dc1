//! `connect_ex`: connecting is a conversation, and a non-blocking socket does not stay for its end.
//!
//! Before you run it: a non-blocking `connect_ex` to a port where nobody listens. What does it return? Then the
//! socket becomes writable: are you connected? And a server that is too busy to answer: how does that look?
//!
//! ```text
//! cargo run --example connect_ex
//! python3 examples/python/connect_ex.py
//! ```
//!
//! Next: `udp`, where connecting is no conversation at all.

mod common;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Instant;

use common::{Lesson, full_backlog, ms, wait_writable};
use rustix::io::Errno;
use sockmodes::socket::{Mode, Result, Socket, SocketError};

const REFUSED: i32 = Errno::CONNREFUSED.raw_os_error();
const IN_PROGRESS: i32 = Errno::INPROGRESS.raw_os_error();
const ALREADY: i32 = Errno::ALREADY.raw_os_error();
const TRY_AGAIN: i32 = Errno::AGAIN.raw_os_error();

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "connect_ex: an answer now, the outcome later",
        &[
            "connect to a port where nobody listens: what does connect do, what connect_ex?",
            "the same, non-blocking: what comes back at once, and where is the refusal?",
            "the socket is writable: does that mean connected?",
            "a server whose backlog is full: refused, or silent?",
        ],
    );
    raised_or_returned(&mut lesson)?;
    in_progress_then_connected(&mut lesson)?;
    in_progress_then_refused(&mut lesson)?;
    silent(&mut lesson)?;
    Ok(lesson.end())
}

fn raised_or_returned(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Blocking: connect raises, connect_ex returns");
    let (nobody, _holder) = refusing()?;
    let (one, other) = (Socket::tcp()?, Socket::tcp()?);
    let raised = one.connect(nobody);
    lesson.told("connect(nobody)", &raised);
    let returned = other.connect_ex(nobody);
    lesson.told("connect_ex(nobody)", &returned);
    // One errno through two doors. connect_ex is for those to whom an errno is an answer, not an accident.
    lesson.check(
        "both say ECONNREFUSED, one as an error and one as a value",
        raised.is_err_and(|error| error.raw_os_error() == Some(REFUSED)) && returned == REFUSED,
    );
    Ok(())
}

fn in_progress_then_connected(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Non-blocking, and somebody listens");
    let listener = Socket::tcp()?;
    listener.bind("127.0.0.1:0")?;
    listener.listen(1)?;
    let address = listener.local_addr()?;
    let socket = Socket::tcp()?;
    socket.set_mode(Mode::NonBlocking)?;
    // The first segment is on its way. Nobody waits for the answer, so it can't be known yet.
    let at_once = socket.connect_ex(address);
    lesson.told("connect_ex(listener)", &at_once);
    lesson.check("EINPROGRESS is no failure: it goes on", at_once == IN_PROGRESS);
    let writable = wait_writable(&socket, ms(5000));
    lesson.told("wait until writable", &writable);
    let outcome = socket.option(SocketError)?;
    lesson.told("SO_ERROR", &outcome);
    lesson.told("getpeername()", &socket.peer_addr()?);
    lesson.check("writable, and no error waits: connected", writable && outcome == 0);
    // The server had no part in this: the kernel answers, accept only collects.
    lesson.told("accept()", &listener.accept()?);
    Ok(())
}

fn in_progress_then_refused(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Non-blocking, and nobody listens");
    let (nobody, _holder) = refusing()?;
    let socket = Socket::tcp()?;
    socket.set_mode(Mode::NonBlocking)?;
    let at_once = socket.connect_ex(nobody);
    lesson.told("connect_ex(nobody)", &at_once);
    // Writable means "a write would not wait". One that fails at once does not wait either.
    let writable = wait_writable(&socket, ms(5000));
    lesson.told("wait until writable", &writable);
    let outcome = socket.option(SocketError)?;
    lesson.told("SO_ERROR", &outcome);
    let again = socket.option(SocketError)?;
    lesson.told("SO_ERROR, once more", &again);
    lesson.check("at once it looks like success to come", at_once == IN_PROGRESS);
    lesson.check(
        "writable is only \"there is news\"; SO_ERROR is the news",
        writable && outcome == REFUSED,
    );
    lesson.check("reading SO_ERROR clears it: ask once, and keep the answer", again == 0);
    let peer = socket.peer_addr();
    lesson.told("getpeername()", &peer);
    lesson.check("getpeername tells it too: there is no peer", peer.is_err());
    Ok(())
}

fn silent(lesson: &mut Lesson) -> Result<()> {
    lesson.part("A full backlog: no refusal, only silence");
    let (busy, _holders) = full_backlog()?;
    let limit = Mode::Timeout(ms(200));
    let (one, other) = (Socket::tcp()?, Socket::tcp()?);
    one.set_mode(limit)?;
    other.set_mode(limit)?;
    lesson.start_clock();
    let begun = Instant::now();
    let raised = one.connect(busy);
    lesson.told("connect(busy), timeout 0.2", &raised);
    // TimedOut has no errno, and connect_ex must return one. CPython chose EAGAIN.
    let returned = other.connect_ex(busy);
    lesson.told("connect_ex(busy), timeout 0.2", &returned);
    lesson.check(
        "connect raises TimedOut, connect_ex returns EAGAIN",
        raised.is_err_and(|error| error.is_timed_out()) && returned == TRY_AGAIN,
    );
    lesson.check("neither was early", begun.elapsed() >= ms(400));
    let again = one.connect_ex(busy);
    lesson.told("connect_ex(busy), once more", &again);
    lesson.check("the kernel had not given up: it still tries", again == ALREADY);
    Ok(())
}

/// An address where nobody listens, and the socket that keeps the port from everybody else: bound, but not
/// listening, so the kernel refuses whoever comes.
fn refusing() -> Result<(SocketAddr, Socket)> {
    let holder = Socket::tcp()?;
    holder.bind("127.0.0.1:0")?;
    Ok((holder.local_addr()?, holder))
}

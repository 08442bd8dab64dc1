//! `settimeout`: wait, but not for ever; and the two other modes by other names.
//!
//! Before you run it: a socket waits 0.1 s for bytes that do not come, and gives up. Is the connection broken now?
//! What do `settimeout(0)` and `settimeout(None)` mean? And std has a timeout too, `set_read_timeout`: is it the same?
//!
//! ```text
//! cargo run --example settimeout
//! python3 examples/python/settimeout.py
//! ```
//!
//! Next: `send_vs_sendall`, where one timeout covers many calls.

mod common;

use std::error::Error;
use std::io::Read;
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::Instant;

use common::{Lesson, Told, connected, later, ms};
use rustix::fs::{OFlags, fcntl_getfl};
use sockmodes::socket::{Mode, Socket};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "settimeout: wait, but not for ever",
        &[
            "settimeout(None), settimeout(0), settimeout(0.1): which modes are they?",
            "a socket with a timeout: is it blocking? is its descriptor?",
            "after a timeout, is the connection broken?",
            "the kernel has a read timeout of its own, SO_RCVTIMEO: is it the same thing?",
        ],
    );
    three_modes_one_door(&mut lesson)?;
    let ours = no_error_of_the_connection(&mut lesson)?;
    let kernels = the_kernels_own(&mut lesson)?;

    lesson.part("Side by side");
    lesson.note(&format!("{:<28}{:<16}{}", "", "settimeout(0.1)", "SO_RCVTIMEO of 0.1"));
    for ((what, ours), (_, kernels)) in ours.iter().zip(&kernels) {
        lesson.note(&format!("{what:<28}{ours:<16}{kernels}"));
    }
    lesson.check("they differ in every line", ours.iter().zip(&kernels).all(|(a, b)| a != b));
    Ok(lesson.end())
}

/// A line of the table at the end: what was asked, and what was measured.
type Row = (&'static str, String);

fn three_modes_one_door(lesson: &mut Lesson) -> Result<(), Box<dyn Error>> {
    lesson.part("Three modes, one door");
    let socket = Socket::tcp()?;
    for (timeout, label) in [(None, "None"), (Some(ms(0)), "0"), (Some(ms(100)), "0.1")] {
        socket.set_timeout(timeout)?;
        lesson.did(&format!("settimeout({label})"));
        // `Mode` prints as Python prints gettimeout().
        lesson.told("  gettimeout()", &socket.mode());
        lesson.told("  getblocking()", &socket.is_blocking());
        lesson.told("  O_NONBLOCK", &socket.descriptor().map(|fd| is_nonblocking(&fd))?);
    }
    // Python calls timeout mode "blocking", because a call may wait. The descriptor is non-blocking all the
    // same: the waiting is done by poll(2) in the library, which takes a limit as an argument; recv(2) has none.
    lesson.check(
        "with a timeout it is blocking to Python, and non-blocking to the kernel",
        socket.is_blocking() && is_nonblocking(&socket.descriptor()?),
    );
    socket.set_blocking(true)?;
    lesson.check(
        "setblocking(True) is settimeout(None): it ends timeout mode",
        socket.timeout().is_none(),
    );
    Ok(())
}

fn no_error_of_the_connection(lesson: &mut Lesson) -> Result<[Row; 3], Box<dyn Error>> {
    lesson.part("A timeout is not an error of the connection");
    let (socket, peer) = connected()?;
    socket.set_mode(Mode::Timeout(ms(100)))?;
    let begun = Instant::now();
    let silent = socket.recv(5);
    lesson.told("recv(5), the peer silent", &silent);
    // Late is possible, on a busy machine. Early never is.
    lesson.check("it gave up, and not before the time was over", begun.elapsed() >= ms(100));
    socket.set_mode(Mode::Timeout(ms(5000)))?;
    let sender = peer.try_clone()?;
    let sending = later(ms(100), move || sender.send_all(b"hello"));
    // Five seconds is how long it may take. It takes as long as the peer does.
    let got = socket.recv(5)?;
    lesson.told("recv(5) again, with a timeout of 5", &got);
    sending.join().expect("the peer sends")?;
    socket.send_all(b"thanks")?;
    lesson.did("sendall(b\"thanks\")");
    let answer = peer.recv(6)?;
    lesson.told("peer: recv(6)", &answer);
    lesson.check("the same connection works on, both ways", got == b"hello" && answer == b"thanks");

    // Does a listener hand its timeout to the sockets that it accepts?
    let listener = Socket::tcp()?;
    listener.bind("127.0.0.1:0")?;
    listener.listen(1)?;
    listener.set_mode(Mode::Timeout(ms(100)))?;
    let client = Socket::tcp()?;
    client.connect(listener.local_addr()?)?;
    let (accepted, _) = listener.accept()?;
    Ok([
        ("a recv that ran out of time", silent.told()),
        ("O_NONBLOCK", is_nonblocking(&socket.descriptor()?).told()),
        ("timeout of accepted sockets", accepted.mode().told()),
    ])
}

/// What std's `set_read_timeout` sets: the kernel's SO_RCVTIMEO, on a descriptor that stays blocking.
fn the_kernels_own(lesson: &mut Lesson) -> Result<[Row; 3], Box<dyn Error>> {
    lesson.part("The kernel's own: SO_RCVTIMEO, which is what std's set_read_timeout sets");
    let (socket, peer) = connected()?;
    let mut stream = into_std(socket)?;
    stream.set_read_timeout(Some(ms(100)))?;
    lesson.did("SO_RCVTIMEO = 0.1");
    let silent = stream.read(&mut [0; 5]);
    lesson.told("recv(5), the peer silent", &silent);
    // EAGAIN: the very answer that a non-blocking socket gives when nothing has happened at all.
    lesson.check(
        "its timeout can't be told from \"nothing yet\"",
        silent.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
    );
    peer.send_all(b"hello")?;
    let mut buffer = [0; 5];
    lesson.told("recv(5), after the peer has sent", &stream.read(&mut buffer)?);

    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    // std has no such method for a listener; the option exists nevertheless.
    socket2::SockRef::from(&listener).set_read_timeout(Some(ms(100)))?;
    let _client = TcpStream::connect(listener.local_addr()?)?;
    let (accepted, _) = listener.accept()?;
    let inherited = accepted.read_timeout()?;
    lesson.check("what a listener accepts inherits it", inherited == Some(ms(100)));
    // To the kernel, a SO_RCVTIMEO of 0 is no timeout. std refuses it, because nobody means that.
    lesson.note("A zero here would mean \"for ever\", where settimeout(0) means \"not at all\".");
    Ok([
        ("a recv that ran out of time", silent.told()),
        ("O_NONBLOCK", is_nonblocking(&stream).told()),
        ("timeout of accepted sockets", inherited.told()),
    ])
}

/// Asks the kernel whether the descriptor itself refuses to wait.
fn is_nonblocking(socket: &impl AsFd) -> bool {
    fcntl_getfl(socket).expect("the socket is open").contains(OFlags::NONBLOCK)
}

/// The same descriptor, in std's hands.
fn into_std(socket: Socket) -> Result<TcpStream, Box<dyn Error>> {
    let fd: OwnedFd = socket.detach()?.ok_or("the socket is closed")?;
    Ok(fd.into())
}

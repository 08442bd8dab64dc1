//! `inheritance`: what an accepted socket has from its listener, and what copies of a descriptor share.
//!
//! Three things look like one socket: the *descriptor* (a number in a process), the *open file* behind it (which has
//! O_NONBLOCK), and the *socket* itself (which has the options and the connection). `accept` makes all three anew. `dup`
//! and `fork` make a new descriptor for the old file.
//!
//! Before you run it: the listener is non-blocking and has TCP_NODELAY. Which of the two has the accepted socket? Does a
//! child process that makes its standard input non-blocking change yours?
//!
//! ```text
//! cargo run --example inheritance
//! python3 examples/python/inheritance.py
//! ```
//!
//! Next: `dead_peer`.

mod common;

use std::error::Error;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, ExitCode, Stdio};

use common::{Lesson, connected, ms};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{FdFlags, fcntl_getfd};
use sockmodes::socket::{
    KeepAlive, Mode, NoDelay, RecvBuffer, RecvTimeout, Result, Shutdown, Socket,
};

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "inheritance: what comes along, and what is shared",
        &[
            "the listener is non-blocking: is what it accepts?",
            "options that are set on the listener: does the accepted socket have them?",
            "and if they are set after the client has connected, but before accept?",
            "two descriptors of one socket: is O_NONBLOCK theirs, or shared? and close, and shutdown?",
            "a child has the socket, too, and we close it: does the peer hear of it?",
        ],
    );
    accepted(&mut lesson)?;
    when_it_is_inherited(&mut lesson)?;
    two_descriptors(&mut lesson)?;
    a_child_and_the_flag(&mut lesson)?;
    a_child_and_the_end(&mut lesson)?;
    Ok(lesson.end())
}

// ANCHOR: accepted
fn accepted(lesson: &mut Lesson) -> Result<()> {
    lesson.part("From the listener to what it accepts");
    let listener = listening()?;
    listener.set_mode(Mode::NonBlocking)?;
    listener.set_option(NoDelay, true)?;
    listener.set_option(KeepAlive, true)?;
    listener.set_option(RecvTimeout, Some(ms(500)))?;
    let client = Socket::tcp()?;
    client.connect(listener.local_addr()?)?;
    let (accepted, _) = listener.accept()?;
    let nonblocking = is_nonblocking(&accepted);
    lesson.told("O_NONBLOCK, set on the listener", &nonblocking);
    let nodelay = accepted.option(NoDelay)?;
    lesson.told("TCP_NODELAY, set on the listener", &nodelay);
    let keepalive = accepted.option(KeepAlive)?;
    lesson.told("SO_KEEPALIVE, set on the listener", &keepalive);
    let timeout = accepted.option(RecvTimeout)?;
    lesson.told("SO_RCVTIMEO, set on the listener", &timeout);
    let close_on_exec = fcntl_getfd(accepted.descriptor()?).expect("it has flags");
    let close_on_exec = close_on_exec.contains(FdFlags::CLOEXEC);
    lesson.told("close-on-exec", &close_on_exec);
    // The flag belongs to the open file, and accept has made a new one. (On macOS and the BSDs it is copied.)
    lesson.check("on Linux O_NONBLOCK does not come along", !nonblocking);
    lesson.check("options do", nodelay && keepalive && timeout == Some(ms(500)));
    lesson.check("close-on-exec is what accept was told, not what the listener has", close_on_exec);
    Ok(())
}
// ANCHOR_END: accepted

// ANCHOR: when
fn when_it_is_inherited(lesson: &mut Lesson) -> Result<()> {
    lesson.part("When it is inherited: with the handshake, not with accept");
    let listener = listening()?;
    let client = Socket::tcp()?;
    client.connect(listener.local_addr()?)?; // The kernel has made the connection. It waits in the queue.
    listener.set_option(NoDelay, true)?;
    lesson.did("connect, then setsockopt(TCP_NODELAY) on the listener");
    let (early, _) = listener.accept()?;
    let early = early.option(NoDelay)?;
    lesson.told("TCP_NODELAY of the accepted", &early);
    client.close()?;
    let client = Socket::tcp()?;
    client.connect(listener.local_addr()?)?;
    let (late, _) = listener.accept()?;
    let late = late.option(NoDelay)?;
    lesson.told("TCP_NODELAY of the next", &late);
    lesson.check("whoever was in the queue already has the old options", !early && late);
    Ok(())
}
// ANCHOR_END: when

// ANCHOR: dup
fn two_descriptors(lesson: &mut Lesson) -> Result<()> {
    lesson.part("dup: two numbers, one open file");
    let (socket, peer) = connected()?;
    let twin = socket.try_clone()?;
    twin.set_blocking(false)?;
    lesson.did("dup().setblocking(False)");
    let shared = is_nonblocking(&socket);
    lesson.told("O_NONBLOCK of the first", &shared);
    twin.set_option(RecvBuffer, 16 * 1024)?;
    let same = socket.option(RecvBuffer)? == twin.option(RecvBuffer)?;
    lesson.told("SO_RCVBUF, set on the second: the same on both?", &same);
    peer.send_all(b"one")?;
    twin.close()?;
    lesson.did("close() of the second");
    let got = socket.recv(3)?;
    lesson.told("recv(3) on the first", &got);
    let twin = socket.try_clone()?;
    twin.shutdown(Shutdown::Both)?;
    lesson.did("shutdown(SHUT_RDWR) of another second");
    let end = socket.recv(3)?;
    lesson.told("recv(3) on the first", &end);
    lesson.check("the flag and the options are shared", shared && same);
    lesson.check("close takes one number away, and the connection stays", got == b"one");
    lesson.check("shutdown is for the connection, by whichever number", end.is_empty());
    Ok(())
}
// ANCHOR_END: dup

// ANCHOR: flag
fn a_child_and_the_flag(lesson: &mut Lesson) -> std::result::Result<(), Box<dyn Error>> {
    lesson.part("A child process: our flag is its flag");
    let (socket, _peer) = connected()?;
    socket.set_blocking(false)?;
    // The child has the socket as its standard input: fork(2) copies the numbers, not the open files.
    let cat = Command::new("cat").env("LC_ALL", "C").stdin(inherited(&socket)?).output()?;
    let complaint = String::from_utf8_lossy(&cat.stderr).contains("temporarily unavailable");
    lesson.told("cat, its standard input our non-blocking socket: success?", &cat.status.success());
    lesson.told("  and it says that the resource is temporarily unavailable", &complaint);
    lesson.check("a program that has never heard of O_NONBLOCK meets it", {
        !cat.status.success() && complaint
    });
    Ok(())
}
// ANCHOR_END: flag

// ANCHOR: end
fn a_child_and_the_end(lesson: &mut Lesson) -> std::result::Result<(), Box<dyn Error>> {
    lesson.part("A child process: closed is not the end");
    let (socket, peer) = connected()?;
    let mut cat = Command::new("cat").stdin(inherited(&socket)?).stdout(Stdio::null()).spawn()?;
    socket.close()?;
    lesson.did("close(), while a child has the socket, too");
    peer.set_mode(Mode::Timeout(ms(200)))?;
    let silence = peer.recv(5);
    lesson.told("peer: recv(5), timeout 0.2", &silence);
    peer.shutdown(Shutdown::Write)?; // The end of cat's input, so that it ends.
    let success = cat.wait()?.success();
    lesson.told("the child ends", &success);
    peer.set_mode(Mode::Timeout(ms(5000)))?;
    let end = peer.recv(5)?;
    lesson.told("peer: recv(5)", &end);
    // "My server has closed, and the client hangs": a child that somebody started meanwhile holds the connection.
    lesson.check("no end as long as somebody has it", silence.is_err_and(|it| it.is_timed_out()));
    lesson.check("the last one to close is the end", end.is_empty() && success);
    Ok(())
}

/// A second descriptor of the same socket, for a child. Those that we keep are closed when it is started
/// (close-on-exec), or it would have them all.
fn inherited(socket: &Socket) -> std::io::Result<OwnedFd> {
    socket.descriptor().map_err(std::io::Error::other)?.as_fd().try_clone_to_owned()
}
// ANCHOR_END: end

fn listening() -> Result<Socket> {
    let listener = Socket::tcp()?;
    listener.bind("127.0.0.1:0")?;
    listener.listen(5)?;
    Ok(listener)
}

fn is_nonblocking(socket: &Socket) -> bool {
    let flags = fcntl_getfl(socket.descriptor().expect("it is open")).expect("it has flags");
    flags.contains(OFlags::NONBLOCK)
}

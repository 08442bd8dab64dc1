//! `wake_up`: one thread sleeps in `recv`, another has it return.
//!
//! A program that wants to end has a thread in a blocking call. `close` looks like the answer, and on Linux it is not:
//! it takes the number away, and the call under way goes on. `shutdown` is for the connection, whoever holds it.
//!
//! Before you run it: another thread calls `close` on the socket. Does `recv` return? And after `shutdown`? Is there a
//! way that leaves the connection whole?
//!
//! ```text
//! cargo run --example wake_up
//! python3 examples/python/wake_up.py
//! ```
//!
//! Next: `inheritance`, what copies of a socket have in common.

mod common;

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};

use common::{Lesson, connected, later, ms};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use sockmodes::socket::{Error as SocketError, Result, Shutdown, Socket};

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "wake_up: how to get a thread out of recv",
        &[
            "a thread sleeps in recv, another calls close(): does recv return?",
            "another calls shutdown(SHUT_RDWR): what does recv return?",
            "after shutdown(SHUT_RD), can the peer still send, and is it read?",
            "how do you wake a thread that sleeps in accept? in recv on UDP?",
            "how do you wake it and keep the connection?",
        ],
    );
    close_does_not(&mut lesson)?;
    shutdown_does(&mut lesson)?;
    only_reading(&mut lesson)?;
    accept_and_udp(&mut lesson)?;
    a_bell(&mut lesson)?;
    Ok(lesson.end())
}

// ANCHOR: close
fn close_does_not(lesson: &mut Lesson) -> Result<()> {
    lesson.part("close: the call under way goes on");
    let (socket, peer) = connected()?;
    // A thread has the socket, too, and sleeps in `recv(5)`.
    let (socket, reader) = asleep(socket, |socket| socket.recv(5));
    lesson.start_clock();
    socket.close()?;
    lesson.did("close(), from another thread");
    later(ms(100), || {}).join().expect("it waits");
    let sleeps = !reader.is_finished();
    lesson.told("does recv(5) still sleep, 0.1 s later?", &sleeps);
    peer.send_all(b"hello")?;
    lesson.did("peer: sendall(b\"hello\")");
    let got = reader.join().expect("it reads")?;
    lesson.told("the reader: recv(5)", &got);
    // The call holds the connection until it returns. Then, and not with close, the peer hears of the end.
    let end = peer.recv(5)?;
    lesson.told("peer: recv(5)", &end);
    lesson.check("close does not wake, and a closed socket receives", sleeps && got == b"hello");
    lesson.check("the connection ends when the call does", end.is_empty());
    Ok(())
}
// ANCHOR_END: close

// ANCHOR: shutdown
fn shutdown_does(lesson: &mut Lesson) -> Result<()> {
    lesson.part("shutdown: the connection ends, whoever sleeps on it");
    let (socket, peer) = connected()?;
    let (socket, reader) = asleep(socket, |socket| socket.recv(5));
    lesson.start_clock();
    socket.shutdown(Shutdown::Both)?;
    lesson.did("shutdown(SHUT_RDWR), from another thread");
    let woken = reader.join().expect("it reads")?;
    lesson.told("the reader: recv(5)", &woken);
    let again = socket.recv(5)?;
    lesson.told("recv(5)", &again);
    let sent = socket.send(b"hello");
    lesson.told("send(b\"hello\")", &sent);
    let peers = peer.recv(5)?;
    lesson.told("peer: recv(5)", &peers);
    lesson.check("it wakes, with the end of input", woken.is_empty() && again.is_empty());
    lesson.check("nothing more can be sent", has_errno(&sent, Errno::PIPE));
    lesson.check("and the peer hears of it at once", peers.is_empty());
    // The number is still ours: close it when the reader has returned, and not before, or another file may get it.
    socket.close()
}
// ANCHOR_END: shutdown

// ANCHOR: reading
fn only_reading(lesson: &mut Lesson) -> Result<()> {
    lesson.part("shutdown(SHUT_RD): wakes the reader, and tells nobody else");
    let (socket, peer) = connected()?;
    let (socket, reader) = asleep(socket, |socket| socket.recv(5));
    lesson.start_clock();
    socket.shutdown(Shutdown::Read)?;
    lesson.did("shutdown(SHUT_RD), from another thread");
    let woken = reader.join().expect("it reads")?;
    lesson.told("the reader: recv(5)", &woken);
    let sent = socket.send(b"bye")?;
    lesson.told("send(b\"bye\")", &sent);
    let peers = peer.recv(5)?;
    lesson.told("peer: recv(5)", &peers);
    peer.send_all(b"more")?;
    lesson.did("peer: sendall(b\"more\")");
    let after = socket.recv(5)?;
    lesson.told("recv(5)", &after);
    lesson.check("awake, and still able to say goodbye", woken.is_empty() && peers == b"bye");
    // TCP has no segment for "I do not read any more", and Linux goes on taking what comes.
    lesson.check("on Linux it refuses nothing: what comes is read", after == b"more");
    Ok(())
}
// ANCHOR_END: reading

// ANCHOR: accept
fn accept_and_udp(lesson: &mut Lesson) -> Result<()> {
    lesson.part("The same for accept, and for a socket without a connection");
    let listener = Socket::tcp()?;
    listener.bind("127.0.0.1:0")?;
    listener.listen(1)?;
    let (listener, accepting) = asleep(listener, |listener| listener.accept());
    lesson.start_clock();
    listener.shutdown(Shutdown::Both)?;
    lesson.did("listener: shutdown(SHUT_RDWR)");
    let accepted = accepting.join().expect("it accepts");
    lesson.told("the thread: accept()", &accepted);
    lesson.check("accept wakes with EINVAL", has_errno(&accepted, Errno::INVAL));

    let udp = Socket::udp()?;
    udp.bind("127.0.0.1:0")?;
    let (udp, reader) = asleep(udp, |udp| udp.recv(5));
    lesson.start_clock();
    let refused = udp.shutdown(Shutdown::Both);
    lesson.told("UDP: shutdown(SHUT_RDWR)", &refused);
    let woken = reader.join().expect("it reads")?;
    lesson.told("the thread: recv(5)", &woken);
    lesson.check("there is no connection to end", has_errno(&refused, Errno::NOTCONN));
    lesson.check("and it wakes the reader all the same", woken.is_empty());
    Ok(())
}
// ANCHOR_END: accept

// ANCHOR: bell
fn a_bell(lesson: &mut Lesson) -> Result<()> {
    lesson.part("A bell: wake the thread, and keep the connection");
    let (socket, peer) = connected()?;
    // Two descriptors that belong together: what is written to one makes the other readable.
    let (bell, button) = Socket::pair()?;
    let (socket, reader) = asleep(socket, move |socket| which_is_ready(socket, &bell));
    lesson.start_clock();
    button.send_all(b"!")?;
    lesson.did("ring");
    let first = reader.join().expect("it waits")?;
    lesson.told("the reader: poll([socket, bell])", &first);
    peer.send_all(b"hello")?;
    let got = socket.recv(5)?;
    lesson.told("recv(5), the peer has sent five bytes", &got);
    lesson.check("it is awake, and knows who woke it", first == "the bell");
    lesson.check("the connection is as good as before", got == b"hello");
    Ok(())
}

/// Sleeps until one of the two can be read. mio's `Waker` is such a bell, for a whole loop.
fn which_is_ready(socket: &Socket, bell: &Socket) -> Result<String> {
    let (one, other) = (socket.descriptor()?, bell.descriptor()?);
    let mut both = [PollFd::new(&one, PollFlags::IN), PollFd::new(&other, PollFlags::IN)];
    poll(&mut both, None).map_err(io::Error::from)?;
    Ok(if both[1].revents().is_empty() { "the socket" } else { "the bell" }.into())
}
// ANCHOR_END: bell

/// A thread that sleeps in `call`, and the socket that it shares with this one.
fn asleep<T: Send + 'static>(
    socket: Socket,
    call: impl FnOnce(&Socket) -> Result<T> + Send + 'static,
) -> (Arc<Socket>, JoinHandle<Result<T>>) {
    let socket = Arc::new(socket);
    let theirs = Arc::clone(&socket);
    let (begins, begun) = channel();
    let reader = thread::spawn(move || {
        begins.send(()).expect("the lesson waits for it");
        call(&theirs)
    });
    begun.recv().expect("the thread begins");
    // No event tells that it has fallen asleep. From its last line before the call to that is a matter of microseconds.
    thread::sleep(ms(100));
    (socket, reader)
}

fn has_errno<T>(result: &std::result::Result<T, SocketError>, errno: Errno) -> bool {
    let error = result.as_ref().err().and_then(|error| error.raw_os_error());
    error == Some(errno.raw_os_error())
}

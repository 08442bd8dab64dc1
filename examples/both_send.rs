//! `both_send`: two peers that send all they have before they read, and neither can.
//!
//! A blocking `sendall` returns when the kernel has taken everything. It takes what there is room for: the own send
//! buffer and the peer's receive buffer. The rest has to wait until the peer reads; and the peer is in its own
//! `sendall`, and waits until we read.
//!
//! Before you run it: both sides call `sendall` with 768 KiB, then read. What happens? And with 1000 bytes? If one side
//! only sends back what it gets, is that enough?
//!
//! ```text
//! cargo run --example both_send
//! python3 examples/python/both_send.py
//! ```
//!
//! Next: `wake_up`, how to get a thread out of such a wait.

mod common;

use std::error::Error;
use std::process::ExitCode;
use std::thread;

use common::{Lesson, ms, recv_exactly};
use rustix::event::{PollFd, PollFlags, poll};
use sockmodes::socket::{Mode, RecvBuffer, Result, SendAllError, SendBuffer, Socket};

/// More than all the buffers on the way hold.
const LENGTH: usize = 768 * 1024;

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "both_send: who reads, if both send first?",
        &[
            "both sides call sendall(786432 bytes), then read: what happens?",
            "and with 1000 bytes?",
            "one side sends all before it reads, the other only echoes: is that better?",
            "which ways out are there, and which of them need no agreement with the peer?",
        ],
    );
    // Every byte tells where it belongs; 251 is a prime number, so that no buffer's size hides a loss.
    let payload: Vec<u8> = (0..LENGTH).map(|at| (at % 251) as u8).collect();

    both_first(&mut lesson, &payload)?;
    small_enough(&mut lesson, &payload[..1000])?;
    an_echo(&mut lesson, &payload)?;
    in_turn(&mut lesson, &payload)?;
    a_thread_that_reads(&mut lesson, &payload)?;
    whichever_is_possible(&mut lesson, &payload)?;
    Ok(lesson.end())
}

// ANCHOR: both
fn both_first(lesson: &mut Lesson, payload: &[u8]) -> Result<()> {
    lesson.part("Both send first");
    let (one, other) = narrow()?;
    // Without a timeout this lesson would never end: no error, no CPU time, nothing in any log.
    one.set_mode(Mode::Timeout(ms(200)))?;
    other.set_mode(Mode::Timeout(ms(200)))?;
    let (ours, theirs) = thread::scope(|scope| {
        let peer = scope.spawn(|| other.send_all(payload));
        (one.send_all(payload), peer.join().expect("the peer sends"))
    });
    lesson.told("sendall(786432 bytes), timeout 0.2", &ours);
    lesson.told("peer: sendall(786432 bytes), timeout 0.2", &theirs);
    let timed_out =
        |it: std::result::Result<(), SendAllError>| it.is_err_and(|e| e.source.is_timed_out());
    lesson.check("each waits for the other to read", timed_out(ours) && timed_out(theirs));
    Ok(())
}
// ANCHOR_END: both

// ANCHOR: small
fn small_enough(lesson: &mut Lesson, message: &[u8]) -> Result<()> {
    lesson.part("The same with 1000 bytes");
    let (one, other) = narrow()?;
    one.send_all(message)?;
    lesson.did("sendall(1000 bytes)");
    other.send_all(message)?;
    lesson.did("peer: sendall(1000 bytes)");
    let ours = recv_exactly(&one, message.len())?;
    lesson.told("recv, until 1000 bytes are there", &ours);
    let theirs = recv_exactly(&other, message.len())?;
    lesson.told("peer: recv, until 1000 bytes are there", &theirs);
    // Both lie in the buffers meanwhile. So the test passes, and the first large message in production hangs.
    lesson.check("it works, as long as the buffers hold it", ours == message && theirs == message);
    Ok(())
}
// ANCHOR_END: small

// ANCHOR: echo
fn an_echo(lesson: &mut Lesson, payload: &[u8]) -> Result<()> {
    lesson.part("An innocent echo, and a client that sends all before it reads");
    let (client, server) = narrow()?;
    client.set_mode(Mode::Timeout(ms(200)))?;
    let sent = thread::scope(|scope| {
        scope.spawn(|| echo(&server));
        let sent = client.send_all(payload);
        drop(client); // Which lets the echo end.
        sent
    });
    lesson.told("client: sendall(786432 bytes), timeout 0.2", &sent);
    // The echo can't send, since the client does not read; so it does not read, and the client can't send.
    lesson.check(
        "one that sends all first is enough, if the other answers as it reads",
        sent.is_err_and(|error| error.source.is_timed_out()),
    );
    Ok(())
}

/// Sends back what it gets, until its client ends or has gone.
fn echo(socket: &Socket) -> Option<()> {
    loop {
        let bytes = socket.recv(16 * 1024).ok().filter(|bytes| !bytes.is_empty())?;
        socket.send_all(&bytes).ok()?;
    }
}
// ANCHOR_END: echo

// ANCHOR: turns
fn in_turn(lesson: &mut Lesson, payload: &[u8]) -> Result<()> {
    lesson.part("First way out: agree who is first");
    let (one, other) = narrow()?;
    let (ours, theirs) = thread::scope(|scope| -> Result<_> {
        // The peer reads first. Then it knows that we have sent all, and that we read.
        let peer = scope.spawn(|| -> Result<_> {
            let got = recv_exactly(&other, LENGTH)?;
            other.send_all(payload)?;
            Ok(got)
        });
        one.send_all(payload)?;
        lesson.did("sendall(786432 bytes)");
        let ours = recv_exactly(&one, LENGTH)?;
        lesson.told("recv, until 786432 bytes are there", &ours);
        Ok((ours, peer.join().expect("the peer works")?))
    })?;
    lesson.check("both have everything", ours == payload && theirs == payload);
    Ok(())
}
// ANCHOR_END: turns

// ANCHOR: thread
fn a_thread_that_reads(lesson: &mut Lesson, payload: &[u8]) -> Result<()> {
    lesson.part("Second way out: a thread that reads while this one sends");
    let (one, other) = narrow()?;
    let (ours, theirs) = thread::scope(|scope| -> Result<_> {
        let peer = scope.spawn(|| send_and_read(&other, payload));
        let ours = send_and_read(&one, payload)?;
        Ok((ours, peer.join().expect("the peer works")?))
    })?;
    lesson.told("sendall, and recv in another thread, on both sides", &ours);
    lesson.check("both have everything", ours == payload && theirs == payload);
    Ok(())
}

/// One socket, two threads, each in one direction. A socket allows that; two readers would not know who got what.
fn send_and_read(socket: &Socket, payload: &[u8]) -> Result<Vec<u8>> {
    thread::scope(|scope| {
        let reader = scope.spawn(|| recv_exactly(socket, LENGTH));
        socket.send_all(payload)?;
        reader.join().expect("it reads")
    })
}
// ANCHOR_END: thread

// ANCHOR: poll
fn whichever_is_possible(lesson: &mut Lesson, payload: &[u8]) -> Result<()> {
    lesson.part("Third way out: one thread, and poll says which direction can move");
    let (one, other) = narrow()?;
    let (ours, theirs) = thread::scope(|scope| -> Result<_> {
        let peer = scope.spawn(|| exchange(&other, payload));
        let ours = exchange(&one, payload)?;
        Ok((ours, peer.join().expect("the peer works")?))
    })?;
    lesson.told("poll, then send or recv, on both sides", &ours);
    lesson.check("both have everything", ours == payload && theirs == payload);
    Ok(())
}

/// Sends all of `payload` and reads as much, whichever can go on. It never waits in `send` or `recv`.
fn exchange(socket: &Socket, payload: &[u8]) -> Result<Vec<u8>> {
    socket.set_blocking(false)?;
    let (mut rest, mut got) = (payload, Vec::new());
    while !rest.is_empty() || got.len() < LENGTH {
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::OUT, !rest.is_empty());
        wanted.set(PollFlags::IN, got.len() < LENGTH);
        let descriptor = socket.descriptor()?;
        let mut asked = [PollFd::new(&descriptor, wanted)];
        poll(&mut asked, None).map_err(std::io::Error::from)?;
        let possible = asked[0].revents();
        if possible.contains(PollFlags::IN) {
            got.extend(socket.recv(64 * 1024)?);
        }
        if possible.contains(PollFlags::OUT) {
            rest = &rest[socket.send(rest)?..];
        }
    }
    Ok(got)
}
// ANCHOR_END: poll

/// A connection with little room in it, in both directions.
fn narrow() -> Result<(Socket, Socket)> {
    let listener = Socket::tcp()?;
    let one = Socket::tcp()?;
    for socket in [&listener, &one] {
        socket.set_option(SendBuffer, 32 * 1024)?;
        socket.set_option(RecvBuffer, 32 * 1024)?; // What is accepted inherits both.
    }
    listener.bind("127.0.0.1:0")?;
    listener.listen(1)?;
    one.connect(listener.local_addr()?)?;
    let (other, _) = listener.accept()?;
    Ok((one, other))
}

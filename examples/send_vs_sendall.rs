//! `send` and `sendall`: the kernel takes what fits, and somebody has to keep the count.
//!
//! Before you run it: you give `send` 786,432 bytes, and between the two sockets there is room for far less. How
//! many does it take? What does `sendall` do that `send` does not? If a `sendall` fails half way, what do you know?
//!
//! ```text
//! cargo run --example send_vs_sendall
//! python3 examples/python/send_vs_sendall.py
//! ```
//!
//! Next: `connect_ex`, another call that can end before it is done.

mod common;

use std::error::Error;
use std::process::ExitCode;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use common::{Lesson, Varies, ms};
use sockmodes::socket::{Mode, RecvBuffer, Result, SendBuffer, Socket};

/// More than both sockets' buffers hold, by far.
const LENGTH: usize = 768 * 1024;

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "send and sendall: who keeps the count",
        &[
            "send(786432 bytes), with room for far less: how many does it take?",
            "what is the loop that turns send into sendall?",
            "sendall with a timeout, a peer that always reads a little: does the clock start again?",
            "a non-blocking sendall fails half way: what do you know then?",
        ],
    );
    let payload = payload();
    let (socket, peer, first) = a_short_send(&mut lesson, &payload)?;
    the_loop(&mut lesson, socket, peer, &payload, first)?;
    one_timeout_for_all(&mut lesson, &payload)?;
    again_from_the_front(&mut lesson, &payload)?;
    on_from_where_it_stopped(&mut lesson, &payload)?;
    Ok(lesson.end())
}

/// Every byte tells where it belongs, so that a byte lost, sent twice or out of place is seen. The period is a prime
/// number: buffers come in powers of two, and a period that divides them would hide the loss of a whole one.
fn payload() -> Vec<u8> {
    (0..LENGTH).map(|at| (at % 251) as u8).collect()
}

/// Returns the connection, and how much of the payload is gone.
fn a_short_send(lesson: &mut Lesson, payload: &[u8]) -> Result<(Socket, Socket, usize)> {
    lesson.part("send takes what fits, and says how much that was");
    let (socket, peer) = narrow()?;
    socket.set_mode(Mode::Timeout(ms(5000)))?;
    let first = socket.send(payload)?;
    lesson.told("send(786432 bytes), nobody reads", &Varies(first));
    lesson.check("a short send: some, not all, and no error", 0 < first && first < LENGTH);
    Ok((socket, peer, first))
}

fn the_loop(
    lesson: &mut Lesson,
    socket: Socket,
    peer: Socket,
    payload: &[u8],
    sent: usize,
) -> Result<()> {
    lesson.part("The loop that makes it sendall");
    // Only now does the peer start to read: before, nothing could have made room.
    let reader = read_all(peer);
    let mut sends = 1;
    let mut rest = &payload[sent..];
    let begun = Instant::now();
    while !rest.is_empty() {
        let taken = socket.send(rest)?;
        rest = &rest[taken..];
        sends += 1;
    }
    drop(socket); // The end of input tells the peer that this was all.
    let by_loop = reader.join().expect("the peer reads")?;
    lesson.note(&format!("~{sends} sends in {:.3} s", begun.elapsed().as_secs_f64()));
    let (socket, peer) = narrow()?;
    let reader = read_all(peer);
    socket.send_all(payload)?;
    lesson.did("sendall(786432 bytes)");
    drop(socket);
    let by_sendall = reader.join().expect("the peer reads")?;
    lesson.check("the loop took more than one send", sends > 1);
    lesson.check(
        "loop and sendall: equal, byte for byte",
        by_loop == payload && by_sendall == payload,
    );
    Ok(())
}

fn one_timeout_for_all(lesson: &mut Lesson, payload: &[u8]) -> Result<()> {
    lesson.part("The timeout of sendall is for all of it");
    let (socket, peer) = narrow()?;
    socket.set_mode(Mode::Timeout(ms(200)))?;
    // 64 KiB every 0.04 s: each single send gets something done long before 0.2 s are over.
    let reader = read_slowly(peer);
    let begun = Instant::now();
    let outcome = socket.send_all(payload);
    let took = begun.elapsed();
    lesson.told("sendall(786432 bytes), timeout 0.2", &outcome);
    let failed = outcome.expect_err("the peer needs 0.3 s at least");
    drop(socket);
    let arrived = reader.join().expect("the peer reads")?;
    lesson.note(&format!("the peer found ~{arrived} bytes, an unfinished message"));
    lesson.check("progress did not move the deadline", failed.source.is_timed_out());
    lesson.check("and it was kept to", took >= ms(200) && 0 < arrived && arrived < LENGTH);
    Ok(())
}

fn again_from_the_front(lesson: &mut Lesson, payload: &[u8]) -> Result<()> {
    lesson.part("A non-blocking sendall that fails, and starting again from the front");
    let (socket, peer) = narrow()?;
    socket.set_mode(Mode::NonBlocking)?;
    let outcome = socket.send_all(payload);
    lesson.told("sendall(786432 bytes), nobody reads", &outcome);
    let failed = outcome.expect_err("there is no room for that");
    lesson.check("it gave up where it would have had to wait", failed.source.is_would_block());
    // What Python's documentation says: "there is no way to determine how much data, if any, was
    // successfully sent". So what could be sent next? From the front is wrong:
    socket.set_mode(Mode::Blocking)?;
    let reader = read_all(peer);
    socket.send_all(payload)?;
    lesson.did("sendall(786432 bytes), again");
    drop(socket);
    let arrived = reader.join().expect("the peer reads")?.len();
    lesson.note(&format!("the peer found ~{arrived} bytes"));
    lesson.check("what had gone the first time went twice", arrived > LENGTH);
    Ok(())
}

fn on_from_where_it_stopped(lesson: &mut Lesson, payload: &[u8]) -> Result<()> {
    lesson.part("The same with the count kept: go on where it stopped");
    let (socket, peer) = narrow()?;
    socket.set_mode(Mode::NonBlocking)?;
    // Here the error says how far it got. Python's does not, so the twin keeps the count in a loop
    // of its own.
    let failed = socket.send_all(payload).expect_err("there is no room for that");
    let sent = failed.sent;
    lesson.told("the bytes that are gone", &Varies(sent));
    socket.set_mode(Mode::Blocking)?;
    let reader = read_all(peer);
    socket.send_all(&payload[sent..])?;
    lesson.did("sendall(the rest)");
    drop(socket);
    let arrived = reader.join().expect("the peer reads")?;
    lesson.check("nothing lost, nothing twice: equal, byte for byte", arrived == payload);
    Ok(())
}

/// A connection with little room in it: small buffers on both sides, which have to be asked for before
/// the connection is made.
fn narrow() -> Result<(Socket, Socket)> {
    let listener = Socket::tcp()?;
    listener.set_option(RecvBuffer, 32 * 1024)?; // The accepted socket inherits it.
    listener.bind("127.0.0.1:0")?;
    listener.listen(1)?;
    let socket = Socket::tcp()?;
    socket.set_option(SendBuffer, 32 * 1024)?;
    socket.connect(listener.local_addr()?)?;
    let (peer, _) = listener.accept()?;
    Ok((socket, peer))
}

/// A peer that reads as fast as it can, to the end of input.
fn read_all(peer: Socket) -> JoinHandle<Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        loop {
            let bytes = peer.recv(64 * 1024)?;
            if bytes.is_empty() {
                return Ok(all);
            }
            all.extend(bytes);
        }
    })
}

/// A peer that reads 64 KiB, rests 0.04 s, and so on to the end of input; returns how much it was.
fn read_slowly(peer: Socket) -> JoinHandle<Result<usize>> {
    thread::spawn(move || {
        // A file's `read` waits until all 64 KiB are there, where `recv` takes what has come.
        let mut file = peer.makefile(sockmodes::socket::Access::Read);
        let mut count = 0;
        loop {
            let bytes = file.read(64 * 1024)?.unwrap_or_default();
            if bytes.is_empty() {
                return Ok(count);
            }
            count += bytes.len();
            thread::sleep(ms(40));
        }
    })
}

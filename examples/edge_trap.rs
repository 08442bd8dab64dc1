//! `edge_trap`: an edge-triggered reader that does not drain hangs, with the data under its nose.
//!
//! epoll can report readiness in two ways. *Level-triggered*: "there **is** something to read", again and again
//! while it is so. *Edge-triggered*: "something **has come**", once. mio is always edge-triggered, on every
//! system. That saves changing what one asks for, and sets the best-known trap of network programming.
//!
//! Before you run it: ten bytes arrive. The program is told, reads four, and asks again to be told when there is
//! something to read. Six bytes lie there. Is it told?
//!
//! ```text
//! cargo run --example edge_trap
//! python3 examples/python/edge_trap.py
//! ```
//!
//! Next: `slow_reader`, the same care for the other direction.

mod common;

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use common::{Lesson, ms};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustix::event::{PollFd, PollFlags, Timespec};

/// The program reads in pieces of four, so that ten bytes do not fit. Real programs take 4096 or
/// 65536; the trap is the same, but snaps more rarely: in production, not in the test.
const PIECE: usize = 4;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "edge_trap: told once, and never again",
        &[
            "ten bytes come, the program reads four: does epoll tell it again?",
            "would poll(2), which is level-triggered?",
            "one more byte comes: does epoll tell it now, and can it catch up?",
            "what must the program do before it may wait again?",
        ],
    );
    let (mut reader, mut peer) = connected()?;
    let mut poll = Poll::new()?;
    // From here on the kernel keeps a note for `reader`: put it on the list whenever something comes.
    poll.registry().register(&mut reader, Token(0), Interest::READABLE)?;

    the_trap(&mut lesson, &mut poll, &mut reader, &mut peer)?;
    a_level(&mut lesson, &reader)?;
    one_more_byte(&mut lesson, &mut poll, &mut reader, &mut peer)?;
    until_eagain(&mut lesson, &mut poll, &mut reader, &mut peer)?;
    Ok(lesson.end())
}

fn the_trap(
    lesson: &mut Lesson,
    poll: &mut Poll,
    reader: &mut TcpStream,
    peer: &mut impl Write,
) -> io::Result<()> {
    lesson.part("The trap");
    peer.write_all(b"0123456789")?;
    lesson.did("peer: send ten bytes");
    let told = wait(poll, ms(5000))?;
    lesson.told("wait for an edge", &told);
    lesson.check("the arrival is an edge", told == 1);
    lesson.told("recv(4)", &read_piece(reader)?);
    // The mistake is to go back to waiting now. Nothing *arrives* any more: the six bytes are here already.
    let told = wait(poll, ms(300))?;
    lesson.told("wait for an edge, for 0.3 s at most", &told);
    let left = peek(reader)?;
    lesson.told("recv(1024, MSG_PEEK)", &left);
    lesson.check("six bytes lie there, and nobody says so", told == 0 && left == b"456789");
    // If the peer now waits for an answer to its ten bytes, both wait for ever. No error, no CPU time, no
    // line in the log: a hang is the quietest of all bugs.
    Ok(())
}

fn a_level(lesson: &mut Lesson, reader: &TcpStream) -> io::Result<()> {
    lesson.part("What a level says");
    let level = wait_for_level(reader)?;
    lesson.told("poll(2), for 5 s at most", &level);
    // It answers at once. Level-triggered readiness is a question about the state, and the state
    // has not changed. The price: on every turn one is told about everybody who has something left.
    lesson.check("the level is high: there is something to read", level == 1);
    Ok(())
}

fn one_more_byte(
    lesson: &mut Lesson,
    poll: &mut Poll,
    reader: &mut TcpStream,
    peer: &mut impl Write,
) -> io::Result<()> {
    lesson.part("New data makes a new edge, but does not mend the reader");
    peer.write_all(b"!")?;
    lesson.did("peer: send one byte more");
    let told = wait(poll, ms(5000))?;
    lesson.told("wait for an edge", &told);
    lesson.told("recv(4)", &read_piece(reader)?);
    let left = peek(reader)?;
    lesson.told("recv(1024, MSG_PEEK)", &left);
    // So under load the bug can't be seen: there is always a next byte. It bites when the talk pauses.
    lesson.check("it runs after the data and never catches up", told == 1 && left == b"89!");
    Ok(())
}

fn until_eagain(
    lesson: &mut Lesson,
    poll: &mut Poll,
    reader: &mut TcpStream,
    peer: &mut impl Write,
) -> io::Result<()> {
    lesson.part("The fix: read until EAGAIN, and only then wait");
    peer.write_all(b"abcdefghij")?;
    lesson.did("peer: send ten bytes");
    lesson.told("wait for an edge", &wait(poll, ms(5000))?);
    let mut all = Vec::new();
    loop {
        let piece = read_piece(reader);
        lesson.told("recv(4)", &piece);
        match piece {
            Ok(piece) => all.extend(piece),
            // "Nothing left": whatever comes from now on is new, and an edge. Now it may wait.
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    lesson.check("everything has been read", all == b"89!abcdefghij");
    peer.write_all(b"end")?;
    lesson.did("peer: send three bytes more");
    let told = wait(poll, ms(5000))?;
    lesson.told("wait for an edge", &told);
    lesson.told("recv(4)", &read_piece(reader)?);
    // Three bytes where there was room for four: a *short read*. It says as well that no data was left, and saves
    // the call that would only have brought EAGAIN. (The end of input may still have come along in the same
    // edge. The loop of this crate makes use of the one and minds the other.)
    lesson.check("and the next arrival is an edge again", told == 1);
    Ok(())
}

/// One `epoll_wait`: how many sockets the kernel has put on the list since the last one.
fn wait(poll: &mut Poll, at_most: Duration) -> io::Result<usize> {
    let mut events = Events::with_capacity(8);
    poll.poll(&mut events, Some(at_most))?;
    Ok(events.iter().count())
}

fn read_piece(reader: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut piece = [0; PIECE];
    let count = reader.read(&mut piece)?;
    Ok(piece[..count].to_vec())
}

/// What could be read, without reading it: MSG_PEEK leaves the bytes where they are, and makes no edge.
fn peek(reader: &TcpStream) -> io::Result<Vec<u8>> {
    let mut room = [0; 1024];
    let count = reader.peek(&mut room)?;
    Ok(room[..count].to_vec())
}

/// poll(2), the older call: it has no memory, so it can only ask for the state.
fn wait_for_level(reader: &TcpStream) -> io::Result<usize> {
    let at_most = Timespec { tv_sec: 5, tv_nsec: 0 };
    Ok(rustix::event::poll(&mut [PollFd::new(reader, PollFlags::IN)], Some(&at_most))?)
}

/// Two connected sockets: the reader non-blocking, as mio wants it, the peer an ordinary blocking one.
fn connected() -> Result<(TcpStream, std::net::TcpStream), Box<dyn Error>> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let peer = std::net::TcpStream::connect(listener.local_addr()?)?;
    let (reader, _) = listener.accept()?;
    reader.set_nonblocking(true)?;
    Ok((TcpStream::from_std(reader), peer))
}

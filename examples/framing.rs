//! `framing`: TCP carries bytes in their order, and nothing that says where a message ends.
//!
//! Two messages can come with one `recv` (in Chinese textbooks 粘包, "packets that stick together"), and one message can
//! take two. That is no fault of TCP: a stream has no packets that could stick. Whoever wants messages has to say in
//! the bytes where they end, and three ways are enough for everything: a length known in advance, a mark at the end,
//! a length in front.
//!
//! Before you run it: "hello" and "world" are sent with a call each, and `recv(1024)` is called once. What does it
//! give? And which of these cures it: TCP_NODELAY, a rest between the two sends, a larger buffer?
//!
//! ```text
//! cargo run --example framing
//! python3 examples/python/framing.py
//! ```
//!
//! Next: `json_login`, where the messages are objects.

mod common;

use std::error::Error;
use std::process::ExitCode;

use common::{Lesson, connected, later, ms, recv_exactly};
use sockmodes::socket::{Flags, NoDelay, Result, Socket};

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "framing: a stream has no messages",
        &[
            "\"hello\" and \"world\" are sent with a call each: what does one recv(1024) give?",
            "\"hello, world\" is sent with one call: can it take two recvs?",
            "TCP_NODELAY, a rest between the sends, a larger buffer: which of them is a cure?",
            "where can a message end, so that both sides agree?",
        ],
    );
    glued(&mut lesson)?;
    halved(&mut lesson)?;
    three_wrong_cures(&mut lesson)?;
    fixed_length(&mut lesson)?;
    lines(&mut lesson)?;
    length_in_front(&mut lesson)?;
    Ok(lesson.end())
}

// ANCHOR: glued
fn glued(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Glued: two sends, one recv");
    let (socket, peer) = connected()?;
    peer.send_all(b"hello")?;
    lesson.did("peer: sendall(b\"hello\")");
    peer.send_all(b"world")?;
    lesson.did("peer: sendall(b\"world\")");
    wait_for(&socket, 10)?;
    let got = socket.recv(1024)?;
    lesson.told("recv(1024)", &got);
    // The kernel appends what arrives to one queue of bytes. Where a send ended is written nowhere.
    lesson.check("both at once, and no trace of the border", got == b"helloworld");
    Ok(())
}
// ANCHOR_END: glued

// ANCHOR: halved
fn halved(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Halved: one send, two recvs");
    let (socket, peer) = connected()?;
    peer.send_all(b"hello, world")?;
    lesson.did("peer: sendall(b\"hello, world\")");
    let head = socket.recv(8)?;
    lesson.told("recv(8)", &head);
    let tail = socket.recv(8)?;
    lesson.told("recv(8)", &tail);
    lesson.check("cut where the buffer was full", head == b"hello, w" && tail == b"orld");

    // The other reason is the way: a segment holds some 1400 bytes, and the next may come later, or much later.
    peer.send_all(b"hel")?;
    let head = socket.recv(5)?;
    lesson.told("recv(5), of a message whose rest is on its way", &head);
    let sending = later(ms(50), move || peer.send_all(b"lo"));
    let tail = socket.recv(5)?;
    lesson.told("recv(5)", &tail);
    sending.join().expect("the peer sends")?;
    lesson.check("recv returns what is there, not what is wanted", head == b"hel" && tail == b"lo");
    Ok(())
}
// ANCHOR_END: halved

// ANCHOR: wrong
fn three_wrong_cures(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Three cures that cure nothing");
    // 1. TCP_NODELAY has the sender's kernel send small segments at once. The reader's kernel still has one queue.
    let (socket, peer) = connected()?;
    peer.set_option(NoDelay, true)?;
    peer.send_all(b"hello")?;
    peer.send_all(b"world")?;
    wait_for(&socket, 10)?;
    let with_nodelay = socket.recv(1024)?;
    lesson.told("recv(1024), the peer with TCP_NODELAY", &with_nodelay);

    // 2. A rest between the sends helps as long as the reader is faster. One day it is busy.
    peer.send_all(b"hello")?;
    later(ms(50), move || peer.send_all(b"world")).join().expect("the peer sends")?;
    wait_for(&socket, 10)?;
    let after_a_rest = socket.recv(1024)?;
    lesson.told("recv(1024), the peer rests 0.05 s, the reader was busy", &after_a_rest);

    // 3. A buffer that is large enough for the message does not make the message be there.
    let (socket, peer) = connected()?;
    let message = vec![b'x'; 100_000];
    peer.send_all(&message[..50_000])?;
    wait_for(&socket, 50_000)?;
    let in_a_large_buffer = socket.recv(1_048_576)?;
    lesson.told("recv(1048576), half of 100000 bytes on their way", &in_a_large_buffer);
    peer.send_all(&message[50_000..])?;
    lesson.check("no delay, and glued", with_nodelay == b"helloworld");
    lesson.check("a rest, and glued", after_a_rest == b"helloworld");
    lesson.check("a large buffer, and half", in_a_large_buffer.len() == 50_000);
    Ok(())
}
// ANCHOR_END: wrong

// ANCHOR: fixed
fn fixed_length(lesson: &mut Lesson) -> Result<()> {
    lesson.part("First way: every message is five bytes long");
    let (socket, peer) = connected()?;
    for piece in [&b"hel"[..], b"lowor", b"ld"] {
        peer.send_all(piece)?;
    }
    lesson.did("peer: sendall, of \"hel\", \"lowor\" and \"ld\"");
    // A loop around `recv` that goes on until five are there: what `sendall` is for `send`. Python has none.
    let first = recv_exactly(&socket, 5)?;
    lesson.told("recv_exactly(5)", &first);
    let second = recv_exactly(&socket, 5)?;
    lesson.told("recv_exactly(5)", &second);
    lesson.check("the cuts are not seen any more", first == b"hello" && second == b"world");
    Ok(())
}
// ANCHOR_END: fixed

// ANCHOR: lines
/// What has come and is no whole message yet. Without it, the second half of a line would be lost, or taken for a line.
struct LineReader<'a> {
    socket: &'a Socket,
    kept: Vec<u8>,
}

impl LineReader<'_> {
    /// The next line, without its end; `None` when the input ends.
    fn read_line(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.kept.iter().position(|&byte| byte == b'\n') {
                let mut line: Vec<u8> = self.kept.drain(..=end).collect();
                line.pop();
                return Ok(Some(line));
            }
            let more = self.socket.recv(1024)?;
            if more.is_empty() {
                return Ok(None);
            }
            self.kept.extend(more);
        }
    }
}
// ANCHOR_END: lines

fn lines(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Second way: a mark at the end, such as a line feed");
    let (socket, peer) = connected()?;
    let mut reader = LineReader { socket: &socket, kept: Vec::new() };
    peer.send_all(b"one\ntw")?;
    lesson.did("peer: sendall(b\"one\\ntw\")");
    let first = reader.read_line()?;
    lesson.told("read_line()", &first);
    lesson.told("  what it keeps for the next", &reader.kept);
    peer.send_all(b"o\n\nfour\n")?;
    lesson.did("peer: sendall(b\"o\\n\\nfour\\n\")");
    let mut rest = Vec::new();
    for _ in 0..3 {
        let line = reader.read_line()?;
        lesson.told("read_line()", &line);
        rest.extend(line.unwrap_or_default());
    }
    lesson.check("glued or halved, a line is a line", rest == b"twofour");
    // The price: the message may not contain the mark, or has to escape it; and a reader that does not stop at a length
    // keeps whatever comes until a mark comes. A stranger has all day.
    lesson.note("(A reader for strangers stops at a length: a line need not end.)");
    Ok(())
}

// ANCHOR: prefix
/// Four bytes that say how long the message is, most significant first, and the message.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message is shorter than 4 GiB");
    [&length.to_be_bytes(), message].concat()
}

/// Takes the first message from what has come, if it is there as a whole.
fn unframe(kept: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = u32::from_be_bytes(*kept.first_chunk()?) as usize;
    if kept.len() < 4 + length {
        return None;
    }
    let mut message: Vec<u8> = kept.drain(..4 + length).collect();
    message.drain(..4);
    Some(message)
}
// ANCHOR_END: prefix

fn length_in_front(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Third way: the length in front");
    let (socket, peer) = connected()?;
    let messages = [&b"hello"[..], b"two\nlines", b""];
    let wire: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();
    peer.send_all(&wire)?;
    lesson.did("peer: sendall, three messages in their frames");
    let mut kept = recv_exactly(&socket, wire.len())?;
    lesson.told("what is on the wire", &kept);
    let mut found = Vec::new();
    while let Some(message) = unframe(&mut kept) {
        lesson.told("unframe()", &message);
        found.push(message);
    }
    lesson.check("a message may contain anything, or nothing", found == messages);

    // The proof that it does not matter how the bytes come: all the ways to cut them in two, and byte by byte.
    let mut cuts = 0_usize;
    let mut same = true;
    for cut in 0..=wire.len() {
        same &= decoded([&wire[..cut], &wire[cut..]].into_iter()) == messages;
        cuts += 1;
    }
    same &= decoded(wire.chunks(1)) == messages;
    lesson.told("ways to cut them in two", &cuts);
    lesson.check("however they are cut, the same three messages", same && cuts == 27);
    Ok(())
}

/// What a reader makes of the pieces, if they come one by one.
fn decoded<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut kept = Vec::new();
    let mut found = Vec::new();
    for piece in pieces {
        kept.extend(piece);
        while let Some(message) = unframe(&mut kept) {
            found.push(message);
        }
    }
    found
}

/// Waits until `count` bytes have arrived, and leaves them where they are.
fn wait_for(socket: &Socket, count: usize) -> Result<()> {
    socket.recv_with(count, Flags::PEEK | Flags::WAITALL)?;
    Ok(())
}

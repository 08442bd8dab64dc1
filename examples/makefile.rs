//! `makefile`: a file on a socket, for those who think in lines; and why it goes badly with
//! timeouts.
//!
//! Before you run it: a peer sends "hel", then "lo\nwor", then "ld\n". What does the first `readline` give? Half a line
//! has arrived when the timeout strikes: where is that half afterwards?
//!
//! ```text
//! cargo run --example makefile
//! python3 examples/python/makefile.py
//! ```
//!
//! Next: `mode_matrix`, where every "what if" of the first seven lessons is answered.

mod common;

use std::error::Error;
use std::process::ExitCode;

use common::{Lesson, connected, later, ms, wait_readable};
use sockmodes::socket::{Access, Error as SocketError, Mode, Result, Socket};

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "makefile: lines from a stream",
        &[
            "the peer sends \"hel\", \"lo\\nwor\", \"ld\\n\": what does readline give, call by call?",
            "a file has read one line of two: what does recv on its socket give?",
            "half a line has arrived and the timeout strikes: where is the half?",
            "the same in non-blocking mode: an error, or something else?",
        ],
    );
    lines(&mut lesson)?;
    reading_ahead(&mut lesson)?;
    timing_out(&mut lesson)?;
    keeping_the_half(&mut lesson)?;
    not_waiting(&mut lesson)?;
    writing(&mut lesson)?;
    Ok(lesson.end())
}

fn lines(lesson: &mut Lesson) -> Result<()> {
    lesson.part("A stream has no lines; a file makes them");
    let (socket, peer) = connected()?;
    let mut file = socket.makefile(Access::Read);
    let sending = later(ms(50), move || {
        for piece in [&b"hel"[..], b"lo\nwor", b"ld\n"] {
            peer.send_all(piece)?;
        }
        Ok::<_, SocketError>(()) // The peer is dropped here: end of input.
    });
    let one = file.read_line()?;
    lesson.told("readline()", &one);
    let two = file.read_line()?;
    lesson.told("readline()", &two);
    let end = file.read_line()?;
    lesson.told("readline()", &end);
    sending.join().expect("the peer sends")?;
    lesson.check("lines, however the bytes were cut", one == b"hello\n" && two == b"world\n");
    lesson.check("a line without a line feed, an empty one: the end of input", end.is_empty());
    Ok(())
}

fn reading_ahead(lesson: &mut Lesson) -> Result<()> {
    lesson.part("It reads ahead, so the socket is not yours any more");
    let (socket, peer) = connected()?;
    let mut file = socket.makefile(Access::Read);
    peer.send_all(b"one\ntwo\n")?;
    lesson.told("file: readline()", &file.read_line()?);
    socket.set_mode(Mode::NonBlocking)?;
    // To find the first line feed the file took all that was there, as far as its buffer has room, in one recv.
    let direct = socket.recv(4);
    lesson.told("socket: recv(4), non-blocking", &direct);
    let rest = file.read_line()?;
    lesson.told("file: readline()", &rest);
    lesson.check("what recv misses is in the file's buffer", direct.is_err() && rest == b"two\n");
    Ok(())
}

fn timing_out(lesson: &mut Lesson) -> Result<()> {
    lesson.part("A timeout breaks the file, not the connection");
    let (socket, peer) = connected()?;
    let mut file = socket.makefile(Access::Read);
    socket.set_mode(Mode::Timeout(ms(100)))?;
    peer.send_all(b"hel")?;
    wait_readable(&socket, ms(5000));
    let first = file.read_line();
    lesson.told("readline(), half a line there", &first);
    peer.send_all(b"lo\n")?;
    wait_readable(&socket, ms(5000));
    // The half that it had read is gone with the failed call. Had it gone on, it would have given
    // "lo\n" as a line, and nobody would have known. So it refuses instead.
    let second = file.read_line();
    lesson.told("readline(), the rest there", &second);
    let direct = socket.recv(10)?;
    lesson.told("socket: recv(10)", &direct);
    lesson.check("the first failed for want of time", first.is_err_and(|e| e.is_timed_out()));
    lesson.check(
        "the second refuses, rather than give half a line for a whole",
        matches!(second, Err(SocketError::FileTimedOut)),
    );
    lesson.check("the socket is as good as ever, but \"hel\" is gone", direct == b"lo\n");
    Ok(())
}

/// The cure: read lines yourself. They survive a timeout, because the half is kept here.
struct LineReader {
    socket: Socket,
    bytes: Vec<u8>,
}

impl LineReader {
    fn read_line(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(at) = self.bytes.iter().position(|&byte| byte == b'\n') {
                return Ok(self.bytes.drain(..=at).collect());
            }
            // If this fails, what came before it stays in `bytes`.
            let more = self.socket.recv(8192)?;
            if more.is_empty() {
                return Ok(std::mem::take(&mut self.bytes));
            }
            self.bytes.extend(more);
        }
    }
}

fn keeping_the_half(lesson: &mut Lesson) -> Result<()> {
    lesson.part("With timeouts, keep the half yourself");
    let (socket, peer) = connected()?;
    socket.set_mode(Mode::Timeout(ms(100)))?;
    let mut reader = LineReader { socket, bytes: Vec::new() };
    peer.send_all(b"hel")?;
    wait_readable(&reader.socket, ms(5000));
    let first = reader.read_line();
    lesson.told("our readline(), half a line there", &first);
    peer.send_all(b"lo\n")?;
    wait_readable(&reader.socket, ms(5000));
    let second = reader.read_line()?;
    lesson.told("our readline(), the rest there", &second);
    lesson.check(
        "it timed out as well, and lost nothing",
        first.is_err_and(|error| error.is_timed_out()) && second == b"hello\n",
    );
    Ok(())
}

fn not_waiting(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Non-blocking: None, or less than a line");
    let (socket, peer) = connected()?;
    let mut file = socket.makefile(Access::Read);
    socket.set_mode(Mode::NonBlocking)?;
    let nothing = file.read(5)?;
    lesson.told("read(5), nothing there", &nothing);
    peer.send_all(b"hel")?;
    wait_readable(&socket, ms(5000));
    let half = file.read_line()?;
    lesson.told("readline(), half a line there", &half);
    let empty = file.read_line()?;
    lesson.told("readline(), nothing there", &empty);
    lesson.check("read says None where recv raises EAGAIN", nothing.is_none());
    lesson.check("readline gives the half as if it were a line", half == b"hel");
    lesson.check("and \"nothing yet\" looks like the end of input", empty.is_empty());
    Ok(())
}

fn writing(lesson: &mut Lesson) -> Result<()> {
    lesson.part("What you write waits for flush, and what you close waits for the file");
    let (socket, peer) = connected()?;
    peer.set_mode(Mode::NonBlocking)?;
    let mut file = socket.makefile(Access::Write);
    lesson.told("write(b\"hi\\n\")", &file.write(b"hi\n")?);
    let before = peer.recv(10);
    lesson.told("peer: recv(10)", &before);
    file.flush()?;
    lesson.did("flush()");
    wait_readable(&peer, ms(5000));
    let after = peer.recv(10)?;
    lesson.told("peer: recv(10)", &after);
    lesson.check("before the flush nothing, after it all", before.is_err() && after == b"hi\n");

    socket.close()?;
    file.write(b"bye\n")?;
    file.flush()?;
    lesson.did("socket closed: file.flush()");
    wait_readable(&peer, ms(5000));
    let last = peer.recv(10)?;
    lesson.told("peer: recv(10)", &last);
    file.close()?;
    lesson.did("file.close()");
    wait_readable(&peer, ms(5000));
    let end = peer.recv(10)?;
    lesson.told("peer: recv(10)", &end);
    lesson.check(
        "a closed socket lives on until its last file is closed",
        last == b"bye\n" && end.is_empty(),
    );
    Ok(())
}

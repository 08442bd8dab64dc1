//! `ready_but_blocks`: `select` says readable and `recv` waits; and `select` says nothing while the data is there.
//!
//! Readiness is a hint about the past: *when the kernel looked*, a read would not have had to wait. What happens between
//! the look and the read, and what lies above the kernel, in a buffer of the program, it can't know.
//!
//! Before you run it: two readers of one socket are told that it is readable. How many of them get something? A file on
//! the socket has read one line of two: does `select` tell of the second?
//!
//! ```text
//! cargo run --example ready_but_blocks
//! python3 examples/python/ready_but_blocks.py
//! ```
//!
//! Next: `names_and_timeouts`, where it is not even a socket that waits.

mod common;

use std::error::Error;
use std::process::ExitCode;
use std::thread;

use common::{Lesson, connected, later, ms, wait_readable};
use sockmodes::socket::{Access, Flags, Result};

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "ready_but_blocks: readiness is a hint",
        &[
            "two readers are told \"readable\", five bytes are there: what do their recvs give?",
            "readable, and a file's read(5): does it wait?",
            "what makes a hint harmless?",
            "a file has read one line of two: does select tell of the second?",
        ],
    );
    two_readers(&mut lesson)?;
    more_than_is_there(&mut lesson)?;
    the_cure(&mut lesson)?;
    silent_and_there(&mut lesson)?;
    look_above_first(&mut lesson)?;
    Ok(lesson.end())
}

// ANCHOR: two
fn two_readers(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Two readers, one message");
    let (first, peer) = connected()?;
    // Another process that was forked, or another thread: somebody else who reads the same connection.
    let second = first.try_clone()?;
    peer.send_all(b"hello")?;
    let one = wait_readable(&first, ms(5000));
    lesson.told("first: readable?", &one);
    let other = wait_readable(&second, ms(5000));
    lesson.told("second: readable?", &other);
    let got = first.recv(5)?;
    lesson.told("first: recv(5)", &got);
    // Both were told the truth. By now it has changed.
    let late = thread::spawn(move || second.recv(5));
    later(ms(100), || {}).join().expect("it waits");
    let sleeps = !late.is_finished();
    lesson.told("second: does recv(5) still sleep, 0.1 s later?", &sleeps);
    peer.send_all(b"later")?;
    let got_late = late.join().expect("it reads")?;
    lesson.told("second: recv(5), the peer has sent again", &got_late);
    lesson.check("readable for both, and there for one", one && other && got == b"hello");
    lesson.check(
        "the other sleeps in a call that \"could not block\"",
        sleeps && got_late == b"later",
    );
    Ok(())
}
// ANCHOR_END: two

// ANCHOR: more
fn more_than_is_there(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Readable means a byte; the call wants five");
    let (socket, peer) = connected()?;
    let mut file = socket.makefile(Access::Read);
    peer.send_all(b"he")?;
    let readable = wait_readable(&socket, ms(5000));
    lesson.told("readable?", &readable);
    let reader = thread::spawn(move || file.read(5));
    later(ms(100), || {}).join().expect("it waits");
    let sleeps = !reader.is_finished();
    lesson.told("does the file's read(5) still sleep, 0.1 s later?", &sleeps);
    peer.send_all(b"llo")?;
    let got = reader.join().expect("it reads")?;
    lesson.told("the file's read(5), the rest has come", &got);
    // The same goes for readline, for recv with MSG_WAITALL, for a TLS record of which half is there.
    lesson.check("a byte is enough for select, and not for whoever wants more", readable && sleeps);
    Ok(())
}
// ANCHOR_END: more

// ANCHOR: cure
fn the_cure(lesson: &mut Lesson) -> Result<()> {
    lesson.part("What makes a hint harmless: a call that can't wait");
    let (first, peer) = connected()?;
    let second = first.try_clone()?;
    peer.send_all(b"hello")?;
    let readable = wait_readable(&second, ms(5000));
    first.recv(5)?;
    lesson.told("second: readable? (and then the first takes it)", &readable);
    // O_NONBLOCK is what every event loop has. Where others share the open file and must not be disturbed, a flag says
    // it for one call.
    let empty = second.recv_with(5, Flags::DONTWAIT);
    lesson.told("second: recv(5, MSG_DONTWAIT)", &empty);
    lesson.check(
        "a wrong hint costs a call, and no more",
        empty.is_err_and(|it| it.is_would_block()),
    );
    Ok(())
}
// ANCHOR_END: cure

// ANCHOR: silent
fn silent_and_there(lesson: &mut Lesson) -> Result<()> {
    lesson.part("The other way round: select is silent, and the data is there");
    let (socket, peer) = connected()?;
    let mut file = socket.makefile(Access::Read);
    peer.send_all(b"one\ntwo\n")?;
    let before = wait_readable(&socket, ms(5000));
    lesson.told("readable?", &before);
    let first = file.read_line()?;
    lesson.told("readline()", &first);
    let after = wait_readable(&socket, ms(100));
    lesson.told("readable, within 0.1 s?", &after);
    let second = file.read_line()?;
    lesson.told("readline()", &second);
    // The first readline took all that the kernel had, as far as its buffer has room. The second line lay in the program.
    lesson.check("select asks the kernel, and the kernel has nothing", before && !after);
    lesson.check("the line was there all the time", second == b"two\n");
    Ok(())
}
// ANCHOR_END: silent

// ANCHOR: above
fn look_above_first(lesson: &mut Lesson) -> Result<()> {
    lesson.part("The cure: first what lies above, then select");
    let (socket, peer) = connected()?;
    socket.set_blocking(false)?;
    peer.send_all(b"one\ntwo\nthr")?;
    let mut kept = Vec::new();
    let mut lines = Vec::new();
    while wait_readable(&socket, ms(100)) {
        kept.extend(socket.recv(1024)?);
        // Not one line for one event: all that are whole. What stays is no line, and only the kernel can make it one.
        while let Some(end) = kept.iter().position(|&byte| byte == b'\n') {
            lines.push(kept.drain(..=end).collect::<Vec<u8>>());
        }
    }
    lesson.told("lines from one event", &lines.len());
    lesson.told("what stays", &kept);
    lesson.check(
        "nothing whole is left when it sleeps",
        lines == [b"one\n", b"two\n"] && kept == b"thr",
    );
    Ok(())
}
// ANCHOR_END: above

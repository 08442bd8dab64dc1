//! `setblocking`: one flag in the kernel decides who does the waiting.
//!
//! Before you run it: a peer says nothing for 0.2 s, then sends five bytes. How long does `recv(5)` take, and
//! what does it give, on a blocking socket and on a non-blocking one? If a program does not want to block and
//! asks again and again instead, how often does it ask in 0.2 s, and what does the CPU do meanwhile?
//!
//! ```text
//! cargo run --example setblocking
//! python3 examples/python/setblocking.py
//! ```
//!
//! Next: `settimeout`, the mode between the two.

mod common;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::{Lesson, connected, later, ms, wait_readable};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::time::{ClockId, clock_gettime};
use sockmodes::socket::Socket;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "setblocking: one flag decides who waits",
        &[
            "nothing has arrived: what does recv(5) give on a blocking socket, and when?",
            "and on a non-blocking one?",
            "where does the mode live: in the program's object, or in the kernel?",
            "waiting by asking again and again: how many calls is that, and how much CPU?",
        ],
    );
    let (socket, peer) = connected()?;

    blocking(&mut lesson, &socket, &peer)?;
    non_blocking(&mut lesson, &socket, &peer)?;
    whose_flag(&mut lesson, &socket)?;
    what_waiting_costs(&mut lesson, &socket, &peer)?;
    Ok(lesson.end())
}

fn blocking(lesson: &mut Lesson, socket: &Socket, peer: &Socket) -> Result<(), Box<dyn Error>> {
    lesson.part("Blocking, as every socket starts");
    lesson.told("getblocking()", &socket.is_blocking());
    lesson.told("O_NONBLOCK", &is_nonblocking(socket));
    // The peer needs a socket of its own in its thread: a second handle on the same connection.
    let sender = peer.try_clone()?;
    let sending = later(ms(200), move || sender.send_all(b"hello"));
    // Nothing is there yet. The kernel takes this thread off the CPU and puts it back when bytes arrive.
    let got = socket.recv(5)?;
    lesson.told("recv(5)", &got);
    sending.join().expect("the peer sends")?;
    lesson.check("one call was enough: it slept until the bytes came", got == b"hello");
    Ok(())
}

fn non_blocking(lesson: &mut Lesson, socket: &Socket, peer: &Socket) -> Result<(), Box<dyn Error>> {
    lesson.part("Non-blocking: the same call on the same empty socket");
    socket.set_blocking(false)?;
    lesson.did("setblocking(False)");
    // This is all that it did: fcntl(2) set one bit in the kernel's description of the open socket.
    lesson.told("O_NONBLOCK", &is_nonblocking(socket));
    let empty = socket.recv(5);
    lesson.told("recv(5)", &empty);
    // EAGAIN, "try again": Python raises BlockingIOError for it. Nobody waited.
    lesson.check(
        "\"nothing yet\" is an answer of its own, EAGAIN",
        empty.is_err_and(|error| error.is_would_block()),
    );
    peer.send_all(b"again")?;
    wait_readable(socket, ms(5000));
    let got = socket.recv(5)?;
    lesson.told("recv(5), once it is there", &got);
    lesson.check("it is not an error of the connection, which works on", got == b"again");
    Ok(())
}

fn whose_flag(lesson: &mut Lesson, socket: &Socket) -> Result<(), Box<dyn Error>> {
    lesson.part("The flag is the kernel's, and a dup shares it");
    let twin = socket.try_clone()?;
    twin.set_blocking(true)?;
    lesson.did("dup().setblocking(True)");
    // Both objects are names for one open socket. The first still believes what it was told.
    let believes = socket.is_blocking();
    lesson.told("getblocking() of the first", &believes);
    let flag = is_nonblocking(socket);
    lesson.told("O_NONBLOCK of the first", &flag);
    lesson.check("the first believes that it does not block, and would", !believes && !flag);
    Ok(())
}

fn what_waiting_costs(
    lesson: &mut Lesson,
    socket: &Socket,
    peer: &Socket,
) -> Result<(), Box<dyn Error>> {
    lesson.part("What waiting costs, in three ways");
    let mut rows = Vec::new();
    socket.set_blocking(true)?;
    rows.push(measure("recv, blocking", socket, peer, sleep_in_recv)?);
    socket.set_blocking(false)?;
    rows.push(measure("recv again and again", socket, peer, spin)?);
    rows.push(measure("poll, then recv", socket, peer, poll_then_recv)?);
    lesson.note("                             calls     waited    CPU time");
    for row in &rows {
        let Cost { name, calls, waited, cpu } = row;
        let (waited, cpu) = (waited.as_secs_f64(), cpu.as_secs_f64());
        lesson
            .note(&format!("{name:<22} {:>11} {waited:>8.3} s  {cpu:>8.4} s", format!("~{calls}")));
    }
    let [sleeping, spinning, polling] = &rows[..] else { unreachable!("three ways") };
    lesson.check("sleeping in recv is one call", sleeping.calls == 1);
    lesson.check("spinning asks many times for the same five bytes", spinning.calls > 2);
    lesson.check("polling is two calls, and the thread sleeps in the first", polling.calls == 2);
    lesson.check(
        "spinning burns more CPU than the other two together",
        spinning.cpu > sleeping.cpu + polling.cpu,
    );
    Ok(())
}

/// Asks the kernel whether the bit that setblocking(False) sets is set.
fn is_nonblocking(socket: &Socket) -> bool {
    let flags = fcntl_getfl(socket.descriptor().expect("it is open")).expect("it has flags");
    flags.contains(OFlags::NONBLOCK)
}

/// What one way of waiting for five bytes came to.
struct Cost {
    name: &'static str,
    calls: usize,
    waited: Duration,
    cpu: Duration,
}

/// Waits with `wait` for five bytes that come in 0.2 s; `wait` returns how many calls it made.
fn measure(
    name: &'static str,
    socket: &Socket,
    peer: &Socket,
    wait: fn(&Socket) -> sockmodes::socket::Result<usize>,
) -> Result<Cost, Box<dyn Error>> {
    let sender = peer.try_clone()?;
    let sending = later(ms(200), move || sender.send_all(b"hello"));
    // Two clocks: one for everybody, and one that only runs while this thread is on a CPU.
    let (begun, cpu_before) = (Instant::now(), cpu_time());
    let calls = wait(socket)?;
    let (waited, cpu) = (begun.elapsed(), cpu_time() - cpu_before);
    sending.join().expect("the peer sends")?;
    Ok(Cost { name, calls, waited, cpu })
}

fn sleep_in_recv(socket: &Socket) -> sockmodes::socket::Result<usize> {
    socket.recv(5)?;
    Ok(1)
}

/// The busy loop. It answers as fast as anything can, and heats the room until then.
fn spin(socket: &Socket) -> sockmodes::socket::Result<usize> {
    let mut calls = 0;
    loop {
        calls += 1;
        match socket.recv(5) {
            Err(error) if error.is_would_block() => {}
            other => return other.map(|_| calls),
        }
    }
}

/// What every event loop does: sleep until the kernel says "ready", then make a call that can't block.
fn poll_then_recv(socket: &Socket) -> sockmodes::socket::Result<usize> {
    wait_readable(socket, ms(5000));
    socket.recv(5)?;
    Ok(2)
}

/// How long this thread has been on a CPU.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

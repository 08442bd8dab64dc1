//! The end of a connection and of the server: nobody loses what they are owed, and nobody waits for
//! those who are owed nothing.
//!
//! Owed is the answer to every byte that the server has read: it tells how many those were when it
//! closes a connection, and the client counts.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use socket2::{Domain, Socket, Type};
use sockmodes::auth::Scheme;
use sockmodes::session::LINGER_QUIET;

use crate::common::client::{
    self, NONCE_LEN, eventually, exchange, pattern, read_rest, read_some, stuff, stuff_with,
};
use crate::common::process::PATIENCE;
use crate::common::program::{SECRET, Server};

/// Bytes of a digest, which is read and not answered.
const DIGEST: usize = 16;

/// How the server closed a connection, as its log tells it.
#[derive(Debug)]
struct Closed {
    reason: String,
    received: usize,
    sent: usize,
}

fn closed(log: &str, peer: SocketAddr) -> Closed {
    let line = log
        .lines()
        .find(|line| line.contains(&format!("peer={peer} reason=")))
        .unwrap_or_else(|| panic!("{peer} was not closed:\n{log}"));
    let value = |name: &str| {
        let (_, rest) = line.split_once(&format!(" {name}=")).unwrap();
        rest.split(' ').next().unwrap().to_owned()
    };
    let number = |name: &str| value(name).parse().unwrap();
    Closed { reason: value("reason"), received: number("received"), sent: number("sent") }
}

#[test]
fn slow_readers_lose_nothing_when_the_server_stops() {
    let server = Server::start(&["--service", "echo", "--drain-timeout", "1m", "-vv"]);
    let mut readers: Vec<_> = (0..4).map(|_| server.enter()).collect();
    thread::scope(|scope| {
        for reader in &mut readers {
            scope.spawn(|| stuff_with(reader, pattern));
        }
    });
    server.program.signal(Signal::TERM);
    server.program.wait_for_log("stopping connections=4");
    // They read in turn, a little at a time.
    let mut received = [0; 4];
    let mut reading: Vec<usize> = (0..4).collect();
    let mut buffer = vec![0; 16 * 1024];
    while !reading.is_empty() {
        reading.retain(|&n| {
            let read = read_some(&mut readers[n], &mut buffer).unwrap();
            let start = received[n];
            let right = buffer[..read].iter().zip(start..).all(|(got, at)| *got == pattern(at));
            assert!(right, "another byte than was sent, after {start}");
            received[n] += read;
            read > 0
        });
    }
    let peers = readers.iter().map(|reader| reader.local_addr().unwrap()).collect::<Vec<_>>();
    drop(readers);
    let done = server.program.finish().expect(0);
    for (peer, received) in peers.into_iter().zip(received) {
        let closed = closed(done.err(), peer);
        assert_eq!(closed.reason, "stopped");
        assert_eq!(received + NONCE_LEN, closed.sent, "{closed:?}");
        assert!(received > 1 << 20, "only {received} bytes were owed");
    }
    // It owed the answer to every byte that it had read when it was told to stop.
    let (before, _) = done.err().split_once("stopping").unwrap();
    assert!(!done.err().contains("were lost"), "the log is not whole");
    assert_eq!(received.iter().sum::<usize>(), bytes_read(before) - 4 * DIGEST);
}

/// What the kernel has taken and the peer has no room for is still owed: closed there and then, the
/// connection would end in a reset as soon as the peer says one word more, and lose it. However little
/// that is, and however long the peer takes to say it.
#[test]
fn one_more_byte_after_the_stop_destroys_nothing() {
    for (owed, silence) in [
        (200_000, Duration::ZERO),
        (200_000, LINGER_QUIET * 3 / 2),
        (3000, Duration::ZERO),
        (3000, LINGER_QUIET * 3 / 2),
    ] {
        let server = Server::start(&["--service", "echo", "--drain-timeout", "1m", "-vv"]);
        let mut stream = client_with_little_room(&server);
        stream.write_all(&vec![b'x'; owed]).unwrap();
        eventually("all of it to be read", || {
            let log = server.program.log_so_far();
            bytes_read(&log) == DIGEST + owed || log.contains(" = EAGAIN")
        });
        server.program.signal(Signal::TERM);
        server.program.wait_for_log("stopping");
        // Longer than a linger would be quiet: the client thinks, and nothing else has to happen.
        thread::sleep(silence);
        stream.write_all(b"y").unwrap();
        let received = read_rest(&mut stream).len();
        let peer = stream.local_addr().unwrap();
        drop(stream);
        let done = server.program.finish().expect(0);
        let closed = closed(done.err(), peer);
        assert_eq!(received + NONCE_LEN, closed.sent, "{closed:?}");
        assert!(done.err().contains("stopped cut_off=0"), "{}", done.err());
    }
}

fn client_with_little_room(server: &Server) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(&server.address.into()).unwrap();
    let mut stream = socket.into();
    client::answer(&mut stream, Scheme::HmacMd5, SECRET.as_bytes());
    stream
}

/// What `recv` returned, in all.
fn bytes_read(log: &str) -> usize {
    log.split("recv = ")
        .skip(1)
        .filter_map(|rest| rest.split_whitespace().next()?.parse::<usize>().ok())
        .sum()
}

#[test]
fn who_is_owed_nothing_is_closed_at_once() {
    // One that is owed something keeps the server up for as long as it likes.
    let server = Server::start(&["--drain-timeout", "none", "--write-timeout", "none"]);
    let mut owed = server.enter();
    stuff(&mut owed);
    let mut idle = server.enter();
    exchange(&mut idle, b"hello", b"HELLO");
    let mut pending = server.connect();
    client::nonce(&mut pending).unwrap();
    let mut half = server.connect();
    client::nonce(&mut half).unwrap();
    half.write_all(&[0; 8]).unwrap();
    server.program.signal(Signal::TERM);
    for stream in [&mut idle, &mut pending, &mut half] {
        assert!(read_rest(stream).is_empty());
    }
    read_rest(&mut owed);
    let log = server.program.finish().expect(0);
    assert_eq!(closed(log.err(), idle.local_addr().unwrap()).reason, "stopped");
    assert_eq!(closed(log.err(), owed.local_addr().unwrap()).reason, "stopped");
}

#[test]
fn the_drain_timeout_cuts_who_does_not_read() {
    let server = Server::start(&["--drain-timeout", "300ms"]);
    let mut owed = server.enter();
    stuff(&mut owed);
    let start = Instant::now();
    server.program.signal(Signal::TERM);
    let log = server.program.finish().expect(0);
    assert!(start.elapsed() >= Duration::from_millis(300), "cut before the time was over");
    let closed = closed(log.err(), owed.local_addr().unwrap());
    assert_eq!(closed.reason, "drain_timeout");
    assert!(closed.sent < closed.received + 32 - DIGEST, "{closed:?}: nothing was owed");
}

fn check_pattern(bytes: &[u8], expected: usize) {
    assert_eq!(bytes.len(), expected);
    assert!(bytes.iter().enumerate().all(|(n, byte)| *byte == pattern(n)));
}

/// Half-closed, owed megabytes, and then the server stops: it has read the end, so it owes it all.
#[test]
fn half_closed_clients_get_everything_when_the_server_stops() {
    let server = Server::start(&["--service", "echo", "--drain-timeout", "1m", "-v"]);
    let mut stream = server.enter();
    let sent = stuff_with(&mut stream, pattern);
    stream.shutdown(Shutdown::Write).unwrap();
    // Read until the server has seen the end and is paying what is left.
    let mut bytes = vec![0; sent];
    let mut read = 0;
    let mut draining = false;
    while !draining && read < sent {
        let most = (16 * 1024).min(sent - read);
        read += read_some(&mut stream, &mut bytes[read..][..most]).unwrap();
        draining = server.program.log_so_far().contains("to=draining");
    }
    server.program.signal(Signal::TERM);
    stream.read_exact(&mut bytes[read..]).unwrap();
    check_pattern(&bytes, sent);
    assert!(read_rest(&mut stream).is_empty());
    server.program.finish().expect(0);
}

/// Half-closed, and owed what the server's kernel has taken long ago and can't send.
#[test]
fn what_a_half_closed_client_has_not_taken_yet_is_owed() {
    for (timeout, reads) in [("1m", true), ("300ms", false)] {
        let server = Server::start(&["--service", "echo", "--drain-timeout", timeout, "-v"]);
        let mut stream = client_with_little_room(&server);
        let bytes: Vec<u8> = (0..64 * 1024).map(pattern).collect();
        stream.write_all(&bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        server.program.wait_for_log("to=draining");
        server.program.signal(Signal::TERM);
        server.program.wait_for_log("stopping connections=1");
        if reads {
            check_pattern(&read_rest(&mut stream), bytes.len());
        }
        let log = server.program.finish().expect(0);
        let reason = if reads { "done" } else { "drain_timeout" };
        assert_eq!(closed(log.err(), stream.local_addr().unwrap()).reason, reason);
        let told = format!("stopped cut_off={}", u8::from(!reads));
        assert!(log.err().contains(&told), "{}", log.err());
    }
}

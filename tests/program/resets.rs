//! A reset in every state of a connection ends that connection and nothing else.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use rustix::process::Signal;
use sockmodes::auth::Scheme;

use crate::common::client::{
    NONCE_LEN, digest, eventually, exchange, nonce, read_rest, reset, stuff,
};
use crate::common::program::{SECRET, Server};
use crate::common::usage::open_files;

/// Brings a connection into a state, its nonce read.
type Prepare = fn(&Server, &mut TcpStream, [u8; NONCE_LEN]);

fn let_in(stream: &mut TcpStream, nonce: [u8; NONCE_LEN]) {
    stream.write_all(&digest(Scheme::HmacMd5, SECRET.as_bytes(), &nonce)).unwrap();
}

const STATES: [(&str, Prepare); 8] = [
    ("nothing said", |_, _, _| {}),
    ("in the digest", |_, stream, _| stream.write_all(&[0; 7]).unwrap()),
    ("let in", |_, stream, nonce| {
        let_in(stream, nonce);
        exchange(stream, b"hello", b"HELLO");
    }),
    ("answers unread", |_, stream, nonce| {
        let_in(stream, nonce);
        stream.write_all(&[b'x'; 100_000]).unwrap();
    }),
    ("megabytes owed", |_, stream, nonce| {
        let_in(stream, nonce);
        stuff(stream);
    }),
    ("draining: half-closed, megabytes owed", |_, stream, nonce| {
        let_in(stream, nonce);
        stuff(stream);
        stream.shutdown(Shutdown::Write).unwrap();
    }),
    ("lingering after a wrong digest", |_, stream, _| {
        stream.write_all(&[0; 16]).unwrap();
        assert!(read_rest(stream).is_empty());
    }),
    ("lingering, and what follows thrown away", |_, stream, _| {
        stream.write_all(&[0; 100_000]).unwrap();
    }),
];

/// Room for two: if one were not given back after a reset, the third would be refused.
#[test]
fn a_reset_in_every_state_ends_one_connection() {
    let server = Server::start(&["--max-connections", "2"]);
    let mut other = enter(&server);
    for (state, prepare) in STATES {
        println!("{state}");
        for _ in 0..2 {
            let (mut stream, nonce) = place(&server);
            prepare(&server, &mut stream, nonce);
            reset(stream);
            exchange(&mut other, b"still here", b"STILL HERE");
        }
    }
    drop(other);
    let log = server.stop();
    assert!(log.err().contains("reason=reset"), "{}", log.err());
    assert!(log.err().contains("cut_off=0"), "{}", log.err());
}

/// A connection that got its nonce, as soon as there is room.
fn place(server: &Server) -> (TcpStream, [u8; NONCE_LEN]) {
    let mut found = None;
    eventually("a free place", || {
        let mut stream = server.connect();
        found = nonce(&mut stream).map(|nonce| (stream, nonce));
        found.is_some()
    });
    found.unwrap()
}

fn enter(server: &Server) -> TcpStream {
    let (mut stream, nonce) = place(server);
    let_in(&mut stream, nonce);
    stream
}

#[test]
fn a_reset_while_the_server_stops_ends_one_connection() {
    let server = Server::start(&["--drain-timeout", "none", "--write-timeout", "none"]);
    let mut owed: Vec<_> = (0..3).map(|_| server.enter()).collect();
    owed.iter_mut().for_each(|stream| _ = stuff(stream));
    server.program.signal(Signal::TERM);
    server.program.wait_for_log("stopping connections=3");
    reset(owed.pop().unwrap());
    server.program.wait_for_log("reason=reset");
    // The others are paid all the same.
    for mut stream in owed {
        assert!(read_rest(&mut stream).len() > 1 << 20);
    }
    let log = server.program.finish().expect(0);
    assert_eq!(log.err().matches("reason=stopped").count(), 2, "{}", log.err());
}

/// Connect and reset, again and again: some are gone before they are accepted.
#[test]
fn thousands_of_resets_leave_nothing_behind() {
    let server = Server::start(&["-q", "--max-pending", "none"]);
    let mut other = server.enter();
    exchange(&mut other, b"before", b"BEFORE");
    let files = open_files(server.program.pid());
    for _ in 0..5000 {
        reset(server.connect());
    }
    exchange(&mut other, b"after", b"AFTER");
    eventually("every descriptor to be closed", || open_files(server.program.pid()) == files);
    server.stop();
}

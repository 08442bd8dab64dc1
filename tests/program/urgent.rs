//! Urgent data (`MSG_OOB`) is no part of the stream, and nothing behind it is overlooked.

#![cfg(target_os = "linux")] // elsewhere nobody says that urgent data has come

use std::io::{Read, Write};
use std::time::Duration;

use rustix::process::Signal;
use socket2::SockRef;

use crate::common::program::Server;

/// A `recv` stops at the mark, and a short read elsewhere shows that there is no more. The server sleeps meanwhile, so
/// that it finds all of it at once, with one edge.
#[test]
fn what_follows_urgent_data_is_read() {
    let server = Server::start(&["--auth", "none"]);
    let mut stream = server.connect();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = [0; 5];
    for _ in 0..10 {
        server.program.signal(Signal::STOP);
        stream.write_all(b"ab").unwrap();
        SockRef::from(&stream).send_out_of_band(b"!").unwrap();
        stream.write_all(b"cde").unwrap();
        server.program.signal(Signal::CONT);
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"ABCDE");
    }
    server.stop();
}

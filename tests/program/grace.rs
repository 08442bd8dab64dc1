//! The grace: told to stop, the server says so at once, and goes on for a while as if nothing were.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::admin::{self, get};
use crate::common::client::{exchange, read_rest};
use crate::common::program::Server;

#[test]
fn health_says_so_at_once_while_connections_are_taken_and_a_second_signal_ends_it() {
    for second in [Signal::INT, Signal::TERM] {
        let server = Server::start(&["--grace", "1h", "--admin", "127.0.0.1:0"]);
        let health = || get(admin::address(&server.program), "/healthz").status;
        let mut before = server.enter();
        exchange(&mut before, b"hello", b"HELLO");
        assert_eq!(health(), 200);
        server.program.signal(Signal::TERM);
        server.program.wait_for_log("told to stop; connections are still taken connections=1");
        assert_eq!(health(), 503);
        for stream in [&mut server.enter(), &mut before] {
            exchange(stream, b"still", b"STILL");
        }
        server.program.signal(second);
        let done = server.program.finish().expect(1);
        assert!(!done.err().contains("stopping"), "{}", done.err());
        assert!(read_rest(&mut before).is_empty());
    }
}

#[test]
fn after_it_the_server_drains() {
    let grace = Duration::from_millis(300);
    let server = Server::start(&["--grace", "300ms", "--admin", "127.0.0.1:0"]);
    let health = admin::address(&server.program);
    let mut stream = server.enter();
    exchange(&mut stream, b"hello", b"HELLO");
    let start = Instant::now();
    server.program.signal(Signal::INT);
    assert!(read_rest(&mut stream).is_empty());
    assert!(start.elapsed() >= grace, "it drained before the grace was over");
    let done = server.program.finish().expect(0);
    assert!(done.err().contains("stopping connections=1"), "{}", done.err());
    assert!(std::net::TcpStream::connect(health).is_err());
}

#[test]
fn without_one_it_drains_at_once() {
    let server = Server::start(&["--grace", "none"]);
    let done = server.stop();
    assert!(!done.err().contains("told to stop"), "{}", done.err());
}

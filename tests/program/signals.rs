//! The end by a signal, and what must not bring one: SIGHUP, a broken pipe, a standard error or a
//! trace that takes nothing.

use std::fs::File;
use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, SigSet, SigmaskHow};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use rustix::process::Signal;
use sockmodes::auth::Scheme;

use crate::common::client::{self, NONCE_LEN, converse, exchange, stuff};
use crate::common::process::{Finished, Program};
use crate::common::program::{SECRET, Server, sockmodes, sockmodes_in_shell};

/// Connections that talk until more has been logged than any queue holds.
const TALKERS: usize = 20;
const MESSAGES: usize = 100;

/// A parent may have blocked them: a mask is inherited.
#[test]
fn blocked_signals_end_it_too() {
    for signal in [Signal::INT, Signal::TERM] {
        let all = SigSet::from_iter([
            signal::Signal::SIGINT,
            signal::Signal::SIGTERM,
            signal::Signal::SIGHUP,
        ]);
        let before = all.thread_swap_mask(SigmaskHow::SIG_BLOCK).unwrap();
        let server = Server::start(&[]);
        before.thread_set_mask().unwrap();
        server.program.signal(Signal::HUP);
        server.program.wait_for_log("SIGHUP");
        server.program.signal(signal);
        server.program.finish().expect(0);
    }
}

#[test]
fn a_second_signal_ends_it_at_once_with_1() {
    for second in [Signal::INT, Signal::TERM] {
        // Without the second signal it would wait for ever: the connection is owed megabytes.
        let server = Server::start(&["--drain-timeout", "none", "--write-timeout", "none"]);
        let mut owed = server.enter();
        stuff(&mut owed);
        server.program.signal(Signal::TERM);
        server.program.wait_for_log("stopping");
        server.program.signal(second);
        let done = server.program.finish().expect(1);
        assert!(done.err().contains("stopped cut_off=1"), "{}", done.err());
    }
}

/// A process that stands still looks at a clock that has not: what came meanwhile, in time, is heard
/// before any deadline is met.
#[test]
fn who_answers_in_time_while_the_server_stands_still_is_served() {
    const TIMEOUT: Duration = Duration::from_secs(3);
    let server = Server::start(&["--handshake-timeout", "3s", "--max-pending", "none"]);
    let mut clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
    let nonces: Vec<[u8; NONCE_LEN]> = clients.iter_mut().map(client::read).collect();
    let last = Instant::now();
    server.program.signal(Signal::STOP);
    for (client, nonce) in clients.iter_mut().zip(&nonces) {
        let digest = client::digest(Scheme::HmacMd5, SECRET.as_bytes(), nonce);
        client.write_all(&[&digest[..], b"hello"].concat()).unwrap();
    }
    // It stands still for as long as it takes for all to be late by its clock.
    thread::sleep(TIMEOUT.saturating_sub(last.elapsed()) + Duration::from_millis(100));
    server.program.signal(Signal::CONT);
    for client in &mut clients {
        assert_eq!(client::read(client), *b"HELLO");
    }
    drop(clients);
    let done = server.stop();
    assert!(!done.err().contains("handshake_timeout"), "{}", done.err());
}

#[test]
fn hup_does_not_end_it() {
    let server = Server::start(&[]);
    let mut stream = server.enter();
    for _ in 0..3 {
        server.program.signal(Signal::HUP);
        exchange(&mut stream, b"hello", b"HELLO");
    }
    // Not while it stops, either.
    stuff(&mut stream);
    server.program.signal(Signal::TERM);
    server.program.wait_for_log("stopping");
    server.program.signal(Signal::HUP);
    client::read_rest(&mut stream);
    let done = server.program.finish().expect(0);
    assert!(done.err().contains("reason=stopped"), "{}", done.err());
}

#[test]
fn hup_does_not_end_it_while_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    mkfifo(&trace, Mode::S_IRWXU).unwrap();
    let mut command = sockmodes(Server::args(&["--trace", trace.to_str().unwrap()]));
    let program = Program::start(command.env("XDG_CONFIG_HOME", folder.path()));
    // It makes its secret, and then waits for somebody to read the trace.
    client::eventually("a secret", || folder.path().join("sockmodes/secret").exists());
    program.signal(Signal::HUP);
    let _reader = File::options().read(true).write(true).open(&trace).unwrap();
    Server::listening(program).stop();
}

/// Serves so much that every queue of the log overflows, and ends it.
fn serve_under_load(server: Server) -> Finished {
    let mut talkers: Vec<_> = (0..TALKERS).map(|_| server.enter()).collect();
    for round in 0..MESSAGES {
        let (request, reply) = (format!("message {round}"), format!("MESSAGE {round}"));
        for talker in &mut talkers {
            exchange(talker, request.as_bytes(), reply.as_bytes());
        }
    }
    for talker in &mut talkers {
        assert_eq!(converse(talker, b"the end"), b"THE END");
    }
    server.stop()
}

#[test]
fn a_closed_or_full_standard_error_costs_nobody_anything() {
    for redirection in ["2>&-", "2>/dev/full"] {
        for format in ["text", "json"] {
            let script = format!(r#"exec "$@" {redirection}"#);
            let args = Server::args(&["-vv", "--log-format", format]);
            serve_under_load(Server::of(&mut sockmodes_in_shell(&script, args)));
        }
    }
}

#[test]
fn an_unread_standard_error_costs_nobody_anything() {
    let (unread, pipe) = std::io::pipe().unwrap();
    let mut command = sockmodes(Server::args(&["-vv"]));
    let command = command.env("SOCKMODES_SECRET", SECRET);
    let server = Server::listening(Program::start_with(command, Stdio::from(pipe)));
    serve_under_load(server);
    // It was open, and full, to the end.
    drop(unread);
}

#[test]
fn a_standard_error_that_breaks_costs_nobody_anything() {
    let (reader, pipe) = std::io::pipe().unwrap();
    let mut command = sockmodes(Server::args(&["-vv"]));
    let command = command.env("SOCKMODES_SECRET", SECRET);
    let server = Server::listening(Program::start_with(command, Stdio::from(pipe)));
    exchange(&mut server.enter(), b"hello", b"HELLO");
    // From here on every write to it is EPIPE, and would be SIGPIPE in many a program.
    drop(reader);
    serve_under_load(server);
}

#[test]
fn a_full_disk_under_the_trace_costs_nobody_anything() {
    let done = serve_under_load(Server::start(&["--trace", "/dev/full"]));
    assert!(done.err().contains("lines of the log or the trace were lost"), "{}", done.err());
}

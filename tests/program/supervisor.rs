//! What a supervisor is told: that connections can be made, that the server stops, that the loop goes round.
//! What it passes is in `passed_sockets.rs`; how systemd itself does both, in `tests/needs/systemd.rs`.

use std::fs;
use std::io::{self, ErrorKind};
use std::iter;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::Signal;

use crate::common::admin;
use crate::common::client::{eventually, exchange, stuff, uninterrupted};
use crate::common::process::PATIENCE;
use crate::common::program::{Server, sockmodes};

/// A supervisor's socket, and the words that come.
struct Ear(UnixDatagram, tempfile::TempDir);

impl Ear {
    fn new() -> Ear {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Ear(socket, folder)
    }

    /// The server, and what else is in its environment.
    fn server(&self, args: &[&str], environment: &[(&str, &str)]) -> Server {
        let mut command = sockmodes(Server::args(args));
        command.env("NOTIFY_SOCKET", self.1.path().join("notify"));
        Server::of(command.envs(environment.iter().copied()))
    }

    fn word(&self) -> String {
        self.next().unwrap()
    }

    fn next(&self) -> io::Result<String> {
        let mut word = [0; 100];
        let len = uninterrupted(|| self.0.recv(&mut word))?;
        Ok(String::from_utf8(word[..len].to_vec()).unwrap())
    }

    /// All that has come and was not heard.
    fn rest(&self) -> Vec<String> {
        self.0.set_nonblocking(true).unwrap();
        let words = iter::from_fn(|| self.next().ok()).collect();
        self.0.set_nonblocking(false).unwrap();
        words
    }

    /// Nothing comes for ten times as long as the loop is asked to be silent at the most.
    fn hears_nothing(&self) {
        self.0.set_read_timeout(Some(WATCHDOG * 10)).unwrap();
        let heard = self.next().map_err(|error| error.kind());
        assert_eq!(heard, Err(ErrorKind::WouldBlock));
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
    }
}

#[test]
fn it_tells_when_connections_can_be_made_and_at_the_first_signal_that_it_stops() {
    for grace in ["none", "1h"] {
        let ear = Ear::new();
        let server = ear.server(&["--grace", grace, "--drain-timeout", "none"], &[]);
        assert_eq!(ear.word(), "READY=1");
        let mut owed = server.enter();
        stuff(&mut owed);
        server.program.signal(Signal::TERM);
        assert_eq!(ear.word(), "STOPPING=1");
        if grace != "none" {
            exchange(&mut server.enter(), b"hello", b"HELLO");
        }
        server.program.signal(Signal::TERM);
        server.program.finish().expect(1);
        assert!(ear.rest().is_empty());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_supervisor_may_listen_at_an_abstract_address() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    let name = format!("sockmodes-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let ear = Ear(UnixDatagram::bind_addr(&address).unwrap(), tempfile::tempdir().unwrap());
    ear.0.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = sockmodes(Server::args(&[]));
    let server = Server::of(command.env("NOTIFY_SOCKET", format!("@{name}")));
    assert_eq!(ear.word(), "READY=1");
    server.stop();
}

#[test]
fn a_supervisor_that_hears_nothing_keeps_nobody_from_being_served() {
    // Nobody is there; no address at all; and one whose queue is full, for it never reads.
    let ear = Ear::new();
    let path = ear.1.path().join("notify");
    let talker = UnixDatagram::unbound().unwrap();
    talker.set_nonblocking(true).unwrap();
    while talker.send_to(b"X=1", &path).is_ok() {}
    for name in ["/nonexistent/notify", "notify", path.to_str().unwrap()] {
        let mut command = sockmodes(Server::args(&[]));
        command.env("NOTIFY_SOCKET", name).env("WATCHDOG_USEC", "20000");
        let server = Server::of(&mut command);
        exchange(&mut server.enter(), b"hello", b"HELLO");
        let done = server.stop();
        let warned = done.err().matches("cannot tell the supervisor").count();
        assert_eq!(warned, 1, "{name}: {}", done.err());
    }
}

/// What a supervisor asks for here: to hear something at least so often.
const WATCHDOG: Duration = Duration::from_millis(100);

fn watched(ear: &Ear) -> Server {
    let server = ear.server(&["--admin", "127.0.0.1:0"], &[("WATCHDOG_USEC", "100000")]);
    assert_eq!(ear.word(), "READY=1");
    assert_eq!([(); 3].map(|()| ear.word()), ["WATCHDOG=1"; 3]);
    server
}

#[test]
fn the_watchdog_is_silent_while_the_process_stands_still() {
    let ear = Ear::new();
    let server = watched(&ear);
    server.program.signal(Signal::STOP);
    let stat = format!("/proc/{}/stat", server.program.pid());
    eventually("it to stand still", || fs::read_to_string(&stat).unwrap().contains(") T "));
    ear.rest();
    ear.hears_nothing();
    server.program.signal(Signal::CONT);
    assert_eq!(ear.word(), "WATCHDOG=1");
    exchange(&mut server.enter(), b"hello", b"HELLO");
    server.stop();
}

/// The loop's thread alone is held, in a turn that does not end; all others go on, and the admin address
/// answers.
#[test]
fn the_watchdog_is_silent_while_a_turn_does_not_end() {
    let ear = Ear::new();
    let server = watched(&ear);
    let admin = admin::address(&server.program);
    // The loop is on the first thread, which has the process's number.
    let thread = Pid::from_raw(server.program.pid() as i32);
    ptrace::seize(thread, ptrace::Options::empty()).unwrap();
    ptrace::interrupt(thread).unwrap();
    let held = waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap();
    assert!(matches!(held, WaitStatus::PtraceEvent(..) | WaitStatus::Stopped(..)), "{held:?}");
    ear.rest();
    ear.hears_nothing();
    assert_eq!(admin::get(admin, "/healthz").status, 200);
    ptrace::detach(thread, None).unwrap();
    assert_eq!(ear.word(), "WATCHDOG=1");
    server.stop();
}

#[test]
fn a_watchdog_for_another_process_and_one_without_a_time_are_told_nothing() {
    for environment in [
        &[("WATCHDOG_USEC", "20000"), ("WATCHDOG_PID", "1")][..],
        &[("WATCHDOG_USEC", "0")],
        &[("WATCHDOG_USEC", "soon")],
    ] {
        let ear = Ear::new();
        let server = ear.server(&[], environment);
        assert_eq!(ear.word(), "READY=1");
        ear.hears_nothing();
        server.stop();
        assert_eq!(ear.rest(), ["STOPPING=1"], "{environment:?}");
    }
}

//! Listening where others listen, too: at sockets that a supervisor has passed, and at one address in several
//! processes. How systemd itself passes sockets is in `tests/needs/systemd.rs`.

use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use socket2::{Domain, Socket, Type};
use sockmodes::auth::Scheme;

use crate::common::client::{self, connect, eventually, exchange, read_rest, stuff};
use crate::common::process::Program;
use crate::common::program::{SECRET, Server, sockmodes, sockmodes_in_shell};

/// What a shell does for one who passes a socket: the test gives it as standard input.
const PASS: &str = r#"exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@""#;

/// `serve` with `args`, and what was passed.
fn passing(script: &str, socket: impl Into<OwnedFd>, args: &[&str]) -> Program {
    let mut command = sockmodes_in_shell(script, [&["serve"], args].concat());
    command.env("SOCKMODES_SECRET", SECRET);
    let socket = Stdio::from(socket.into());
    Program::start_on(&mut command, socket, Stdio::piped(), Stdio::piped())
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn a_socket_that_was_passed_is_listened_on_in_place_of_the_default() {
    let (listener, address) = listener();
    // Whoever came before the server is served, too.
    let mut early = connect(address);
    let server = Server::listening(passing(PASS, listener, &[]));
    assert_eq!(server.address, address);
    client::answer(&mut early, Scheme::HmacMd5, SECRET.as_bytes());
    for stream in [&mut early, &mut server.enter()] {
        exchange(stream, b"hello", b"HELLO");
    }
    assert_eq!(server.stop().out(), format!("listening on {address}\n"));
}

#[test]
fn and_before_all_that_the_options_name() {
    let (listener, address) = listener();
    let server = Server::listening(passing(PASS, listener, &["--listen", "127.0.0.1:0"]));
    assert_eq!(server.address, address);
    let done = server.stop();
    assert_eq!(done.out().lines().count(), 2, "{}", done.out());
}

#[test]
fn what_was_passed_to_another_process_is_ignored() {
    for said in ["LISTEN_PID=1 LISTEN_FDS=1", "LISTEN_FDS=1", "LISTEN_PID=$$ LISTEN_FDS=0"] {
        let script = format!(r#"exec 3<&0 </dev/null; {said} exec "$@""#);
        let (listener, address) = listener();
        let server = Server::listening(passing(&script, listener, &["--listen", "127.0.0.1:0"]));
        assert_ne!(server.address, address, "{said}");
        assert_eq!(server.stop().out().lines().count(), 1, "{said}");
    }
}

#[test]
fn what_is_no_listening_tcp_socket_is_refused() {
    let socket = |domain| Socket::new(domain, Type::STREAM, None).unwrap();
    let bound = socket(Domain::IPV4);
    bound.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let (listener, address) = listener();
    let folder = tempfile::tempdir().unwrap();
    let others: [(&str, OwnedFd); 7] = [
        ("a file", File::open("/dev/null").unwrap().into()),
        ("udp", UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().into()),
        ("a path", UnixListener::bind(folder.path().join("socket")).unwrap().into()),
        ("a connection", TcpStream::connect(address).unwrap().into()),
        ("bound", bound.into()),
        ("new", socket(Domain::IPV6).into()),
        ("a datagram's", UnixDatagram::unbound().unwrap().into()),
    ];
    for (what, other) in others {
        let done = passing(PASS, other, &[]).finish().expect(1);
        let line = "sockmodes: cannot listen on the sockets that were passed: fd 3 ";
        assert!(
            done.err().starts_with(line) && done.err().lines().count() == 1,
            "{what}: {}",
            done.err()
        );
        assert!(done.out().is_empty());
    }
    for (count, why) in
        [("2", "fd 4 "), ("256", "LISTEN_FDS"), ("many", "LISTEN_FDS"), ("-1", "LISTEN_FDS")]
    {
        let script = PASS.replace("LISTEN_FDS=1", &format!("LISTEN_FDS={count}"));
        let done = passing(&script, listener.try_clone().unwrap(), &[]).finish().expect(1);
        assert!(done.err().contains(why), "{count}: {}", done.err());
    }
}

/// One socket for both kinds, as systemd makes it unless it is told otherwise. Were an IPv4 client's address
/// taken as it comes, all of them would be one source.
#[test]
fn who_comes_by_ipv4_to_a_socket_for_both_has_an_ipv4_address() {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    socket.set_only_v6(false).unwrap();
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()).unwrap();
    socket.listen(16).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    let server = Server::listening(passing(PASS, socket, &["--auth", "none"]));
    let mut stream = connect((Ipv4Addr::LOCALHOST, port).into());
    exchange(&mut stream, b"hello", b"HELLO");
    let peer = stream.local_addr().unwrap();
    let done = server.stop();
    assert!(done.err().contains(&format!("opened conn=1 peer={peer}\n")), "{}", done.err());
}

/// In a drain it takes nobody in, and nobody is lost: they wait for whoever listens next. And the socket,
/// which is still open elsewhere, is none of its business.
#[test]
fn who_comes_in_a_drain_waits_in_the_socket() {
    let (listener, address) = listener();
    let ours = listener.try_clone().unwrap();
    let args = ["--drain-timeout", "none", "--write-timeout", "none", "-vv"];
    let server = Server::listening(passing(PASS, listener, &args));
    let mut owed = server.enter();
    stuff(&mut owed);
    server.program.signal(Signal::TERM);
    server.program.wait_for_log("stopping");
    let late = connect(address);
    read_rest(&mut owed);
    let done = server.program.finish().expect(0);
    assert!(!done.err().contains(&format!("peer={}", late.local_addr().unwrap())));
    assert_eq!(ours.accept().unwrap().1, late.local_addr().unwrap());
    // What ended waits from then on was the one connection, and no listener.
    let (_, drain) = done.err().split_once("stopping").unwrap();
    let [turns, edges] =
        ["turn begins ready=1", "ready conn=1"].map(|it| drain.matches(it).count());
    assert_eq!(turns, edges);
}

/// Two processes at one address, if both say so, and none if one doesn't.
#[test]
fn processes_share_an_address_if_each_is_asked_to() {
    let first = Server::start(&["--reuse-port", "--auth", "none"]);
    let address = first.address.to_string();
    let command = |more: &[&str]| -> Command {
        sockmodes([&["serve", "--auth", "none", "--listen", &address], more].concat())
    };
    let done = Program::start(&mut command(&[])).finish().expect(1);
    assert!(
        done.err().starts_with(&format!("sockmodes: cannot listen on {address}: ")),
        "{}",
        done.err()
    );
    let second = Server::of(&mut command(&["--reuse-port"]));
    assert_eq!(second.address, first.address);
    // The kernel chooses by the client's port: sooner or later each has one.
    let mut streams = Vec::new();
    for server in [&first, &second] {
        eventually("a connection at each", || {
            let mut stream = first.connect();
            exchange(&mut stream, b"hello", b"HELLO");
            streams.push(stream);
            server.program.log_so_far().contains("let in")
        });
    }
    // Without one of them, the other takes all.
    first.stop();
    for _ in 0..50 {
        exchange(&mut second.connect(), b"hello", b"HELLO");
    }
    second.stop();
}

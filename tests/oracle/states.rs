//! What can be asked of a socket: its mode, addresses, options and descriptor; and close.
//!
//! Nothing here waits, but for the `select` that finds a connect unfinished.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::fs::{OFlags, fcntl_getfl};
use sockmodes::socket::{
    self, Access, Error, Mode, ReuseAddr, SendBuffer, Socket, SocketError, SocketType, Type,
};

use crate::bench;
use crate::cell::{self, Cell, LIMIT};
use crate::trial::Trial;

pub(crate) fn trial(cell: &Cell) -> Option<Trial> {
    if cell.op == "close" {
        return Some(close(cell));
    }
    // The descriptor of a connection is asked about while its peer lives.
    let (socket, peer, _keep) = subject(cell)?;
    let op = cell.op.clone();
    let condition = cell.condition.clone();
    Some(Trial::new(move || {
        let _keep = _keep;
        ask(&op, &condition, &socket, peer)
    }))
}

type Subject = (Socket, Option<SocketAddr>, Box<dyn Send>);

/// The socket that is asked, its peer's address, and what has to live meanwhile.
fn subject(cell: &Cell) -> Option<Subject> {
    let condition = cell.condition.as_str();
    let mode = cell.mode();
    if let Some(seconds) = condition.strip_prefix("of-new-socket-default-") {
        return Some((with_default(seconds, || Socket::tcp().unwrap()), None, Box::new(())));
    }
    if let Some(seconds) = condition.strip_prefix("of-accepted-default-") {
        return Some((accepted(mode, seconds), None, Box::new(())));
    }
    if let Some(target) = condition.strip_prefix("after-connect-") {
        return Some(after_connect(mode, target));
    }
    if condition.starts_with("udp-")
        || matches!(condition, "connected" | "peer-closed" | "peer-reset")
    {
        return Some(with_peer(mode, condition));
    }
    Some((by_itself(mode, condition)?, None, Box::new(())))
}

/// A socket to which nobody belongs, after what its program did with it.
fn by_itself(mode: Mode, condition: &str) -> Option<Socket> {
    let mut socket = Socket::tcp().unwrap();
    socket.set_mode(mode).unwrap();
    match condition {
        "after-nothing" | "open" | "not-bound" | "not-connected" => {}
        "SO_REUSEADDR-of-new-socket" | "SO_TYPE-is-SOCK_STREAM" => {}
        "after-setblocking(False)" => socket.set_blocking(false).unwrap(),
        "after-setblocking(True)" => socket.set_blocking(true).unwrap(),
        "of-dup" => socket = socket.try_clone().unwrap(),
        "bound" => socket.bind(bench::localhost()).unwrap(),
        "SO_REUSEADDR-after-set" => socket.set_option(ReuseAddr, true).unwrap(),
        "SO_SNDBUF-after-set-to-32768" => socket.set_option(SendBuffer, 32768).unwrap(),
        "closed-socket" => socket.close().unwrap(),
        "detached" => drop(socket.detach().unwrap().expect("it is open")),
        "socket-open-makefile-closed" => socket.makefile(Access::Read).close().unwrap(),
        "socket-closed-makefile-closed" => {
            let mut file = socket.makefile(Access::Read);
            socket.close().unwrap();
            assert!(socket.fileno().is_some(), "the file keeps it open");
            file.close().unwrap();
        }
        other => {
            let seconds = other.strip_prefix("after-settimeout(")?.strip_suffix(')')?;
            socket.set_timeout(timeout(seconds)).unwrap();
        }
    }
    Some(socket)
}

fn timeout(seconds: &str) -> Option<Duration> {
    (seconds != "None").then(|| Duration::from_secs_f64(seconds.parse().unwrap()))
}

fn with_default<T>(seconds: &str, make: impl FnOnce() -> T) -> T {
    socket::set_default_mode(timeout(seconds).into());
    let made = make();
    socket::set_default_mode(Mode::Blocking);
    made
}

fn accepted(mode: Mode, seconds: &str) -> Socket {
    let listener = Socket::tcp().unwrap();
    listener.bind(bench::localhost()).unwrap();
    listener.listen(1).unwrap();
    let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    bench::until(&listener, PollFlags::IN);
    listener.set_mode(mode).unwrap();
    with_default(seconds, || listener.accept().unwrap().0)
}

/// A socket that has tried to connect in its mode, whatever came of it.
fn after_connect(mode: Mode, target: &str) -> Subject {
    let (address, keep): (SocketAddr, Box<dyn Send>) = match target {
        "listening" => {
            let listener = bench::listener();
            (listener.local_addr().unwrap(), Box::new(listener))
        }
        "refused" => {
            let (address, holder) = bench::refusing();
            (address, Box::new(holder))
        }
        "backlog-full" => {
            let (address, backlog) = bench::full_backlog();
            (address, Box::new(backlog))
        }
        other => panic!("nothing to connect to: {other}"),
    };
    let socket = Socket::tcp().unwrap();
    socket.set_mode(mode).unwrap();
    let _ = socket.connect(address);
    if target != "backlog-full" {
        bench::until(&socket, PollFlags::OUT);
    }
    (socket, Some(address), keep)
}

fn with_peer(mode: Mode, condition: &str) -> Subject {
    if condition.starts_with("udp-") {
        let (socket, peer) = bench::udp();
        let address = peer.local_addr().unwrap();
        if condition == "udp-connected" {
            socket.connect(address).unwrap();
        }
        return (socket, Some(address), Box::new(peer));
    }
    let (socket, peer) = bench::connected();
    let address = peer.local_addr().unwrap();
    let mut keep: Box<dyn Send> = Box::new(());
    match condition {
        "peer-closed" => bench::close(peer, &socket),
        "peer-reset" => bench::reset_and_wait(peer, &socket),
        _ => keep = Box::new(peer),
    }
    socket.set_mode(mode).unwrap();
    (socket, Some(address), keep)
}

fn ask(op: &str, condition: &str, socket: &Socket, peer: Option<SocketAddr>) -> String {
    match op {
        "O_NONBLOCK" => {
            let flags = fcntl_getfl(socket.descriptor().unwrap()).unwrap();
            if flags.contains(OFlags::NONBLOCK) { "set".into() } else { "clear".into() }
        }
        "SO_ERROR" => cell::state(socket.option(SocketError), cell::errno),
        "select-writable" => select(socket),
        "getblocking" => python_bool(socket.is_blocking()),
        "gettimeout" => socket.mode().to_string(),
        "fileno" => socket.fileno().map_or("-1".into(), |_| "valid".into()),
        "getpeername" => cell::state(socket.peer_addr(), |address| {
            assert_eq!(Some(address), peer);
            "address-of-peer".into()
        }),
        "getsockname" => cell::state(socket.local_addr(), |address| match address.port() {
            0 => address.to_string(),
            _ => format!("{}:port", address.ip()),
        }),
        "getsockopt" => option(condition, socket),
        "setsockopt" => cell::done(socket.set_option(ReuseAddr, true)),
        "setblocking" => cell::done(socket.set_blocking(false)),
        "settimeout" => cell::done(socket.set_timeout(Some(Duration::from_secs(1)))),
        other => panic!("nothing to ask: {other}"),
    }
}

fn option(condition: &str, socket: &Socket) -> String {
    if condition.starts_with("SO_SNDBUF") {
        cell::state(socket.option(SendBuffer), |bytes| bytes.to_string())
    } else if condition.starts_with("SO_TYPE") {
        cell::state(socket.option(SocketType), |kind| python_bool(kind == Type::STREAM))
    } else {
        cell::state(socket.option(ReuseAddr), |on| u8::from(on).to_string())
    }
}

/// `select` for writing with the limit of timeout mode, then SO_ERROR.
fn select(socket: &Socket) -> String {
    if !bench::ready(socket.descriptor().unwrap(), PollFlags::OUT, LIMIT) {
        return "not-writable".into();
    }
    cell::state(socket.option(SocketError), |error| {
        format!("writable,SO_ERROR={}", cell::errno(error))
    })
}

fn python_bool(value: bool) -> String {
    if value { "True".into() } else { "False".into() }
}

fn close(cell: &Cell) -> Trial {
    let (socket, peer) = bench::connected();
    let (condition, mode) = (cell.condition.clone(), cell.mode());
    socket.set_mode(mode).unwrap();
    match condition.as_str() {
        "open" => {}
        "closed-socket" => socket.close().unwrap(),
        "bytes-delivered-that-were-sent-before" => drop(socket.send(b"hello").unwrap()),
        other => panic!("no such condition of close: {other}"),
    }
    Trial::new(move || {
        socket.close().unwrap();
        assert!(matches!(socket.recv(1), Err(Error::Os(_))));
        match condition.starts_with("bytes-") {
            true => format!("peer-got:{}", bench::drain(peer)),
            false => "ok".into(),
        }
    })
}

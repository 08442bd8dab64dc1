//! The conditions of connect, connect_ex and accept.
//!
//! `states.rs` has what can be asked of a socket afterwards.

use std::net::{SocketAddr, TcpStream};

use rustix::event::PollFlags;
use sockmodes::socket::{Mode, Socket};

use crate::bench;
use crate::cell::{self, Cell};
use crate::rain::feel_signals;
use crate::trial::Trial;

pub(crate) fn trial(cell: &Cell) -> Option<Trial> {
    match cell.op.as_str() {
        "accept" => Some(accept(cell)),
        "create_connection" => Some(create(cell)),
        "connect" | "connect_ex" => {
            let mut trial = connect(cell, cell.condition.trim_start_matches("signals-"));
            trial.signals = cell.condition.starts_with("signals-");
            Some(trial)
        }
        _ => None,
    }
}

fn connect(cell: &Cell, condition: &str) -> Trial {
    let socket = if condition == "udp" { Socket::udp() } else { Socket::tcp() }.unwrap();
    if cell.condition.starts_with("signals-") {
        feel_signals(&socket);
    }
    match condition {
        "listening" | "udp" => {
            let listener = bench::listener();
            let to = listener.local_addr().unwrap();
            attempt(cell, socket, to, listener)
        }
        "refused" => {
            let (to, holder) = bench::refusing();
            attempt(cell, socket, to, holder)
        }
        "backlog-full" => {
            let (to, backlog) = bench::full_backlog();
            attempt(cell, socket, to, backlog)
        }
        "closed-socket" => closed(cell, socket),
        "already-connected" => {
            let listener = bench::listener();
            let to = listener.local_addr().unwrap();
            socket.connect(to).unwrap();
            attempt(cell, socket, to, listener)
        }
        "listening-socket" => {
            let listener = bench::listener();
            socket.bind(bench::localhost()).unwrap();
            socket.listen(1).unwrap();
            attempt(cell, socket, listener.local_addr().unwrap(), listener)
        }
        later => later_call(cell, later, socket),
    }
}

fn closed(cell: &Cell, socket: Socket) -> Trial {
    let (mode, op) = (cell.mode(), cell.op.clone());
    socket.set_mode(mode).unwrap();
    socket.close().unwrap();
    Trial::new(move || call(&op, &socket, (std::net::Ipv4Addr::LOCALHOST, 9).into()))
}

/// The second call and the third, after one that goes on, or went on, in the background.
fn later_call(cell: &Cell, condition: &str, socket: Socket) -> Trial {
    let first_mode = if condition.ends_with("-in-mode") { cell.mode() } else { Mode::NonBlocking };
    socket.set_mode(first_mode).unwrap();
    if condition.contains("success") {
        let listener = bench::listener();
        let to = listener.local_addr().unwrap();
        in_background(condition, &socket, to, Some(PollFlags::OUT));
        attempt(cell, socket, to, listener)
    } else if condition.contains("refusal") {
        let (to, holder) = bench::refusing();
        in_background(condition, &socket, to, Some(PollFlags::OUT));
        attempt(cell, socket, to, holder)
    } else {
        let (to, backlog) = bench::full_backlog();
        in_background(condition, &socket, to, None);
        attempt(cell, socket, to, backlog)
    }
}

fn in_background(condition: &str, socket: &Socket, to: SocketAddr, ended: Option<PollFlags>) {
    let first = socket.connect(to).unwrap_err();
    assert!(first.is_in_progress() || first.is_timed_out(), "{first}");
    if let Some(flags) = ended {
        bench::until(socket, flags);
    }
    if condition.starts_with("third-") {
        let _ = socket.connect_ex(to);
    }
}

/// The mode is set just before the call, and `keep` lives until it has ended.
fn attempt(cell: &Cell, socket: Socket, to: SocketAddr, keep: impl Send + 'static) -> Trial {
    let (mode, op) = (cell.mode(), cell.op.clone());
    let waker = bench::waker(&socket);
    Trial::new(move || {
        let _keep = keep;
        socket.set_mode(mode).unwrap();
        call(&op, &socket, to)
    })
    .waker(waker)
}

fn call(op: &str, socket: &Socket, to: SocketAddr) -> String {
    match op {
        "connect" => cell::done(socket.connect(to)),
        _ => cell::errno(socket.connect_ex(to)),
    }
}

/// A connection in one call, which makes the socket itself: nobody else has it, to wake it, so no cell waits for ever.
fn create(cell: &Cell) -> Trial {
    let attempt = |to: SocketAddr, keep: Box<dyn Send>| {
        let mode = cell.mode();
        Trial::new(move || {
            let _keep = keep;
            cell::done(Socket::create_connection(to, mode, None).map(drop))
        })
    };
    match cell.condition.as_str() {
        "listening" => {
            let listener = bench::listener();
            attempt(listener.local_addr().unwrap(), Box::new(listener))
        }
        "refused" => {
            let (to, holder) = bench::refusing();
            attempt(to, Box::new(holder))
        }
        "backlog-full" => {
            let (to, backlog) = bench::full_backlog();
            attempt(to, Box::new(backlog))
        }
        other => panic!("no such condition of create_connection: {other}"),
    }
}

fn accept(cell: &Cell) -> Trial {
    let socket = Socket::tcp().unwrap();
    let condition = cell.condition.as_str();
    let mode = cell.mode();
    if condition == "closed-socket" {
        socket.set_mode(mode).unwrap();
        socket.close().unwrap();
        return Trial::new(move || cell::done(socket.accept().map(drop)));
    }
    if condition != "not-bound" {
        socket.bind(bench::localhost()).unwrap();
    }
    if !matches!(condition, "not-bound" | "bound-not-listening") {
        socket.listen(8).unwrap();
    }
    let address = socket.local_addr().unwrap();
    let mut pending = None;
    if condition.starts_with("connection-pending") {
        let peer = TcpStream::connect(address).unwrap();
        bench::until(&socket, PollFlags::IN);
        if condition.ends_with("-but-reset") {
            bench::reset(peer);
        } else {
            pending = Some(peer);
        }
    }
    let waker = bench::waker(&socket);
    let trial = Trial::new(move || {
        let _pending = pending;
        socket.set_mode(mode).unwrap();
        cell::done(socket.accept().map(drop))
    })
    .waker(waker);
    match condition {
        "connection-after-100ms" => trial.peer(move || drop(TcpStream::connect(address))),
        _ => trial,
    }
}

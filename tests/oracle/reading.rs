//! The conditions of everything that reads: recv and its kin, and the files that read.
//!
//! `writing.rs` is its mirror image.

use std::io::{IoSliceMut, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use sockmodes::socket::{Access, Error, File, Flags, Mode, RawFile, Socket};

use crate::bench::{self, LINE};
use crate::cell::{self, Cell};
use crate::datagrams;
use crate::rain::feel_signals;
use crate::trial::Trial;

/// What reads, and how much.
pub(crate) struct Reading {
    pub(crate) socket: Socket,
    how: How,
    ask: usize,
    /// What an answer without bytes is called: end of input on a stream.
    nothing: &'static str,
    waker: OwnedFd,
}

enum How {
    Recv(Flags),
    RecvInto,
    RecvFrom,
    RecvMsg,
    RecvMsgInto,
    Raw(RawFile),
    RawToEnd(RawFile),
    File(File),
    FileToEnd(File),
    FileInto(File),
    Once(File),
    Peek(File),
    Line(File),
}

pub(crate) fn trial(cell: &Cell) -> Option<Trial> {
    let condition = cell.condition.trim_start_matches("signals-");
    let op = cell.op.as_str();
    if !op.starts_with("recv") && (!op.starts_with("makefile-") || op.contains("write")) {
        return None;
    }
    let mut trial = if condition.starts_with("udp-") {
        datagrams::udp(cell, condition)
    } else {
        alone(cell, condition).unwrap_or_else(|| tcp(cell, condition))
    };
    trial.signals = cell.condition.starts_with("signals-");
    Some(trial)
}

impl Reading {
    pub(crate) fn new(cell: &Cell, socket: Socket) -> Self {
        let to_end = cell.condition.starts_with("until-eof");
        let access =
            if cell.condition == "opened-for-writing-only" { Access::Write } else { Access::Read };
        let how = match cell.op.as_str() {
            "recv" => How::Recv(Flags::empty()),
            "recv-dontwait" => How::Recv(Flags::DONTWAIT),
            "recv-peek" => How::Recv(Flags::PEEK),
            "recv-waitall" => How::Recv(Flags::WAITALL),
            "recv_into" => How::RecvInto,
            "recvfrom" => How::RecvFrom,
            "recvmsg" => How::RecvMsg,
            "recvmsg_into" => How::RecvMsgInto,
            "makefile-raw-read" if to_end => How::RawToEnd(socket.makefile_raw(access)),
            "makefile-raw-read" => How::Raw(socket.makefile_raw(access)),
            "makefile-read" if to_end => How::FileToEnd(socket.makefile(access)),
            "makefile-read" => How::File(socket.makefile(access)),
            "makefile-readinto" => How::FileInto(socket.makefile(access)),
            "makefile-read1" => How::Once(socket.makefile(access)),
            "makefile-peek" => How::Peek(socket.makefile(access)),
            "makefile-readline" => How::Line(socket.makefile(access)),
            other => unreachable!("{other} does not read"),
        };
        let ask = match cell.condition.as_str() {
            "data-ready-more-than-asked" | "udp-datagram-larger-than-asked" => 3,
            "zero-length-no-data" | "zero-length-closed-socket" | "udp-zero-length-no-data" => 0,
            _ => 5,
        };
        let datagrams = cell.condition.starts_with("udp-");
        let nothing = if datagrams || ask == 0 { "ok:0" } else { "eof" };
        let waker = bench::waker(&socket);
        Reading { socket, how, ask, nothing, waker }
    }

    fn read(&mut self) -> String {
        let ask = self.ask;
        let read = match &mut self.how {
            How::Recv(flags) => self.socket.recv_with(ask, *flags).map(|bytes| Some(bytes.len())),
            How::RecvInto => self.socket.recv_into(&mut vec![0; ask]).map(Some),
            How::RecvFrom => self.socket.recv_from(ask).map(|(bytes, _)| Some(bytes.len())),
            How::RecvMsg => self
                .socket
                .recv_msg(ask, 64, Flags::empty())
                .map(|message| Some(message.bytes.len())),
            How::RecvMsgInto => {
                let (mut two, mut rest) = ([0; 2], vec![0; ask - 2]);
                let mut buffers = [IoSliceMut::new(&mut two), IoSliceMut::new(&mut rest)];
                let message = self.socket.recv_msg_into(&mut buffers, 64, Flags::empty());
                message.map(|message| Some(message.count))
            }
            How::Raw(file) => file.read(ask).map(count),
            How::RawToEnd(file) => file.read_to_end().map(count),
            How::File(file) => file.read(ask).map(count),
            How::FileToEnd(file) => file.read_to_end().map(count),
            How::FileInto(file) => file.read_into(&mut vec![0; ask]),
            How::Once(file) => file.read_once(ask).map(|bytes| Some(bytes.len())),
            How::Peek(file) => file.peek().map(|bytes| Some(bytes.len())),
            How::Line(file) => file.read_line().map(|line| Some(line.len())),
        };
        match read {
            Ok(None) => "none".into(),
            Ok(Some(0)) => self.nothing.into(),
            Ok(Some(count)) => format!("ok:{count}"),
            Err(error) => cell::error(&error),
        }
    }

    /// The trial: the mode is set just before the operation, and `keep` lives until it has ended.
    pub(crate) fn trial(mut self, mode: Mode, keep: impl Send + 'static) -> Trial {
        let waker = self.waker.try_clone().unwrap();
        let operation = move || {
            let _keep = keep;
            // A closed socket remembers the mode and says EBADF.
            let _ = self.socket.set_mode(mode);
            self.read()
        };
        Trial::new(operation).waker(waker)
    }
}

fn count(bytes: Option<Vec<u8>>) -> Option<usize> {
    bytes.map(|bytes| bytes.len())
}

/// The conditions without a peer.
fn alone(cell: &Cell, condition: &str) -> Option<Trial> {
    match condition {
        "not-connected" => Some(Reading::new(cell, Socket::tcp().unwrap()).trial(cell.mode(), ())),
        "closed-socket" | "zero-length-closed-socket" => {
            let reading = Reading::new(cell, Socket::tcp().unwrap());
            reading.socket.close().unwrap();
            Some(reading.trial(cell.mode(), ()))
        }
        _ => None,
    }
}

fn tcp(cell: &Cell, condition: &str) -> Trial {
    let (socket, mut peer) = bench::connected();
    if cell.condition.starts_with("signals-") {
        feel_signals(&socket);
    }
    let mut reading = Reading::new(cell, socket);
    let later = peer.try_clone().unwrap();
    let socket = &mut reading.socket;
    match delivered(condition) {
        Some(bytes) => {
            if condition == "data-ready-after-earlier-timeout" {
                socket.set_mode(Mode::Timeout(Duration::from_millis(1))).unwrap();
                assert!(matches!(socket.recv(5), Err(Error::TimedOut)));
            }
            bench::deliver(&mut peer, bytes, socket);
        }
        None if condition == "own-shutdown-read" => socket.shutdown(Shutdown::Read).unwrap(),
        None => return ending(cell, condition, reading, peer, later),
    }
    if condition == "socket-closed-file-open-data-ready" {
        socket.close().unwrap();
    }
    prepare_file(condition, &mut reading);
    let trial = reading.trial(cell.mode(), peer);
    match condition {
        "part-ready-rest-after-100ms" => {
            act(trial, later, |peer| peer.write_all(&LINE[3..]).unwrap())
        }
        _ => trial,
    }
}

/// What has come when the operation begins, in the conditions in which the peer lives on.
fn delivered(condition: &str) -> Option<&'static [u8]> {
    Some(match condition {
        "data-ready" | "data-ready-more-than-asked" | "file-closed" => b"hello",
        "data-ready-after-earlier-timeout" | "until-eof-peer-never-closes" => b"hello",
        "socket-closed-file-open-data-ready" => b"hello",
        "line-ready" => LINE,
        "two-lines-ready" | "second-of-two-lines-ready" => b"hello\nworld\n",
        "second-line-after-unbuffered-makefile-readline" => b"hello\nworld\n",
        "part-ready-rest-after-100ms" | "part-ready-rest-never-comes" => &LINE[..3],
        _ => return None,
    })
}

/// What the file under test has been through before.
fn prepare_file(condition: &str, reading: &mut Reading) {
    match (&mut reading.how, condition) {
        (How::Raw(file), "file-closed") => file.close().unwrap(),
        (
            How::File(file) | How::FileInto(file) | How::Once(file) | How::Peek(file),
            "file-closed",
        ) => file.close().unwrap(),
        (How::Line(file), "second-of-two-lines-ready") => {
            assert_eq!(file.read_line().unwrap(), LINE);
        }
        (How::Recv(_), "second-line-after-unbuffered-makefile-readline") => {
            assert_eq!(reading.socket.makefile_raw(Access::Read).read_line().unwrap(), LINE);
            reading.ask = LINE.len();
        }
        _ => {}
    }
}

/// The conditions in which the peer has ended the connection, or says nothing.
fn ending(
    cell: &Cell,
    condition: &str,
    reading: Reading,
    mut peer: TcpStream,
    mut later: TcpStream,
) -> Trial {
    let (mode, socket) = (cell.mode(), &reading.socket);
    match condition {
        "no-data-ever" | "zero-length-no-data" | "opened-for-writing-only" => {
            reading.trial(mode, (peer, later))
        }
        "peer-closed" => {
            drop(peer);
            bench::close(later, socket);
            reading.trial(mode, ())
        }
        "data-then-peer-closed" | "until-eof-peer-closed" => {
            bench::deliver(&mut peer, b"hello", socket);
            drop(peer);
            bench::close(later, socket);
            reading.trial(mode, ())
        }
        "part-ready-then-peer-closed" => {
            later.write_all(&LINE[..3]).unwrap();
            drop(peer);
            bench::close(later, socket);
            reading.trial(mode, ())
        }
        "peer-reset" => {
            drop(peer);
            bench::reset_and_wait(later, socket);
            reading.trial(mode, ())
        }
        _ => acting_later(mode, condition, reading, peer, later),
    }
}

/// The conditions in which the peer does something while the operation waits.
fn acting_later(
    mode: Mode,
    condition: &str,
    reading: Reading,
    peer: TcpStream,
    later: TcpStream,
) -> Trial {
    match condition {
        "data-after-100ms" => {
            act(reading.trial(mode, peer), later, |peer| peer.write_all(b"hello").unwrap())
        }
        "line-after-100ms" => {
            act(reading.trial(mode, peer), later, |peer| peer.write_all(LINE).unwrap())
        }
        "peer-closes-after-100ms" => {
            drop(peer);
            reading.trial(mode, ()).peer(move || drop(later))
        }
        "peer-resets-after-100ms" => {
            drop(peer);
            reading.trial(mode, ()).peer(move || bench::reset(later))
        }
        other => panic!("no such condition of reading: {other}"),
    }
}

/// The peer acts and lives on: its other half is with the operation.
fn act(
    trial: Trial,
    mut peer: TcpStream,
    act: impl FnOnce(&mut TcpStream) + Send + 'static,
) -> Trial {
    trial.peer(move || act(&mut peer))
}

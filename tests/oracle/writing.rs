//! The conditions of everything that writes: send and its kin, and the files that write.
//!
//! `connecting.rs` is what comes before all of it.

use std::io::{IoSlice, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rustix::event::PollFlags;
use sockmodes::socket::{Access, Error, File, Flags, Mode, RawFile, Result, Socket};

use crate::bench::{self, LARGE};
use crate::cell::{self, Cell};
use crate::trial::Trial;

/// What writes, and what.
struct Writing {
    socket: Socket,
    how: How,
    bytes: &'static [u8],
}

enum How {
    Send,
    SendAll,
    SendTo(std::net::SocketAddr),
    SendMsg,
    SendFile(std::fs::File),
    Raw(RawFile),
    Flush(File),
}

pub(crate) fn trial(cell: &Cell) -> Option<Trial> {
    match cell.op.as_str() {
        "makefile-write" => Some(file(cell)),
        "sendto" => Some(sendto(cell)),
        "send" | "sendmsg" if cell.condition.starts_with("udp-") => Some(udp(cell)),
        "send"
        | "sendall"
        | "sendfile"
        | "sendmsg"
        | "makefile-raw-write"
        | "makefile-write-flush" => Some(alone(cell).unwrap_or_else(|| tcp(cell))),
        _ => None,
    }
}

impl Writing {
    fn new(cell: &Cell, socket: Socket) -> Self {
        let bytes: &[u8] = match cell.condition.as_str() {
            long if long.starts_with("larger-than-buffer") => &LARGE,
            empty if empty.starts_with("zero-length") => b"",
            _ => b"hello",
        };
        let how = match cell.op.as_str() {
            "send" => How::Send,
            "sendall" => How::SendAll,
            "sendmsg" => How::SendMsg,
            "sendfile" => {
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(bytes).unwrap();
                How::SendFile(file)
            }
            "makefile-raw-write" => How::Raw(socket.makefile_raw(Access::Write)),
            "makefile-write-flush" => How::Flush(socket.makefile(Access::Write)),
            other => unreachable!("{other} does not write"),
        };
        Writing { socket, how, bytes }
    }

    fn write(&mut self) -> String {
        let bytes = self.bytes;
        let written = match &mut self.how {
            How::SendAll => return cell::done(self.socket.send_all(bytes)),
            How::Send => self.socket.send(bytes).map(Some),
            How::SendTo(to) => self.socket.send_to(bytes, *to).map(Some),
            How::SendMsg => {
                let (start, rest) = bytes.split_at(bytes.len().min(2));
                let parts = [IoSlice::new(start), IoSlice::new(rest)];
                self.socket.send_msg(&parts, &[], Flags::empty(), None).map(Some)
            }
            How::SendFile(file) => {
                self.socket.send_file(file, 0, None).map(|count| Some(count as usize))
            }
            How::Raw(file) => file.write(bytes),
            How::Flush(file) => {
                file.write(bytes).and_then(|count| file.flush().map(|()| Some(count)))
            }
        };
        self.told(written)
    }

    fn told(&self, written: Result<Option<usize>>) -> String {
        match written {
            Ok(None) => "none".into(),
            Ok(Some(count)) if self.bytes.len() < 16 => format!("ok:{count}"),
            Ok(Some(count)) if count == self.bytes.len() => "ok:all".into(),
            Ok(Some(_)) => "ok:partial".into(),
            Err(error) => cell::error(&error),
        }
    }

    /// The trial: the mode is set just before the operation, and `keep` lives until it has ended.
    fn trial(mut self, mode: Mode, keep: impl Send + 'static) -> Trial {
        let waker = self.socket.fileno().map(|_| bench::waker(&self.socket));
        let trial = Trial::new(move || {
            let _keep = keep;
            // A closed socket remembers the mode and says EBADF.
            let _ = self.socket.set_mode(mode);
            self.write()
        });
        match waker {
            Some(waker) => trial.waker(waker),
            None => trial,
        }
    }
}

/// The conditions without a peer that has accepted.
fn alone(cell: &Cell) -> Option<Trial> {
    let socket = || Socket::tcp().unwrap();
    match cell.condition.as_str() {
        "not-connected" | "zero-length-not-connected" => {
            Some(Writing::new(cell, socket()).trial(cell.mode(), ()))
        }
        "closed-socket" | "zero-length-closed-socket" => {
            let writing = Writing::new(cell, socket());
            writing.socket.close().unwrap();
            Some(writing.trial(cell.mode(), ()))
        }
        "connect-in-progress" => {
            let (address, backlog) = bench::full_backlog();
            let writing = Writing::new(cell, socket());
            writing.socket.set_mode(Mode::NonBlocking).unwrap();
            assert!(writing.socket.connect(address).unwrap_err().is_in_progress());
            Some(writing.trial(cell.mode(), backlog))
        }
        _ => None,
    }
}

fn tcp(cell: &Cell) -> Trial {
    let (socket, peer) = bench::connected();
    let (mut writing, mode) = (Writing::new(cell, socket), cell.mode());
    let condition = cell.condition.as_str();
    if condition.starts_with("buffer-full") {
        bench::fill(&writing.socket);
    }
    match condition {
        "buffer-has-room" | "zero-length" => writing.trial(mode, peer),
        "buffer-full-peer-never-reads" | "larger-than-buffer-peer-never-reads" => {
            writing.trial(mode, peer)
        }
        "own-shutdown-write" => {
            writing.socket.shutdown(Shutdown::Write).unwrap();
            writing.trial(mode, peer)
        }
        "peer-closed" => {
            bench::close(peer, &writing.socket);
            writing.trial(mode, ())
        }
        "peer-closed-second-write" => {
            bench::close(peer, &writing.socket);
            second_write(&mut writing);
            writing.trial(mode, ())
        }
        "peer-reset" => {
            bench::reset_and_wait(peer, &writing.socket);
            writing.trial(mode, ())
        }
        "peer-reset-second-write" => {
            bench::reset_and_wait(peer, &writing.socket);
            assert_eq!(writing.write(), "errno:ECONNRESET");
            writing.trial(mode, ())
        }
        _ => acting_later(writing.trial(mode, ()), condition, peer),
    }
}

/// The conditions in which the peer does something while the operation waits.
fn acting_later(trial: Trial, condition: &str, peer: TcpStream) -> Trial {
    match condition {
        "buffer-full-peer-drains-after-100ms" | "larger-than-buffer-peer-drains-after-100ms" => {
            trial.peer(move || {
                bench::drain(peer);
            })
        }
        "larger-than-buffer-peer-slow-total-above-timeout" => {
            trial.peer(move || bench::drain_slowly(peer))
        }
        "buffer-full-peer-resets-after-100ms" => trial.peer(move || bench::reset(peer)),
        other => panic!("no such condition of writing: {other}"),
    }
}

/// The first write after the peer has closed succeeds, and is answered with a reset.
fn second_write(writing: &mut Writing) {
    assert!(writing.write().starts_with("ok"));
    bench::until(&writing.socket, PollFlags::empty());
}

fn udp(cell: &Cell) -> Trial {
    let writing = Writing::new(cell, Socket::udp().unwrap());
    match cell.condition.as_str() {
        "udp-not-connected" => {}
        "udp-connected-port-unreachable-second" => {
            writing.socket.connect(bench::unreachable()).unwrap();
            writing.socket.send(b"hello").unwrap();
            bench::until(&writing.socket, PollFlags::empty());
        }
        other => panic!("no such condition of UDP: {other}"),
    }
    writing.trial(cell.mode(), ())
}

fn sendto(cell: &Cell) -> Trial {
    let (mut socket, peer) = bench::udp();
    let (mut to, mut bytes): (_, &'static [u8]) = (peer.local_addr().unwrap(), b"hello");
    let mut connected: Option<TcpStream> = None;
    match cell.condition.as_str() {
        "udp-somebody-receives" => peer.connect(socket.local_addr().unwrap()).unwrap(),
        "udp-zero-length" => bytes = b"",
        "udp-datagram-too-large" => bytes = &LARGE,
        "udp-closed-socket" => socket.close().unwrap(),
        "udp-port-unreachable" => to = bench::unreachable(),
        "udp-port-unreachable-second" => {
            to = bench::unreachable();
            // Bound to one address of this machine, it can't send to another one's port 9; unbound it can.
            socket = Socket::udp().unwrap();
            socket.send_to(b"hello", to).unwrap();
        }
        "tcp-not-connected" => socket = Socket::tcp().unwrap(),
        "tcp-connected-address-ignored" => {
            let (tcp, peer) = bench::connected();
            (socket, connected) = (tcp, Some(peer));
        }
        other => panic!("no such condition of sendto: {other}"),
    }
    Writing { socket, how: How::SendTo(to), bytes }.trial(cell.mode(), (peer, connected))
}

/// A buffered write by itself: what the call says, and what the peer has got of it.
fn file(cell: &Cell) -> Trial {
    let (socket, peer) = match cell.condition.as_str() {
        "small-not-connected" => (Socket::tcp().unwrap(), None),
        _ => {
            let (socket, peer) = bench::connected();
            (socket, Some(peer))
        }
    };
    let reading_only = cell.condition == "opened-for-reading-only";
    let mut file = socket.makefile(if reading_only { Access::Read } else { Access::Write });
    let (condition, mode) = (cell.condition.clone(), cell.mode());
    if condition == "file-closed" {
        file.close().unwrap();
    }
    Trial::new(move || {
        socket.set_mode(mode).unwrap();
        let written = file.write(b"hello");
        let after: Result<(), Error> = match condition.as_str() {
            "small-flushed" => file.flush(),
            "small-file-closed-after" => file.close(),
            _ => Ok(()),
        };
        match (
            condition.starts_with("small-"),
            peer,
            written.and_then(|count| after.map(|()| count)),
        ) {
            (true, Some(peer), Ok(_)) => format!("peer-got:{}", got(&peer)),
            (_, _, Ok(count)) => format!("ok:{count}"),
            (_, _, Err(error)) => cell::error(&error),
        }
    })
}

/// How many bytes have arrived; loopback delivers within the call that sends, so nothing now is nothing.
fn got(mut peer: &TcpStream) -> usize {
    use std::io::Read;
    if bench::ready(peer, PollFlags::IN, Duration::from_millis(20)) {
        peer.read(&mut [0; 64]).unwrap()
    } else {
        0
    }
}

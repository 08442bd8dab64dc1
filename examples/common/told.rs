//! How a result is written down in a lesson, so that Rust and Python print the same words.
//!
//! `examples/python/common.py` has the same function, `told`; change them together.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;
use sockmodes::socket::{Error, Mode, SendAllError, Socket};

/// Something that a step can print as its result.
pub(crate) trait Told {
    /// In a few words, which are the same in Python.
    fn told(&self) -> String;
}

impl<T: Told, E: Told> Told for Result<T, E> {
    fn told(&self) -> String {
        match self {
            Ok(value) => value.told(),
            Err(error) => error.told(),
        }
    }
}

impl<T: Told> Told for Option<T> {
    fn told(&self) -> String {
        self.as_ref().map_or_else(|| "None".into(), Told::told)
    }
}

impl Told for () {
    fn told(&self) -> String {
        "ok".into()
    }
}

impl Told for bool {
    fn told(&self) -> String {
        if *self { "True" } else { "False" }.into()
    }
}

impl Told for usize {
    fn told(&self) -> String {
        self.to_string()
    }
}

/// Bytes that differ from run to run: a lesson prints how many there are.
pub(crate) struct Counted<T>(pub(crate) T);

impl<T: AsRef<[u8]>> Told for Counted<T> {
    fn told(&self) -> String {
        format!("{} bytes", self.0.as_ref().len())
    }
}

/// A count that differs from run to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Varies(pub(crate) usize);

impl Told for Varies {
    fn told(&self) -> String {
        format!("~{}", self.0)
    }
}

impl Told for String {
    fn told(&self) -> String {
        self.clone()
    }
}

/// What `connect_ex` and SO_ERROR give: an errno, 0 for none. Its name says more than its number.
impl Told for i32 {
    fn told(&self) -> String {
        if *self == 0 { "0".into() } else { errno_name(*self) }
    }
}

/// Short bytes as text, long ones counted.
impl Told for Vec<u8> {
    fn told(&self) -> String {
        if self.len() > 40 {
            format!("{} bytes", self.len())
        } else {
            format!("\"{}\"", self.escape_ascii())
        }
    }
}

/// As Python prints `gettimeout()`.
impl Told for Mode {
    fn told(&self) -> String {
        self.to_string()
    }
}

impl Told for Duration {
    fn told(&self) -> String {
        Mode::Timeout(*self).to_string()
    }
}

impl Told for SocketAddr {
    fn told(&self) -> String {
        self.to_string()
    }
}

/// What `accept` gives.
impl Told for (Socket, SocketAddr) {
    fn told(&self) -> String {
        format!("a socket, from {}", self.1)
    }
}

/// The same, of a socket that is needed afterwards.
impl Told for (&Socket, SocketAddr) {
    fn told(&self) -> String {
        format!("a socket, from {}", self.1)
    }
}

/// What `recvfrom` gives.
impl Told for (&Vec<u8>, Option<SocketAddr>) {
    fn told(&self) -> String {
        format!("{} from {}", self.0.told(), self.1.told())
    }
}

impl Told for Error {
    fn told(&self) -> String {
        match self {
            Error::TimedOut => "TimedOut".into(),
            other => other.raw_os_error().map_or_else(|| other.to_string(), errno_name),
        }
    }
}

impl Told for SendAllError {
    fn told(&self) -> String {
        self.source.told()
    }
}

/// std's errors, for the lessons that put std beside this library.
impl Told for io::Error {
    fn told(&self) -> String {
        self.raw_os_error().map_or_else(|| self.to_string(), errno_name)
    }
}

/// The name of an errno, which is the same on every Unix; the number is not.
pub(crate) fn errno_name(number: i32) -> String {
    const NAMES: [(Errno, &str); 16] = [
        (Errno::AGAIN, "EAGAIN"),
        (Errno::INPROGRESS, "EINPROGRESS"),
        (Errno::ALREADY, "EALREADY"),
        (Errno::ISCONN, "EISCONN"),
        (Errno::NOTCONN, "ENOTCONN"),
        (Errno::CONNREFUSED, "ECONNREFUSED"),
        (Errno::CONNRESET, "ECONNRESET"),
        (Errno::CONNABORTED, "ECONNABORTED"),
        (Errno::TIMEDOUT, "ETIMEDOUT"),
        (Errno::PIPE, "EPIPE"),
        (Errno::BADF, "EBADF"),
        (Errno::INVAL, "EINVAL"),
        (Errno::ADDRINUSE, "EADDRINUSE"),
        (Errno::DESTADDRREQ, "EDESTADDRREQ"),
        (Errno::MSGSIZE, "EMSGSIZE"),
        (Errno::NOPROTOOPT, "ENOPROTOOPT"),
    ];
    let known = NAMES.iter().find(|(errno, _)| errno.raw_os_error() == number);
    known.map_or_else(|| format!("errno {number}"), |(_, name)| (*name).to_owned())
}

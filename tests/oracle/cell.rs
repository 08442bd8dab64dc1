//! A row of the table, and which rows the API can't express. It runs nothing; `trial.rs`, to read next, does.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use sockmodes::socket::{Error, Mode};

/// The timeout of every cell whose mode is `timeout`.
pub(crate) const LIMIT: Duration = Duration::from_millis(300);

/// One operation in one mode under one condition, and what CPython made of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cell {
    pub(crate) op: String,
    pub(crate) mode: String,
    pub(crate) condition: String,
    pub(crate) outcome: String,
    pub(crate) elapsed: String,
}

/// Operation (`*`: any), condition, and the reason why the API can't say it.
const INEXPRESSIBLE: [(&str, &str, &str); 4] = [
    ("settimeout", "-1", "a Duration is never negative"),
    ("*", "after-settimeout(-1)", "a Duration is never negative"),
    ("recv_into", "nbytes-above-buffer-data-ready", "the slice is the count"),
    ("getsockopt", "unknown-option", "an option is a type, so every one is known"),
];

pub(crate) fn table() -> Vec<Cell> {
    serde_json::from_str(include_str!("cpython-3.11.json")).expect("the table is well-formed")
}

impl Cell {
    pub(crate) fn why_inexpressible(&self) -> Option<&'static str> {
        INEXPRESSIBLE
            .iter()
            .find(|(op, condition, _)| {
                (*op == "*" || *op == self.op) && *condition == self.condition
            })
            .map(|(_, _, reason)| *reason)
    }

    pub(crate) fn mode(&self) -> Mode {
        match self.mode.as_str() {
            "blocking" => Mode::Blocking,
            "nonblocking" => Mode::NonBlocking,
            "timeout" => Mode::Timeout(LIMIT),
            other => panic!("a mode that is none: {other}"),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cell { op, mode, condition, outcome, elapsed } = self;
        write!(f, "{op} / {mode} / {condition} ({outcome} {elapsed})")
    }
}

/// An error in the table's words.
pub(crate) fn error(error: &Error) -> String {
    match error {
        Error::TimedOut => "timed-out".into(),
        Error::FileTimedOut => "file-timed-out".into(),
        Error::FileClosed => "file-closed".into(),
        Error::Unsupported(_) => "unsupported".into(),
        Error::InvalidValue(_) => "value-error".into(),
        other => match other.raw_os_error() {
            Some(number) => errno(number),
            None => format!("unforeseen: {other}"),
        },
    }
}

/// An errno in the table's words.
pub(crate) fn errno(number: i32) -> String {
    use rustix::io::Errno;
    if number == 0 {
        return "ok".into();
    }
    let name = match Errno::from_raw_os_error(number) {
        Errno::AGAIN => return "would-block".into(),
        Errno::INPROGRESS => return "in-progress".into(),
        Errno::ALREADY => "EALREADY",
        Errno::BADF => "EBADF",
        Errno::CONNREFUSED => "ECONNREFUSED",
        Errno::CONNRESET => "ECONNRESET",
        Errno::DESTADDRREQ => "EDESTADDRREQ",
        Errno::INVAL => "EINVAL",
        Errno::ISCONN => "EISCONN",
        Errno::MSGSIZE => "EMSGSIZE",
        Errno::NOTCONN => "ENOTCONN",
        Errno::PIPE => "EPIPE",
        _ => return format!("errno:{number}"),
    };
    format!("errno:{name}")
}

/// `ok`, or the error, in the table's words.
pub(crate) fn done(result: Result<(), impl Into<Error>>) -> String {
    match result.map_err(Into::into) {
        Ok(()) => "ok".into(),
        Err(why) => error(&why),
    }
}

/// A state as text, or the error, in the table's words.
pub(crate) fn state<T>(result: Result<T, Error>, text: impl FnOnce(T) -> String) -> String {
    match result {
        Ok(value) => text(value),
        Err(why) => error(&why),
    }
}

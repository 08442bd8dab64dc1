//! `Mode`: how long an operation on a socket may wait. A value, nothing more: it never touches a descriptor.
//!
//! Read `default.rs` next for where a new socket's mode comes from, `call.rs` for what a mode does.

use std::fmt;
use std::time::Duration;

/// How long an operation may wait: Python's three socket modes.
///
/// `Timeout(Duration::ZERO)` is [`Mode::NonBlocking`] by another name, as `settimeout(0)` is in
/// Python: every function that takes a mode treats it so, and none returns it.
///
/// Displayed as Python prints `gettimeout()`: `None`, `0.0`, or seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Wait for ever. The descriptor's O_NONBLOCK is clear; the kernel does the waiting.
    Blocking,
    /// Never wait: what can't be done at once fails with EAGAIN, or EINPROGRESS for a connect.
    NonBlocking,
    /// Wait up to this long in each call, then fail with
    /// [`Error::TimedOut`](super::Error::TimedOut).
    ///
    /// O_NONBLOCK is set, and `poll(2)` does the waiting. Every `Duration` is allowed; one that reaches
    /// past the end of the clock never expires. (CPython stops at 292 years.)
    Timeout(Duration),
}

impl Mode {
    /// What Python's `gettimeout()` returns: nothing for blocking, zero for non-blocking.
    pub fn timeout(self) -> Option<Duration> {
        match self {
            Mode::Blocking => None,
            Mode::NonBlocking => Some(Duration::ZERO),
            Mode::Timeout(limit) => Some(limit),
        }
    }

    /// What Python's `getblocking()` returns: true unless non-blocking, so true for a timeout.
    pub fn is_blocking(self) -> bool {
        self.normal() != Mode::NonBlocking
    }

    /// The same mode without the second name for non-blocking.
    pub(super) fn normal(self) -> Self {
        self.timeout().into()
    }

    /// Whether the descriptor has to have O_NONBLOCK: in every mode but `Blocking`.
    pub(super) fn wants_nonblocking_fd(self) -> bool {
        self != Mode::Blocking
    }
}

impl From<Option<Duration>> for Mode {
    /// What Python's `settimeout()` makes of its argument.
    fn from(timeout: Option<Duration>) -> Self {
        match timeout {
            None => Mode::Blocking,
            Some(Duration::ZERO) => Mode::NonBlocking,
            Some(limit) => Mode::Timeout(limit),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(limit) = self.timeout() else {
            return f.write_str("None");
        };
        // One division, as _PyTime_AsSecondsDouble does it, so that the last digit agrees.
        let text = format!("{:?}", limit.as_nanos() as f64 / 1e9);
        // Rust writes 1e-9 and 1e16 where Python writes 1e-09 and 1e+16; no other digit differs.
        match text.split_once('e') {
            None => f.write_str(&text),
            Some((digits, exponent)) => match exponent.strip_prefix('-') {
                Some(small) => write!(f, "{digits}e-{small:0>2}"),
                None => write!(f, "{digits}e+{exponent:0>2}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_python_prints_gettimeout() {
        let seconds = |s| Mode::Timeout(Duration::from_secs_f64(s)).to_string();
        assert_eq!(Mode::Blocking.to_string(), "None");
        assert_eq!(Mode::NonBlocking.to_string(), "0.0");
        assert_eq!(Mode::Timeout(Duration::ZERO).to_string(), "0.0");
        assert_eq!(seconds(0.3), "0.3");
        assert_eq!(seconds(2.5), "2.5");
        assert_eq!(seconds(1e9), "1000000000.0");
        assert_eq!(seconds(1e-9), "1e-09");
        assert_eq!(seconds(1e17), "1e+17");
    }

    #[test]
    fn a_timeout_of_zero_is_nonblocking() {
        assert_eq!(Mode::Timeout(Duration::ZERO).normal(), Mode::NonBlocking);
        assert!(!Mode::Timeout(Duration::ZERO).is_blocking());
        assert!(Mode::Timeout(Duration::from_nanos(1)).is_blocking());
    }
}

//! The one loop that makes three modes out of one system call: CPython's `sock_call_ex`.
//!
//! It never chooses what to call; `transfer.rs` and `connect.rs`, to read next, do.

use std::io;
use std::sync::Arc;

use super::Mode;
use super::error::{Error, Result};
use super::interrupt::Hook;
use super::wait::{Deadline, Ready, wait};

/// An open descriptor and the mode it is to be used in, as they were when an operation began.
pub(super) struct Io {
    pub(super) socket: Arc<socket2::Socket>,
    pub(super) mode: Mode,
    pub(super) hook: Hook,
}

impl Io {
    /// The deadline of an operation that begins now; none outside timeout mode.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        match self.mode {
            Mode::Timeout(limit) => Some(Deadline::after(limit)),
            Mode::Blocking | Mode::NonBlocking => None,
        }
    }

    /// Runs `operation` as the socket's mode says.
    pub(super) fn call<T>(
        &self,
        ready: Ready,
        operation: impl FnMut(&socket2::Socket) -> io::Result<T>,
    ) -> Result<T> {
        self.call_until(self.deadline(), ready, operation)
    }

    /// Runs `operation`; with a deadline, first waits for readiness, and no longer than until then.
    ///
    /// Without one the kernel waits (blocking mode) or answers EAGAIN (non-blocking mode).
    pub(super) fn call_until<T>(
        &self,
        deadline: Option<Deadline>,
        ready: Ready,
        mut operation: impl FnMut(&socket2::Socket) -> io::Result<T>,
    ) -> Result<T> {
        let mut is_retry = false;
        loop {
            if let Some(deadline) = deadline {
                // The first look is free, so that the shortest timeout still takes what is there.
                if (is_retry && deadline.has_passed()) || !self.wait(ready, deadline)? {
                    return Err(Error::TimedOut);
                }
            }
            match self.retry_interrupted(|| operation(&self.socket))? {
                // Ready, then not: somebody else took it, or the kernel threw it away (a wrong
                // checksum). Back to waiting, with the time that is left.
                Err(error) if deadline.is_some() && error.kind() == io::ErrorKind::WouldBlock => {
                    is_retry = true;
                }
                other => return Ok(other?),
            }
        }
    }

    /// Waits until `ready` or the deadline; false means the deadline.
    pub(super) fn wait(&self, ready: Ready, deadline: Deadline) -> Result<bool> {
        wait(&*self.socket, ready, deadline, &self.hook)
    }

    /// Calls again after EINTR (PEP 475): a signal is no reason to give up, unless the hook says that it is.
    fn retry_interrupted<T>(
        &self,
        mut operation: impl FnMut() -> io::Result<T>,
    ) -> Result<io::Result<T>> {
        loop {
            match operation() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    self.hook.interrupted()?;
                }
                other => return Ok(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// One end of a pair whose other end is closed: always ready, so that only the answers count.
    fn ready(mode: Mode) -> Io {
        let (socket, _closed) =
            socket2::Socket::pair(socket2::Domain::UNIX, socket2::Type::STREAM, None)
                .expect("a pair");
        Io { socket: Arc::new(socket), mode, hook: Hook::default() }
    }

    /// An operation that fails in these ways, and then says how often it was called.
    fn answers(mut kinds: Vec<io::ErrorKind>) -> impl FnMut(&socket2::Socket) -> io::Result<usize> {
        let mut calls = 0;
        move |_| {
            calls += 1;
            kinds.pop().map_or(Ok(calls), |kind| Err(kind.into()))
        }
    }

    #[test]
    fn a_false_alarm_is_tried_again_in_timeout_mode_only() {
        use io::ErrorKind::WouldBlock;
        let timeout = ready(Mode::Timeout(Duration::from_secs(60)));
        let calls = timeout.call(Ready::Writing, answers(vec![WouldBlock; 3]));
        assert_eq!(calls.expect("the fourth call succeeds"), 4);
        for mode in [Mode::Blocking, Mode::NonBlocking] {
            let answer = ready(mode).call(Ready::Writing, answers(vec![WouldBlock; 3]));
            assert!(answer.is_err_and(|error| matches!(error, Error::Os(_))));
        }
    }

    #[test]
    fn false_alarms_without_end_end_with_the_deadline() {
        let limit = Duration::from_millis(20);
        let begin = Instant::now();
        let never = |_: &socket2::Socket| Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let answer = ready(Mode::Timeout(limit)).call(Ready::Writing, never);
        assert!(answer.is_err_and(|error| error.is_timed_out()));
        assert!(begin.elapsed() >= limit);
    }

    #[test]
    fn an_interrupted_call_is_made_again_in_every_mode() {
        for mode in [Mode::Blocking, Mode::NonBlocking, Mode::Timeout(Duration::from_secs(60))] {
            let interrupted = answers(vec![io::ErrorKind::Interrupted; 3]);
            assert_eq!(ready(mode).call(Ready::Writing, interrupted).expect("the fourth"), 4);
        }
    }
}

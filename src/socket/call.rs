//! The one loop that makes three modes out of one system call: CPython's `sock_call_ex`.
//!
//! It never chooses what to call; `transfer.rs` and `connect.rs`, to read next, do.

use std::io;
use std::sync::Arc;

use super::Mode;
use super::error::{Error, Result};
use super::wait::{Deadline, Ready, wait};

/// An open descriptor and the mode it is to be used in, as they were when an operation began.
pub(super) struct Io {
    pub(super) socket: Arc<socket2::Socket>,
    pub(super) mode: Mode,
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

    /// Runs `operation`; with a deadline, waits for readiness first and until then at most.
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
                if (is_retry && deadline.has_passed()) || !wait(&*self.socket, ready, deadline)? {
                    return Err(Error::TimedOut);
                }
            }
            match retry_interrupted(|| operation(&self.socket)) {
                // Ready, then not: somebody else took it, or the kernel threw it away (a wrong
                // checksum). Back to waiting, with the time that is left.
                Err(error) if deadline.is_some() && error.kind() == io::ErrorKind::WouldBlock => {
                    is_retry = true;
                }
                other => return Ok(other?),
            }
        }
    }
}

/// Calls again after EINTR (PEP 475): a signal is no reason to give up.
fn retry_interrupted<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

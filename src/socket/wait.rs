//! Waiting for one descriptor until an absolute deadline. It reads and writes nothing.
//!
//! Read `call.rs` next, which waits as a mode says; the client, which waits for both directions at once, is the
//! other caller.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::Socket;
use super::error::{Error, Result};
use super::interrupt::Hook;

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    /// Something to read: data, a connection, end of input or an error.
    Reading,
    /// Room to write, or an error.
    Writing,
    /// Whichever of the two comes first.
    Either,
}

/// A moment on the monotonic clock, so that every retry has only the time that is left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    /// `None`: past the end of the clock, hence never.
    at: Option<Instant>,
}

impl Deadline {
    /// The moment `limit` from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Deadline { at: Instant::now().checked_add(limit) }
    }

    /// No deadline at all.
    pub(crate) fn never() -> Self {
        Deadline { at: None }
    }

    /// Whether the moment has come.
    pub(super) fn has_passed(&self) -> bool {
        self.at.is_some_and(|at| at <= Instant::now())
    }

    /// The time that `poll` may take: `None` is for ever, zero once the moment has passed.
    fn left(&self) -> Option<Timespec> {
        let left = self.at?.saturating_duration_since(Instant::now());
        // Always `Some`, a day being well within any clock.
        Timespec::try_from(left.min(LONGEST_POLL)).ok()
    }
}

/// Systems without ppoll(2) count milliseconds in an `int`, which ends after 24 days.
const LONGEST_POLL: Duration = Duration::from_secs(24 * 60 * 60);

impl Socket {
    /// Waits, whatever the mode, until the socket is ready or the deadline has passed; false means the
    /// deadline.
    pub(crate) fn wait(&self, ready: Ready, deadline: Deadline) -> Result<bool> {
        self.io()?.wait(ready, deadline)
    }
}

/// Waits until `fd` is ready or the deadline has passed; false means the deadline.
///
/// It looks at least once, even when the deadline has passed already; when a signal interrupts it,
/// it starts again with the time that is left, unless the hook ends it. Readiness is a hint: what follows
/// can still get EAGAIN.
///
/// `internal_select` of Modules/socketmodule.c, but to the nanosecond: CPython rounds up to
/// milliseconds.
pub(super) fn wait(fd: impl AsFd, ready: Ready, deadline: Deadline, hook: &Hook) -> Result<bool> {
    let flags = match ready {
        Ready::Reading => PollFlags::IN,
        Ready::Writing => PollFlags::OUT,
        Ready::Either => PollFlags::IN | PollFlags::OUT,
    };
    loop {
        match poll(&mut [PollFd::new(&fd, flags)], deadline.left().as_ref()) {
            Ok(0) => {}
            // Interrupted means that it had looked and found nothing.
            Err(Errno::INTR) => hook.interrupted()?,
            Ok(_) => return Ok(true),
            Err(errno) => return Err(Error::from_errno(errno)),
        }
        if deadline.has_passed() {
            return Ok(false);
        }
    }
}

/// Whether nothing will come any more, which an empty datagram doesn't tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn is_shut_down(fd: impl AsFd) -> std::io::Result<bool> {
    let mut fds = [PollFd::new(&fd, PollFlags::RDHUP)];
    poll(&mut fds, Some(&Timespec::default()))?;
    Ok(fds[0].revents().contains(PollFlags::RDHUP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_time_is_waited_for_a_day_at_a_time() {
        let left = |limit| Deadline::after(limit).left().map(|left| left.tv_sec);
        assert_eq!(left(LONGEST_POLL * 365), Some(LONGEST_POLL.as_secs() as i64));
        assert_eq!(left(Duration::ZERO), Some(0));
        assert_eq!((left(Duration::MAX), Deadline::never().left()), (None, None));
    }

    #[test]
    fn either_direction_ends_the_wait_for_both() {
        let (socket, peer) = Socket::pair().unwrap();
        let is_ready = |ready| socket.wait(ready, Deadline::after(Duration::ZERO)).unwrap();
        assert_eq!(
            [Ready::Reading, Ready::Writing, Ready::Either].map(is_ready),
            [false, true, true]
        );
        socket.set_blocking(false).unwrap();
        while socket.send(&[0; 4096]).is_ok() {}
        assert_eq!([Ready::Reading, Ready::Writing, Ready::Either].map(is_ready), [false; 3]);
        peer.send_all(b"x").unwrap();
        assert_eq!(
            [Ready::Reading, Ready::Writing, Ready::Either].map(is_ready),
            [true, false, true]
        );
    }
}

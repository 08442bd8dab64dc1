//! What a session wants next, and what can be asked of it.

use std::fmt;

use super::stage::Stage;
use super::state::{Reason, State};
use super::{Session, Time};

/// What to do with the socket next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read, and pass on what comes.
    Read,
    /// Read nothing: what is owed has to go out first, or a login is being checked.
    Wait,
    /// Read nothing: a proxy's header is whole. Find out whether whoever [`Session::origin`] names may
    /// stay, and say so with [`Session::handle_admitted`] or [`Session::handle_refused`].
    Admit,
    /// Pass on what [`Session::poll_behind`] gives, as if it had just been read.
    Hear,
    /// Read nothing: take the login with [`Session::poll_login`] and have it checked elsewhere.
    Verify,
    /// Send the last answer, which [`Session::poll_answer`] gives.
    Answer,
    /// Read and pass on what comes, to be thrown away; and once the kernel has taken all that is owed, and
    /// has sent all that it took, say so with [`Session::handle_delivered`].
    Deliver,
    /// Shut down the sending side, then read and pass on what comes, to be thrown away.
    Linger,
    /// Close.
    Close(Reason),
}

/// Which of a connection's deadlines is meant. One runs at a time; the deadlines of one kind are
/// set in the order in which they fall due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// To be let in, from the start; nothing moves it.
    Handshake,
    /// Since the last byte, while nothing is owed.
    Idle,
    /// To throw away what still comes after the end.
    Linger,
    /// To send what the kernel took, before the end.
    Deliver,
}

impl Timer {
    /// All of them.
    pub const ALL: [Timer; 4] = [Timer::Handshake, Timer::Idle, Timer::Linger, Timer::Deliver];

    /// Its name in the trace.
    pub const fn name(self) -> &'static str {
        match self {
            Timer::Handshake => "handshake",
            Timer::Idle => "idle",
            Timer::Linger => "linger",
            Timer::Deliver => "deliver",
        }
    }
}

impl Session {
    /// What to do with the socket next.
    #[inline]
    pub fn poll_step(&self) -> Step {
        match &self.stage {
            Stage::Serving(_) | Stage::SendNonce(_) | Stage::AwaitDigest(_) => Step::Read,
            Stage::AwaitHeader(header) if header.origin().is_none() => Step::Read,
            Stage::AwaitHeader(_) => Step::Admit,
            Stage::Behind(_) if !self.owing => Step::Hear,
            Stage::Verifying(login) if login.wants_check() && !self.owing => Step::Verify,
            Stage::Answering(_) => Step::Answer,
            Stage::Behind(_) | Stage::Verifying(_) | Stage::Ending(_) => Step::Wait,
            Stage::Draining(_) | Stage::Delivering(_) => Step::Deliver,
            Stage::Lingering(_) => Step::Linger,
            Stage::Closed(reason) => Step::Close(*reason),
        }
    }

    /// The last answer: given out once, and owed from then on.
    pub fn poll_answer(&mut self) -> Vec<u8> {
        match self.stage.take() {
            Stage::Answering(last) => {
                self.owing = true;
                self.stage = last.then;
                last.answer
            }
            other => {
                self.stage = other;
                Vec::new()
            }
        }
    }

    /// When to call [`handle_deadline`](Session::handle_deadline) unless something happens first.
    pub fn poll_deadline(&mut self) -> Option<(Timer, Time)> {
        if self.timer().is_none() {
            // It is suspended. The caller takes it out of its queue, so the next one has to be new,
            // to go to the end of the queue.
            self.deadline = Time::START;
        }
        self.deadline()
    }

    /// What [`poll_deadline`](Session::poll_deadline) has said last, if the driver has asked since it
    /// was [touched](Session::is_touched).
    pub(crate) fn deadline(&self) -> Option<(Timer, Time)> {
        let timer = self.timer().filter(|_| self.deadline != Time::NEVER);
        timer.map(|timer| (timer, self.deadline))
    }

    fn timer(&self) -> Option<Timer> {
        let stage = match &self.stage {
            Stage::Behind(behind) => &behind.then,
            stage => stage,
        };
        match stage {
            Stage::AwaitHeader(_) | Stage::SendNonce(_) | Stage::AwaitDigest(_) => {
                Some(Timer::Handshake)
            }
            Stage::Serving(_) | Stage::Verifying(_) if self.on_entry_deadline => {
                Some(Timer::Handshake)
            }
            Stage::Serving(_) if !self.owing => Some(Timer::Idle),
            Stage::Delivering(_) => Some(Timer::Deliver),
            Stage::Lingering(_) => Some(Timer::Linger),
            _ => None,
        }
    }

    /// Whether the state, the admission or the deadline may have changed since the driver last
    /// looked; `false` is certain.
    #[inline]
    pub(crate) fn is_touched(&self) -> bool {
        self.touched
    }

    /// The driver has looked at all three.
    pub(crate) fn clear_touched(&mut self) {
        self.touched = false;
    }

    /// Whether bytes were given out of which the kernel has not yet taken all.
    pub(crate) fn is_owing(&self) -> bool {
        self.owing
    }

    /// The state, without what it holds.
    pub fn state(&self) -> State {
        self.stage.state()
    }

    /// Whether the peer may still be let in, and has not been yet.
    pub fn is_pending(&self) -> bool {
        let is_over = matches!(
            self.state(),
            State::Draining | State::Ending | State::Lingering | State::Closed
        );
        self.pending && !is_over
    }

    /// Whether the peer was let in, whatever has happened since.
    pub fn is_admitted(&self) -> bool {
        !self.pending
    }

    /// Whether a login has succeeded, whatever has happened since.
    pub fn has_logged_in(&self) -> bool {
        self.logged_in
    }

    /// Whether logins failed at a name at which none has succeeded since.
    pub fn has_failed_logins(&self) -> bool {
        self.failed_logins
    }

    /// Whether it was closed although something was owed, because the time for that was over.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off
    }

    /// Why the conversation is over, as soon as that is decided; the connection may still have to
    /// send or linger.
    #[inline]
    pub fn reason(&self) -> Option<Reason> {
        self.stage.reason()
    }
}

impl fmt::Debug for Session {
    /// Where it stands. What has been read, a digest or a password, is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state())
            .field("reason", &self.reason())
            .field("step", &self.poll_step())
            .field("deadline", &self.deadline)
            .field("owing", &self.owing)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

//! What the service `login` remembers of one connection: bytes that are no whole object yet, the
//! login that is being checked, and how many have failed.
//!
//! Never here: what becomes of the connection (see `verifying.rs`).

use std::mem;

use super::fields::credentials;
use super::scan::{Found, Kept};
use super::{Protocol, Reason};
use crate::auth::Credentials;

/// What came of checking a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// There is such a user, and this is the password.
    Success,
    /// There is no such user, or this is not the password; nobody is told which.
    Failure,
}

impl Verdict {
    /// The word for it in the log, the trace and the metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Success => "success",
            Verdict::Failure => "failure",
        }
    }

    /// What the client is told.
    pub const fn answer(self) -> &'static [u8] {
        match self {
            Verdict::Success => b"success!",
            Verdict::Failure => b"failed!",
        }
    }
}

/// What the service remembers between two answers.
#[derive(Default)]
pub(super) struct Login {
    kept: Kept,
    check: Check,
    failures: usize,
    overdue: bool,
    pub(super) stopping: bool,
    pub(super) input_ended: bool,
}

/// How far the check of the present login has got.
#[derive(Default)]
enum Check {
    #[default]
    None,
    Wanted(Credentials),
    Underway,
}

/// What the bytes read so far hold.
pub(super) enum Next {
    /// No whole object.
    Part,
    /// A login, which wants to be checked.
    Login,
    /// Something that is no login.
    Bad,
}

impl Login {
    /// Takes over what was read.
    pub(super) fn keep(&mut self, bytes: &mut [u8]) {
        self.kept.push(bytes);
    }

    /// Looks for the next login in what was read.
    pub(super) fn next(&mut self) -> Next {
        let len = match self.kept.find() {
            Found::Part => return Next::Part,
            Found::Bad => return Next::Bad,
            Found::Object(len) => len,
        };
        let Some(credentials) = credentials(self.kept.object(len)) else { return Next::Bad };
        self.kept.give_up(len);
        self.check = Check::Wanted(credentials);
        Next::Login
    }

    /// Whether there is a login that nobody checks yet.
    pub(super) fn wants_check(&self) -> bool {
        matches!(self.check, Check::Wanted(_))
    }

    /// The login to check, if it was not given out before.
    pub(super) fn give_out(&mut self) -> Option<Credentials> {
        match mem::replace(&mut self.check, Check::Underway) {
            Check::Wanted(credentials) => Some(credentials),
            before => {
                self.check = before;
                None
            }
        }
    }

    pub(super) fn is_underway(&self) -> bool {
        matches!(self.check, Check::Underway)
    }

    /// The login was checked. Returns the reason to end, if it was the last.
    pub(super) fn checked(&mut self, verdict: Verdict, protocol: &Protocol) -> Option<Reason> {
        self.check = Check::None;
        match verdict {
            Verdict::Failure => self.fail(protocol),
            Verdict::Success => {
                // In time or not, the client is let in: the deadline was only for that.
                self.overdue = false;
                None
            }
        }
    }

    /// The input has ended meanwhile.
    pub(super) fn input_ended(mut self: Box<Self>) -> Box<Self> {
        self.input_ended = true;
        self
    }

    /// The time to be let in has run out meanwhile.
    pub(super) fn overdue(mut self: Box<Self>) -> Box<Self> {
        self.overdue = true;
        self
    }

    /// The server stops meanwhile.
    pub(super) fn stopping(mut self: Box<Self>) -> Box<Self> {
        self.stopping = true;
        self
    }

    /// Counts a failure; returns the reason to end, if it was the last.
    fn fail(&mut self, protocol: &Protocol) -> Option<Reason> {
        self.failures += 1;
        if protocol.max_tries.is_some_and(|tries| self.failures >= tries) {
            Some(Reason::TooManyTries)
        } else {
            self.overdue.then_some(Reason::HandshakeTimeout)
        }
    }
}

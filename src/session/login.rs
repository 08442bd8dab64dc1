//! The service `login`: JSON objects with a name and a password, one after another, each answered.
//!
//! Checking a password takes long and happens elsewhere: the session stops in
//! [`State::Verifying`](super::State::Verifying) until it is told the verdict. Every whole object
//! goes that way, even a hopeless one, so that there is one way to fail, and it always takes as
//! long.

use super::fields::credentials;
use super::scan::{Found, Kept};
use super::stage::{Serving, Stage};
use super::{Protocol, Reason, Session, Time};
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
    stopping: bool,
    input_ended: bool,
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
enum Next {
    Part,
    Login,
    Bad,
}

impl Login {
    /// Takes over what was read.
    pub(super) fn keep(&mut self, bytes: &mut [u8]) {
        self.kept.push(bytes);
    }

    fn next(&mut self) -> Next {
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

    pub(super) fn wants_check(&self) -> bool {
        matches!(self.check, Check::Wanted(_))
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

impl Session {
    /// The login to check: given out once, and not before the answer to the previous one is out.
    pub fn poll_login(&mut self) -> Option<Credentials> {
        match &mut self.stage {
            Stage::Verifying(login) if login.wants_check() && !self.owing => {
                match std::mem::replace(&mut login.check, Check::Underway) {
                    Check::Wanted(credentials) => Some(credentials),
                    Check::None | Check::Underway => None,
                }
            }
            _ => None,
        }
    }

    /// The login that [`poll_login`](Session::poll_login) gave out has been checked. What is
    /// returned is owed.
    pub fn handle_verdict(
        &mut self,
        protocol: &Protocol,
        now: Time,
        verdict: Verdict,
    ) -> &'static [u8] {
        let mut login = match self.take_stage() {
            Stage::Verifying(login) if matches!(login.check, Check::Underway) => login,
            other => {
                self.stage = other;
                return &[];
            }
        };
        login.check = Check::None;
        let last = match verdict {
            Verdict::Failure => login.fail(protocol),
            Verdict::Success => {
                // In time or not, the client is let in: the deadline was only for that.
                login.overdue = false;
                self.let_in(protocol, now);
                None
            }
        };
        self.owing = true;
        self.stage = Stage::Serving(Serving::Login(login));
        match last {
            Some(reason) => self.end(reason, now),
            None => self.go_on_with_logins(now),
        }
        self.restart_idle(protocol, now);
        verdict.answer()
    }

    /// Goes on with what was read: the next login, a part of one, or something that is none.
    pub(super) fn go_on_with_logins(&mut self, now: Time) {
        match self.take_stage() {
            Stage::Serving(Serving::Login(mut login)) => match login.next() {
                Next::Login => self.stage = Stage::Verifying(login),
                Next::Bad => self.end(Reason::BadRequest, now),
                Next::Part => self.wait_for_more(login, now),
            },
            other => self.stage = other,
        }
    }

    fn wait_for_more(&mut self, login: Box<Login>, now: Time) {
        let (stopping, input_ended) = (login.stopping, login.input_ended);
        self.stage = Stage::Serving(Serving::Login(login));
        if stopping {
            self.handle_stop(now);
        } else if input_ended {
            self.handle_end_of_input();
        }
    }
}

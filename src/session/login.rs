//! What the service `login` remembers of one connection: bytes that are no whole object yet, the
//! login that is being checked, how many have failed, and at which names.
//!
//! Never here: what becomes of the connection (see `verifying.rs`).

use std::mem;

use super::fields::credentials;
use super::scan::{Found, Kept};
use super::{Protocol, Reason};
use crate::auth::{Credentials, NameId};

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
    failed: Failed,
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
    /// Of a login with this name.
    Underway(NameId),
}

/// How many names at which logins failed are remembered: more than there are tries, unless somebody
/// allows more.
const MOST_NAMES: usize = 8;

/// The names at which logins failed and none has succeeded since.
#[derive(Default)]
struct Failed {
    names: Vec<NameId>,
    /// There were more than are remembered, and nothing makes those good.
    more: bool,
}

impl Failed {
    fn add(&mut self, name: NameId) {
        if self.names.len() < MOST_NAMES {
            if !self.names.contains(&name) {
                self.names.push(name);
            }
        } else {
            self.more |= !self.names.contains(&name);
        }
    }

    fn make_good(&mut self, name: NameId) {
        self.names.retain(|failed| *failed != name);
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.more
    }
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
        match mem::take(&mut self.check) {
            Check::Wanted(credentials) => {
                self.check = Check::Underway(NameId::of(credentials.name()));
                Some(credentials)
            }
            before => {
                self.check = before;
                None
            }
        }
    }

    pub(super) fn is_underway(&self) -> bool {
        matches!(self.check, Check::Underway(_))
    }

    /// Whether logins failed at a name at which none has succeeded since.
    pub(super) fn has_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    /// The login was checked. Returns the reason to end, if it was the last.
    pub(super) fn checked(&mut self, verdict: Verdict, protocol: &Protocol) -> Option<Reason> {
        let Check::Underway(name) = mem::take(&mut self.check) else { return None };
        match verdict {
            Verdict::Failure => {
                self.failed.add(name);
                self.fail(protocol)
            }
            Verdict::Success => {
                // Only at its own name: whoever has one account could guess at all the others.
                self.failed.make_good(name);
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

//! How the service `login` moves a session on: JSON objects with a name and a password, one after
//! another, each answered.
//!
//! Checking a password takes long and happens elsewhere: the session stops in
//! [`State::Verifying`](super::State::Verifying) until it is told the verdict. Every whole object
//! goes that way, even a hopeless one, so that there is one way to fail, and it always takes as
//! long. What is remembered meanwhile is in `login.rs`.

use super::login::{Login, Next, Verdict};
use super::stage::{Serving, Stage};
use super::{Protocol, Reason, Session, Time};
use crate::auth::Credentials;

impl Session {
    /// The login to check: given out once, and not before the answer to the previous one is out.
    pub fn poll_login(&mut self) -> Option<Credentials> {
        match &mut self.stage {
            Stage::Verifying(login) if !self.owing => login.give_out(),
            _ => None,
        }
    }

    /// The login that [`poll_login`](Session::poll_login) gave out has been checked. What is
    /// returned is owed.
    #[must_use]
    pub fn handle_verdict(
        &mut self,
        protocol: &Protocol,
        now: Time,
        verdict: Verdict,
    ) -> &'static [u8] {
        let mut login = match self.take_stage() {
            Stage::Verifying(login) if login.is_underway() => login,
            other => {
                self.stage = other;
                return &[];
            }
        };
        let last = login.checked(verdict, protocol);
        self.failed_logins = login.has_failed();
        if verdict == Verdict::Success {
            self.logged_in = true;
            self.let_in(protocol, now);
        }
        self.owing = true;
        self.stage = Stage::Serving(Serving::Login(login));
        match last {
            Some(reason) => self.end(reason, now),
            None => self.go_on_with_logins(now),
        }
        self.restart_idle(protocol, now);
        verdict.answer()
    }

    /// The login can't be checked, for `reason`: it is not answered. What is owed goes out, and the
    /// conversation is over.
    pub fn handle_no_verdict(&mut self, now: Time, reason: Reason) {
        match self.take_stage() {
            Stage::Verifying(_) => self.end(reason, now),
            other => self.stage = other,
        }
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
            self.handle_stop(now, false);
        } else if input_ended {
            self.handle_end_of_input();
        }
    }
}

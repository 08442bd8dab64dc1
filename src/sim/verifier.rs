//! Who checks logins: how many at once and for how long is drawn, and in what order they come back, too.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use rand::RngExt;

use super::World;
use super::socket::Socket;
use super::state::{Act, Item, State};
use crate::auth::Credentials;
use crate::server::network::Token;
use crate::server::{Report, Room, Verifier};
use crate::session::Verdict;

/// Checks logins in a simulated world: see [`World::verifier`].
pub struct SimVerifier(pub(super) World);

/// Who can log in.
#[derive(Default)]
pub(super) struct Users(Vec<(String, String)>);

impl Users {
    pub(super) fn add(&mut self, name: &str, password: &str) {
        self.0.push((name.into(), password.into()));
    }

    pub(super) fn judge(&self, login: &Credentials) -> Verdict {
        let said = login.password().map(|password| (login.name(), password));
        let is_right = |(name, password): &(String, String)| Some((&**name, &**password)) == said;
        if self.0.iter().any(is_right) { Verdict::Success } else { Verdict::Failure }
    }
}

/// The checks, as the world knows them.
pub(super) struct Checks {
    /// So many at once.
    pub(super) places: usize,
    /// One takes at most so long.
    pub(super) longest: Duration,
    pub(super) users: Users,
    underway: Vec<Report>,
    done: VecDeque<Report>,
}

impl Default for Checks {
    fn default() -> Checks {
        Checks {
            places: 1,
            longest: Duration::ZERO,
            users: Users::default(),
            underway: Vec::new(),
            done: VecDeque::new(),
        }
    }
}

impl Checks {
    pub(super) fn have_room(&self) -> bool {
        self.underway.len() < self.places
    }
}

impl State {
    pub(super) fn finish_check(&mut self) {
        let which = self.rng.random_range(0..self.checks.underway.len());
        let answer = self.checks.underway.swap_remove(which);
        self.checks.done.push_back(answer);
        self.list(Item::Waker);
    }

    fn check(&mut self, token: Token, login: &Credentials) {
        assert!(self.checks.have_room(), "it was asked before");
        self.set_checking(token, true);
        let report = if self.chance(self.faults.unable) {
            Report::Unable { token, why: "this one is not to be".into() }
        } else {
            let verdict = self.checks.users.judge(login);
            Report::Verdict { token, name: login.name().into(), verdict }
        };
        self.checks.underway.push(report);
        let how_long = self.pause(self.checks.longest);
        self.after(how_long, Act::Checked);
    }

    fn set_checking(&mut self, token: Token, checking: bool) {
        let of_token = |socket: &&mut Socket| socket.transcript.token == Some(token);
        let socket = self.sockets.iter_mut().find(of_token);
        let socket = socket.expect("it is a connection's, or was");
        assert_ne!(socket.checking, checking, "one login after the other, and each once");
        socket.checking = checking;
    }
}

impl Verifier for SimVerifier {
    fn room(&mut self) -> Option<Room<'_>> {
        let have_room = self.0.state().checks.have_room();
        have_room.then(|| Room::new(|token, login| self.0.state().check(token, &login)))
    }

    fn has_report(&self) -> bool {
        !self.0.state().checks.done.is_empty()
    }

    fn poll_report(&mut self) -> Option<Report> {
        let state = &mut *self.0.state();
        let report = state.checks.done.pop_front()?;
        if let Report::Verdict { token, .. } | Report::Unable { token, .. } = &report {
            state.set_checking(*token, false);
        }
        Some(report)
    }

    fn reload(&mut self) {}
}

impl fmt::Debug for SimVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimVerifier")
    }
}

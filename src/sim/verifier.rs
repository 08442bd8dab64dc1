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
        let id = self.id_of(token);
        if !self.checks.have_room() {
            self.wrong(Some(id), "a login is submitted where there is no room");
        }
        if self.sockets[id].checking > 0 {
            self.wrong(Some(id), "a second login is submitted while the first is checked");
        }
        self.sockets[id].checking += 1;
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

    fn id_of(&self, token: Token) -> usize {
        let of_token = |socket: &Socket| socket.transcript.token == Some(token);
        self.sockets.iter().position(of_token).expect("it is a connection's, or was")
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
            let id = state.id_of(*token);
            state.sockets[id].checking -= 1;
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

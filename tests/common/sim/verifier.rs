//! Who checks logins: how many at once and for how long is drawn, and in what order they come back, too.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use rand::RngExt;
use sockmodes::auth::Credentials;
use sockmodes::server::network::Token;
use sockmodes::server::{Report, Room, Verifier};
use sockmodes::session::Verdict;

use super::{Act, Item, World};
use crate::common::model::{NAME, PASSWORD};

/// The verifier, as the loop holds it.
pub(crate) struct SimVerifier(pub(crate) Rc<RefCell<World>>);

/// The checks, as the world knows them.
pub(crate) struct Checks {
    /// So many at once.
    pub(crate) places: usize,
    /// One takes at most so many milliseconds.
    pub(crate) longest: u64,
    underway: Vec<Report>,
    done: VecDeque<Report>,
}

impl Default for Checks {
    fn default() -> Checks {
        Checks { places: 1, longest: 0, underway: Vec::new(), done: VecDeque::new() }
    }
}

impl Checks {
    pub(super) fn have_room(&self) -> bool {
        self.underway.len() < self.places
    }
}

impl World {
    pub(super) fn finish_check(&mut self) {
        let which = self.rng.random_range(0..self.checks.underway.len());
        let answer = self.checks.underway.swap_remove(which);
        self.checks.done.push_back(answer);
        self.list(Item::Waker);
    }

    fn check(&mut self, token: Token, login: &Credentials) {
        assert!(self.checks.have_room(), "it was asked before");
        self.set_checking(token, true);
        let right = (NAME, Some(PASSWORD)) == (login.name(), login.password());
        let verdict = if right { Verdict::Success } else { Verdict::Failure };
        self.checks.underway.push(Report::Verdict { token, name: login.name().into(), verdict });
        let how_long = self.pause(self.checks.longest);
        self.after(how_long, Act::Checked);
    }

    fn set_checking(&mut self, token: Token, checking: bool) {
        let socket = self.sockets.iter_mut().find(|socket| socket.token == Some(token));
        let socket = socket.expect("it is a connection's, or was");
        assert_ne!(socket.checking, checking, "one login after the other, and each once");
        socket.checking = checking;
    }
}

impl Verifier for SimVerifier {
    fn room(&mut self) -> Option<Room<'_>> {
        let have_room = self.0.borrow().checks.have_room();
        have_room.then(|| Room::new(|token, login| self.0.borrow_mut().check(token, &login)))
    }

    fn has_report(&self) -> bool {
        !self.0.borrow().checks.done.is_empty()
    }

    fn poll_report(&mut self) -> Option<Report> {
        let world = &mut *self.0.borrow_mut();
        let report = world.checks.done.pop_front()?;
        if let Report::Verdict { token, .. } = &report {
            world.set_checking(*token, false);
        }
        Some(report)
    }

    fn reload(&mut self) {}
}

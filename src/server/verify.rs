//! Checking logins beside the loop: hashes take long, and the loop waits for none.
//!
//! Here is what the loop needs of whoever does it; the one with threads is in `verify/pool.rs`. Never
//! here: which connection may have its login checked next (see `logins.rs`).

#[cfg(unix)]
pub(super) mod pool;

use std::fmt;

use super::network::Token;
use crate::auth::{Credentials, Refresh};
use crate::session::Verdict;

/// What checks logins for a loop. The real one has threads; a simulated one has none, and a clock of
/// its own.
pub trait Verifier {
    /// Room for one more login, if there is some.
    fn room(&mut self) -> Option<Room<'_>>;

    /// Whether [`poll_report`](Verifier::poll_report) has something. If so, the loop does not wait; a
    /// report that comes while it waits has to make
    /// [`Network::wait`](super::network::Network::wait) return, and has to be there by then.
    fn has_report(&self) -> bool;

    /// The next report, if there is one.
    fn poll_report(&mut self) -> Option<Report>;

    /// Reads the users again, whether or not they seem to have changed.
    fn reload(&mut self);
}

/// Room for one login at a [`Verifier`]: there is no other way to submit one, so none can come
/// where there is no room.
#[must_use = "a login waits for it"]
pub struct Room<'v>(Box<dyn FnOnce(Token, Credentials) + 'v>);

impl<'v> Room<'v> {
    /// Room at a verifier that takes a login by `take`.
    pub fn new(take: impl FnOnce(Token, Credentials) + 'v) -> Room<'v> {
        Room(Box::new(take))
    }

    /// Has a login of the connection with this token checked.
    pub fn submit(self, token: Token, credentials: Credentials) {
        self.0(token, credentials);
    }
}

impl fmt::Debug for Room<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Room")
    }
}

/// What a [`Verifier`] has found out.
#[derive(Debug)]
#[non_exhaustive]
pub enum Report {
    /// A login was checked.
    Verdict {
        /// Whose connection it was, which may be closed by now.
        token: Token,
        /// The name that came with the login.
        name: String,
        /// What came of it.
        verdict: Verdict,
    },
    /// A login could not be checked.
    Unable {
        /// Whose connection it was, which may be closed by now.
        token: Token,
        /// Why not.
        why: String,
    },
    /// The users were looked at.
    Users(Refresh),
}

/// Where there are no users, nobody logs in.
#[derive(Default)]
pub(super) struct Nobody(Option<Report>);

impl Verifier for Nobody {
    fn room(&mut self) -> Option<Room<'_>> {
        if self.0.is_some() {
            return None;
        }
        Some(Room::new(|token, credentials| {
            let name = credentials.name().into();
            self.0 = Some(Report::Verdict { token, name, verdict: Verdict::Failure });
        }))
    }

    fn has_report(&self) -> bool {
        self.0.is_some()
    }

    fn poll_report(&mut self) -> Option<Report> {
        self.0.take()
    }

    fn reload(&mut self) {}
}

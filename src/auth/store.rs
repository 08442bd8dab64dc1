//! Where users are looked up: what a server needs of whoever knows them.
//!
//! Never here: the user file, which is one such place (see `files/`).

use thiserror::Error;

use super::Credentials;

/// A place where users are looked up. [`UserFile`](super::UserFile) is the one that comes with this
/// crate; another, a directory for example, implements this.
pub trait UserStore: Send + Sync {
    /// Whether there is such a user and the password is theirs. Called on a thread that may take
    /// its time, and on several at once. Every way to fail should take equally long.
    ///
    /// # Errors
    ///
    /// Where that can't be found out, for want of memory for example. It is nobody's failure: the client
    /// is told neither yes nor no. A call that panics counts as one of these.
    fn verify(&self, credentials: &Credentials) -> Result<bool, VerifyError>;

    /// Checks whether the users have changed; called about once a second, and with `must_read` when
    /// somebody asks for it, on a thread that may take its time.
    fn refresh(&self, must_read: bool) -> Refresh {
        let _nothing_to_read = must_read;
        Refresh::Unchanged
    }
}

/// Why a login could not be checked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct VerifyError(String);

impl VerifyError {
    /// For this reason, which the log tells.
    pub fn new(why: impl Into<String>) -> VerifyError {
        VerifyError(why.into())
    }
}

/// What came of looking whether the users have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refresh {
    /// They have not.
    Unchanged,
    /// They have: there are this many now.
    Changed(usize),
    /// They have, but can't be used, for this reason: the users are still the ones before.
    Broken(String),
}

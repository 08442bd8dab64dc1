//! What a client claims to be: a name and a password.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The most bytes of a password: a longer one fails.
pub const MAX_PASSWORD_LEN: usize = 1024;

/// A name and a password as they came; the password is wiped from memory when dropped.
pub struct Credentials {
    name: String,
    password: Option<Zeroizing<String>>,
}

impl Credentials {
    /// `name` claims to know `password`.
    #[must_use]
    pub fn new(name: &str, password: Zeroizing<String>) -> Credentials {
        let password = Some(password).filter(|password| password.len() <= MAX_PASSWORD_LEN);
        Credentials { name: name.into(), password }
    }

    /// `name` has said nothing that could be a password.
    #[must_use]
    pub fn incomplete(name: &str) -> Credentials {
        Credentials { name: name.into(), password: None }
    }

    /// The name, whatever the client sent: neither checked nor escaped.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The password; `None` if there is none that could be right.
    pub fn password(&self) -> Option<&str> {
        self.password.as_ref().map(|password| password.as_str())
    }
}

/// A name to be recognized by, in 16 bytes, however long it is: half of its SHA-256 digest, so that
/// nobody can make two that are one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NameId([u8; 16]);

impl NameId {
    pub(crate) fn of(name: &str) -> NameId {
        let digest: [u8; 32] = Sha256::digest(name).into();
        NameId(*digest.first_chunk().expect("16 of 32 bytes"))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?}, ..)", self.name)
    }
}

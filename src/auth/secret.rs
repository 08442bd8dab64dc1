//! The secret, and why there is none.
//!
//! Its bytes are wiped from memory when dropped and are in no message, not even in `Debug`. Never here:
//! where it is found (see `files/secret_file.rs`).

use std::path::PathBuf;
use std::{fmt, io};

use thiserror::Error;
use zeroize::Zeroizing;

/// The environment variable that can hold the secret.
pub(super) const VARIABLE: &str = "SOCKMODES_SECRET";
/// The most bytes that a secret may have: enough for any key, too few for a device that never ends.
pub(super) const MAX_LEN: u64 = 64 * 1024;

/// The key that both sides hold, never empty.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why there is no secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It has no bytes.
    #[error("the secret is empty")]
    Empty,
    /// The environment variable is set, but to nothing.
    #[error("{VARIABLE} is set, but empty: an empty secret is refused")]
    EmptyVariable,
    /// The file has no bytes, or only a line feed.
    #[error("{}: an empty secret is refused", .0.display())]
    EmptyFile(PathBuf),
    /// The file is longer than any secret.
    #[error("{}: longer than {MAX_LEN} bytes, which is no secret", .0.display())]
    TooLong(PathBuf),
    /// The file can't be read.
    #[error("cannot read the secret from {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The default file can't be made.
    #[error("cannot make the secret file {}: {source}", path.display())]
    Make {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Nothing was given and the default file is not there.
    #[error("no secret: give --secret-file or {VARIABLE}, or start a server, which makes {}", .0.display())]
    Missing(PathBuf),
    /// Nothing was given and there is no place for a default file.
    #[error(
        "no secret: give --secret-file or {VARIABLE} (neither XDG_CONFIG_HOME nor HOME is an absolute path)"
    )]
    Homeless,
}

impl Secret {
    /// Takes `bytes` as the secret; an empty one is refused.
    pub fn new(bytes: Vec<u8>) -> Result<Secret, SecretError> {
        if bytes.is_empty() { Err(SecretError::Empty) } else { Ok(Secret(Zeroizing::new(bytes))) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

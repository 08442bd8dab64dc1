//! The user file as the server sees it: read at the start, and again once it has changed and is whole.
//!
//! Not everybody writes a file beside it and renames that: an editor may write in place, and slowly. So
//! a new version counts once two looks in a row have seen the same, and not while it grows.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::error::{MAX_LEN, UsersError};
use super::users::{BadLine, Users};
use crate::auth::{Credentials, Refresh, UserStore, VerifyError};

/// The users of a file, one `name | hash` a line, which may change while it is in use.
pub struct UserFile {
    path: PathBuf,
    users: RwLock<Arc<Users>>,
    seen: Mutex<Seen>,
}

/// What is known of the versions of the file.
struct Seen {
    /// What the last look saw; `None`: a pipe for example, which could be read only once.
    look: Option<Look>,
    /// That was dealt with, and had not changed by then: nothing is left to do.
    settled: bool,
    /// A hash of the text that was dealt with last, or of the error.
    content: Option<u64>,
}

/// How the file looked: which version it was, or why there was none.
#[derive(Clone, PartialEq, Eq)]
enum Look {
    Version(Stamp),
    Failure(String),
}

/// What tells one version of a file from another without reading it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    file: (u64, u64),
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            file: (metadata.dev(), metadata.ino()),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl UserFile {
    /// Reads the file at `path`.
    pub fn open(path: &Path) -> Result<UserFile, UsersError> {
        let (text, stamp) = read(path)?;
        let users = parse(path, &text)?;
        let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        let look = is_file.then_some(Look::Version(stamp));
        let seen = Seen { look, settled: false, content: Some(hash_of(&text)) };
        Ok(UserFile {
            path: path.into(),
            users: RwLock::new(Arc::new(users)),
            seen: Mutex::new(seen),
        })
    }

    /// How many users there are.
    pub fn users(&self) -> usize {
        self.current().len()
    }

    fn current(&self) -> Arc<Users> {
        self.users.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks which version is there, and whether it can be one.
    fn look(&self) -> Result<Stamp, UsersError> {
        let failed = |source| UsersError::Read { path: self.path.clone(), source };
        let metadata = std::fs::metadata(&self.path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(UsersError::NotAFile(self.path.clone()));
        }
        Ok(Stamp::of(&metadata))
    }

    /// The text of the version that was looked at; `None` if that is being changed.
    fn read(&self, stamp: Stamp) -> Result<Option<Vec<u8>>, UsersError> {
        let failed = |source| UsersError::Read { path: self.path.clone(), source };
        // If a pipe has taken its place since, this must not wait for somebody to write.
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&self.path);
        let mut file = file.map_err(failed)?;
        let stamp_now = |file: &File| file.metadata().map(|metadata| Stamp::of(&metadata));
        if stamp_now(&file).map_err(failed)? != stamp {
            return Ok(None);
        }
        let text = read_all(&mut file, &self.path)?;
        Ok((stamp_now(&file).map_err(failed)? == stamp).then_some(text))
    }

    /// Takes a new version, if it is one: while `content` is what it was, nothing has changed.
    /// `is_steady`: two looks have seen the same; else an empty one is one that is being written.
    fn take(&self, seen: &mut Seen, text: Result<Vec<u8>, UsersError>, is_steady: bool) -> Refresh {
        let parsed = text.and_then(|text| Ok((hash_of(&text), parse(&self.path, &text)?)));
        let (content, outcome) = match parsed {
            Ok((content, users)) => (content, Ok(users)),
            Err(error) => (hash_of(error.to_string().as_bytes()), Err(error)),
        };
        if matches!(&outcome, Ok(users) if users.len() == 0 && !is_steady) {
            return Refresh::Unchanged;
        }
        if seen.content.replace(content) == Some(content) {
            return Refresh::Unchanged;
        }
        match outcome {
            Ok(users) => {
                let number = users.len();
                *self.users.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
                Refresh::Changed(number)
            }
            Err(error) => Refresh::Broken(error.to_string()),
        }
    }
}

impl fmt::Debug for UserFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserFile({:?}, {} users)", self.path, self.users())
    }
}

impl UserStore for UserFile {
    fn verify(&self, credentials: &Credentials) -> Result<bool, VerifyError> {
        // If the file changes meanwhile, check and change don't wait for each other.
        let found = self.current().verify(credentials);
        found.map_err(|error| VerifyError::new(error.to_string()))
    }

    fn refresh(&self, must_read: bool) -> Refresh {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = &seen.look else { return Refresh::Unchanged };
        let found = self.look();
        let look = match &found {
            Ok(stamp) => Look::Version(*stamp),
            Err(error) => Look::Failure(error.to_string()),
        };
        let is_steady = *before == look;
        seen.settled &= is_steady;
        seen.look = Some(look);
        if !must_read && (seen.settled || !is_steady) {
            return Refresh::Unchanged;
        }
        match found.and_then(|stamp| self.read(stamp)).transpose() {
            // The next look sees what has become of it.
            None => Refresh::Unchanged,
            Some(text) => {
                // What is read at once may be written on within the same tick of the clock.
                seen.settled = is_steady;
                self.take(&mut seen, text, is_steady)
            }
        }
    }
}

/// The text of a user file, and which version it is.
pub(super) fn read(path: &Path) -> Result<(Vec<u8>, Stamp), UsersError> {
    let failed = |source| UsersError::Read { path: path.into(), source };
    let mut file = File::open(path).map_err(failed)?;
    let stamp = Stamp::of(&file.metadata().map_err(failed)?);
    Ok((read_all(&mut file, path)?, stamp))
}

pub(super) fn read_all(file: &mut File, path: &Path) -> Result<Vec<u8>, UsersError> {
    let mut text = Vec::new();
    let read = file.take(MAX_LEN + 1).read_to_end(&mut text);
    read.map_err(|source| UsersError::Read { path: path.into(), source })?;
    if text.len() as u64 > MAX_LEN {
        return Err(UsersError::TooLong(path.into()));
    }
    Ok(text)
}

pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Users, UsersError> {
    let named =
        |bad: BadLine| UsersError::Line { path: path.into(), line: bad.number, why: bad.why };
    Users::parse(text).map_err(named)
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;

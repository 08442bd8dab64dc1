//! The user file as the server sees it: read at the start, and again when it changes.

use std::fmt;
use std::fs::{File, Metadata};
use std::hash::{DefaultHasher, Hash as _, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use thiserror::Error;

use super::users::{BadLine, Users};
use crate::auth::{Credentials, Refresh, UserStore};

/// The most bytes of a user file: enough for half a million users, too few for a device that never ends.
const MAX_LEN: u64 = 64 * 1024 * 1024;

/// Why a user file can't be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UsersError {
    /// It can't be read.
    #[error("cannot read the user file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is longer than any user file.
    #[error("{}: longer than {MAX_LEN} bytes, which is no user file", .0.display())]
    TooLong(PathBuf),
    /// A line of it is broken.
    #[error("{}, line {line}: {why}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// It can't be written.
    #[error("cannot write the user file {}: {source}", path.display())]
    Write {
        /// The file, or the folder that it is in.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// The users of a file, one `name | hash` a line, which may change while it is in use.
pub struct UserFile {
    path: PathBuf,
    users: RwLock<Arc<Users>>,
    seen: Mutex<Seen>,
}

/// The version of the file that was looked at last.
#[derive(Default)]
struct Seen {
    stamp: Option<Stamp>,
    /// It was the same twice: whatever was being written when it was first read is there.
    settled: bool,
    /// A hash of the text, or of the error.
    content: Option<u64>,
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
        let seen = Seen { stamp: Some(stamp), settled: false, content: Some(hash_of(&text)) };
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

    /// Takes a new version, if it is one: while `content` is what it was, nothing has changed.
    fn take(&self, seen: &mut Seen, text: Result<Vec<u8>, UsersError>) -> Refresh {
        let parsed = text.and_then(|text| Ok((hash_of(&text), parse(&self.path, &text)?)));
        let (content, outcome) = match parsed {
            Ok((content, users)) => (content, Ok(users)),
            Err(error) => (hash_of(error.to_string().as_bytes()), Err(error)),
        };
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
    fn verify(&self, credentials: &Credentials) -> bool {
        // If the file changes meanwhile, check and change don't wait for each other.
        self.current().verify(credentials)
    }

    fn refresh(&self, must_read: bool) -> Refresh {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let metadata = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(source) => {
                seen.stamp = None;
                let error = UsersError::Read { path: self.path.clone(), source };
                return self.take(&mut seen, Err(error));
            }
        };
        // Something other than a regular file, such as a pipe, can be read only once.
        let same = seen.stamp == Some(Stamp::of(&metadata));
        if !metadata.is_file() || (same && seen.settled && !must_read) {
            return Refresh::Unchanged;
        }
        let (text, stamp) = match read(&self.path) {
            Ok((text, stamp)) => (Ok(text), Some(stamp)),
            Err(error) => (Err(error), None),
        };
        // A write within the same tick of the clock leaves the stamp as it was, so the file is read
        // once more later.
        seen.settled = seen.stamp == stamp && stamp.is_some();
        seen.stamp = stamp;
        self.take(&mut seen, text)
    }
}

/// The text of a user file, and which version it is.
pub(super) fn read(path: &Path) -> Result<(Vec<u8>, Stamp), UsersError> {
    let failed = |source| UsersError::Read { path: path.into(), source };
    let file = File::open(path).map_err(failed)?;
    let stamp = Stamp::of(&file.metadata().map_err(failed)?);
    let mut text = Vec::new();
    file.take(MAX_LEN + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_LEN {
        return Err(UsersError::TooLong(path.into()));
    }
    Ok((text, stamp))
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
mod tests {
    use super::*;
    use std::fs;
    use zeroize::Zeroizing;

    fn lets_in(file: &UserFile, name: &str) -> bool {
        file.verify(&Credentials::new(name, Zeroizing::new("x".into())))
    }

    fn line(name: &str) -> String {
        format!("{name} | {}\n", super::super::password::Hash::md5(name, "x"))
    }

    #[test]
    fn a_change_is_taken_and_a_broken_one_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("info");
        fs::write(&path, line("a")).unwrap();
        let file = UserFile::open(&path).unwrap();
        assert_eq!((file.users(), file.refresh(false)), (1, Refresh::Unchanged));
        // No name and no hash.
        assert_eq!(format!("{file:?}"), format!("UserFile({path:?}, 1 users)"));

        fs::write(&path, line("a") + &line("b")).unwrap();
        assert_eq!(file.refresh(false), Refresh::Changed(2));
        assert_eq!(file.refresh(false), Refresh::Unchanged);
        assert!(lets_in(&file, "b"));

        fs::write(&path, line("c") + "d | e\n").unwrap();
        let Refresh::Broken(why) = file.refresh(false) else { panic!("line 2 is broken") };
        assert!(why.contains("info, line 2: "), "{why}");
        assert_eq!(file.refresh(false), Refresh::Unchanged);
        assert_eq!(file.refresh(true), Refresh::Unchanged);
        assert!(lets_in(&file, "b") && !lets_in(&file, "c"));

        fs::remove_file(&path).unwrap();
        assert!(matches!(file.refresh(false), Refresh::Broken(_)));
        assert_eq!(file.refresh(false), Refresh::Unchanged);
        assert!(lets_in(&file, "a"));

        fs::write(&path, line("c")).unwrap();
        assert_eq!(file.refresh(false), Refresh::Changed(1));
        assert!(lets_in(&file, "c") && !lets_in(&file, "a"));
    }

    #[test]
    fn a_file_is_read_until_it_was_the_same_twice_and_then_only_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("info");
        fs::write(&path, line("a")).unwrap();
        let file = UserFile::open(&path).unwrap();
        assert!(!file.seen.lock().unwrap().settled);
        file.refresh(false);
        assert!(file.seen.lock().unwrap().settled);
        // A version that the stamp does not tell apart is found on demand.
        *file.seen.lock().unwrap() = Seen {
            stamp: Some(Stamp::of(&fs::metadata(&path).unwrap())),
            settled: true,
            content: None,
        };
        assert_eq!(file.refresh(false), Refresh::Unchanged);
        assert_eq!(file.refresh(true), Refresh::Changed(1));
    }

    #[test]
    fn a_file_that_cannot_be_used_says_which_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("info");
        let Err(error) = UserFile::open(&path) else { panic!("there is no file") };
        assert!(error.to_string().contains("info: No such file"), "{error}");
        let Err(error) = UserFile::open(folder.path()) else { panic!("it is a folder") };
        assert!(error.to_string().contains("Is a directory"), "{error}");
        let Err(error) = UserFile::open(Path::new("/dev/zero")) else { panic!("it never ends") };
        assert!(error.to_string().contains("longer than"), "{error}");
    }
}

//! Why a user file can't be read, or not be changed: which file it was that failed, and what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::users::NameError;

/// The most bytes of a user file: enough for half a million users, too few for a device that never ends.
pub(super) const MAX_LEN: u64 = 64 * 1024 * 1024;

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
    /// It is a folder, a device or a pipe.
    #[error("{}: no regular file", .0.display())]
    NotAFile(PathBuf),
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
    /// Nobody can have this name.
    #[error("{name:?}: {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: NameError,
    },
    /// It can't be written.
    #[error("cannot write the user file {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The folder that it is in can't be used: it may not even be there.
    #[error("cannot write the user file {}: the folder {}: {source}", path.display(), folder.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file beside it that keeps others from changing it can't be opened or locked.
    #[error("cannot change the user file {}: its lock {}: {source}", path.display(), lock.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Its lock.
        lock: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The new version, beside it until it is whole, can't be written.
    #[error(
        "cannot change the user file {}: its new version {}: {source}",
        path.display(),
        draft.display()
    )]
    Draft {
        /// The file.
        path: PathBuf,
        /// The new version.
        draft: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A new version would belong to others than the old one, or be open to others.
    #[error(
        "cannot change the user file {}: a new version can't keep {what}, so it is left as it is: {source}",
        path.display()
    )]
    Access {
        /// The file.
        path: PathBuf,
        /// Its owner, its group, its mode, or an extended attribute.
        what: String,
        /// What the operating system said, or would say.
        source: io::Error,
    },
    /// It is a mount point itself, as a file is that was handed to a container.
    #[error(
        "cannot replace the user file {}: {source}; it is mounted by itself, so its name can't be given \
         to a new version: mount the folder that it is in",
        path.display()
    )]
    Mounted {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The change is made, and may be undone by a power cut.
    #[error(
        "the user file {} is changed, but the folder {} can't be flushed to the disk: {source}",
        path.display(),
        folder.display()
    )]
    Flush {
        /// The file.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

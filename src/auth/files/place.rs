//! Where a user file is, and what lies beside it: its lock, and the new version until that is whole.
//!
//! The new version is written beside the old one and renamed over it, so a reader, or anybody after
//! a crash, finds one or the other. The lock is on a file of its own, because a rename would put
//! another file in the place of the locked one. Never here: what is in a user file.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use super::access::{Access, Loss, open_lock};
use super::error::UsersError;

/// Symbolic links that are followed, as many as Linux follows.
const MAX_LINKS: usize = 40;
/// The mode of a new file: hashes are for nobody else to guess at.
const MODE: u32 = 0o600;
/// A lock that is held for longer than this is worth a word.
const A_MOMENT: Duration = Duration::from_secs(1);

/// What is told of a lock that is held by somebody else: its path.
pub(super) type Waiting = dyn Fn(&Path) + Send + Sync;

/// Where a user file is, links followed, and what lies beside it.
pub(super) struct Place {
    /// As it was named.
    pub(super) path: PathBuf,
    /// Open, to be flushed.
    folder: File,
    folder_path: PathBuf,
    pub(super) file: PathBuf,
    draft: PathBuf,
    lock: PathBuf,
}

impl Place {
    /// The folder has to be there already; the file need not.
    pub(super) fn of(path: &Path) -> Result<Place, UsersError> {
        let failed = |source| UsersError::Write { path: path.into(), source };
        let file = follow(path).map_err(failed)?;
        let name = file.file_name().filter(|_| !file.as_os_str().as_bytes().ends_with(b"/"));
        let name = name.ok_or_else(|| failed(ErrorKind::IsADirectory.into()))?;
        let folder_path = match file.parent() {
            Some(folder) if folder != Path::new("") => folder.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let folder = File::open(&folder_path).map_err(|source| UsersError::Folder {
            path: path.into(),
            folder: folder_path.clone(),
            source,
        })?;
        let beside = |suffix: &str| {
            let mut beside = OsString::from(".");
            beside.push(name);
            beside.push(suffix);
            folder_path.join(beside)
        };
        let (draft, lock) = (beside(".new"), beside(".lock"));
        Ok(Place { path: path.into(), folder, folder_path, file, draft, lock })
    }

    /// Waits until nobody else is changing the file, and says so if that takes more than a moment. The lock
    /// stays where it is: if it were removed, whoever has it open already and whoever comes next would lock
    /// two different files. Who may change the file may have it, as far as that can be arranged.
    pub(super) fn lock(
        &self,
        access: Option<&Access>,
        waiting: &Waiting,
    ) -> Result<File, UsersError> {
        let failed =
            |source| UsersError::Lock { path: self.path.clone(), lock: self.lock.clone(), source };
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(MODE)
            .custom_flags(OFlags::NOFOLLOW.bits() as i32)
            .open(&self.lock)
            .map_err(failed)?;
        let folder = self.folder.metadata().map_err(failed)?;
        // Where it can't be opened to others, it does for us what it is there for.
        let _ = open_lock(&lock, access, &folder);
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => wait_for(&lock, || waiting(&self.lock)),
            done => done,
        }
        .map_err(|errno| failed(errno.into()))?;
        Ok(lock)
    }

    /// What a rename would fail with, where that can be seen before there is anything to rename.
    fn look(&self, access: &Access) -> Result<(), UsersError> {
        let failed = |source| UsersError::Write { path: self.path.clone(), source };
        if is_mounted(&self.file) {
            return Err(self.not_renamed(Errno::BUSY.into()));
        }
        if !access.may_be_replaced_in(&self.folder.metadata().map_err(failed)?) {
            return Err(self.not_renamed(Errno::PERM.into()));
        }
        Ok(())
    }

    /// Begins a new version with the access that the old one gives. Called under the lock, which makes its
    /// name ours: a file that has it already was left by somebody who was killed.
    pub(super) fn begin(&self, access: Option<&Access>) -> Result<Draft<'_>, UsersError> {
        access.map_or(Ok(()), |access| self.look(access))?;
        match fs::remove_file(&self.draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(self.bad_draft(error)),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&self.draft);
        let draft = Draft { file: file.map_err(|error| self.bad_draft(error))?, place: self };
        if let Some(access) = access {
            access.give(&draft.file).map_err(|Loss { what, source }| UsersError::Access {
                path: self.path.clone(),
                what,
                source,
            })?;
        }
        Ok(draft)
    }

    fn bad_draft(&self, source: io::Error) -> UsersError {
        UsersError::Draft { path: self.path.clone(), draft: self.draft.clone(), source }
    }

    fn not_renamed(&self, source: io::Error) -> UsersError {
        let path = self.path.clone();
        match source.kind() {
            ErrorKind::ResourceBusy => UsersError::Mounted { path, source },
            _ => UsersError::Write { path, source },
        }
    }
}

/// A new version; dropped, it is gone unless it was put in the old one's place.
pub(super) struct Draft<'p> {
    file: File,
    place: &'p Place,
}

impl Draft<'_> {
    /// Puts `text` in the place of the file, on the disk.
    pub(super) fn replace(mut self, text: &[u8]) -> Result<(), UsersError> {
        let place = self.place;
        self.file
            .write_all(text)
            .and_then(|()| self.file.sync_all())
            .map_err(|error| place.bad_draft(error))?;
        fs::rename(&place.draft, &place.file).map_err(|error| place.not_renamed(error))?;
        // Until the folder is written too, a power cut can bring the old version back.
        place.folder.sync_all().map_err(|source| UsersError::Flush {
            path: place.path.clone(),
            folder: place.folder_path.clone(),
            source,
        })
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // After the rename there is nothing of this name, and nobody else makes one while we hold the lock.
        let _ = fs::remove_file(&self.place.draft);
    }
}

/// What the last of the links leads to. By hand, because that may not be there yet.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut file = path.to_path_buf();
    let mut links = 0;
    while let Ok(target) = fs::read_link(&file) {
        links += 1;
        if links > MAX_LINKS {
            return Err(Errno::LOOP.into());
        }
        file = file.parent().unwrap_or(Path::new("")).join(target);
    }
    Ok(file)
}

/// Whether a file is the whole of a mount.
#[cfg(target_os = "linux")]
fn is_mounted(file: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    // Before Linux 5.8 nobody tells, and the rename finds out.
    statx(CWD, file, AtFlags::empty(), StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(not(target_os = "linux"))]
fn is_mounted(_: &Path) -> bool {
    false
}

/// Waits for a lock that somebody else holds, and tells if that takes more than a moment.
fn wait_for(lock: &File, tell: impl Fn() + Send) -> rustix::io::Result<()> {
    thread::scope(|scope| {
        // Nothing is ever sent.
        let (locked, end) = channel::<()>();
        let watch = move || {
            if end.recv_timeout(A_MOMENT) == Err(RecvTimeoutError::Timeout) {
                tell();
            }
        };
        // Where there is no thread to spare, it is waited for without a word.
        let _ = thread::Builder::new().spawn_scoped(scope, watch);
        let done = loop {
            match flock(lock, FlockOperation::LockExclusive) {
                Err(Errno::INTR) => {}
                done => break done,
            }
        };
        drop(locked);
        done
    })
}

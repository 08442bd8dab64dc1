//! Changing a user file: whole, or not at all, and one at a time.
//!
//! What is written is first read as the server would read it: only a file that says what was asked for takes
//! the old one's place. How it does that is in `place.rs`. Comments, order and whoever may do what with the
//! file stay as they are.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::access::Access;
use super::error::{MAX_LEN, UsersError};
use super::password::Hash;
use super::place::{Place, Waiting};
use super::rewrite::{Rewritten, rewrite};
use super::user_file::{parse, read, read_all};
use super::users::{check_name, names};

/// Whoever changes a user file: adds users, gives them new passwords, removes them. Two that change the same
/// file take turns.
///
/// ```
/// use sockmodes::auth::{Hash, UserEditor, list_users};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("info");
/// let editor = UserEditor::open(&path)?.on_wait(|lock| eprintln!("waiting for {}", lock.display()));
/// // Before a password is asked for.
/// editor.try_add("eva")?;
/// assert!(!editor.add("eva", &Hash::md5("eva", "x"))?);
/// assert_eq!(list_users(&path)?, ["eva"]);
/// assert!(editor.remove("eva")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct UserEditor {
    place: Place,
    waiting: Box<Waiting>,
}

impl UserEditor {
    /// For the file at `path`, which [`add`](UserEditor::add) makes if there is none.
    ///
    /// # Errors
    ///
    /// Where the folder is missing, or can't be read.
    pub fn open(path: &Path) -> Result<UserEditor, UsersError> {
        Ok(UserEditor { place: Place::of(path)?, waiting: Box::new(|_| ()) })
    }

    /// Has `tell` called, with the path of the lock, when somebody else has held it for a second.
    #[must_use]
    pub fn on_wait(self, tell: impl Fn(&Path) + Send + Sync + 'static) -> UserEditor {
        UserEditor { waiting: Box::new(tell), ..self }
    }

    /// Whether [`add`](UserEditor::add) would succeed as things are now: all of it but the change is done.
    ///
    /// # Errors
    ///
    /// What `add` would fail with.
    pub fn try_add(&self, name: &str) -> Result<(), UsersError> {
        let change = self.prepare(name, Some("!"))?;
        self.place.begin(change.access.as_ref()).map(drop)
    }

    /// Gives `name` the password behind `hash`; returns whether the user was there before.
    ///
    /// # Errors
    ///
    /// Where the name is none, a line of the file is broken, or a new version can't be written, or can't have
    /// the old one's owner, group, mode and access control list. Then the file is what it was.
    pub fn add(&self, name: &str, hash: &Hash) -> Result<bool, UsersError> {
        self.commit(self.prepare(name, Some(&hash.to_string()))?)
    }

    /// Takes `name` out of the file; returns whether the user was there.
    ///
    /// # Errors
    ///
    /// As [`add`](UserEditor::add), and where there is no file.
    pub fn remove(&self, name: &str) -> Result<bool, UsersError> {
        self.commit(self.prepare(name, None)?)
    }

    /// What the file is to be, with the lock held.
    fn prepare(&self, name: &str, hash: Option<&str>) -> Result<Change, UsersError> {
        if hash.is_some() {
            let bad = |why| UsersError::Name { name: name.into(), why };
            check_name(name).map_err(bad)?;
        }
        // Once before there is a lock, so that one who may not read it leaves no lock either.
        let access = self.old(hash.is_none())?.map(|(_, access)| access);
        let lock = self.place.lock(access.as_ref(), &*self.waiting)?;
        let (old, access) = match self.old(hash.is_none())? {
            Some((mut file, access)) => (read_all(&mut file, &self.place.path)?, Some(access)),
            None => (Vec::new(), None),
        };
        let new = rewrite(&old, name, hash);
        self.check(&new, name, hash.is_some())?;
        let is_change = new.text != old;
        Ok(Change { new, is_change, access, _lock: lock })
    }

    /// The file, open, if it is there or has to be.
    fn old(&self, must_exist: bool) -> Result<Option<(File, Access)>, UsersError> {
        let path = &self.place.path;
        let failed = |source| UsersError::Read { path: path.clone(), source };
        let open = || -> io::Result<Option<(File, Access)>> {
            if !fs::metadata(&self.place.file)?.is_file() {
                return Ok(None);
            }
            let file = File::open(&self.place.file)?;
            let access = Access::of(&file, &self.place.file)?;
            Ok(Some((file, access)))
        };
        match open() {
            // A rename would put an ordinary file in the place of a device or a pipe.
            Ok(None) => Err(UsersError::NotAFile(path.clone())),
            Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => Ok(None),
            done => done.map_err(failed),
        }
    }

    /// Only a file that a server would take is written, and only if it says what was asked for.
    fn check(&self, new: &Rewritten, name: &str, is_there: bool) -> Result<(), UsersError> {
        let path = &self.place.path;
        if new.text.len() as u64 > MAX_LEN {
            return Err(UsersError::TooLong(path.clone()));
        }
        if new.numbered != new.text {
            // A broken line is named by its number in the file that is there. With the line before it gone, it
            // might even pass, behind a byte order mark, as another's.
            parse(path, &new.numbered)?;
        }
        if parse(path, &new.text)?.has(name) == is_there {
            return Ok(());
        }
        let source = io::Error::other("it would not say what was asked for");
        Err(UsersError::Write { path: path.clone(), source })
    }

    fn commit(&self, change: Change) -> Result<bool, UsersError> {
        if change.is_change {
            self.place.begin(change.access.as_ref())?.replace(&change.new.text)?;
        }
        Ok(change.new.found)
    }
}

impl fmt::Debug for UserEditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserEditor({:?})", self.place.path)
    }
}

/// What a file is to be.
struct Change {
    new: Rewritten,
    is_change: bool,
    /// That of the file that is there.
    access: Option<Access>,
    /// Nobody else changes it meanwhile.
    _lock: File,
}

/// The names in the file at `path`, in its order.
pub fn list_users(path: &Path) -> Result<Vec<String>, UsersError> {
    let (text, _) = read(path)?;
    parse(path, &text)?;
    Ok(names(&text).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests;

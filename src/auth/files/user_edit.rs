//! Changing a user file: whole, or not at all, and one at a time.
//!
//! The new version is written beside the old one and renamed over it, so a reader, or anybody after
//! a crash, finds one or the other. The lock is on a file beside it, because a rename would put
//! another file in the place of the locked one. Comments, order, mode and, where that is permitted,
//! the owner stay.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use super::password::Hash;
use super::user_file::{UsersError, parse, read};
use super::users::{Line, lines};

/// Symbolic links that are followed, as many as Linux follows.
const MAX_LINKS: usize = 40;
/// The mode of a new file: hashes are for nobody else to guess at.
const MODE: u32 = 0o600;

/// Gives `name` the password behind `hash`, in the file at `path`, which is made if there is none;
/// returns whether the user was there before.
pub fn add_user(path: &Path, name: &str, hash: &Hash) -> Result<bool, UsersError> {
    edit(path, name, Some(&format!("{name} | {hash}")))
}

/// Takes `name` out of the file at `path`; returns whether the user was there.
pub fn remove_user(path: &Path, name: &str) -> Result<bool, UsersError> {
    edit(path, name, None)
}

/// The names in the file at `path`, in its order.
pub fn list_users(path: &Path) -> Result<Vec<String>, UsersError> {
    let (text, _) = read(path)?;
    parse(path, &text)?;
    let name = |line| match Line::parse(line) {
        Ok(Line::User { name, .. }) => Some(name.to_owned()),
        _ => None,
    };
    Ok(lines(&text).filter_map(name).collect())
}

fn edit(path: &Path, name: &str, replacement: Option<&str>) -> Result<bool, UsersError> {
    let failed = |source| UsersError::Write { path: path.into(), source };
    let place = Place::of(path).map_err(failed)?;
    if fs::metadata(&place.file).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        // A rename would put an ordinary file in the place of a device or a pipe.
        return Err(failed(io::Error::new(ErrorKind::InvalidInput, "it is no regular file")));
    }
    let _lock = place.lock().map_err(failed)?;
    let (old, metadata) = match read(&place.file) {
        Ok((text, _)) => (text, Some(fs::metadata(&place.file).map_err(failed)?)),
        Err(UsersError::Read { source, .. })
            if source.kind() == ErrorKind::NotFound && replacement.is_some() =>
        {
            (Vec::new(), None)
        }
        Err(error) => return Err(error),
    };
    let new = rewrite(&old, name, replacement);
    // Only a file that a server would take is written; a broken one stays as it is.
    parse(path, &new.numbered)?;
    if new.text != old {
        place.replace(&new.text, metadata.as_ref()).map_err(failed)?;
    }
    Ok(new.found)
}

/// A text with one user's line replaced, taken out or added.
struct Rewritten {
    text: Vec<u8>,
    /// The same, with an empty line for each that was taken out: its lines have their old numbers.
    numbered: Vec<u8>,
    found: bool,
}

fn rewrite(old: &[u8], name: &str, replacement: Option<&str>) -> Rewritten {
    let mark = if old.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
    let (mark, body) = old.split_at(mark);
    let mut new = Rewritten { text: mark.into(), numbered: Vec::new(), found: false };
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let theirs =
            matches!(Line::parse(line), Ok(Line::User { name: other, .. }) if other == name);
        if !theirs {
            new.text.extend_from_slice(line);
            new.numbered.extend_from_slice(line);
            continue;
        }
        let ending =
            line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
        if let Some(replacement) = replacement.filter(|_| !new.found) {
            new.text.extend_from_slice(replacement.as_bytes());
            new.text.extend_from_slice(&line[ending..]);
            new.numbered.extend_from_slice(replacement.as_bytes());
        }
        new.numbered.extend_from_slice(&line[ending..]);
        new.found = true;
    }
    if let Some(replacement) = replacement.filter(|_| !new.found) {
        for text in [&mut new.text, &mut new.numbered] {
            if text.len() > mark.len() && !text.ends_with(b"\n") {
                text.push(b'\n');
            }
            text.extend_from_slice(replacement.as_bytes());
            text.push(b'\n');
        }
    }
    new
}

/// Where a user file is, links followed, and what lies beside it.
struct Place {
    folder: PathBuf,
    file: PathBuf,
    draft: PathBuf,
    lock: PathBuf,
}

impl Place {
    fn of(path: &Path) -> io::Result<Place> {
        let mut file = path.to_path_buf();
        let mut links = 0;
        // By hand, because what the last link points to may not be there yet.
        while let Ok(target) = fs::read_link(&file) {
            links += 1;
            if links > MAX_LINKS {
                return Err(rustix::io::Errno::LOOP.into());
            }
            file = file.parent().unwrap_or(Path::new("")).join(target);
        }
        let name = file.file_name().ok_or(ErrorKind::IsADirectory)?.to_owned();
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let beside = |suffix: &str| {
            let mut beside = OsString::from(".");
            beside.push(&name);
            beside.push(suffix);
            folder.join(beside)
        };
        Ok(Place { draft: beside(".new"), lock: beside(".lock"), folder, file })
    }

    /// Waits until nobody else is changing the file. The lock file stays: if it were removed,
    /// whoever has it open already and whoever comes next would lock two different files.
    fn lock(&self) -> io::Result<File> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(MODE)
            .custom_flags(OFlags::NOFOLLOW.bits() as i32)
            .open(&self.lock)?;
        while let Err(errno) = flock(&file, FlockOperation::LockExclusive) {
            if errno != rustix::io::Errno::INTR {
                return Err(errno.into());
            }
        }
        Ok(file)
    }

    /// Puts `text` in the place of the file. Called under the lock, which makes the draft's name
    /// ours: a file that has it already was left by somebody who was killed.
    fn replace(&self, text: &[u8], old: Option<&Metadata>) -> io::Result<()> {
        let _ = fs::remove_file(&self.draft);
        let written =
            OpenOptions::new().write(true).create_new(true).mode(MODE).open(&self.draft).and_then(
                |mut file| {
                    file.write_all(text)?;
                    if let Some(old) = old {
                        keep_access(&file, old)?;
                    }
                    file.sync_all()
                },
            );
        let renamed = written.and_then(|()| fs::rename(&self.draft, &self.file));
        if renamed.is_err() {
            let _ = fs::remove_file(&self.draft);
        }
        // Until the folder is written too, a power cut can bring the old version back.
        renamed.and_then(|()| File::open(&self.folder)?.sync_all())
    }
}

/// Gives `file` the owner and the mode of `old`. Where the group can't be kept, the new group may
/// do no more than everybody may.
fn keep_access(file: &File, old: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    let mut mode = old.mode() & 0o7777;
    if new.uid() != old.uid() {
        // Only root may; if anybody else changes the file, it is theirs from now on.
        let _ = fchown(file, Some(old.uid()), None);
    }
    if new.gid() != old.gid() && fchown(file, None, Some(old.gid())).is_err() {
        mode = mode & !0o070 | (mode & 0o007) << 3 & mode & 0o070;
    }
    file.set_permissions(Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "00000000000000000000000000000000";

    fn rewritten(old: &str, replacement: Option<&str>) -> (String, bool) {
        let new = rewrite(old.as_bytes(), "b", replacement);
        (String::from_utf8(new.text).unwrap(), new.found)
    }

    #[test]
    fn only_the_users_own_line_changes() {
        let old = "# b | !\na | !\r\n  b|!\r\n\n bb | !\nc";
        assert_eq!(
            rewritten(old, Some("b | x")),
            ("# b | !\na | !\r\nb | x\r\n\n bb | !\nc".into(), true)
        );
        assert_eq!(rewritten(old, None), ("# b | !\na | !\r\n\n bb | !\nc".into(), true));
        assert_eq!(rewritten("a | !", Some("b | x")), ("a | !\nb | x\n".into(), false));
        assert_eq!(rewritten("", Some("b | x")), ("b | x\n".into(), false));
        assert_eq!(rewritten("b | !", Some("b | x")), ("b | x".into(), true));
        assert_eq!(
            rewritten("b | !\na | !\nb | !", Some("b | x")),
            ("b | x\na | !\n".into(), true)
        );
        assert_eq!(rewritten("\u{feff}b | !\n", Some("b | x")), ("\u{feff}b | x\n".into(), true));
        assert_eq!(rewritten("\u{feff}", Some("b | x")), ("\u{feff}b | x\n".into(), false));
        assert_eq!(rewritten("a | !\n", None), ("a | !\n".into(), false));
    }

    #[test]
    fn a_broken_file_is_left_as_it_is_unless_the_change_repairs_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("info");
        let hash = Hash::parse(HASH).unwrap();
        let old = "a | !\nb | broken\nc | !\n";
        fs::write(&path, old).unwrap();
        for error in [add_user(&path, "d", &hash), remove_user(&path, "a")] {
            let error = error.unwrap_err().to_string();
            assert!(error.contains("info, line 2: the hash is wrong"), "{error}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), old);
        assert!(add_user(&path, "b", &hash).unwrap());
        assert_eq!(list_users(&path).unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn a_link_stays_and_what_it_points_to_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::os::unix::fs::symlink("real", &link).unwrap();
        let hash = Hash::parse(HASH).unwrap();
        // Even before there is a file.
        assert!(!add_user(&link, "a", &hash).unwrap());
        assert!(!add_user(&link, "b", &hash).unwrap());
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&real).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(list_users(&real).unwrap(), ["a", "b"]);
        assert!(folder.path().join(".real.lock").exists());
        assert!(!folder.path().join(".link.lock").exists());

        let round = folder.path().join("round");
        std::os::unix::fs::symlink("round", &round).unwrap();
        assert!(add_user(&round, "a", &hash).is_err());
    }

    #[test]
    fn the_mode_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("info");
        let hash = Hash::parse(HASH).unwrap();
        for mode in [0o644, 0o640, 0o600, 0o604] {
            fs::write(&path, "a | !\n").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            add_user(&path, "b", &hash).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
        }
    }
}

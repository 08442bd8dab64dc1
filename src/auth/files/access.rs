//! Who may do what with a file: its owner, its group, its mode, and its extended attributes, one of which is
//! the access control list. Taken from one file, to be given to another that takes its place.
//!
//! Never here: what is in a file. Read `place.rs` next, which has both files.

mod attributes;

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{Access as Allowed, AtFlags, CWD, accessat};
use rustix::process::geteuid;

use attributes::Attributes;

/// What decides about access to a file.
pub(super) struct Access {
    owner: u32,
    group: u32,
    mode: u32,
    attributes: Attributes,
    /// Whoever asks may write the file as it is.
    may_write: bool,
}

/// What a file can't be given, and why not.
pub(super) struct Loss {
    pub(super) what: String,
    pub(super) source: io::Error,
}

impl Loss {
    fn of(what: &str) -> impl FnOnce(io::Error) -> Loss {
        move |source| Loss { what: what.into(), source }
    }
}

impl Access {
    /// That of `file`, which is open under the name `path`.
    pub(super) fn of(file: &File, path: &Path) -> io::Result<Access> {
        let metadata = file.metadata()?;
        Ok(Access {
            owner: metadata.uid(),
            group: metadata.gid(),
            mode: mode_of(&metadata),
            attributes: Attributes::of(file)?,
            may_write: accessat(CWD, path, Allowed::WRITE_OK, AtFlags::EACCESS).is_ok(),
        })
    }

    /// Gives `file`, which is new and open to nobody but its owner, the same; or says what it can't.
    pub(super) fn give(&self, file: &File) -> Result<(), Loss> {
        self.give_with(file, self.mode)
    }

    fn give_with(&self, file: &File, mode: u32) -> Result<(), Loss> {
        let new = file.metadata().map_err(Loss::of("its mode"))?;
        if new.uid() != self.owner {
            match fchown(file, Some(self.owner), None) {
                Err(_) if self.may_change_hands() => {}
                done => done.map_err(Loss::of(&format!("its owner (user {})", self.owner)))?,
            }
        }
        if new.gid() != self.group {
            fchown(file, None, Some(self.group))
                .map_err(Loss::of(&format!("its group ({})", self.group)))?;
        }
        // The list before the mode, of which it brings a part; the mode when nobody else is meant any more.
        self.attributes.give(file)?;
        file.set_permissions(Permissions::from_mode(mode)).map_err(Loss::of("its mode"))?;
        match mode_of(&file.metadata().map_err(Loss::of("its mode"))?) {
            given if given == mode => Ok(()),
            // Without an error, as where a group that one is not in costs the bit for it.
            given => Err(Loss::of("its mode")(io::Error::other(format!(
                "{mode:04o} becomes {given:04o}"
            )))),
        }
    }

    /// In a sticky folder, as `/tmp` is one, only a file's owner, the folder's, and root may replace it.
    pub(super) fn may_be_replaced_in(&self, folder: &Metadata) -> bool {
        let user = geteuid();
        folder.mode() & 0o1000 == 0
            || user.is_root()
            || [self.owner, folder.uid()].contains(&user.as_raw())
    }

    /// Only root may give a file away. So one that a group shares belongs to whoever of them has changed it
    /// last: nobody can do more or less with it than before. Where there is a list, that is not so simple.
    fn may_change_hands(&self) -> bool {
        let (owner, group) = (self.mode >> 6 & 0o6, self.mode >> 3 & 0o6);
        self.may_write && group == 0o6 && owner == 0o6 && !self.attributes.have_a_list()
    }
}

/// Opens `lock` to whoever may open the file of this `access`, and to those for whom its folder is: they have
/// to be able to lock what they may replace.
pub(super) fn open_lock(
    lock: &File,
    access: Option<&Access>,
    folder: &Metadata,
) -> Result<(), Loss> {
    let found = lock.metadata().map_err(Loss::of("its mode"))?;
    if found.uid() != geteuid().as_raw() || found.nlink() != 1 || found.len() != 0 {
        // Not ours to open; or something else, that somebody has linked here.
        return Ok(());
    }
    let shared_by = (folder.mode() & 0o020 != 0).then(|| folder.gid());
    match (access, shared_by) {
        (Some(access), _) => {
            let shared = if shared_by == Some(access.group) { 0o060 } else { 0 };
            access.give_with(lock, access.mode & 0o666 | 0o600 | shared)
        }
        (None, Some(group)) => fchown(lock, None, Some(group))
            .and_then(|()| lock.set_permissions(Permissions::from_mode(0o660)))
            .map_err(Loss::of("its group")),
        (None, None) => Ok(()),
    }
}

fn mode_of(metadata: &Metadata) -> u32 {
    metadata.mode() & 0o7777
}

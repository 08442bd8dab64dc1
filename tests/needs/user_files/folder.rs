//! A folder with a user file in it, and who may do what with both.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sockmodes::auth::list_users;
use tempfile::TempDir;

use crate::common::process::{Finished, run};
use crate::common::program::sockmodes;

/// A folder with a user file in it.
pub(super) struct Folder(pub(super) TempDir);

impl Folder {
    pub(super) fn new(text: &str) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        fs::write(folder.file(), text).unwrap();
        folder
    }

    /// One that a user owns, or a group may write.
    pub(super) fn of(owner: u32, group: u32, mode: u32) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        give(folder.0.path(), owner, group, mode);
        folder
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.path().join("info")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.0.path().join(".info.lock")
    }

    pub(super) fn names(&self) -> Vec<String> {
        list_users(&self.file()).unwrap()
    }

    /// `user add NAME` with a password on standard input.
    pub(super) fn add(&self, name: &str) -> Command {
        let mut command = sockmodes(["user", "add", name, "--hash", "md5", "--users"]);
        command.arg(self.file());
        command
    }

    /// The same by somebody else, in a group.
    pub(super) fn add_as(&self, user: u32, group: u32, name: &str) -> Finished {
        run(self.add(name).uid(user).gid(group), b"x\n")
    }
}

pub(super) fn give(path: &Path, owner: u32, group: u32, mode: u32) {
    chown(path, Some(owner), Some(group)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Owner, group and mode.
pub(super) fn access(path: &Path) -> (u32, u32, u32) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
}

pub(super) fn set_list(path: &Path, args: &[&str]) {
    run(Command::new("setfacl").args(args).arg(path), b"").expect(0);
}

pub(super) fn list(path: &Path) -> String {
    let mut getfacl = Command::new("getfacl");
    getfacl.args(["--omit-header", "--numeric", "--absolute-names"]);
    run(getfacl.arg(path), b"").expect(0).out().to_owned()
}

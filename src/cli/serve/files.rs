//! The files of a server: how many it may open, and which one must not be the trace.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sockmodes::auth::default_file;

use super::{Args, Auth, Failure};

impl Args {
    /// The trace empties its file: that must not be one that this server reads.
    pub(super) fn check_trace(&self) -> Result<(), Failure> {
        let Some(trace) = &self.trace else { return Ok(()) };
        if trace.as_os_str() == "-" {
            return Err(Failure::Usage(
                "--trace needs a file: standard output is not for it".into(),
            ));
        }
        match self.read_files().iter().find(|file| are_same(file, trace)) {
            None => Ok(()),
            Some(file) => Err(Failure::Usage(format!(
                "--trace {} would empty {}, which is read",
                trace.display(),
                file.display()
            ))),
        }
    }

    fn read_files(&self) -> Vec<PathBuf> {
        let secret = self.secret_file.clone().or_else(default_file);
        let secret = secret.filter(|_| self.auth != Auth::None);
        secret.into_iter().chain(self.users.clone()).collect()
    }
}

/// Whether both names lead to one file, by whatever links.
fn are_same(one: &Path, other: &Path) -> bool {
    let identity = |path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

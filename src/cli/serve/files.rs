//! The files of a server: how many it may open, and which one must not be the trace.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sockmodes::auth::default_file;
use sockmodes::observe::Admin;

use super::{Args, Auth, Failure};

/// Descriptors that are open for a moment now and then: a user file that is read, a trace that is opened
/// anew beside the old one, a connection that is accepted to be refused.
const SPARE: usize = 8;
/// What a server has open beside its listeners, at the least: for systems that don't tell.
const AT_LEAST: usize = 10;

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

/// Raises the soft limit of open files to the hard one; returns what it is now.
pub(super) fn raise_open_files() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    // No limit is as good as the largest number: the kernel's memory runs out first.
    let limit = if raised.is_ok() { maximum } else { current };
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// How many of `files` descriptors the connections may have, once everything else is open: a quarter at the
/// least.
pub(super) fn connections_for(files: usize, listeners: usize, admin: Option<&Admin>) -> usize {
    let open = fs::read_dir("/dev/fd").map_or(0, Iterator::count).max(AT_LEAST + listeners);
    let places = admin.map_or(0, |_| Admin::MOST_CONNECTIONS);
    files.saturating_sub(open + places + SPARE).max(files / 4).max(1)
}

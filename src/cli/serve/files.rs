//! The files of a server: how many it may open, and which it reads.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sockmodes::auth::{default_file, secret_file};
use sockmodes::observe::Admin;

use super::super::files::{Open, check_outputs};
use super::{Args, Auth, Failure};

/// Descriptors that are open for a moment now and then: a user file that is read, a trace that is opened
/// anew beside the old one, a connection that is accepted to be refused.
const SPARE: usize = 8;
/// What a server has open beside its listeners, at the least: for systems that don't tell.
const AT_LEAST: usize = 10;

impl Args {
    /// What this server writes must not be what it reads.
    pub(super) fn check_outputs(&self) -> Result<(), Failure> {
        let read = self.read_files();
        let read: Vec<_> = read.iter().map(PathBuf::as_path).collect();
        check_outputs(&read, self.trace.as_deref().map(|path| ("--trace", path)))
    }

    /// The files that this server reads, or was told of.
    pub(super) fn read_files(&self) -> Vec<PathBuf> {
        let default = default_file().filter(|_| self.auth != Auth::None);
        let secret = self.secret_file.clone().or(default);
        secret.into_iter().chain(self.users.clone()).collect()
    }

    /// The secret's file, if others can get at it.
    pub(super) fn open_secret(&self) -> Option<Open> {
        self.auth.scheme()?;
        secret_file(self.secret_file.as_deref()).and_then(Open::of)
    }
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

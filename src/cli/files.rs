//! The files that a command is given: what it reads must not be what it writes, and the secret is nobody else's.

use std::fs::{self, File, Metadata};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};
use sockmodes::auth::{IfMissing, Secret, secret_file};

use super::{Failure, one_line};

/// The value of an option that names a file to read.
pub(super) fn input() -> impl TypedValueParser<Value = PathBuf> {
    file("standard input is not read for it: name a file; one of this name is ./-")
}

/// The value of an option that names a file to write.
pub(super) fn output() -> impl TypedValueParser<Value = PathBuf> {
    file("standard output is not for it: name a file; one of this name is ./-")
}

fn file(why_no_dash: &'static str) -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new()
        .try_map(move |path| if path.as_os_str() == "-" { Err(why_no_dash) } else { Ok(path) })
}

/// A file that is written: the option that names it, and its path.
pub(super) type Output<'a> = (&'static str, &'a Path);

/// None of the `inputs` may be where standard output, standard error or the `output` goes, by whatever name:
/// what is written would be read, or be the end of what was there.
pub(super) fn check_outputs(inputs: &[&Path], output: Option<Output>) -> Result<(), Failure> {
    let inputs = || inputs.iter().filter_map(|path| Some((*path, Identity::at(path)?)));
    let is_input = |output: Option<Identity>| {
        inputs().find(|(_, input)| output.as_ref() == Some(input)).map(|(path, _)| path.display())
    };
    if is_input(Identity::of(io::stderr())).is_some() {
        return Err(Failure::Unsaid);
    }
    if let Some(path) = is_input(Identity::of(io::stdout())) {
        return Err(Failure::Usage(format!("standard output goes to {path}, which is read")));
    }
    let Some((option, output)) = output else { return Ok(()) };
    match is_input(Identity::at(output)) {
        None => Ok(()),
        Some(path) => {
            let text = format!("{option} {} would empty {path}, which is read", output.display());
            Err(Failure::Usage(text))
        }
    }
}

/// What standard input is read from must not be where the answers, or the `output`, go: they would be read again,
/// without end.
pub(super) fn check_input(output: Option<Output>) -> Result<(), Failure> {
    let input = Identity::of(io::stdin());
    if input.is_none() {
        return Ok(());
    }
    if input == Identity::of(io::stderr()) {
        return Err(Failure::Unsaid);
    }
    if input == Identity::of(io::stdout()) {
        return Err(Failure::Usage("standard output goes to the file that is read".into()));
    }
    match output {
        Some((option, path)) if input == Identity::at(path) => {
            let text =
                format!("{option} {} would empty standard input, which is read", path.display());
            Err(Failure::Usage(text))
        }
        _ => Ok(()),
    }
}

/// A client's secret; a person is told if it is open to others.
pub(super) fn find_secret(file: Option<&Path>) -> Result<Secret, Failure> {
    let path = secret_file(file);
    check_outputs(&path.iter().map(PathBuf::as_path).collect::<Vec<_>>(), None)?;
    let secret = Secret::find(file, IfMissing::Fail)?;
    if let Some(open) = path.and_then(Open::of)
        && io::stderr().is_terminal()
    {
        let Open { path, mode, what } = open;
        let text = format!("others may {what} the secret file {} (mode {mode})", path.display());
        let _ = writeln!(io::stderr(), "sockmodes: {}", one_line(&text));
    }
    Ok(secret)
}

/// A secret file that is open to others.
pub(super) struct Open {
    pub(super) path: PathBuf,
    pub(super) mode: String,
    /// What they may do: read it, change it.
    pub(super) what: &'static str,
}

impl Open {
    /// `None` if it is its owner's alone. A group may read what root keeps for it, as services have it.
    pub(super) fn of(path: PathBuf) -> Option<Open> {
        let metadata = fs::metadata(&path).ok().filter(Metadata::is_file)?;
        let readers = if metadata.uid() == 0 { 0o004 } else { 0o044 };
        let what = match (metadata.mode() & readers != 0, metadata.mode() & 0o022 != 0) {
            (false, false) => return None,
            (true, false) => "read",
            (false, true) => "change",
            (true, true) => "read and change",
        };
        Some(Open { path, mode: format!("{:04o}", metadata.mode() & 0o7777), what })
    }
}

/// Which file it is, by whatever name: device and inode of one that keeps what is written to it.
#[derive(PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    fn at(path: &Path) -> Option<Identity> {
        Identity::from(&fs::metadata(path).ok()?)
    }

    fn of(stream: impl AsFd) -> Option<Identity> {
        let file = File::from(stream.as_fd().try_clone_to_owned().ok()?);
        Identity::from(&file.metadata().ok()?)
    }

    fn from(metadata: &Metadata) -> Option<Identity> {
        metadata.is_file().then(|| Identity(metadata.dev(), metadata.ino()))
    }
}

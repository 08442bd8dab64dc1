//! A file that is written whole or not at all: beside its place first, and put there at the end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;

/// A file that is not in its place yet; dropped, it is gone.
pub(super) struct Draft {
    file: BufWriter<File>,
    /// Where it is, and where it belongs. Into a pipe or a device is written at once, and there is no such place.
    moves: Option<(PathBuf, PathBuf)>,
}

impl Draft {
    /// Begins what is to be at `path`, or at what its links lead to.
    pub(super) fn begin(path: &Path) -> io::Result<Draft> {
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let there = fs::metadata(&place).ok();
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            let file = OpenOptions::new().write(true).open(&place)?;
            return Ok(Draft { file: BufWriter::new(file), moves: None });
        }
        let Some(name) = place.file_name() else { return Err(io::ErrorKind::InvalidInput.into()) };
        let beside = place.with_file_name(format!(".{}.{}.new", name.display(), process::id()));
        let file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        let draft = Draft { file: BufWriter::new(file), moves: Some((beside, place)) };
        if let Some(there) = there {
            draft.file.get_ref().set_permissions(there.permissions())?;
        }
        Ok(draft)
    }

    /// Puts it in its place.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.file.flush()?;
        match self.moves.take() {
            Some((beside, place)) => fs::rename(&beside, &place).inspect_err(|_| remove(&beside)),
            None => Ok(()),
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.moves {
            remove(beside);
        }
    }
}

fn remove(beside: &Path) {
    // What went wrong is told already.
    let _ = fs::remove_file(beside);
}

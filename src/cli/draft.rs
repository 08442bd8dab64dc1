//! A file that is written whole or not at all: beside its place first, and put there at the end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::signals::ending;

/// A file that is not in its place yet; dropped, or when a signal ends the program, it is gone.
pub(super) struct Draft {
    file: BufWriter<File>,
    /// Where it is, and where it belongs. Into a pipe or a device is written at once, and there is no such place.
    moves: Option<(Beside, PathBuf)>,
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
        let path = place.with_file_name(format!(".{}.{}.new", name.display(), process::id()));
        let (beside, file) = Beside::make(path)?;
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
            Some((beside, place)) => beside.put(&place),
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

/// A file that somebody has to put in its place or remove: its path, as long as it is there.
struct Beside(Arc<Mutex<Option<PathBuf>>>);

impl Beside {
    fn make(path: PathBuf) -> io::Result<(Beside, File)> {
        let beside = Beside(Arc::default());
        // Held until the file is known to be there, so that no signal comes in between.
        let mut is_there = held(&beside.0);
        remove_at_signal(Arc::clone(&beside.0))?;
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        *is_there = Some(path);
        drop(is_there);
        Ok((beside, file))
    }

    fn put(&self, place: &Path) -> io::Result<()> {
        let mut is_there = held(&self.0);
        let Some(path) = is_there.as_ref() else { return Ok(()) };
        fs::rename(path, place)?;
        *is_there = None;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        remove(held(&self.0).take());
    }
}

/// Whatever ends the program, the file is removed first.
fn remove_at_signal(beside: Arc<Mutex<Option<PathBuf>>>) -> io::Result<()> {
    let mut signals = Signals::new(ending(&[]))?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            // Held until the signal has had its effect, so that nothing is put in its place meanwhile.
            let mut is_there = held(&beside);
            remove(is_there.take());
            let _ = emulate_default_handler(signal);
        }
    })?;
    Ok(())
}

fn held(path: &Mutex<Option<PathBuf>>) -> MutexGuard<'_, Option<PathBuf>> {
    path.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove(path: Option<PathBuf>) {
    if let Some(path) = path {
        // What went wrong is told already.
        let _ = fs::remove_file(path);
    }
}

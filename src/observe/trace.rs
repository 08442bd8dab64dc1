//! The trace: every event, one JSON object a line, in a file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::writer::{Lines, Queue};
use super::{Detail, Observer, Record};

/// The observer that writes the trace.
#[derive(Debug)]
#[must_use = "it writes what it is given to read"]
pub struct Trace {
    queue: Queue,
}

/// Why there is no trace.
#[derive(Debug, Error)]
#[error("cannot write the trace to {}: {source}", path.display())]
#[non_exhaustive]
pub struct TraceError {
    /// The file.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl Trace {
    /// Makes or empties the file at `path`. Keep the [`Lines`] until the end: they count the lines
    /// that were lost and, when dropped, write what is queued.
    pub fn create(path: &Path) -> Result<(Trace, Lines), TraceError> {
        File::create(path)
            .and_then(|file| Lines::start("trace", file))
            .map(|(queue, lines)| (Trace { queue }, lines))
            .map_err(|source| TraceError { path: path.into(), source })
    }
}

impl Observer for Trace {
    fn detail(&self) -> Detail {
        Detail::Calls
    }

    fn observe(&mut self, record: &Record) {
        let mut line = serde_json::to_vec(record).expect("an event has only strings for keys");
        line.push(b'\n');
        // The queue takes a line or counts it as dropped; it never fails.
        let _ = self.queue.write_all(&line);
    }
}

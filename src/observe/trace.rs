//! The trace: every event, one JSON object a line, in a file. The lines are made and written on a thread of
//! their own.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use thiserror::Error;

use super::standing::Standing;
use super::whole::{Target, Whole};
use super::writer::{Counts, Lines, Queue, Writer};
use super::{Detail, Event, Observer, Record};

/// The observer that writes the trace.
#[derive(Debug)]
#[must_use = "it writes what it is given to read"]
pub struct Trace {
    queue: Queue<Told>,
    standing: Standing,
    shared: Arc<Shared>,
}

/// What the loop's thread and the writer's both know.
#[derive(Debug, Default)]
struct Shared {
    /// Events that found the queue full, since the last that did not.
    lost: AtomicU64,
    /// The file is to be opened anew, and is not yet.
    begins_anew: AtomicBool,
}

/// What the writer is told.
#[derive(Debug)]
enum Told {
    /// An event, and how many were lost just before it.
    Event(u64, Record),
    /// To open the file anew, and how things stand.
    Anew(Standing),
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
    /// Makes or empties the file at `path`; from then on lines are appended to it. After
    /// [`Event::Hangup`] it is opened anew, as it has to be when it was moved away. Keep the [`Lines`]
    /// until the end: they count the lines that were lost and, when dropped, write what is queued.
    ///
    /// `read` are files that this process reads: the trace goes into none of them, now or when it is opened
    /// anew, by whatever name or link it leads there.
    pub fn create(path: &Path, read: Vec<PathBuf>) -> Result<(Trace, Lines), TraceError> {
        let start = || {
            let file = open(path, &read)?;
            if file.metadata()?.is_file() {
                file.set_len(0)?;
            }
            let reopen = {
                let path = path.to_owned();
                move || reopen(&path, &read)
            };
            Trace::start(file, reopen)
        };
        start().map_err(|source| TraceError { path: path.into(), source })
    }

    /// A trace in `target`, and after a hangup in the one that `reopen` gives, if any.
    fn start<W: Target>(
        target: W,
        reopen: impl FnMut() -> io::Result<Option<W>> + Send + 'static,
    ) -> io::Result<(Trace, Lines)> {
        let shared = Arc::<Shared>::default();
        let file = TraceFile { whole: Whole::new(target), reopen, lost: 0, shared: shared.clone() };
        let (queue, lines) = Lines::start("trace", file)?;
        Ok((Trace { queue, standing: Standing::default(), shared }, lines))
    }

    /// How things stand goes along: what waits to be written has happened before.
    fn begin_anew(&self) {
        // Of those that follow before it has begun, the first is enough.
        if !self.shared.begins_anew.swap(true, Ordering::Relaxed) {
            self.queue.put_anyway(Told::Anew(self.standing.clone()));
        }
    }
}

impl Observer for Trace {
    fn detail(&self) -> Detail {
        Detail::Calls
    }

    fn observe(&mut self, record: &Record) {
        let lost = &self.shared.lost;
        // Only this thread adds to it. The writer takes it at the end, when nothing follows.
        let before = lost.swap(0, Ordering::Relaxed);
        if !self.queue.put(Told::Event(before, record.clone())) {
            lost.fetch_add(before + 1, Ordering::Relaxed);
        }
        self.standing.note(record);
        if matches!(record.event, Event::Hangup) {
            self.begin_anew();
        }
    }
}

fn open(path: &Path, read: &[PathBuf]) -> io::Result<File> {
    let mut options = File::options();
    options.append(true).create(true);
    // Where half a line is taken back, what is before it is looked at.
    let readable = if is_pipe(path) { None } else { options.clone().read(true).open(path).ok() };
    let file = readable.map_or_else(|| options.open(path), Ok)?;
    let opened = file.metadata()?;
    let is_opened = |other: fs::Metadata| {
        opened.is_file() && (other.dev(), other.ino()) == (opened.dev(), opened.ino())
    };
    match read.iter().find(|read| fs::metadata(read).is_ok_and(is_opened)) {
        None => Ok(file),
        Some(read) => Err(io::Error::other(format!("it is {}, which is read", read.display()))),
    }
}

/// The file that is at `path` now. A pipe can't have been moved away, and to open it waits for a reader.
fn reopen(path: &Path, read: &[PathBuf]) -> io::Result<Option<File>> {
    if is_pipe(path) { Ok(None) } else { open(path, read).map(Some) }
}

fn is_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// The writer's side.
struct TraceFile<W, F> {
    whole: Whole<W>,
    reopen: F,
    /// Lines that were lost since the last that was written.
    lost: u64,
    shared: Arc<Shared>,
}

impl<W: Target, F: FnMut() -> io::Result<Option<W>>> TraceFile<W, F> {
    fn event(&mut self, record: &Record, counts: &Counts) {
        let mut line = serde_json::to_vec(record).expect("an event has only strings for keys");
        line.push(b'\n');
        let counter = match self.tell_lost().and_then(|()| self.whole.line(&line)) {
            Ok(()) => &counts.written,
            Err(_) => {
                self.lost += 1;
                &counts.dropped
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Says how many lines are missing here, if any are.
    fn tell_lost(&mut self) -> io::Result<()> {
        if self.lost > 0 {
            let line = format!("{{\"event\":\"lost\",\"lines\":{}}}\n", self.lost);
            self.whole.line(line.as_bytes())?;
            self.lost = 0;
        }
        Ok(())
    }

    fn begin_anew(&mut self, standing: &Standing, counts: &Counts) {
        self.shared.begins_anew.store(false, Ordering::Relaxed);
        // It belongs where it is missing; where there is no room for it, it is told later.
        let _ = self.tell_lost();
        match (self.reopen)() {
            Ok(Some(target)) => self.whole = Whole::new(target),
            Ok(None) => {}
            Err(error) => {
                return tracing::warn!(
                    error = error.to_string(),
                    "cannot open the trace anew: it goes on in the file that was open"
                );
            }
        }
        let (_, records) = standing.records(usize::MAX);
        records.iter().for_each(|record| self.event(record, counts));
    }
}

impl<W, F> Writer<Told> for TraceFile<W, F>
where
    W: Target,
    F: FnMut() -> io::Result<Option<W>> + Send + 'static,
{
    fn write(&mut self, told: Told, counts: &Counts) {
        match told {
            Told::Event(lost, record) => {
                self.lost += lost;
                self.event(&record, counts);
            }
            Told::Anew(standing) => self.begin_anew(&standing, counts),
        }
    }

    fn end(&mut self) {
        self.lost += self.shared.lost.swap(0, Ordering::Relaxed);
        let _ = self.tell_lost();
    }
}

#[cfg(test)]
mod tests;

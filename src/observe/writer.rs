//! Where lines go: a thread of its own behind a bounded queue, so that a slow or broken reader costs
//! lines and never the loop.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines that may wait to be written; more are dropped and counted.
const QUEUE: usize = 8 * 1024;

/// Keeps the writing thread; dropped, it writes what is queued, for a second at the most.
pub struct Lines {
    queue_full: ErrorCounter,
    failed: Arc<AtomicU64>,
    _guard: WorkerGuard,
}

impl Lines {
    /// Starts a thread that writes to `target`.
    pub(super) fn start(name: &str, target: impl Write + Send + 'static) -> (NonBlocking, Lines) {
        let failed = Arc::new(AtomicU64::new(0));
        let counting = Counting { target, failed: failed.clone() };
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(QUEUE)
            .thread_name(name)
            .finish(counting);
        let lines = Lines { queue_full: writer.error_counter(), failed, _guard: guard };
        (writer, lines)
    }

    /// How many lines were dropped, because the queue was full or the writing failed.
    pub fn dropped(&self) -> u64 {
        self.queue_full.dropped_lines() as u64 + self.failed.load(Ordering::Relaxed)
    }
}

/// Counts the lines that can't be written, where the thread behind the queue would forget them.
struct Counting<W> {
    target: W,
    failed: Arc<AtomicU64>,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.target.write_all(line).is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // A target that can't be flushed has failed its writes too, and those are counted.
        let _ = self.target.flush();
        Ok(())
    }
}

//! Where lines go: a thread of its own behind a bounded queue, so that a slow or broken target
//! costs lines, and never holds up the loop.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

/// Lines that may wait to be written; more are dropped and counted.
const QUEUE: usize = 8 * 1024;
/// At the end, a writer that has written nothing for this long is no longer waited for.
const STUCK: Duration = Duration::from_millis(200);
/// At the end, no writer is waited for longer than this in all.
const SLOW: Duration = Duration::from_secs(5);

/// The end of the queue where lines go in. It never waits and never fails.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    sender: Sender<Line>,
    counts: Arc<Counts>,
}

/// The end where they come out: a thread. When dropped, this waits for it for as long as it writes.
#[derive(Debug)]
#[must_use = "when it is dropped, no line is written any more"]
pub struct Lines {
    queue: Queue,
    ended: Receiver<()>,
}

enum Line {
    Bytes(Vec<u8>),
    End,
}

#[derive(Debug, Default)]
struct Counts {
    written: AtomicU64,
    dropped: AtomicU64,
}

impl Lines {
    /// Starts a thread called `name` that writes to `target`.
    pub(super) fn start(
        name: &str,
        mut target: impl Write + Send + 'static,
    ) -> io::Result<(Queue, Lines)> {
        let (sender, lines) = bounded(QUEUE);
        let (ending, ended) = bounded(0);
        let counts = Arc::new(Counts::default());
        let queue = Queue { sender, counts: counts.clone() };
        thread::Builder::new().name(name.into()).spawn(move || {
            write_lines(&lines, &mut target, &counts);
            drop(ending);
        })?;
        Ok((queue.clone(), Lines { queue, ended }))
    }

    /// How many lines were dropped, because the queue was full or the writing failed.
    pub fn dropped(&self) -> u64 {
        self.queue.counts.dropped.load(Ordering::Relaxed)
    }
}

fn write_lines(lines: &Receiver<Line>, target: &mut impl Write, counts: &Counts) {
    while let Ok(Line::Bytes(bytes)) = lines.recv() {
        let counter = match target.write_all(&bytes) {
            Ok(()) => &counts.written,
            Err(_) => &counts.dropped,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.sender.try_send(Line::Bytes(line.to_vec())).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let start = Instant::now();
        let mut told = false;
        let mut written = u64::MAX;
        while start.elapsed() < SLOW {
            told = told || self.queue.sender.send_timeout(Line::End, STUCK).is_ok();
            if told && self.ended.recv_timeout(STUCK) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
            let before =
                std::mem::replace(&mut written, self.queue.counts.written.load(Ordering::Relaxed));
            if before == written {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A target that takes nothing until it is told to.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_queued_is_written_before_the_end() {
        let target = Shared::default();
        let (mut queue, lines) = Lines::start("test", target.clone()).unwrap();
        for _ in 0..1000 {
            queue.write_all(b"line\n").unwrap();
        }
        assert_eq!(lines.dropped(), 0);
        drop(lines);
        assert_eq!(target.0.lock().unwrap().len(), 5000);
    }

    #[test]
    fn a_stuck_target_costs_lines_and_neither_the_loop_nor_the_end() {
        let (release, stuck) = bounded(0);
        let (mut queue, lines) = Lines::start("test", Stuck(stuck)).unwrap();
        for _ in 0..QUEUE + 100 {
            queue.write_all(b"line\n").unwrap();
        }
        // One may be in the thread's hands, the rest of the queue's size in the queue.
        assert!((99..=100).contains(&lines.dropped()), "{}", lines.dropped());
        drop(lines);
        drop(release);
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let (mut queue, lines) = Lines::start("test", Full).unwrap();
        let counts = queue.counts.clone();
        for _ in 0..10 {
            queue.write_all(b"line\n").unwrap();
        }
        drop(lines);
        assert_eq!(counts.dropped.load(Ordering::Relaxed), 10);
    }
}

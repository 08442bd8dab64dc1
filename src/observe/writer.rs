//! Where lines go: a thread of its own behind a bounded queue, so that a slow or broken target
//! costs lines, and never holds up the loop. How a line is written whole is in `whole.rs`.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select, unbounded};

use super::whole::{Target, Whole};

/// Lines that may wait to be written; more are dropped and counted.
pub(super) const QUEUE: usize = 8 * 1024;
/// At the end, a writer that has written nothing for this long is no longer waited for.
const STUCK: Duration = Duration::from_millis(200);
/// At the end, no writer is waited for longer than this in all.
const SLOW: Duration = Duration::from_secs(5);

/// The end of the queue where lines go in, or what lines are made of. It never waits and never fails.
#[derive(Debug)]
pub(super) struct Queue<T> {
    sender: Sender<T>,
    pub(super) counts: Arc<Counts>,
}

/// The end where they come out: a thread. When dropped, this waits for it for as long as it writes.
#[derive(Debug)]
#[must_use = "when it is dropped, no line is written any more"]
pub struct Lines {
    name: &'static str,
    pub(super) counts: Arc<Counts>,
    /// Nothing is ever sent: without it, the thread ends when the queue is empty.
    ending: Option<Sender<Infallible>>,
    ended: Receiver<Infallible>,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) written: AtomicU64,
    pub(super) dropped: AtomicU64,
}

/// What the thread does with what comes out of the queue.
pub(super) trait Writer<T>: Send + 'static {
    /// Writes it, and counts what was written and what was not.
    fn write(&mut self, item: T, counts: &Counts);
    /// Nothing more will come.
    fn end(&mut self) {}
}

impl Lines {
    /// Starts a thread called `name` that has what is put into the queue written by `writer`.
    pub(super) fn start<T: Send + 'static>(
        name: &'static str,
        mut writer: impl Writer<T>,
    ) -> io::Result<(Queue<T>, Lines)> {
        let (sender, queue) = unbounded();
        let (ending, end) = bounded(0);
        let (running, ended) = bounded(0);
        let counts = Arc::new(Counts::default());
        let counted = counts.clone();
        thread::Builder::new().name(name.into()).spawn(move || {
            write_queue(&queue, &end, &mut writer, &counted);
            drop(running);
        })?;
        let queue = Queue { sender, counts: counts.clone() };
        Ok((queue, Lines { name, counts, ending: Some(ending), ended }))
    }

    /// What they are: `log` or `trace`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How many lines were dropped, because the queue was full or the writing failed.
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }
}

fn write_queue<T>(
    queue: &Receiver<T>,
    end: &Receiver<Infallible>,
    writer: &mut impl Writer<T>,
    counts: &Counts,
) {
    loop {
        select! {
            recv(queue) -> item => match item {
                Ok(item) => writer.write(item, counts),
                Err(_) => break,
            },
            recv(end) -> _ => break,
        }
    }
    queue.try_iter().for_each(|item| writer.write(item, counts));
    writer.end();
}

impl<T> Queue<T> {
    /// Puts `item` in if there is room for one more; returns whether there was.
    pub(super) fn put(&self, item: T) -> bool {
        let taken = self.sender.len() < QUEUE && self.put_anyway(item);
        if !taken {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Puts `item` in whether or not there is room: for what is rare, and must not be lost.
    pub(super) fn put_anyway(&self, item: T) -> bool {
        self.sender.send(item).is_ok()
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Queue<T> {
        Queue { sender: self.sender.clone(), counts: self.counts.clone() }
    }
}

impl Write for Queue<Vec<u8>> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Target> Writer<Vec<u8>> for Whole<W> {
    fn write(&mut self, line: Vec<u8>, counts: &Counts) {
        let counter = match self.line(&line) {
            Ok(()) => &counts.written,
            Err(_) => &counts.dropped,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let start = Instant::now();
        let mut written = u64::MAX;
        self.ending = None;
        while start.elapsed() < SLOW {
            if self.ended.recv_timeout(STUCK) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
            let before =
                std::mem::replace(&mut written, self.counts.written.load(Ordering::Relaxed));
            if before == written {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::whole::tests::{Full, Shared};

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

    impl Target for Stuck {}

    fn start(target: impl Target) -> (Queue<Vec<u8>>, Lines) {
        Lines::start("test", Whole::new(target)).unwrap()
    }

    #[test]
    fn what_is_queued_is_written_before_the_end() {
        let target = Shared::default();
        let (mut queue, lines) = start(target.clone());
        for _ in 0..1000 {
            queue.write_all(b"line\n").unwrap();
        }
        assert_eq!(lines.dropped(), 0);
        drop(lines);
        assert_eq!(target.text().len(), 5000);
    }

    #[test]
    fn a_stuck_target_costs_lines_and_neither_the_loop_nor_the_end() {
        let (release, stuck) = bounded(0);
        let (mut queue, lines) = start(Stuck(stuck));
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
        let (mut queue, lines) = start(Full);
        let counts = queue.counts.clone();
        for _ in 0..10 {
            queue.write_all(b"line\n").unwrap();
        }
        drop(lines);
        assert_eq!(counts.dropped.load(Ordering::Relaxed), 10);
    }
}

//! One trial: an operation on a thread of its own, a peer that acts while it runs, a watchdog.
//!
//! It knows no condition; `bench.rs`, to read next, has the parts that they are made of.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::Shutdown;

use crate::cell::LIMIT;
use crate::rain::Rain;

/// When the peer acts, counted from the beginning of the operation.
const PEER_ACTS: Duration = Duration::from_millis(100);
/// An operation that takes longer waits for ever.
const WATCHDOG: Duration = Duration::from_millis(1300);
/// What has to end now ends within this, however busy the machine is.
const AFTER_ALL: Duration = Duration::from_secs(10);
/// A peer that acts later than this was held up, and what came of the trial means nothing.
const PEER_IS_LATE: Duration = Duration::from_millis(200);
/// An operation that took longer than this, with no peer to wait for, was not immediate.
const IMMEDIATE: Duration = Duration::from_millis(250);

/// An operation, ready to run, and what is to happen meanwhile.
pub(crate) struct Trial {
    pub(crate) operation: Box<dyn FnOnce() -> String + Send>,
    pub(crate) peer: Option<Box<dyn FnOnce() + Send>>,
    /// The socket under test once more, to wake an operation that waits for ever.
    pub(crate) waker: Option<OwnedFd>,
    /// Whether it rains signals on the thread of the operation.
    pub(crate) signals: bool,
}

/// What came of a trial.
pub(crate) struct Run {
    pub(crate) outcome: String,
    pub(crate) elapsed: &'static str,
    pub(crate) took: Duration,
    pub(crate) peer_was_late: bool,
}

impl Trial {
    pub(crate) fn new(operation: impl FnOnce() -> String + Send + 'static) -> Self {
        Trial { operation: Box::new(operation), peer: None, waker: None, signals: false }
    }

    pub(crate) fn peer(mut self, act: impl FnOnce() + Send + 'static) -> Self {
        self.peer = Some(Box::new(act));
        self
    }

    pub(crate) fn waker(mut self, fd: OwnedFd) -> Self {
        self.waker = Some(fd);
        self
    }

    pub(crate) fn run(self) -> Run {
        let acted_at = Arc::new(OnceLock::new());
        let (told, ended) = mpsc::channel();
        let (begins, begun) = mpsc::channel();
        let operation = self.operation;
        let worker = thread::spawn(move || {
            let rain = self.signals.then(Rain::here);
            begins.send(Instant::now()).expect("somebody waits for it to begin");
            let outcome = operation();
            let end = Instant::now();
            drop(rain);
            told.send((outcome, end)).expect("somebody listens until this is told");
        });
        // A busy machine may let the thread wait for longer than the peer does.
        let begin = begun.recv().expect("the operation begins");
        let (stop_peer, stopped) = mpsc::channel::<()>();
        let peer = self.peer.map(|act| spawn_peer(act, begin, Arc::clone(&acted_at), stopped));
        let mut result = ended.recv_timeout(WATCHDOG);
        if result == Err(RecvTimeoutError::Timeout) {
            match &self.waker {
                Some(waker) => wake(waker, &ended),
                // It can't wait for ever: the machine is busy.
                None => result = ended.recv_timeout(AFTER_ALL),
            }
        }
        drop((stop_peer, self.waker));
        let panicked = worker.join().is_err();
        if let Some(peer) = peer {
            peer.join().expect("the peer does not panic");
        }
        let result = if panicked { Ok(("panicked".into(), Instant::now())) } else { result };
        judge(result.ok(), begin, acted_at.get().copied())
    }
}

fn spawn_peer(
    act: Box<dyn FnOnce() + Send>,
    begin: Instant,
    acted_at: Arc<OnceLock<Instant>>,
    stopped: Receiver<()>,
) -> JoinHandle<()> {
    thread::spawn(move || {
        // Ends early when the operation has ended, since nobody waits for the peer then.
        let wait = PEER_ACTS.saturating_sub(begin.elapsed());
        if stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            let _ = acted_at.set(Instant::now());
            act();
        }
    })
}

/// Ends an operation that would wait for ever; an end of both directions wakes every one of them.
fn wake(waker: &OwnedFd, ended: &Receiver<(String, Instant)>) {
    // ENOTCONN on UDP and on a refused socket, but it wakes all the same.
    let _ = rustix::net::shutdown(waker, Shutdown::Both);
    ended.recv_timeout(AFTER_ALL).expect("the operation was woken");
}

fn judge(ended: Option<(String, Instant)>, begin: Instant, acted: Option<Instant>) -> Run {
    let peer_was_late = acted.is_some_and(|at| at - begin > PEER_IS_LATE);
    let Some((outcome, end)) = ended else {
        return Run {
            outcome: "waiting".into(),
            elapsed: "forever",
            took: begin.elapsed(),
            peer_was_late,
        };
    };
    let took = end - begin;
    let elapsed = if outcome == "timed-out" || outcome == "not-writable" {
        // A timeout may be late on a busy machine, but it is never early.
        if took >= LIMIT { "waits-timeout" } else { "too-early" }
    } else if acted.is_some_and(|at| at < end) {
        // Cause before effect: the order of events, not a span, which a busy machine could stretch.
        "waits-for-peer"
    } else if took < IMMEDIATE {
        "immediate"
    } else {
        "slow"
    };
    Run { outcome, elapsed, took, peer_was_late }
}

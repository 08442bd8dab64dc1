//! How fast this server is on this machine, and so how long a client waits before it says that nothing comes.
//!
//! Nothing is judged by the clock alone: what the server has needed so far is the baseline, and a wait is many times
//! that. Read `trial.rs` next.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The least that is waited for an answer, whatever the baseline: a busy machine gives a process no time for so long.
const LEAST: Duration = Duration::from_millis(500);
/// The most, so that a server that answers nothing does not use up the time of all checks.
const MOST: Duration = Duration::from_secs(5);
/// How many times longer than the slowest answer so far a wait is.
const FACTOR: u32 = 20;
/// How many times longer the second attempt waits.
const SECOND: u32 = 3;
/// Of the last answers, so many, the slowest counts: a machine may become busy in the middle.
const SAMPLES: usize = 64;

/// What the server has needed for its answers.
#[derive(Debug, Default)]
pub(super) struct Pace {
    samples: VecDeque<Duration>,
}

impl Pace {
    /// An answer took so long.
    pub(super) fn note(&mut self, time: Duration) {
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(time);
    }

    pub(super) fn is_known(&self) -> bool {
        !self.samples.is_empty()
    }

    fn slowest(&self) -> Duration {
        self.samples.iter().max().copied().unwrap_or(LEAST / FACTOR)
    }

    /// How long a client waits for the next byte; longer when a check is tried again. But where a long time is promised, not
    /// until that deadline ends what has kept others waiting, or what should have been refused: it would look as if the
    /// server had done it by itself.
    pub(super) fn patience(&self, attempt: u32, handshake: Option<Duration>) -> Duration {
        let long = (self.slowest() * FACTOR).clamp(LEAST, MOST) * SECOND.pow(attempt);
        let before = handshake.map(|promised| promised * 2 / 3).filter(|before| *before >= MOST);
        before.map_or(long, |before| long.min(before))
    }

    /// How long it has to be quiet before a client believes that nothing more comes.
    pub(super) fn quiet(&self) -> Duration {
        (self.slowest() * 5).clamp(Duration::from_millis(60), Duration::from_millis(500))
    }

    /// A pause in which the server most likely reads what has come so far.
    pub(super) fn beat(&self) -> Duration {
        self.slowest().clamp(Duration::from_millis(4), Duration::from_millis(20))
    }
}

/// How long a client waits for the next thing to happen, and until when for all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) patience: Duration,
    pub(super) until: Instant,
}

impl Limits {
    /// The time that is left, at most `wait`.
    pub(super) fn left(&self, wait: Duration) -> Duration {
        wait.min(self.until.saturating_duration_since(Instant::now()))
    }

    pub(super) fn are_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

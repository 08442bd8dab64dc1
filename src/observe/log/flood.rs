//! Lines that strangers cause: at most so many a second of each kind, and once a second a count of the
//! others.
//!
//! The count must come even if nothing else does, and nobody wakes the loop for it: there is a thread that
//! tells it, from the first line on that is left out.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::dispatcher::{get_default, with_default};
use tracing::{Dispatch, info, warn};

use crate::session::Time;

/// So many lines of a kind are told in any [`SECOND`].
pub(super) const MOST: usize = 10;
const SECOND: Duration = Duration::from_secs(1);

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Opened,
    /// Over a limit, or its source is penalized.
    Refused,
    /// It ended before it was let in.
    NotLetIn,
    /// The server has stopped before it was let in.
    Closed,
    Penalized,
    Login,
    AcceptPaused,
    AcceptResumed,
}

impl Kind {
    const ALL: [Kind; 8] = [
        Kind::Opened,
        Kind::Refused,
        Kind::NotLetIn,
        Kind::Closed,
        Kind::Penalized,
        Kind::Login,
        Kind::AcceptPaused,
        Kind::AcceptResumed,
    ];

    fn tell_count(self, count: u64) {
        match self {
            Kind::Opened => info!(connections = count, "opened, too"),
            Kind::Refused => warn!(connections = count, "refused, too"),
            Kind::NotLetIn => info!(connections = count, "refused, too"),
            Kind::Closed => info!(connections = count, "closed, too"),
            Kind::Penalized => info!(connections = count, "penalized, too"),
            Kind::Login => info!(logins = count, "login, too"),
            Kind::AcceptPaused => warn!(times = count, "accepting pauses, too"),
            Kind::AcceptResumed => info!(times = count, "accepting goes on, too"),
        }
    }
}

/// How many lines of each kind there were.
#[derive(Debug, Default)]
pub(super) struct Flood {
    /// When the last lines were told, the oldest at the place that is next.
    told: [[Option<Time>; MOST]; Kind::ALL.len()],
    next: [usize; Kind::ALL.len()],
    /// Begun with the first line that is left out.
    counting: Option<Arc<Counting>>,
}

/// Lines that were left out, and are not counted yet.
#[derive(Debug, Default)]
struct Counting {
    untold: Mutex<Untold>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Untold {
    counts: [u64; Kind::ALL.len()],
    has_ended: bool,
}

impl Flood {
    /// Whether one more line of this kind may be told now.
    pub(super) fn admits(&mut self, kind: Kind, now: Time) -> bool {
        let (told, next) = (&mut self.told[kind as usize], &mut self.next[kind as usize]);
        if told[*next].is_some_and(|oldest| now < oldest + SECOND) {
            return false;
        }
        told[*next] = Some(now);
        *next = (*next + 1) % MOST;
        true
    }

    /// Counts a line that is not told.
    pub(super) fn leave_out(&mut self, kind: Kind) {
        let counting = self.counting.get_or_insert_with(Counting::begin);
        let mut untold = counting.lock();
        let is_first = untold.counts.iter().all(|count| *count == 0);
        untold.counts[kind as usize] += 1;
        drop(untold);
        if is_first {
            counting.changed.notify_one();
        }
    }

    /// Tells at once what is not counted yet.
    pub(super) fn tell_counts(&self) {
        self.counting.iter().for_each(|counting| counting.tell());
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.tell_counts();
        if let Some(counting) = &self.counting {
            counting.lock().has_ended = true;
            counting.changed.notify_one();
        }
    }
}

impl Counting {
    /// Without a thread to spare, the counts are told at the end.
    fn begin() -> Arc<Counting> {
        let counting = Arc::<Counting>::default();
        let (counted, log) = (counting.clone(), get_default(Dispatch::clone));
        let count = move || with_default(&log, || counted.count());
        let _ = thread::Builder::new().name("log-counts".into()).spawn(count);
        counting
    }

    fn count(&self) {
        loop {
            let nothing = |untold: &mut Untold| !untold.has_ended && untold.counts == [0; _];
            let untold = self.changed.wait_while(self.lock(), nothing);
            let untold = untold.unwrap_or_else(PoisonError::into_inner);
            // The second is over, or all is.
            let goes_on = |untold: &mut Untold| !untold.has_ended;
            let woken = self.changed.wait_timeout_while(untold, SECOND, goes_on);
            let has_ended = woken.unwrap_or_else(PoisonError::into_inner).0.has_ended;
            self.tell();
            if has_ended {
                return;
            }
        }
    }

    fn tell(&self) {
        let counts = std::mem::take(&mut self.lock().counts);
        for (kind, count) in Kind::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
            kind.tell_count(count);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Untold> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

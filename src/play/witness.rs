//! What is written down of a run: the events, the buffers beside each, and what went wrong.
//!
//! The loop tells its events; the rest is seen by whoever stands between it and its network, after each
//! call. Never here: what is made of it (see `run.rs`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::observe::{Detail, Observer, Record};
use crate::sim::{Buffers, World, Wrong};

/// The events so far.
#[derive(Clone, Default)]
pub(super) struct Tape(Arc<Mutex<Vec<Record>>>);

impl Tape {
    pub(super) fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.records().len()
    }
}

impl Observer for Tape {
    fn detail(&self) -> Detail {
        Detail::Calls
    }

    fn observe(&mut self, record: &Record) {
        self.records().push(record.clone());
    }
}

/// Who looks at the world after each call of the loop.
pub(super) struct Witness {
    world: World,
    tape: Tape,
    /// Each with the place of the event beside which it was first seen, in order.
    pub(super) buffers: Vec<(usize, u64, Buffers)>,
    /// Likewise; each is said once of each connection.
    pub(super) wrongs: Vec<(usize, Wrong)>,
}

impl Witness {
    pub(super) fn new(world: World, tape: Tape) -> Witness {
        Witness { world, tape, buffers: Vec::new(), wrongs: Vec::new() }
    }

    /// After a call, of which the loop is about to tell.
    pub(super) fn look(&mut self) {
        let next = self.tape.len();
        self.look_at(next);
    }

    /// After a wait, which the loop has told of before it began.
    pub(super) fn look_after_wait(&mut self) {
        let next = self.tape.len();
        for wrong in self.world.take_wrongs() {
            self.add(next.saturating_sub(1), wrong);
        }
        self.look_at(next);
    }

    /// The one between has made something go wrong itself: with the connection of this number.
    pub(super) fn note(&mut self, connection: u64, what: String) {
        let wrong = Wrong { at: self.world.now(), connection: Some(connection), what };
        let next = self.tape.len();
        self.add(next, wrong);
    }

    fn look_at(&mut self, next: usize) {
        let changed = self.world.take_changed_buffers().into_iter();
        self.buffers.extend(changed.map(|(number, buffers)| (next, number, buffers)));
        for wrong in self.world.take_wrongs() {
            self.add(next, wrong);
        }
    }

    fn add(&mut self, at: usize, wrong: Wrong) {
        let is_same = |said: &(usize, Wrong)| {
            said.1.connection == wrong.connection && said.1.what == wrong.what
        };
        if !self.wrongs.iter().any(is_same) {
            self.wrongs.push((at, wrong));
        }
    }
}

//! The listeners: who connects where, who waits, and what `accept` makes of them.

use std::collections::VecDeque;
use std::mem;

use rand::RngExt;

use super::client::End;
use super::faults::Faults;
use super::state::{Item, State};
use crate::server::network::Errno;

/// One way in.
pub(super) struct Listener {
    /// Who waits for `accept`.
    pub(super) backlog: VecDeque<usize>,
    /// Its own edge: see [`Faults::sparing`].
    armed: bool,
    /// Its last turn, counted over all listeners: calls of `accept` that follow each other in one turn
    /// of the loop are one.
    last_turn: u64,
    /// The newest turn of any listener when the loop last learnt that somebody waits here: from then on
    /// it is this one's turn before another has a second.
    waits_since: Option<u64>,
}

impl Default for Listener {
    fn default() -> Listener {
        Listener { backlog: VecDeque::new(), armed: true, last_turn: 0, waits_since: None }
    }
}

/// What calls of `accept` there were.
#[derive(Default)]
pub(super) struct Turns {
    /// Of all listeners.
    newest: u64,
    /// The listener that was asked last in this turn of the loop.
    current: Option<usize>,
    /// Calls in this turn of the loop.
    calls: u64,
}

/// The ways in.
impl State {
    /// The server's end is closed, or there will be none.
    pub(super) fn leave(&mut self, id: usize) {
        if !mem::replace(&mut self.sockets[id].gone, true) {
            self.present -= 1;
        }
    }

    pub(super) fn connect(&mut self, id: usize) {
        if self.listening_until.is_some() {
            self.sockets[id].client.end = Some(End::Refused);
            self.leave(id);
            return;
        }
        let at = self.sockets[id].client.script.listener % self.listeners.len();
        let listener = &mut self.listeners[at];
        listener.backlog.push_back(id);
        if listener.armed || !self.faults.sparing {
            listener.armed = false;
            self.list(Item::Listener(at));
        }
        self.introduce(id);
        if self.key.is_none() && !self.sockets[id].client.started {
            self.start(id);
        }
    }

    /// What the loop learns by a wait: whether somebody waits for `accept`.
    pub(super) fn is_acceptable(&mut self, at: usize) -> bool {
        let listener = &mut self.listeners[at];
        let waits = !listener.backlog.is_empty();
        if waits {
            listener.waits_since.get_or_insert(self.turns.newest);
        }
        waits
    }

    /// A turn of the loop begins.
    pub(super) fn begin_turn(&mut self) {
        self.turn_at = self.now;
        (self.turns.current, self.turns.calls) = (None, 0);
    }

    pub(super) fn accept(&mut self, at: usize) -> Result<usize, Errno> {
        if self.listening_until.is_some() {
            self.wrong(None, "accept on a listener that is closed");
            return Err(Errno::AGAIN);
        }
        self.note_accept(at);
        self.count_call();
        let result = self.accept_from(at);
        let waits = !self.listeners[at].backlog.is_empty() && result != Err(Errno::AGAIN);
        self.listeners[at].waits_since = waits.then_some(self.turns.newest);
        result
    }

    /// Counts the call, and whose turn it is.
    fn note_accept(&mut self, at: usize) {
        self.calls.accepts += 1;
        self.turns.calls += 1;
        self.calls.most_accepts = self.calls.most_accepts.max(self.turns.calls);
        if self.turns.current.replace(at) == Some(at) {
            return;
        }
        self.turns.newest += 1;
        let before = std::mem::replace(&mut self.listeners[at].last_turn, self.turns.newest);
        let waits_longer = |other: &Listener| other.waits_since.is_some_and(|since| since < before);
        if let Some(other) = self.listeners.iter().position(waits_longer)
            && other != at
        {
            self.wrong(None, &format!("listener {other} had no turn since {at} had its last"));
        }
    }

    fn accept_from(&mut self, at: usize) -> Result<usize, Errno> {
        let Faults { interrupted, aborted, descriptors, .. } = self.faults;
        if self.chance(interrupted) {
            return Err(Errno::INTR);
        }
        // Linux takes the descriptor first, and fails even if nobody waits.
        if descriptors.is_some_and(|most| self.open >= most) {
            let process = self.rng.random_bool(0.5);
            return Err(if process { Errno::MFILE } else { Errno::NFILE });
        }
        let listener = &mut self.listeners[at];
        let Some(id) = listener.backlog.pop_front() else {
            listener.armed = true;
            return Err(Errno::AGAIN);
        };
        if self.sockets[id].broken && self.rng.random_bool(0.5) || self.chance(aborted) {
            self.break_off(id, Errno::CONNRESET);
            self.leave(id);
            return Err(Errno::CONNABORTED);
        }
        self.open += 1;
        self.accepted += 1;
        self.sockets[id].accepted(self.accepted, self.turn_at);
        Ok(id)
    }
}

//! The loop: one thread, one place to wait, one slab of connections.
//!
//! It moves bytes between sockets and sessions and keeps their deadlines; it knows nothing of
//! nonces or services. [`EventLoop::turn`] is the whole of it: read it from the top down. Below it,
//! accepting is in `accept.rs`, what is different behind a proxy in `proxied.rs`, how a connection is
//! served in `turns.rs`, when it has to be looked at in `deadlines.rs` and `round.rs`, how logins get to those
//! who check them in `logins.rs`, stopping in `drain.rs`, signs of life in `heartbeat.rs`, and what must hold
//! after every turn in `consistency.rs`; beside it, in `connection/`, what a connection does when it is served.

mod accept;
mod consistency;
mod deadlines;
mod drain;
#[cfg(test)]
mod fake;
mod heartbeat;
mod logins;
mod proxied;
mod round;
#[cfg(test)]
mod tests;
mod turns;
mod waiting;

#[cfg(test)]
pub(super) use deadlines::LINK_SIZE;
pub use drain::Outcome;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use slab::Slab;

use super::config::Config;
use super::connection::{Connection, Tools};
use super::gate::Gate;
use super::network::{Errno, Network, Readiness, Signal, Token, Wakeup};
use super::verify::{Nobody, Verifier};
use crate::observe::{Detail, Event, Events};
use crate::session::{Time, Timeout};
use accept::Accepting;
use deadlines::{Deadlines, ROOM};
use drain::Drain;
use heartbeat::Heartbeat;
use logins::Logins;
use round::Round;
use turns::Queues;

/// How many bytes the connections that became ready read in one turn, all together, before each of
/// the others has but a sip; and those that were left over likewise. So many that a few who send all
/// they can are never held up, and so few that whoever asks for little waits for some milliseconds.
const BUDGET: isize = 1024 * 1024;
/// The largest buffer that all connections share for reading.
const MAX_BUFFER: usize = 1024 * 1024;

/// The server's loop over any [`Network`].
///
/// [`Server`](super::Server) runs it on the real one; whoever brings another, with its own clock and
/// random numbers, may call [`turn`](EventLoop::turn) instead of [`run`](EventLoop::run).
pub struct EventLoop<N: Network> {
    network: N,
    tools: Tools,
    gate: Gate,
    connections: Slab<Connection<N::Stream>>,
    deadlines: Deadlines,
    accepting: Accepting,
    drain: Drain,
    grace: Option<Duration>,
    drain_timeout: Timeout,
    heartbeat: Heartbeat,
    logins: Logins,
    queues: Queues,
    /// Deadlines are due, and waits have room for only a part of what lies there.
    round: Option<Round>,
    buffer: Box<[u8]>,
    stop: Arc<AtomicBool>,
    /// Turns since the last look whether all of this agrees with itself.
    unchecked: usize,
}

impl<N: Network> EventLoop<N> {
    /// A loop that serves `network` as `config` says. Once `stop` is true and the loop is woken, it
    /// stops.
    #[must_use]
    pub fn new(network: N, config: Config, events: Events, stop: Arc<AtomicBool>) -> EventLoop<N> {
        EventLoop {
            gate: Gate::new(config.limits, config.penalties, config.proxies),
            deadlines: Deadlines::default(),
            accepting: Accepting::default(),
            drain: Drain::default(),
            logins: Logins::new(Box::<Nobody>::default()),
            connections: Slab::with_capacity(ROOM),
            queues: Queues::default(),
            round: None,
            buffer: vec![0; config.max_buffer.get().min(MAX_BUFFER)].into(),
            tools: Tools { protocol: config.protocol, now: network.now(), left: 0, events },
            grace: config.grace,
            drain_timeout: config.drain_timeout,
            heartbeat: Heartbeat::new(config.heartbeat),
            network,
            stop,
            unchecked: 0,
        }
    }

    /// Has logins checked by `verifier`; without one, nobody can log in.
    #[must_use]
    pub fn with_verifier(mut self, verifier: Box<dyn Verifier>) -> EventLoop<N> {
        self.logins = Logins::new(verifier);
        self
    }

    /// Turns until it is stopped.
    ///
    /// # Errors
    ///
    /// Only what [`Network::wait`] fails with.
    pub fn run(&mut self) -> Result<Outcome, Errno> {
        let mut found = N::Found::default();
        loop {
            if let Some(outcome) = self.turn(&mut found)? {
                return Ok(outcome);
            }
        }
    }

    // ANCHOR: turn
    /// One turn: wait; serve those that became ready, then those whose budget ran out in the last
    /// turn; take the verdicts on logins; accept; meet the deadlines; tell that it goes round, if that is asked
    /// for; pass on logins to be checked.
    /// What `found` held before does not matter: it is room for what the wait finds.
    pub fn turn(&mut self, found: &mut N::Found) -> Result<Option<Outcome>, Errno> {
        let heard_until = self.wait(found)?;
        let left_over = self.queues.left_over();
        self.serve_ready(found);
        self.serve_queues(left_over);
        self.take_reports();
        self.accept();
        self.meet_deadlines(heard_until);
        self.beat();
        self.submit_logins();
        self.tell_end();
        self.check_now_and_then();
        Ok(self.outcome())
    }
    // ANCHOR_END: turn

    // ANCHOR: wait
    /// Waits, and looks at the clock. Returns until when deadlines may be met in this turn: all that had come
    /// at the look before is in `found`, as far as there is room, however long the process then stood still.
    fn wait(&mut self, found: &mut N::Found) -> Result<Option<Time>, Errno> {
        let asked = self.tools.now;
        let until = self.next_deadline();
        if self.tools.events.are_told(Detail::Calls) {
            let now = self.network.now();
            let at_most = (until != Time::NEVER).then(|| until.since(now));
            self.tools.events.tell(now, Detail::Calls, None, || Event::Waiting { at_most });
        }
        self.tools.now = loop {
            match self.network.wait(until, found) {
                // It has found nothing, and has not looked: after SIGSTOP and SIGCONT, for one, what
                // came meanwhile lies there, and may be late by the clock.
                Err(Errno::INTR) => {}
                result => break result?,
            }
        };
        let ready = || N::wakeups(found).count();
        self.tools.tell(Detail::Calls, None, || Event::Turn { ready: ready() });
        Ok(self.heard_until(found, asked))
    }
    // ANCHOR_END: wait

    // ANCHOR: tell_end
    /// Looks at the clock once more, if anybody wants to know how long the turn took.
    #[inline]
    fn tell_end(&mut self) {
        if self.tools.events.are_told(Detail::Calls) {
            let end = self.network.now();
            let took = end.since(self.tools.now);
            self.tools.events.tell(end, Detail::Calls, None, || Event::TurnEnd { took });
        }
    }
    // ANCHOR_END: tell_end

    // ANCHOR: next_deadline
    /// When something has to be done even if nothing happens until then.
    fn next_deadline(&mut self) -> Time {
        let busy = !self.queues.are_empty() || self.logins.want_a_turn();
        if busy || self.accepting.wants_a_turn(self.tools.now) {
            // Long past: only look at what is ready, and don't wait.
            return Time::START;
        }
        let ours = self.drain.deadline().min(self.heartbeat.next());
        self.deadlines.next().min(self.accepting.retry_at()).min(ours)
    }
    // ANCHOR_END: next_deadline

    /// Serves whoever became ready, and takes note of what else ended the wait.
    fn serve_ready(&mut self, found: &N::Found) {
        self.tools.left = BUDGET;
        for wakeup in N::wakeups(found) {
            match wakeup {
                Wakeup::Ready { token, readiness } => self.serve_edge(token, readiness),
                // In a drain the listeners are closed, whatever was reported along with the stop.
                Wakeup::Acceptable(_) if !self.drain.takes_connections() => {}
                Wakeup::Acceptable(listener) => self.accepting.note_ready(listener),
                Wakeup::Woken if self.stop.load(Ordering::Acquire) => self.begin_drain(),
                Wakeup::Woken => {}
                Wakeup::Signalled => self.take_signals(),
            }
        }
    }

    // ANCHOR: take_signals
    #[cold]
    fn take_signals(&mut self) {
        while let Some(signal) = self.network.take_signal() {
            match signal {
                Signal::Stop => self.stop_signal(),
                Signal::Hangup => {
                    self.tools.tell(Detail::Server, None, || Event::Hangup);
                    self.logins.verifier.reload();
                }
            }
        }
    }
    // ANCHOR_END: take_signals

    // ANCHOR: serve_edge
    fn serve_edge(&mut self, token: Token, readiness: Readiness) {
        self.serve(token, |connection, tools| {
            tools.tell(Detail::Calls, Some(connection.number), || Event::Ready {
                readable: readiness.contains(Readiness::READABLE),
                writable: readiness.contains(Readiness::WRITABLE),
                read_closed: readiness.contains(Readiness::READ_CLOSED),
            });
            connection.note_readiness(readiness);
        });
    }
    // ANCHOR_END: serve_edge

    // ANCHOR: meet_deadlines
    fn meet_deadlines(&mut self, heard_until: Option<Time>) {
        let Some(heard_until) = heard_until else { return };
        while let Some(key) = self.deadlines.due(heard_until) {
            // Whoever waits for a turn is heard first: what came in time counts as in time.
            self.serve_out_of_turn(key);
            if self.deadlines.due(heard_until) == Some(key) {
                self.deadlines.remove(key);
                self.meet_deadline(key);
            }
        }
        self.meet_drain_deadline(heard_until);
    }

    fn meet_deadline(&mut self, key: usize) {
        self.serve_at(key, |connection, tools| {
            let due = connection.session.poll_deadline();
            if due.is_some_and(|(_, at)| at <= tools.now) {
                tools.tell(Detail::Calls, Some(connection.number), || Event::Deadline);
                connection.session.handle_deadline(tools.now);
            }
        });
    }
    // ANCHOR_END: meet_deadlines

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// How many bytes are owed and wait for the kernel.
    pub fn owed(&self) -> usize {
        self.connections.iter().map(|(_, connection)| connection.owed()).sum()
    }

    /// Whether nothing is left of any connection: no place, no count, no deadline.
    pub fn is_idle(&self) -> bool {
        self.connections.is_empty()
            && self.gate.pending() == (0, 0)
            && self.deadlines.next() == Time::NEVER
    }
}

impl<N: Network> fmt::Debug for EventLoop<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop")
            .field("now", &self.tools.now)
            .field("connections", &self.connections.len())
            .field("drain", &self.drain)
            .finish_non_exhaustive()
    }
}

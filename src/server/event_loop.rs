//! The loop: one thread, one place to wait, one slab of connections.
//!
//! It moves bytes between sockets and sessions and keeps their deadlines; it knows nothing of
//! nonces or services. [`EventLoop::turn`] is the whole of it: read it from the top down. Accepting
//! is in `accept.rs`, stopping in `drain.rs`, how a connection gets its turn in `turns.rs`, what it
//! does in it in `connection.rs`, and how logins get to those who check them in `logins.rs`.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::CryptoRng;
use slab::Slab;

use super::accept::Accepting;
use super::admission::Admission;
use super::config::Config;
use super::connection::{Connection, Tools};
use super::deadlines::Deadlines;
use super::drain::{Drain, Outcome};
use super::logins::Logins;
use super::network::{Network, Readiness, Signal, Token, Wakeup};
use super::penalties::Offenders;
use super::verify::{Nobody, Verifier};
use crate::auth::Nonces;
use crate::observe::{Detail, Event, Events};
use crate::session::{Time, Timeout};

/// The largest buffer that all connections share for reading.
const MAX_BUFFER: usize = 1024 * 1024;

/// How many connections there is room for from the start. Until they come it costs address space,
/// but no memory; and a table this large has a mapping of its own and grows in place, where one
/// that grew from nothing would leave every smaller copy of itself behind in the heap.
pub(super) const ROOM: usize = 8192;

/// The server's loop over any [`Network`].
///
/// [`Server`](super::Server) runs it on the real one; a test brings its own, with its own clock and
/// random numbers, and calls [`turn`](EventLoop::turn) itself.
pub struct EventLoop<N: Network> {
    pub(super) network: N,
    pub(super) tools: Tools,
    pub(super) nonces: Nonces,
    pub(super) drain_timeout: Timeout,
    pub(super) rng: Box<dyn CryptoRng>,
    pub(super) connections: Slab<Connection<N::Stream>>,
    pub(super) admission: Admission,
    pub(super) offenders: Option<Offenders>,
    pub(super) deadlines: Deadlines,
    pub(super) accepting: Accepting,
    pub(super) drain: Drain,
    pub(super) logins: Logins,
    /// Connections that wait for a turn, the longest waiting first.
    pub(super) queue: VecDeque<usize>,
    pub(super) buffer: Box<[u8]>,
    stop: Arc<AtomicBool>,
}

impl<N: Network> EventLoop<N> {
    /// A loop that serves `network` as `config` says. Nonces are drawn from `rng`. Once `stop` is
    /// true and the loop is woken, it stops.
    pub fn new(
        network: N,
        config: Config,
        rng: Box<dyn CryptoRng>,
        events: Events,
        stop: Arc<AtomicBool>,
    ) -> EventLoop<N> {
        EventLoop {
            admission: Admission::new(config.limits),
            offenders: config.penalties.map(Offenders::new),
            deadlines: Deadlines::default(),
            accepting: Accepting::default(),
            drain: Drain::default(),
            logins: Logins::new(Box::<Nobody>::default()),
            connections: Slab::with_capacity(ROOM),
            queue: VecDeque::new(),
            buffer: vec![0; config.max_buffer.min(MAX_BUFFER)].into(),
            tools: Tools { protocol: config.protocol, now: network.now(), events },
            nonces: config.nonces,
            drain_timeout: config.drain_timeout,
            network,
            rng,
            stop,
        }
    }

    /// Has logins checked by `verifier`; without one, nobody can log in.
    #[must_use]
    pub fn with_verifier(mut self, verifier: Box<dyn Verifier>) -> EventLoop<N> {
        self.logins = Logins::new(verifier);
        self
    }

    /// Turns until it is stopped.
    pub fn run(&mut self) -> io::Result<Outcome> {
        let mut found = N::Found::default();
        loop {
            if let Some(outcome) = self.turn(&mut found)? {
                return Ok(outcome);
            }
        }
    }

    // ANCHOR: turn
    /// One turn: wait; serve those that became ready, then those whose budget ran out in the last
    /// turn; take the verdicts on logins; accept; meet the deadlines; pass on logins to be checked.
    /// What `found` held before does not matter: it is room for what the wait finds.
    pub fn turn(&mut self, found: &mut N::Found) -> io::Result<Option<Outcome>> {
        self.wait(found)?;
        let left_over = self.queue.len();
        self.take_note(found);
        self.serve_queue(left_over);
        self.take_answers();
        self.accept();
        self.meet_deadlines();
        self.submit_logins();
        let (now, network) = (self.tools.now, &self.network);
        self.tools
            .events
            .tell(Detail::Calls, None, || Event::TurnEnd { took: network.now().since(now) });
        Ok(self.outcome())
    }
    // ANCHOR_END: turn

    fn wait(&mut self, found: &mut N::Found) -> io::Result<()> {
        let (until, now) = (self.next_deadline(), self.tools.now);
        self.tools.events.tell(Detail::Calls, None, || Event::Waiting {
            at_most: (until != Time::NEVER).then(|| until.since(now)),
        });
        self.tools.now = self.network.wait(until, found)?;
        let ready = || N::wakeups(found).count();
        self.tools.events.tell(Detail::Calls, None, || Event::Turn { ready: ready() });
        Ok(())
    }

    // ANCHOR: next_deadline
    /// When something has to be done even if nothing happens until then.
    fn next_deadline(&self) -> Time {
        let busy = !self.queue.is_empty() || self.logins.want_a_turn();
        if busy || self.accepting.wants_a_turn(self.tools.now) {
            // Long past: only look at what is ready, and don't wait.
            return Time::START;
        }
        self.deadlines.next().min(self.accepting.retry_at()).min(self.drain.deadline())
    }
    // ANCHOR_END: next_deadline

    fn take_note(&mut self, found: &N::Found) {
        for wakeup in N::wakeups(found) {
            match wakeup {
                Wakeup::Ready { token, readiness } => self.note_readiness(token, readiness),
                // In a drain the listeners are closed, whatever was reported along with the stop.
                Wakeup::Acceptable(_) if self.drain != Drain::No => {}
                Wakeup::Acceptable(listener) => self.accepting.note_ready(listener),
                Wakeup::Woken if self.stop.load(Ordering::Acquire) => self.begin_drain(),
                Wakeup::Woken => {}
                Wakeup::Signalled => self.take_signals(),
            }
        }
    }

    #[cold]
    fn take_signals(&mut self) {
        while let Some(signal) = self.network.take_signal() {
            match signal {
                Signal::Stop => self.stop_signal(),
                Signal::Hangup => self.logins.verifier.reload(),
            }
        }
    }

    fn note_readiness(&mut self, token: Token, readiness: Readiness) {
        self.turn_of(token, |connection, tools| {
            tools.events.tell(Detail::Calls, Some(connection.number), || Event::Ready {
                readable: readiness.contains(Readiness::READABLE),
                writable: readiness.contains(Readiness::WRITABLE),
                read_closed: readiness.contains(Readiness::READ_CLOSED),
            });
            connection.note_readiness(readiness);
        });
    }

    fn meet_deadlines(&mut self) {
        while let Some(key) = self.deadlines.pop_due(self.tools.now) {
            self.turn_at(key, |connection, tools| {
                tools.events.tell(Detail::Calls, Some(connection.number), || Event::Deadline);
                connection.session.handle_deadline(tools.now);
            });
        }
        if self.drain.is_overdue(self.tools.now) {
            self.cut_off(Outcome::Drained);
        }
    }

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
            && self.admission.is_empty()
            && self.deadlines.next() == Time::NEVER
    }

    /// The network, for a test that plays the other end.
    pub fn network_mut(&mut self) -> &mut N {
        &mut self.network
    }
}

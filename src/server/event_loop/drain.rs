//! Stopping: no new connections, and everybody gets what they are owed, within a time limit.

use super::EventLoop;
use crate::observe::{Detail, Event};
use crate::server::connection::Connection;
use crate::server::network::Network;
use crate::session::Time;

/// Whether the loop is stopping, and until when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Drain {
    /// It is not.
    #[default]
    No,
    /// It is, until this time at the latest; so many connections were cut off since it began.
    Until(Time, usize),
    /// The time is over, or a second signal came.
    Over(Outcome, usize),
}

/// How a loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everybody got what they were owed, or the time for that ran out.
    Drained,
    /// A second signal ended it at once.
    Forced,
}

impl Drain {
    pub(super) fn deadline(self) -> Time {
        match self {
            Drain::Until(deadline, _) => deadline,
            Drain::No | Drain::Over(..) => Time::NEVER,
        }
    }

    pub(super) fn is_overdue(self, now: Time) -> bool {
        self.deadline() <= now
    }

    /// A connection was closed, and perhaps cut off.
    pub(super) fn note_closed(&mut self, cut_off: bool) {
        match self {
            Drain::Until(_, connections) | Drain::Over(_, connections) => {
                *connections += usize::from(cut_off);
            }
            Drain::No => {}
        }
    }
}

impl<N: Network> EventLoop<N> {
    /// The first signal begins the drain, the second ends it.
    pub(super) fn stop_signal(&mut self) {
        if self.drain == Drain::No {
            self.begin_drain();
        } else {
            self.cut_off(Outcome::Forced);
        }
    }

    pub(super) fn begin_drain(&mut self) {
        if self.drain != Drain::No {
            return;
        }
        self.drain = Drain::Until(self.tools.now + self.drain_timeout, 0);
        self.network.close_listeners();
        self.accepting.stop();
        let connections = self.connections.len();
        self.tools.tell(Detail::Server, None, || Event::Draining { connections });
        for key in self.keys() {
            self.serve_at(key, Connection::stop);
        }
    }

    /// Closes whoever is still connected, whatever they are owed.
    pub(super) fn cut_off(&mut self, outcome: Outcome) {
        let before = match self.drain {
            Drain::Until(_, connections) | Drain::Over(_, connections) => connections,
            Drain::No => 0,
        };
        self.drain = Drain::Over(outcome, before);
        for key in self.keys() {
            self.serve_at(key, |connection, _| connection.session.handle_drain_deadline());
        }
    }

    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        let (connections, outcome) = match self.drain {
            Drain::Over(outcome, connections) => (connections, outcome),
            Drain::Until(_, connections) if self.connections.is_empty() => {
                (connections, Outcome::Drained)
            }
            Drain::No | Drain::Until(..) => return None,
        };
        // After the turn's end, which has a time of its own.
        let now = self.network.now();
        self.tools.events.tell(now, Detail::Server, None, || Event::Stopped { connections });
        Some(outcome)
    }

    fn keys(&self) -> Vec<usize> {
        self.connections.iter().map(|(key, _)| key).collect()
    }
}

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
    /// It is, until this time at the latest.
    Until(Time),
    /// The time is over, or a second signal came: this many connections were cut off.
    CutOff(usize, Outcome),
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
            Drain::Until(deadline) => deadline,
            Drain::No | Drain::CutOff(..) => Time::NEVER,
        }
    }

    pub(super) fn is_overdue(self, now: Time) -> bool {
        self.deadline() <= now
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
        self.drain = Drain::Until(self.tools.now + self.drain_timeout);
        self.network.close_listeners();
        self.accepting.stop();
        let connections = self.connections.len();
        self.tools.tell(Detail::Server, None, || Event::Draining { connections });
        for key in self.keys() {
            self.serve_at(key, Connection::stop);
        }
    }

    /// Cuts off whoever is still connected.
    pub(super) fn cut_off(&mut self, outcome: Outcome) {
        self.drain = Drain::CutOff(self.connections.len(), outcome);
        for key in self.keys() {
            self.serve_at(key, |connection, _| connection.session.handle_drain_deadline());
        }
    }

    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        let (connections, outcome) = match self.drain {
            Drain::CutOff(connections, outcome) => (connections, outcome),
            Drain::Until(_) if self.connections.is_empty() => (0, Outcome::Drained),
            Drain::No | Drain::Until(_) => return None,
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

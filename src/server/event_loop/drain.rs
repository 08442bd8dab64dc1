//! Stopping: perhaps a grace, in which all goes on while whoever sends clients here looks away; then no
//! new connections, and everybody gets what they are owed, within a time limit.

use std::time::Duration;

use super::turns::Queues;
use super::{BUDGET, EventLoop};
use crate::observe::{Detail, Event};
use crate::server::connection::Connection;
use crate::server::network::Network;
use crate::session::Time;

/// At the end of a grace, those who have connected by then are still taken in; for so long at the most, so
/// that a flood of them does not keep the server up.
const LAST_CALL: Duration = Duration::from_secs(1);

/// Whether the loop is stopping, and until when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Drain {
    /// It is not.
    #[default]
    No,
    /// It was told to, and goes on as ever until this time.
    Grace(Time),
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
            Drain::Grace(deadline) | Drain::Until(deadline, _) => deadline,
            Drain::No | Drain::Over(..) => Time::NEVER,
        }
    }

    /// Whether the listeners are open.
    pub(super) fn takes_connections(self) -> bool {
        matches!(self, Drain::No | Drain::Grace(_))
    }

    /// A connection was closed, and perhaps cut off.
    pub(super) fn note_closed(&mut self, cut_off: bool) {
        match self {
            Drain::Until(_, connections) | Drain::Over(_, connections) => {
                *connections += usize::from(cut_off);
            }
            Drain::No | Drain::Grace(_) => {}
        }
    }
}

impl<N: Network> EventLoop<N> {
    /// The first signal begins the grace, or the drain if there is none; the second ends either.
    pub(super) fn stop_signal(&mut self) {
        match (self.drain, self.grace) {
            (Drain::No, Some(grace)) => self.begin_grace(grace),
            (Drain::No, None) => self.begin_drain(),
            _ => self.cut_off(Outcome::Forced),
        }
    }

    // ANCHOR: begin_grace
    fn begin_grace(&mut self, grace: Duration) {
        self.drain = Drain::Grace(self.tools.now + grace);
        let connections = self.connections.len();
        self.tools.tell(Detail::Server, None, || Event::Grace {
            connections,
            seconds: grace.as_secs_f64(),
        });
    }
    // ANCHOR_END: begin_grace

    // ANCHOR: begin_drain
    /// From now on nobody is taken in. Another thread that stops the server ends a grace with that.
    pub(super) fn begin_drain(&mut self) {
        if !self.drain.takes_connections() {
            return;
        }
        self.drain = Drain::Until(self.tools.now + self.drain_timeout, 0);
        self.close_door();
        let connections = self.connections.len();
        self.tools.tell(Detail::Server, None, || Event::Draining { connections });
        // Everybody has a last turn now, also who waits for one: what lay there in time counts as in time.
        self.queues = Queues::default();
        self.tools.left = BUDGET;
        for key in self.keys() {
            self.serve_at(key, |connection, _| connection.hear_all());
            self.serve_at(key, Connection::stop);
        }
    }
    // ANCHOR_END: begin_drain

    fn close_door(&mut self) {
        self.network.close_listeners();
        self.accepting.stop();
    }

    /// Meets the end of the grace or of the drain, if all that came before it has been heard.
    pub(super) fn meet_drain_deadline(&mut self, heard_until: Time) {
        match self.drain {
            Drain::Grace(until) if until <= heard_until => {
                let has_more = self.accepting.wants_a_turn(self.tools.now);
                if !has_more || until + LAST_CALL <= heard_until {
                    self.begin_drain();
                }
            }
            Drain::Until(until, _) if until <= heard_until => self.cut_off(Outcome::Drained),
            _ => {}
        }
    }

    /// Closes whoever is still connected, whatever they are owed.
    fn cut_off(&mut self, outcome: Outcome) {
        if self.drain.takes_connections() {
            self.close_door();
        }
        let before = match self.drain {
            Drain::Until(_, connections) | Drain::Over(_, connections) => connections,
            Drain::No | Drain::Grace(_) => 0,
        };
        self.drain = Drain::Over(outcome, before);
        for key in self.keys() {
            self.serve_at(key, |connection, _| connection.session.handle_drain_deadline());
        }
    }

    // ANCHOR: outcome
    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        let (connections, outcome) = match self.drain {
            Drain::Over(outcome, connections) => (connections, outcome),
            Drain::Until(_, connections) if self.connections.is_empty() => {
                (connections, Outcome::Drained)
            }
            Drain::No | Drain::Grace(_) | Drain::Until(..) => return None,
        };
        // After the turn's end, which has a time of its own.
        let now = self.network.now();
        self.tools.events.tell(now, Detail::Server, None, || Event::Stopped { connections });
        Some(outcome)
    }
    // ANCHOR_END: outcome

    fn keys(&self) -> Vec<usize> {
        self.connections.iter().map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests;

//! How a connection is served: how it gets its turn, and what the loop does after it.
//!
//! All that happens to a connection goes through [`serve_at`](EventLoop::serve_at), so nothing that
//! follows from it (a deadline, a count, the end) can be forgotten. Never here: what a connection does
//! in its turn, which is in `connection/`.

use std::collections::VecDeque;

use super::{BUDGET, EventLoop};
use crate::observe::{Detail, Event};
use crate::server::connection::{Connection, Standing, Tools};
use crate::server::gate::Conduct;
use crate::server::network::{Network, Token};
use crate::session::{Reason, Step};

/// How many guests have another turn at the end of a turn of the loop.
const GUESTS: usize = 16;

/// Connections that wait for another turn, each once, the longest waiting first.
#[derive(Default)]
pub(super) struct Queues {
    /// Those that are served.
    served: VecDeque<Token>,
    /// Those that are not let in, and those that only leave: they get the smallest share.
    guests: VecDeque<Token>,
}

impl Queues {
    fn push(&mut self, token: Token, is_guest: bool) {
        if is_guest { &mut self.guests } else { &mut self.served }.push_back(token);
    }

    pub(super) fn remove(&mut self, token: Token) {
        self.served.retain(|waiting| *waiting != token);
        self.guests.retain(|waiting| *waiting != token);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Token> {
        self.served.iter().chain(&self.guests)
    }

    pub(super) fn are_empty(&self) -> bool {
        self.served.is_empty() && self.guests.is_empty()
    }

    /// How many wait now.
    pub(super) fn left_over(&self) -> [usize; 2] {
        [self.served.len(), self.guests.len()]
    }
}

impl<N: Network> EventLoop<N> {
    // ANCHOR: serve
    /// Serves, after `action`, the connection that `token` names, but no other that is now in its
    /// place.
    #[inline]
    pub(super) fn serve(
        &mut self,
        token: Token,
        action: impl FnOnce(&mut Connection<N::Stream>, &mut Tools),
    ) {
        let key = token.key();
        if self.connections.get(key).is_some_and(|connection| connection.has_token(token)) {
            self.serve_at(key, action);
        } else {
            self.tools.tell(Detail::Calls, None, || Event::Stale);
        }
    }
    // ANCHOR_END: serve

    /// Serves, after `action`, the connection at `key`, if one is there; then does what follows from
    /// both.
    #[inline]
    pub(super) fn serve_at(
        &mut self,
        key: usize,
        action: impl FnOnce(&mut Connection<N::Stream>, &mut Tools),
    ) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        action(connection, &mut self.tools);
        connection.advance(&mut self.buffer, &mut self.tools);
        if connection.goes_on() {
            self.follow_up(key);
        }
    }

    // ANCHOR: follow_up
    /// Goes on with a turn, and does what follows from more than bytes: deadline, counts, and the end
    /// if it has come.
    #[cold]
    fn follow_up(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        let step = connection.go_on(&mut self.buffer, &mut self.tools);
        connection.session.clear_touched();
        let deadline = connection.session.poll_deadline();
        let moved = match deadline {
            Some((timer, at)) => self.deadlines.set(key, timer, at),
            None => self.deadlines.remove(key),
        };
        if moved && !matches!(step, Step::Close(_)) {
            let (kind, until) = deadline.unzip();
            self.tools
                .tell(Detail::Calls, Some(connection.number), || Event::Timer { kind, until });
        }
        if connection.counted_pending && !connection.session.is_pending() {
            connection.counted_pending = false;
            self.gate.pending_ended(connection.source());
        }
        // Now, not after a linger that the client can draw out: it holds for the next that comes.
        if let Some(reason) = connection.session.reason()
            && !std::mem::replace(&mut connection.judged, true)
        {
            self.penalize(key, reason);
        }
        self.take_step(key, step);
    }
    // ANCHOR_END: follow_up

    // ANCHOR: penalize
    /// Penalizes the source of the connection at `key`, if the way it ended is an offence.
    pub(super) fn penalize(&mut self, key: usize, reason: Reason) {
        let connection = &self.connections[key];
        let Some(address) = connection.source() else { return };
        let conduct = Conduct {
            reason,
            let_in: connection.session.is_admitted(),
            failed: connection.session.has_failed_logins(),
            silent: connection.received == 0,
        };
        let penalty = self.gate.penalize(address, &conduct, self.tools.now);
        if let Some(penalty) = penalty {
            self.tools.tell(Detail::Server, Some(connection.number), || Event::Penalty {
                source: penalty.source.to_string(),
                reason,
                seconds: penalty.lasts.as_secs_f64(),
            });
        }
    }
    // ANCHOR_END: penalize

    fn take_step(&mut self, key: usize, step: Step) {
        let connection = &mut self.connections[key];
        match step {
            Step::Close(reason) => self.close(key, reason),
            Step::Admit => self.admit_origin(key),
            Step::Verify if !connection.waits_for_check => self.wait_for_check(key),
            _ if connection.can_read() => self.enqueue(key),
            _ => {}
        }
    }

    // ANCHOR: enqueue
    /// Gives another turn, after the others, to a connection that may have more to read: no edge will
    /// tell of it.
    pub(super) fn enqueue(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        if !connection.queued {
            connection.queued = true;
            let (number, is_guest) = (connection.number, connection.is_guest());
            self.tools.tell(Detail::Calls, Some(number), || Event::Requeued);
            self.queues.push(Token::new(key, number), is_guest);
        }
    }
    // ANCHOR_END: enqueue

    // ANCHOR: serve_queues
    /// One turn for each of those that were `left_over`, as far as the budget goes; those that have
    /// joined them since have had a turn already, and come after the next look at what is ready.
    pub(super) fn serve_queues(&mut self, left_over: [usize; 2]) {
        let [served, guests] = left_over;
        self.tools.left = BUDGET;
        for _ in 0..served {
            if self.tools.left <= 0 {
                break;
            }
            let Some(token) = self.queues.served.pop_front() else { break };
            self.serve_queued(token);
        }
        for _ in 0..guests.min(GUESTS) {
            let Some(token) = self.queues.guests.pop_front() else { return };
            self.serve_queued(token);
        }
    }
    // ANCHOR_END: serve_queues

    /// Gives the connection that `token` names the turn that it waited for. It may have been closed
    /// since, and another be in its place, which has not waited.
    fn serve_queued(&mut self, token: Token) {
        let key = token.key();
        if self.connections.get(key).is_some_and(|connection| connection.has_token(token)) {
            self.serve_at(key, |connection, _| connection.queued = false);
        }
    }

    /// Gives the connection at `key` its turn now, if it waits for one.
    pub(super) fn serve_out_of_turn(&mut self, key: usize) {
        if let Some(connection) = self.connections.get(key).filter(|connection| connection.queued) {
            self.queues.remove(Token::new(key, connection.number));
            self.serve_at(key, |connection, _| connection.queued = false);
        }
    }

    // ANCHOR: close
    #[cold]
    fn close(&mut self, key: usize, reason: Reason) {
        let connection = self.connections.remove(key);
        if connection.waits_for_check {
            self.logins.waiting.remove(Token::new(key, connection.number));
        }
        self.accepting.descriptor_freed(self.tools.now);
        let cut_off = connection.session.is_cut_off();
        self.drain.note_closed(cut_off);
        // Behind a proxy a refusal comes only now; it is told as closely as any other.
        let is_refused = connection.standing == Standing::Unknown && reason.is_refusal();
        let detail = if is_refused { Detail::Server } else { Detail::Life };
        self.tools.tell(detail, Some(connection.number), || Event::Closed {
            peer: connection.peer(),
            reason,
            let_in: connection.session.is_admitted(),
            received: connection.received,
            sent: connection.sent,
            cut_off,
        });
    }
    // ANCHOR_END: close
}

//! A connection's turn: how it gets one, and what the loop does after it.
//!
//! All that happens to a connection goes through [`turn_at`](EventLoop::turn_at), so nothing that follows
//! from it (a deadline, a count, the end) can be forgotten. Never here: what a connection does in its turn, which is
//! in `connection.rs`.

use super::connection::{Connection, Rest, Tools};
use super::event_loop::EventLoop;
use super::network::{Network, Token};
use crate::observe::{Detail, Event};
use crate::session::{Reason, Step};

impl<N: Network> EventLoop<N> {
    // ANCHOR: turn_of
    /// Gives a turn, after `action`, to the connection that `token` names, but to no other that is
    /// now in its place.
    #[inline]
    pub(super) fn turn_of(
        &mut self,
        token: Token,
        action: impl FnOnce(&mut Connection<N::Stream>, &mut Tools),
    ) {
        let key = token.key();
        if self.connections.get(key).is_some_and(|connection| connection.has_token(token)) {
            self.turn_at(key, action);
        } else {
            self.tools.events.tell(Detail::Calls, None, || Event::Stale);
        }
    }
    // ANCHOR_END: turn_of

    /// Gives a turn, after `action`, to the connection at `key`, if one is there; then does what
    /// follows from both.
    #[inline]
    pub(super) fn turn_at(
        &mut self,
        key: usize,
        action: impl FnOnce(&mut Connection<N::Stream>, &mut Tools),
    ) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        action(connection, &mut self.tools);
        // A connection that is queued gets its turn from the queue.
        let rest = match connection.queued {
            true => Rest::Idle,
            false => connection.turn(&mut self.buffer, &mut self.tools),
        };
        connection.tell_changes(&mut self.tools.events);
        if connection.changed {
            self.follow(key);
        }
        if rest != Rest::Idle {
            self.do_rest(key, rest);
        }
    }

    /// What follows from a change that is more than bytes: deadline, counts, and the end if it has come.
    #[cold]
    fn follow(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        connection.changed = false;
        match connection.session.poll_deadline() {
            Some((timer, at)) => self.deadlines.set(key, timer, at),
            None => self.deadlines.remove(key),
        }
        if connection.counted_pending && !connection.session.is_pending() {
            connection.counted_pending = false;
            self.admission.pending_ended(connection.peer.ip());
        }
        let step = connection.session.poll_step();
        // Now, not after a linger that the client can draw out: it holds for the next that comes.
        if let Some(reason) = connection.session.reason()
            && !std::mem::replace(&mut connection.judged, true)
        {
            self.penalize(key, reason);
        }
        if let Step::Close(reason) = step {
            self.close(key, reason);
        }
    }

    /// Does what a connection's turn has left to do.
    fn do_rest(&mut self, key: usize, rest: Rest) {
        match rest {
            Rest::Idle => {}
            Rest::More => self.enqueue(key),
            Rest::Login => {
                let connection = &mut self.connections[key];
                if !connection.waits_for_check {
                    connection.waits_for_check = true;
                    self.logins.waiting.push_back(Token::new(key, connection.number));
                }
            }
        }
    }

    pub(super) fn enqueue(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        if !connection.queued {
            connection.queued = true;
            self.queue.push_back(key);
        }
    }

    /// One turn for each of the first `waiting` in the queue; those that have joined it since have
    /// had a turn already, and come after the next look at what is ready.
    pub(super) fn serve_queue(&mut self, waiting: usize) {
        for _ in 0..waiting {
            let Some(key) = self.queue.pop_front() else { return };
            // It may have been closed since; if another is in its place, that one has a turn.
            self.turn_at(key, |connection, _| connection.queued = false);
        }
    }

    #[cold]
    fn close(&mut self, key: usize, reason: Reason) {
        self.deadlines.remove(key);
        let connection = self.connections.remove(key);
        self.admission.closed();
        self.accepting.descriptor_freed(self.tools.now);
        self.tools.events.tell(Detail::Life, Some(connection.number), || Event::Closed {
            peer: connection.peer.address(),
            reason,
            let_in: connection.session.is_admitted(),
            received: connection.received,
            sent: connection.sent,
        });
    }
}

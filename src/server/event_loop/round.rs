//! Which deadlines may be met where waits have room for only a part of what lies there.
//!
//! What came in time counts as in time, so whoever has a deadline that is due has to be heard first. With
//! more of them than one wait reports, that takes some waits; and it must not take for ever, whatever others
//! send meanwhile. Never here: the deadlines themselves.

use super::EventLoop;
use crate::server::network::{Network, Wakeup};
use crate::session::Time;

/// Waits with too little room, one after the other.
pub(super) struct Round {
    /// It is for what was due then.
    began: Time,
    /// So many connections that were open then may not have been reported yet.
    unreported: usize,
}

impl<N: Network> EventLoop<N> {
    /// Until when deadlines may be met in this turn, if any were due when the wait was `asked`: everybody
    /// will have been heard whose bytes had come by then. Those that fell due since have to wait for the next
    /// look, which is at once. The wait had room for all, or so many were reported in this round that each
    /// connection was: whoever sends more is reported behind the others. It is asked before anybody is
    /// served: who is closed then was reported, too.
    pub(super) fn heard_until(&mut self, found: &N::Found, asked: Time) -> Option<Time> {
        let is_due = self.deadlines.next().min(self.drain.deadline()) <= asked;
        if !is_due || N::is_whole(found) {
            self.round = None;
            return is_due.then_some(asked);
        }
        let open = self.connections.len();
        let round = self.round.get_or_insert(Round { began: asked, unreported: open });
        let of_a_connection = |wakeup: &Wakeup| matches!(wakeup, Wakeup::Ready { .. });
        let reported = N::wakeups(found).filter(of_a_connection).count();
        round.unreported = round.unreported.saturating_sub(reported);
        let is_over = round.unreported == 0;
        self.round.take_if(|_| is_over).map(|round| round.began)
    }
}

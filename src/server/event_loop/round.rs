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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observe::Event;
    use crate::server::connection::Connection;
    use crate::server::event_loop::fake::{self, Fake, Peer};
    use crate::server::event_loop::tests::{readable, turn};
    use crate::server::network::{Readiness, Token};
    use crate::session::Service;

    #[test]
    fn who_is_late_and_waits_for_a_turn_is_not_put_behind_later_ones() {
        let config = fake::config(Service::Login);
        let entry = config.protocol.handshake_timeout.duration().expect("it has one");
        let (mut event_loop, told) = fake::event_loop(Fake::default(), config);
        // Never a whole login, and never an end.
        let white = || Ok(Peer { is_endless: true, fill: b' ', ..Peer::default() });
        for _ in 0..2 {
            event_loop.network.accepts.push_back(white());
            event_loop.network.found.push_back(vec![Wakeup::Acceptable(0)]);
            assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
            event_loop.network.now = event_loop.network.now + Duration::from_secs(1);
        }
        let token = Token::new(0, event_loop.connections[0].number);
        let readable = Wakeup::Ready { token, readiness: Readiness::READABLE };
        event_loop.network.now = event_loop.network.now + (entry - Duration::from_millis(1500));
        event_loop.network.found.push_back(vec![readable]);
        // The first wait was asked before the deadline was over.
        for _ in 0..2 {
            assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
        }
        assert_eq!(told.count(|event| matches!(event, Event::Deadline)), 1);
        event_loop.assert_consistent();
    }

    #[test]
    fn what_came_in_time_is_in_time_however_late_it_is_reported() {
        // The process stands still, and all five have sent their request meanwhile: before the wait, and the
        // kernel reports two at a time; or when it had found two and not yet returned, and the next finds the rest.
        for (room, reports) in [(Some(2), vec![2, 2, 1]), (None, vec![2, 3])] {
            let clients = reports.iter().sum();
            let mut network = Fake { room, ..Fake::default() };
            network.accepts.extend((0..clients).map(|_| Ok(Peer::sends(b"hello\n"))));
            let (mut event_loop, told) =
                fake::event_loop(network, fake::config(Service::UpperOnce));
            turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
            let token =
                |(key, connection): (usize, &Connection<Peer>)| Token::new(key, connection.number);
            let mut tokens: Vec<_> = event_loop.connections.iter().map(token).collect();
            event_loop.network.now = event_loop.network.now + Duration::from_secs(3600);
            for count in reports {
                let found: Vec<_> = tokens.drain(..count).map(readable).collect();
                turn(&mut event_loop, &found);
            }
            assert_eq!(
                told.count(|event| matches!(event, Event::Sent { .. })),
                clients,
                "{room:?}"
            );
            assert_eq!(told.count(|event| matches!(event, Event::Deadline)), 0, "{room:?}");
        }
    }

    #[test]
    fn who_is_heard_and_closed_does_not_stand_for_who_was_not_heard() {
        const CLIENTS: usize = 4;
        let mut network = Fake { room: Some(2), ..Fake::default() };
        // An end of input follows.
        let client =
            || Peer { reads: [Ok(b"hello".to_vec()), Ok(Vec::new())].into(), ..Peer::default() };
        network.accepts.extend((0..CLIENTS).map(|_| Ok(client())));
        let (mut event_loop, told) = fake::event_loop(network, fake::config(Service::UpperOnce));
        turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
        let number =
            |(key, connection): (usize, &Connection<Peer>)| Token::new(key, connection.number);
        let tokens: Vec<_> = event_loop.connections.iter().map(number).collect();
        event_loop.network.now = event_loop.network.now + Duration::from_secs(3600);
        let readiness = Readiness::READABLE | Readiness::READ_CLOSED;
        for pair in tokens.chunks(2) {
            let found: Vec<_> =
                pair.iter().map(|token| Wakeup::Ready { token: *token, readiness }).collect();
            turn(&mut event_loop, &found);
        }
        assert_eq!(told.count(|event| matches!(event, Event::Sent { .. })), CLIENTS);
        assert_eq!(told.count(|event| matches!(event, Event::Deadline)), 0);
    }

    #[test]
    fn full_waits_put_deadlines_off_no_longer_than_until_everybody_was_reported() {
        let mut network = Fake { room: Some(1), ..Fake::default() };
        let noisy = Peer { is_endless: true, ..Peer::default() };
        network.accepts.extend([Ok(noisy), Ok(Peer::default()), Ok(Peer::default())]);
        let (mut event_loop, told) = fake::event_loop(network, fake::config(Service::UpperOnce));
        turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
        let (key, connection) = event_loop.connections.iter().next().expect("it was let in");
        let noisy = readable(Token::new(key, connection.number));
        event_loop.network.now = event_loop.network.now + Duration::from_secs(3600);
        let silent_closed = || told.count(|event| matches!(event, Event::Deadline));
        // The first wait was asked before they were due; from then on each of the three could be reported.
        for turns in 0..=3 {
            assert_eq!(silent_closed(), 0, "before turn {turns}");
            turn(&mut event_loop, &[noisy]);
        }
        assert_eq!(silent_closed(), 2, "both who said nothing");
    }
}

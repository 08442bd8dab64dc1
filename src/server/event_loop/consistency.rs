//! What must hold after every turn: where something is known in two places, they agree.
//!
//! A count that is not given back, a deadline that is nobody's or a connection that waits in no queue shows
//! itself late, if ever: as a server that lets in fewer and fewer. So debug builds look now and then, and
//! [simulations](crate::sim) after every turn. Never here: anything that changes something.

use super::EventLoop;
use crate::server::connection::Connection;
use crate::server::network::{Network, Token};

impl<N: Network> EventLoop<N> {
    /// Looks at everything, in debug builds, once in as many turns as there are places for connections: a
    /// turn costs only so much more, however many there are.
    pub(super) fn check_now_and_then(&mut self) {
        if cfg!(debug_assertions) {
            self.unchecked += 1;
            if self.unchecked > self.deadlines.places() {
                self.unchecked = 0;
                self.assert_consistent();
            }
        }
    }

    /// Panics if the loop does not agree with itself: if somebody is counted who is not there or not
    /// counted who is; waits in a queue twice, or in none; has a deadline that is not in its queue, or
    /// is in it without one; or owes what is not kept. It may be asked after any
    /// [turn](EventLoop::turn), and takes time for every connection.
    ///
    /// For whoever tries the loop in a network of their own; in the [simulated](crate::sim) one it is
    /// asked anyway, and in debug builds now and then.
    pub fn assert_consistent(&self) {
        self.connections.iter().for_each(|(_, connection)| connection.assert_consistent());
        let pending = self.connections.iter().filter(|(_, connection)| connection.counted_pending);
        self.gate.assert_pending(pending.map(|(_, connection)| connection.source()));

        // Whoever has closed since may still be in this queue, and is passed over in time.
        let is_open = |token: &&Token| {
            let connection = self.connections.get(token.key());
            connection.is_some_and(|connection| connection.has_token(**token))
        };
        let queued = self.queues.iter().filter(is_open);
        self.assert_waiting("a turn", queued, |connection| connection.queued);
        let waiting = self.logins.waiting.iter();
        self.assert_waiting("a check", waiting, |connection| connection.waits_for_check);

        let mut deadlines: Vec<_> = self.deadlines.iter().collect();
        deadlines.sort_unstable();
        let deadline = |(key, connection): (usize, &Connection<N::Stream>)| {
            connection.session.deadline().map(|(_, at)| (key, at))
        };
        let wanted: Vec<_> = self.connections.iter().filter_map(deadline).collect();
        assert_eq!(deadlines, wanted, "deadlines are queued that nobody has, or not queued");
    }

    /// Panics unless those in `queue` are the connections that `wait` by what they say themselves, each
    /// once.
    fn assert_waiting<'q>(
        &self,
        for_what: &str,
        queue: impl Iterator<Item = &'q Token>,
        wait: impl Fn(&Connection<N::Stream>) -> bool,
    ) {
        let mut queued: Vec<_> = queue.map(|token| token.key()).collect();
        queued.sort_unstable();
        let those = self.connections.iter().filter(|(_, connection)| wait(connection));
        let those: Vec<_> = those.map(|(key, _)| key).collect();
        assert_eq!(queued, those, "in the queue for {for_what}, and waiting for it");
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use super::*;
    use crate::server::event_loop::fake::{self, Fake, Peer};
    use crate::server::gate::Source;
    use crate::server::network::{Readiness, Wakeup};
    use crate::server::{Report, Room, Verifier};
    use crate::session::{Service, Time, Timer};

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// It has no room, for anybody.
    struct Full;

    impl Verifier for Full {
        fn room(&mut self) -> Option<Room<'_>> {
            None
        }
        fn has_report(&self) -> bool {
            false
        }
        fn poll_report(&mut self) -> Option<Report> {
            None
        }
        fn reload(&mut self) {}
    }

    /// A loop with one at place 0 who waits for a check, and one at place 1 who waits for a turn.
    fn busy_loop() -> EventLoop<Fake> {
        let mut config = fake::config(Service::Login);
        config.limits.pending_per_source = Some(10);
        let (event_loop, _) = fake::event_loop(Fake::default(), config);
        let mut event_loop = event_loop.with_verifier(Box::new(Full));
        let login = Peer::sends(br#"{"username":"a","passwd":"a"}"#);
        let talker = Peer { is_endless: true, fill: b' ', ..Peer::default() };
        event_loop.network.accepts.extend([Ok(login), Ok(talker)]);
        event_loop.network.found.push_back(vec![Wakeup::Acceptable(0)]);
        assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
        let readable = |(key, connection): (usize, &Connection<Peer>)| {
            let token = Token::new(key, connection.number);
            Wakeup::Ready { token, readiness: Readiness::READABLE }
        };
        let found = event_loop.connections.iter().map(readable).collect();
        event_loop.network.found.push_back(found);
        assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
        assert!(event_loop.connections[0].waits_for_check && event_loop.connections[1].queued);
        event_loop
    }

    /// What is said once `change` has been made behind the loop's back.
    fn said_after(change: impl FnOnce(&mut EventLoop<Fake>)) -> String {
        let mut event_loop = busy_loop();
        event_loop.assert_consistent();
        change(&mut event_loop);
        let said = catch_unwind(AssertUnwindSafe(|| event_loop.assert_consistent()));
        said.err().and_then(|said| said.downcast::<String>().ok()).map_or_else(String::new, |s| *s)
    }

    fn token(event_loop: &EventLoop<Fake>, key: usize) -> Token {
        Token::new(key, event_loop.connections[key].number)
    }

    #[test]
    fn a_count_that_is_wrong_is_noticed() {
        let elsewhere = IpAddr::from([127, 0, 0, 2]);
        let said = said_after(|l| l.connections[0].counted_pending = false);
        assert!(said.contains("connection 1: pending, and not counted"), "{said}");
        let said = said_after(|l| l.gate.pending_ended(Some(HERE)));
        assert!(said.contains("the pending are miscounted"), "{said}");
        let said = said_after(|l| {
            l.gate.pending_ended(Some(HERE));
            l.gate.pending_began(Some(elsewhere));
        });
        assert!(said.contains("a source's pending are miscounted"), "{said}");
    }

    #[test]
    fn who_waits_in_no_queue_or_twice_is_noticed() {
        let said = said_after(|l| l.queues.remove(token(l, 1)));
        assert!(said.contains("in the queue for a turn"), "{said}");
        let said = said_after(|l| {
            l.connections[1].queued = false;
            l.enqueue(1);
        });
        assert!(said.contains("in the queue for a turn"), "{said}");
        let said = said_after(|l| l.logins.waiting.remove(token(l, 0)));
        assert!(said.contains("in the queue for a check"), "{said}");
        let said = said_after(|l| l.logins.waiting.push(Source::of(HERE), Token::new(7, 7)));
        assert!(said.contains("in the queue for a check"), "{said}");
        let said = said_after(|l| l.connections[0].waits_for_check = false);
        assert!(said.contains("connection 1: nobody checks its login"), "{said}");
    }

    #[test]
    fn a_deadline_that_is_lost_moved_or_nobody_s_is_noticed() {
        let changes: [fn(&mut EventLoop<Fake>); 3] = [
            |l| _ = l.deadlines.remove(0),
            |l| _ = l.deadlines.set(0, Timer::Handshake, Time::START + Duration::from_secs(3600)),
            |l| _ = l.deadlines.set(7, Timer::Idle, Time::START + Duration::from_secs(10)),
        ];
        for change in changes {
            let said = said_after(change);
            assert!(said.contains("deadlines are queued that nobody has"), "{said}");
        }
    }

    #[test]
    fn what_is_owed_is_kept() {
        let (mut event_loop, _) = fake::event_loop(Fake::default(), fake::config(Service::Echo));
        event_loop.admit(Peer::default(), ([127, 0, 0, 1], 1).into());
        event_loop.assert_consistent();
        let (connection, tools) = (&mut event_loop.connections[0], &mut event_loop.tools);
        connection.session.handle_bytes(&tools.protocol, tools.now, &mut [b'x']);
        let said = catch_unwind(AssertUnwindSafe(|| event_loop.assert_consistent()));
        assert!(said.is_err(), "the answer was given to nobody");
    }
}

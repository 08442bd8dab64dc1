//! Logins on their way between sessions and the verifier: in turn, and none lost.
//!
//! A login stays in its session until the verifier has room, so a connection that waits costs
//! nothing but a place in the queue, and one that closes is forgotten.

use std::collections::VecDeque;

use super::EventLoop;
use crate::auth::Refresh;
use crate::observe::{Detail, Event, shown};
use crate::server::network::{Network, Token};
use crate::server::verify::{Report, Verifier};
use crate::session::Verdict;

/// Who waits for a check, and who checks.
pub(super) struct Logins {
    pub(super) verifier: Box<dyn Verifier>,
    /// In the order in which their logins were whole.
    pub(super) waiting: VecDeque<Token>,
}

impl Logins {
    pub(super) fn new(verifier: Box<dyn Verifier>) -> Logins {
        Logins { verifier, waiting: VecDeque::new() }
    }

    /// Whether there is something to do now, so that the loop must not wait.
    pub(super) fn want_a_turn(&mut self) -> bool {
        let login = !self.waiting.is_empty() && self.verifier.room().is_some();
        login || self.verifier.has_report()
    }
}

impl<N: Network> EventLoop<N> {
    /// Passes on what the verifier has found out.
    pub(super) fn take_reports(&mut self) {
        while let Some(report) = self.logins.verifier.poll_report() {
            match report {
                Report::Verdict { token, name, verdict } => {
                    self.take_verdict(token, &name, verdict)
                }
                Report::Users(Refresh::Unchanged) => {}
                Report::Users(Refresh::Changed(users)) => {
                    self.tools.tell(Detail::Server, None, || Event::UsersRead { users });
                }
                Report::Users(Refresh::Broken(why)) => {
                    self.tools.tell(Detail::Server, None, || Event::UsersBroken { why });
                }
            }
        }
    }

    fn take_verdict(&mut self, token: Token, name: &str, verdict: Verdict) {
        // What waits to be read has made its edge long ago, so the turn has to be now.
        self.serve(token, |connection, tools| {
            tools.tell(Detail::Life, Some(connection.number), || Event::Login {
                name: shown(name),
                result: verdict,
            });
            let succeeded = connection.logged_in == Some(true) || verdict == Verdict::Success;
            connection.logged_in = Some(succeeded);
            let answer = connection.session.handle_verdict(&tools.protocol, tools.now, verdict);
            connection.deliver(answer, tools);
            connection.tell_changes(tools);
        });
    }

    // ANCHOR: submit_logins
    /// Hands the verifier as many logins as it takes, the oldest first.
    pub(super) fn submit_logins(&mut self) {
        while let Some(token) = self.logins.waiting.front().copied() {
            let Some(room) = self.logins.verifier.room() else { return };
            self.logins.waiting.pop_front();
            let connection = self.connections.get_mut(token.key());
            let Some(connection) = connection.filter(|c| c.has_token(token)) else { continue };
            connection.waits_for_check = false;
            if let Some(credentials) = connection.session.poll_login() {
                room.submit(token, credentials);
            }
        }
    }
    // ANCHOR_END: submit_logins
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::event_loop::fake::{self, Fake, Peer};
    use crate::server::network::Readiness;
    use crate::server::{Penalties, Room};
    use crate::session::{Reason, Service};

    /// Keeps everything until somebody says something.
    #[derive(Default)]
    struct Silent;

    impl Verifier for Silent {
        fn room(&mut self) -> Option<Room<'_>> {
            Some(Room::new(|_, _| {}))
        }
        fn has_report(&self) -> bool {
            false
        }
        fn poll_report(&mut self) -> Option<Report> {
            None
        }
        fn reload(&mut self) {}
    }

    fn loop_with_a_login() -> (EventLoop<Fake>, Token) {
        let mut config = fake::config(Service::Login);
        let min = Duration::from_secs(5);
        config.penalties = Some(Penalties { min, loopback: true, ..Penalties::default() });
        let (event_loop, _) = fake::event_loop(Fake::default(), config);
        let mut event_loop = event_loop.with_verifier(Box::new(Silent));
        let token = accept_one(&mut event_loop);
        (event_loop, token)
    }

    /// Admits one who sends a login.
    fn accept_one(event_loop: &mut EventLoop<Fake>) -> Token {
        let login = Peer::sends(br#"{"username":"a","passwd":"a"}"#);
        event_loop.admit(login, ([127, 0, 0, 1], 1).into());
        let (key, connection) = event_loop.connections.iter().next().unwrap();
        let token = Token::new(key, connection.number);
        event_loop.connections[key].note_readiness(Readiness::READABLE);
        event_loop.enqueue(key);
        assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
        token
    }

    fn sent(event_loop: &EventLoop<Fake>, token: Token) -> u64 {
        event_loop.connections[token.key()].sent
    }

    #[test]
    fn a_verdict_reaches_its_connection() {
        let (mut event_loop, token) = loop_with_a_login();
        event_loop.take_verdict(token, "a", Verdict::Failure);
        assert_eq!(sent(&event_loop, token), "failed!".len() as u64);
    }

    /// Whether a newcomer is refused after a connection had these verdicts and was lost.
    fn is_refused_after(verdicts: &[Verdict]) -> bool {
        let (mut event_loop, token) = loop_with_a_login();
        for verdict in verdicts {
            event_loop.take_verdict(token, "a", *verdict);
        }
        event_loop.serve_at(token.key(), |connection, _| {
            connection.session.handle_lost(Reason::Reset);
        });
        event_loop.admit(Peer::default(), ([127, 0, 0, 1], 1).into());
        event_loop.connections() == 0
    }

    #[test]
    fn who_leaves_after_failures_alone_pays_for_them() {
        use Verdict::{Failure, Success};
        assert!(is_refused_after(&[Failure]) && is_refused_after(&[Failure; 5]));
        assert!(!is_refused_after(&[Failure, Success]) && !is_refused_after(&[Success, Failure]));
        // Too little was done for a refusal.
        assert!(!is_refused_after(&[]));
    }

    #[test]
    fn a_late_verdict_does_not_reach_who_took_the_place() {
        let (mut event_loop, first) = loop_with_a_login();
        event_loop.serve_at(first.key(), |connection, _| {
            connection.session.handle_lost(Reason::Reset);
        });
        // Nobody is there.
        event_loop.take_verdict(first, "a", Verdict::Success);
        let second = accept_one(&mut event_loop);
        assert_eq!(second.key(), first.key(), "the place is used again");
        // Somebody else is, whose own login is being checked.
        event_loop.take_verdict(first, "a", Verdict::Success);
        assert_eq!(sent(&event_loop, second), 0);
        assert!(!event_loop.connections[second.key()].session.is_admitted());
        event_loop.take_verdict(second, "a", Verdict::Success);
        assert_eq!(sent(&event_loop, second), "success!".len() as u64);
    }
}

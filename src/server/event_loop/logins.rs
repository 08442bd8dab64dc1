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
use crate::session::{Reason, Verdict};

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
        self.judge_try(token, name, verdict);
        // What waits to be read has made its edge long ago, so the turn has to be now.
        self.serve(token, |connection, tools| {
            tools.tell(Detail::Life, Some(connection.number), || Event::Login {
                name: shown(name),
                result: verdict,
            });
            let answer = connection.session.handle_verdict(&tools.protocol, tools.now, verdict);
            connection.deliver(answer, tools);
            connection.tell_changes(tools);
        });
    }

    /// Penalizes whoever guesses, as soon as that is known: their connection may stay open for long.
    fn judge_try(&mut self, token: Token, name: &str, verdict: Verdict) {
        let key = token.key();
        let connection = self.connections.get_mut(key);
        let Some(connection) = connection.filter(|c| c.has_token(token)) else { return };
        let (ip, logged_in) = (connection.ip(), connection.session.has_logged_in());
        if self.gate.note_login(ip, name, logged_in, verdict, self.tools.now) {
            // With that it has paid for what it has done so far.
            connection.judged = true;
            self.penalize(key, Reason::TooManyTries);
        }
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
    use crate::session::Service;

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

    /// A loop that penalizes with this minimum.
    fn empty_loop(min: Duration) -> EventLoop<Fake> {
        let mut config = fake::config(Service::Login);
        config.penalties = Some(Penalties { min, loopback: true, ..Penalties::default() });
        let (event_loop, _) = fake::event_loop(Fake::default(), config);
        event_loop.with_verifier(Box::new(Silent))
    }

    fn loop_with_a_login() -> (EventLoop<Fake>, Token) {
        let mut event_loop = empty_loop(Duration::from_secs(5));
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

    const EVA: (&str, Verdict) = ("eva", Verdict::Success);
    const BOB: (&str, Verdict) = ("bob", Verdict::Failure);

    /// One who sends these logins, and is told these verdicts.
    fn who_tries(event_loop: &mut EventLoop<Fake>, tries: &[(&str, Verdict)]) -> Option<Token> {
        let login = |(name, _): &(&str, Verdict)| format!(r#"{{"username":"{name}","passwd":""}}"#);
        let logins: String = tries.iter().map(login).collect();
        let before = event_loop.connections();
        event_loop.admit(Peer::sends(logins.as_bytes()), ([127, 0, 0, 1], 1).into());
        let (key, connection) = event_loop.connections.iter().last()?;
        let token = Token::new(key, connection.number);
        if event_loop.connections() == before {
            return None;
        }
        event_loop.connections[key].note_readiness(Readiness::READABLE);
        event_loop.enqueue(key);
        for (name, verdict) in tries {
            assert_eq!(event_loop.turn(&mut Vec::new()), Ok(None));
            event_loop.take_verdict(token, name, *verdict);
        }
        Some(token)
    }

    fn lose(event_loop: &mut EventLoop<Fake>, token: Token) {
        event_loop.serve_at(token.key(), |connection, _| {
            connection.session.handle_lost(Reason::Reset);
        });
    }

    #[test]
    fn who_has_an_account_and_guesses_at_another_s_is_refused() {
        // They leave and come again; or stay; or come by another's side, one guess each.
        for (guesses, leaves) in [(5, true), (5, false), (1, false), (1, true)] {
            let mut event_loop = empty_loop(Duration::from_secs(15));
            let tries = [&[EVA][..], &[BOB; 5][..guesses]].concat();
            let mut guessed = 0;
            while let Some(token) = who_tries(&mut event_loop, &tries) {
                guessed += guesses;
                if leaves {
                    lose(&mut event_loop, token);
                }
                assert!(guessed <= 20, "{guessed} guesses, {guesses} at a time");
            }
        }
    }

    #[test]
    fn who_mistypes_and_then_gets_in_is_not_punished() {
        let mut event_loop = empty_loop(Duration::from_secs(5));
        let eva_fails = ("eva", Verdict::Failure);
        let tries = [EVA, eva_fails, eva_fails, EVA, eva_fails, eva_fails, eva_fails, EVA];
        for stays in [true, false].repeat(10) {
            let token = who_tries(&mut event_loop, &tries).expect("it is let in");
            if !stays {
                lose(&mut event_loop, token);
            }
        }
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
    fn is_refused_after(tries: &[(&str, Verdict)]) -> bool {
        let mut event_loop = empty_loop(Duration::from_secs(5));
        let token = who_tries(&mut event_loop, tries).expect("nobody was refused before");
        lose(&mut event_loop, token);
        event_loop.admit(Peer::default(), ([127, 0, 0, 1], 1).into());
        event_loop.connections() == 0
    }

    #[test]
    fn who_leaves_after_failures_that_were_not_made_good_pays_for_them() {
        let eva_fails = ("eva", Verdict::Failure);
        assert!(is_refused_after(&[BOB]) && is_refused_after(&[BOB; 5]));
        assert!(is_refused_after(&[EVA, BOB]) && is_refused_after(&[BOB, EVA]));
        assert!(is_refused_after(&[eva_fails, BOB, EVA]));
        assert!(!is_refused_after(&[eva_fails, EVA]) && !is_refused_after(&[EVA]));
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

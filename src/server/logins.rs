//! Logins on their way between sessions and the verifier: in turn, and none lost.
//!
//! A login stays in its session until the verifier has room, so whoever waits costs nothing but a
//! place in the queue, and who closes is forgotten.

use std::collections::VecDeque;

use super::connection::Rest;
use super::event_loop::EventLoop;
use super::network::{Network, Token};
use super::verify::{Answer, Verifier};
use crate::auth::Refresh;
use crate::observe::{Detail, Event, shown};
use crate::session::Verdict;

/// Who waits for a check, and who checks.
pub(super) struct Logins {
    pub(super) verifier: Box<dyn Verifier>,
    /// In the order in which their logins were whole.
    waiting: VecDeque<Token>,
}

impl Logins {
    pub(super) fn new(verifier: Box<dyn Verifier>) -> Logins {
        Logins { verifier, waiting: VecDeque::new() }
    }

    /// Whether there is something to do now, so that there is no time to wait.
    pub(super) fn want_a_turn(&self) -> bool {
        let login = !self.waiting.is_empty() && self.verifier.has_room();
        login || self.verifier.has_answer()
    }
}

impl<N: Network> EventLoop<N> {
    /// What a connection's turn has left to be done.
    pub(super) fn after_turn(&mut self, key: usize, rest: Rest) {
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

    /// Passes on what the verifier has found out.
    pub(super) fn take_answers(&mut self) {
        while let Some(answer) = self.logins.verifier.poll() {
            match answer {
                Answer::Verdict { token, name, verdict } => {
                    self.take_verdict(token, &name, verdict)
                }
                Answer::Users(Refresh::Unchanged) => {}
                Answer::Users(Refresh::Changed(users)) => {
                    self.events.tell(Detail::Life, None, || Event::UsersRead { users });
                }
                Answer::Users(Refresh::Broken(why)) => {
                    self.events.tell(Detail::Life, None, || Event::UsersBroken { why });
                }
            }
        }
    }

    fn take_verdict(&mut self, token: Token, name: &str, verdict: Verdict) {
        let key = token.key();
        let connection = self.connections.get(key).filter(|c| c.has_token(key, token));
        let Some(number) = connection.map(|connection| connection.number) else {
            self.events.tell(Detail::Calls, None, || Event::Stale);
            return;
        };
        self.events.tell(Detail::Life, Some(number), || Event::Login {
            name: shown(name),
            result: verdict,
        });
        // What waits to be read has made its edge long ago: the turn is now.
        let rest = self.with_connection(key, |connection, tools| {
            let answer = connection.session.handle_verdict(tools.protocol, tools.now, verdict);
            connection.deliver(answer, tools);
            connection.turn(tools)
        });
        self.after_turn(key, rest);
    }

    /// Hands the verifier as many logins as it takes, the oldest first.
    pub(super) fn submit_logins(&mut self) {
        while self.logins.verifier.has_room() {
            let Some(token) = self.logins.waiting.pop_front() else { return };
            let key = token.key();
            let connection = self.connections.get_mut(key).filter(|c| c.has_token(key, token));
            let Some(connection) = connection else { continue };
            connection.waits_for_check = false;
            if let Some(credentials) = connection.session.poll_login() {
                self.logins.verifier.submit(token, credentials);
            }
        }
    }
}

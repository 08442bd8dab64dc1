//! Logins on their way between sessions and the verifier: in turn, and none lost.
//!
//! A login stays in its session until the verifier has room, so a connection that waits costs
//! nothing but a place in the queue, and one that closes is forgotten. The turns go round by source
//! (`waiting.rs`): whatever one does, another's login waits for a few checks at most.

use std::time::Duration;

use super::EventLoop;
use super::waiting::Waiting;
use crate::auth::Refresh;
use crate::observe::{Detail, Event, shown};
use crate::server::gate::Source;
use crate::server::network::{Network, Token};
use crate::server::verify::{Report, Verifier};
use crate::session::{Reason, Time, Verdict};

/// That logins can't be checked is told once in this time: every login can bring it about.
const UNABLE_EVERY: Duration = Duration::from_secs(60);

/// Who waits for a check, and who checks.
pub(super) struct Logins {
    pub(super) verifier: Box<dyn Verifier>,
    pub(super) waiting: Waiting<Source, Token>,
    /// When it was told that one could not be checked.
    told_unable: Option<Time>,
}

impl Logins {
    pub(super) fn new(verifier: Box<dyn Verifier>) -> Logins {
        Logins { verifier, waiting: Waiting::default(), told_unable: None }
    }

    /// Whether there is something to do now, so that the loop must not wait.
    pub(super) fn want_a_turn(&mut self) -> bool {
        let login = !self.waiting.is_empty() && self.verifier.room().is_some();
        login || self.verifier.has_report()
    }
}

impl<N: Network> EventLoop<N> {
    // ANCHOR: take_reports
    /// Passes on what the verifier has found out.
    pub(super) fn take_reports(&mut self) {
        while let Some(report) = self.logins.verifier.poll_report() {
            match report {
                Report::Verdict { token, name, verdict } => {
                    self.take_verdict(token, &name, verdict)
                }
                Report::Unable { token, why } => self.take_no_verdict(token, why),
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
    // ANCHOR_END: take_reports

    // ANCHOR: take_verdict
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
    // ANCHOR_END: take_verdict

    // ANCHOR: take_no_verdict
    /// What the server could not do is not the client's failure: it is no try, and costs nothing.
    #[cold]
    fn take_no_verdict(&mut self, token: Token, why: String) {
        let now = self.tools.now;
        if self.logins.told_unable.is_none_or(|told| told + UNABLE_EVERY <= now) {
            self.logins.told_unable = Some(now);
            self.tools.tell(Detail::Server, None, || Event::VerifierFailed { why });
        }
        self.serve(token, |connection, tools| {
            connection.session.handle_no_verdict(tools.now, Reason::VerifierFailed);
            connection.tell_changes(tools);
        });
    }
    // ANCHOR_END: take_no_verdict

    /// Penalizes whoever guesses, as soon as that is known: their connection may stay open for long.
    fn judge_try(&mut self, token: Token, name: &str, verdict: Verdict) {
        let key = token.key();
        let connection = self.connections.get_mut(key);
        let Some(connection) = connection.filter(|c| c.has_token(token)) else { return };
        let Some(ip) = connection.source() else { return };
        let logged_in = connection.session.has_logged_in();
        if self.gate.note_login(ip, name, logged_in, verdict, self.tools.now) {
            // With that it has paid for what it has done so far.
            connection.judged = true;
            self.penalize(key, Reason::TooManyTries);
        }
    }

    /// Has the connection at `key`, whose login wants a check, wait for it; unless its source has as
    /// many that wait as it may have.
    pub(super) fn wait_for_check(&mut self, key: usize) {
        let connection = &mut self.connections[key];
        let (address, source) = (connection.ip(), Source::of(connection.ip()));
        if !self.gate.may_wait(address, self.logins.waiting.of(source)) {
            return self.serve_at(key, |connection, tools| {
                connection.session.handle_no_verdict(tools.now, Reason::TooManyFromSource);
            });
        }
        connection.waits_for_check = true;
        self.logins.waiting.push(source, Token::new(key, connection.number));
    }

    // ANCHOR: submit_logins
    /// Hands the verifier as many logins as it takes, of each source in turn.
    pub(super) fn submit_logins(&mut self) {
        while !self.logins.waiting.is_empty() {
            let Some(room) = self.logins.verifier.room() else { return };
            let Some(token) = self.logins.waiting.pop() else { return };
            let connection = self.connections.get_mut(token.key());
            let Some(connection) = connection.filter(|c| c.has_token(token)) else { continue };
            connection.waits_for_check = false;
            let number = connection.number;
            if let Some(credentials) = connection.session.poll_login() {
                room.submit(token, credentials);
                self.tools.tell(Detail::Calls, Some(number), || Event::Submitted);
            }
        }
    }
    // ANCHOR_END: submit_logins
}

#[cfg(test)]
mod tests;

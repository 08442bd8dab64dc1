//! A login session that a test talks to, and the only user that it knows.

use sockmodes::auth::Entry;
use sockmodes::session::{Protocol, Reason, Service, Session, State, Step, Time, Verdict};

/// The only user, and the password.
const USER: (&str, &str) = ("旭哥", "老司机");
pub(crate) const RIGHT: &str = r#"{"username":"旭哥","passwd":"老司机"}"#;
pub(crate) const ESCAPED: &str = r#"{"username": "\u65ed\u54e5", "passwd": "\u8001\u53f8\u673a"}"#;
pub(crate) const WRONG: &str = r#"{"username":"旭哥","passwd":"}{\"\\"}"#;

/// A session with somebody who checks at once and a peer who takes everything at once.
pub(crate) struct Talk {
    pub(crate) protocol: Protocol,
    pub(crate) session: Session,
    pub(crate) now: Time,
    pub(crate) said: Vec<u8>,
    /// The last [`Step::Close`] or [`State::Ending`] reason is only seen when it closes.
    pub(crate) closed: Option<Reason>,
}

impl Talk {
    pub(crate) fn new() -> Talk {
        Talk::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Protocol)) -> Talk {
        let mut protocol = Protocol::new(Entry::Open, Service::Login);
        change(&mut protocol);
        let session = crate::common::session(&protocol, &[], Time::START);
        Talk { protocol, session, now: Time::START, said: Vec::new(), closed: None }
    }

    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let answer = self.session.handle_bytes(&self.protocol, self.now, &mut bytes).to_vec();
        self.say(&answer);
        self.check_logins();
    }

    fn say(&mut self, answer: &[u8]) {
        if !answer.is_empty() {
            self.said.extend_from_slice(answer);
            self.session.handle_flushed(&self.protocol, self.now);
        }
        self.session.handle_delivered(self.now);
        if let Step::Close(reason) = self.session.poll_step() {
            self.closed = Some(reason);
        }
    }

    pub(crate) fn check_logins(&mut self) {
        while self.session.poll_step() == Step::Verify {
            let login = self.session.poll_login().expect("it wants a check");
            let right = (login.name(), login.password()) == (USER.0, Some(USER.1));
            self.verdict(if right { Verdict::Success } else { Verdict::Failure });
        }
    }

    pub(crate) fn verdict(&mut self, verdict: Verdict) {
        let answer = self.session.handle_verdict(&self.protocol, self.now, verdict);
        self.say(answer);
    }

    pub(crate) fn said(&self) -> &str {
        std::str::from_utf8(&self.said).expect("it says success! and failed!")
    }

    /// What it says to `stream` in pieces of `cut` bytes, and why it ended if it did.
    pub(crate) fn answer_to(stream: &[u8], cut: usize) -> (String, Option<Reason>) {
        let mut talk = Talk::new();
        for part in stream.chunks(cut) {
            talk.hear(part);
        }
        (talk.said().to_owned(), talk.reason())
    }

    /// Why it ended, found out by letting it end; `None` if it still hears.
    pub(crate) fn reason(&mut self) -> Option<Reason> {
        if matches!(self.session.state(), State::Ending | State::Lingering) {
            self.session.handle_end_of_input();
            self.session.handle_delivered(self.now);
        }
        match self.session.poll_step() {
            Step::Close(reason) => Some(reason),
            _ => None,
        }
    }
}

/// A session whose first login is being checked; more may have been read.
pub(crate) fn verifying(stream: &str) -> Talk {
    let mut talk = Talk::new();
    let mut bytes = stream.as_bytes().to_vec();
    assert!(talk.session.handle_bytes(&talk.protocol, talk.now, &mut bytes).is_empty());
    assert!(bytes.iter().all(|byte| *byte == 0), "what is read is wiped where it came from");
    assert_eq!(talk.session.poll_step(), Step::Verify);
    assert!(talk.session.poll_login().is_some());
    assert_eq!((talk.session.state(), talk.session.poll_step()), (State::Verifying, Step::Wait));
    assert!(talk.session.poll_login().is_none(), "a login is given once");
    talk
}

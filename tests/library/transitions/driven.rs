//! A session driven the way the loop drives it, brought into a state and given an input.
//!
//! Read `happens.rs` next: how each input is brought about.

mod happens;

use std::time::Duration;

use sockmodes::auth::Scheme;
use sockmodes::session::{Input, Protocol, Reason, Service, Session, State, Step, Time, Verdict};

use crate::common::{entry, model, session};

const LOGIN: &[u8] = br#"{"username":"name","passwd":"password"}"#;
const NONCE: &[u8] = b"the nonce of this test";
const HEADER: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 4660 443\r\n";

/// A session with what it needs, driven the way the loop drives it.
pub(crate) struct Driven {
    protocol: Protocol,
    pub(crate) session: Session,
    now: Time,
    /// As the loop sees it: something was given out that was not said to be flushed.
    pub(crate) owing: bool,
    /// Bytes that were heard.
    heard: usize,
    /// Something happened while a login was checked that will count only afterwards.
    postponed: bool,
    /// It lingers so that answers arrive, and not only after a refusal.
    after_answers: bool,
}

impl Driven {
    pub(crate) fn new(scheme: Option<Scheme>, service: Service) -> Driven {
        let mut driven = Driven::behind_proxy(scheme, service);
        driven.session = session(&driven.protocol, NONCE, driven.now);
        driven.owing = scheme.is_some();
        driven
    }

    /// One that comes through a proxy.
    pub(crate) fn behind_proxy(scheme: Option<Scheme>, service: Service) -> Driven {
        // A single try, so that a failure is the last.
        let mut protocol = Protocol::new(entry(scheme, NONCE.len()), service);
        protocol.max_tries = Some(1);
        let now = Time::after_start(Duration::from_secs(1000));
        let session = Session::behind_proxy(&protocol, now);
        Driven {
            owing: false,
            protocol,
            session,
            now,
            heard: 0,
            postponed: false,
            after_answers: false,
        }
    }

    fn digest(&self) -> Vec<u8> {
        model::digest(self.protocol.entry.scheme(), NONCE)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        self.heard += bytes.len();
        let answer = self.session.handle_bytes(&self.protocol, self.now, &mut bytes);
        self.owing |= !answer.is_empty();
        self.take_answer();
    }

    /// The rest of a proxy's header, and whether whoever it names may stay.
    fn header(&mut self, stays: bool) {
        let mut rest = HEADER[self.heard..].to_vec();
        let answer = self.session.handle_bytes(&self.protocol, self.now, &mut rest);
        assert!(answer.is_empty() && self.session.poll_step() == Step::Admit);
        self.heard = 0;
        if !stays {
            return self.session.handle_refused(Reason::Penalized, self.now);
        }
        let random = |bytes: &mut [u8]| bytes.copy_from_slice(NONCE);
        let nonce = self.session.handle_admitted(&self.protocol, self.now, random);
        self.owing = !nonce.is_empty();
    }

    fn take_answer(&mut self) {
        self.owing |= !self.session.poll_answer().is_empty();
    }

    pub(crate) fn flushed(&mut self) {
        self.owing = false;
        self.session.handle_flushed(&self.protocol, self.now);
    }

    pub(crate) fn end_of_input(&mut self) {
        self.session.handle_end_of_input();
        self.take_answer();
    }

    pub(crate) fn deadline(&mut self) {
        if let Some((_, at)) = self.session.poll_deadline() {
            self.now = at;
        }
        self.session.handle_deadline(self.now);
    }

    fn verdict(&mut self, verdict: Verdict) -> bool {
        let checked = self.session.poll_login().is_some();
        let answer = self.session.handle_verdict(&self.protocol, self.now, verdict);
        self.owing |= !answer.is_empty();
        checked
    }

    /// Has something said that the service answers, and not flushed.
    fn ask(&mut self) {
        if self.protocol.service == Service::Login {
            self.bytes(LOGIN);
            self.verdict(Verdict::Success);
        } else {
            self.bytes(b"question");
        }
    }

    /// Brings a fresh session into `state`, owing something or not; false where the two don't go
    /// together.
    pub(crate) fn bring_to(&mut self, state: State, owing: bool) -> bool {
        let proxied = self.session.state() == State::AwaitHeader;
        if proxied && !matches!(state, State::AwaitHeader | State::Lingering | State::Closed) {
            self.header(true);
        }
        let asks = self.session.state() == State::SendNonce;
        match state {
            State::AwaitHeader | State::SendNonce => {}
            State::AwaitDigest if asks => self.flushed(),
            State::AwaitDigest => return false,
            State::Lingering if proxied => _ = self.let_happen(Input::RefusedHeader),
            State::Closed if proxied => self.session.handle_lost(Reason::Reset),
            State::Lingering if asks && self.protocol.service == Service::Echo => {
                self.let_happen(Input::Flushed);
                self.let_happen(Input::WrongDigest);
            }
            _ => {
                self.let_in();
                self.bring_from_serving(state, owing);
            }
        }
        self.session.state() == state && self.owing == owing
    }

    fn let_in(&mut self) {
        if self.session.state() == State::SendNonce {
            self.flushed();
            self.bytes(&self.digest());
        }
    }

    fn bring_from_serving(&mut self, state: State, owing: bool) {
        let once = self.protocol.service == Service::UpperOnce;
        match state {
            State::Serving if owing && once => {}
            State::Serving if owing => self.ask(),
            State::Serving => {}
            // Two at once: while the second is checked, the answer to the first is owed.
            State::Verifying if owing => {
                self.bytes(&LOGIN.repeat(2));
                self.verdict(Verdict::Success);
            }
            State::Verifying => self.bytes(LOGIN),
            State::Draining => {
                self.ask();
                self.end_of_input();
                if !owing {
                    self.flushed();
                }
            }
            State::Ending => {
                match once {
                    true => self.bytes(b"question\n"),
                    false => {
                        self.ask();
                        self.session.handle_stop(self.now, false);
                    }
                }
                if !owing {
                    self.flushed();
                }
            }
            State::Lingering => {
                self.bring_from_serving(State::Ending, true);
                self.let_happen(Input::Flushed);
                self.let_happen(Input::Delivered);
            }
            State::Closed => self.session.handle_lost(Reason::Reset),
            _ => unreachable!("{state} comes before serving"),
        }
    }

    /// Lets `input` happen; false where it can't, here and now.
    pub(crate) fn let_happen(&mut self, input: Input) -> bool {
        let before = self.session.state();
        let happened = self.happens(input);
        if before != State::Lingering && self.session.state() == State::Lingering {
            let entry = [State::AwaitHeader, State::AwaitDigest, State::SendNonce];
            self.after_answers = !entry.contains(&before);
        }
        happened
    }
}

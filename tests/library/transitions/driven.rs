//! A session driven the way the loop drives it, brought into a state and given an input.

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

    fn happens(&mut self, input: Input) -> bool {
        let state = self.session.state();
        let asks = matches!(state, State::SendNonce | State::AwaitDigest);
        let (proxied, open) = (state == State::AwaitHeader, self.protocol.entry.scheme().is_none());
        let login = !asks && !proxied && self.protocol.service == Service::Login;
        let checking = state == State::Verifying;
        let later = [Input::EndOfInput, Input::Deadline, Input::Stop, Input::StopOwing];
        self.postponed |= checking && later.contains(&input);
        match input {
            Input::Flushed => self.flushed(),
            // With something owed the kernel has not taken all, and nothing is read.
            Input::Delivered if self.owing => return false,
            Input::EndOfInput if state == State::Ending && self.owing => return false,
            Input::Delivered => self.session.handle_delivered(self.now),
            // The next byte of a header, so that it may still become one.
            Input::Bytes if proxied && self.heard + 1 < HEADER.len() => {
                self.bytes(&HEADER[self.heard..][..1]);
            }
            Input::Bytes if proxied => return false,
            Input::Header if proxied && !open => self.header(true),
            Input::OpenHeader if proxied && open => self.header(true),
            Input::RefusedHeader if proxied => self.header(false),
            Input::BadHeader if proxied => self.bytes(b"?"),
            Input::Header | Input::OpenHeader => return false,
            Input::RefusedHeader | Input::BadHeader => return false,
            // The next byte of the right digest, so that the right digest stays possible.
            Input::Bytes if asks => self.bytes(&self.digest()[self.heard..][..1]),
            // Whoever drives it reads nothing while it waits.
            Input::Bytes | Input::Login | Input::BadRequest if checking => return false,
            Input::Bytes if login => self.bytes(b" "),
            Input::Bytes => self.bytes(b"x"),
            Input::Login if login => self.bytes(LOGIN),
            Input::BadRequest if login => self.bytes(b"]"),
            Input::Verdict if checking => {
                return !self.postponed && self.verdict(Verdict::Success);
            }
            Input::LastVerdict if checking => {
                return !self.postponed && self.verdict(Verdict::Failure);
            }
            Input::NoVerdict if checking => {
                self.session.handle_no_verdict(self.now, Reason::VerifierFailed);
            }
            Input::Login | Input::BadRequest | Input::Verdict | Input::LastVerdict => return false,
            Input::NoVerdict => return false,
            Input::RightDigest if asks => self.bytes(&self.digest()[self.heard..]),
            Input::WrongDigest if asks => {
                let mut digest = self.digest();
                *digest.last_mut().expect("it asks for one") ^= 1;
                self.bytes(&digest[self.heard..]);
            }
            Input::LastRequest
                if !asks && !proxied && self.protocol.service == Service::UpperOnce =>
            {
                self.bytes(b"question\n");
            }
            Input::RightDigest | Input::WrongDigest | Input::LastRequest => return false,
            Input::EndOfInput => self.end_of_input(),
            Input::Deadline => self.deadline(),
            Input::Stop if state == State::Lingering && self.after_answers => return false,
            Input::StopOwing if state == State::Lingering && !self.after_answers => return false,
            Input::Stop | Input::StopOwing if state == State::Lingering => {
                self.session.handle_stop(self.now, false);
            }
            // Before it is let in, a client is owed no answer: the machine does not ask.
            Input::Stop if asks || proxied || !self.owing => {
                self.session.handle_stop(self.now, false)
            }
            Input::StopOwing if asks || proxied || self.owing => {
                self.session.handle_stop(self.now, false)
            }
            Input::Stop | Input::StopOwing => return false,
            Input::DrainDeadline => self.session.handle_drain_deadline(),
            Input::Lost => self.session.handle_lost(Reason::Reset),
            other => panic!("nobody brings about {other:?}"),
        }
        true
    }
}

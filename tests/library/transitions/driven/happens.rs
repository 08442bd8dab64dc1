//! How each input is brought about, whatever state the session is in; or why it can't be there.

use sockmodes::session::{Input, Reason, Service, State, Verdict};

use super::{Driven, HEADER, LOGIN};

impl Driven {
    /// Lets it happen; false where it can't.
    pub(super) fn happens(&mut self, input: Input) -> bool {
        use Input::*;
        self.postponed |= self.session.state() == State::Verifying
            && [EndOfInput, Deadline, Stop, StopOwing].contains(&input);
        match input {
            Flushed => self.flushed(),
            // With something owed the kernel has not taken all, and nothing is read.
            Delivered if self.owing => return false,
            EndOfInput if self.session.state() == State::Ending && self.owing => return false,
            Delivered => self.session.handle_delivered(self.now),
            EndOfInput => self.end_of_input(),
            Deadline => self.deadline(),
            DrainDeadline => self.session.handle_drain_deadline(),
            Lost => self.session.handle_lost(Reason::Reset),
            Header | OpenHeader | RefusedHeader | BadHeader => return self.header_comes(input),
            Bytes => return self.some_come(),
            RightDigest | WrongDigest => return self.digest_comes(input),
            LastRequest | Login | BadRequest => return self.request_comes(input),
            Verdict | LastVerdict | NoVerdict => return self.verdict_comes(input),
            Stop | StopOwing => return self.stops(input),
            other => panic!("nobody brings about {other:?}"),
        }
        true
    }

    fn header_comes(&mut self, input: Input) -> bool {
        if self.session.state() != State::AwaitHeader {
            return false;
        }
        match (input, self.protocol.entry.scheme()) {
            (Input::Header, Some(_)) | (Input::OpenHeader, None) => self.header(true),
            (Input::RefusedHeader, _) => self.header(false),
            (Input::BadHeader, _) => self.bytes(b"?"),
            _ => return false,
        }
        true
    }

    /// Bytes come that decide nothing.
    fn some_come(&mut self) -> bool {
        match self.session.state() {
            // The next byte of a header, so that it may still become one.
            State::AwaitHeader if self.heard + 1 < HEADER.len() => {
                self.bytes(&HEADER[self.heard..][..1]);
            }
            State::AwaitHeader => return false,
            // The next byte of the right digest, so that the right digest stays possible.
            State::SendNonce | State::AwaitDigest => self.bytes(&self.digest()[self.heard..][..1]),
            // Whoever drives it reads nothing while it waits.
            State::Verifying => return false,
            _ if self.protocol.service == Service::Login => self.bytes(b" "),
            _ => self.bytes(b"x"),
        }
        true
    }

    fn digest_comes(&mut self, input: Input) -> bool {
        if !self.is_asked() {
            return false;
        }
        let mut digest = self.digest();
        if input == Input::WrongDigest {
            *digest.last_mut().expect("it asks for one") ^= 1;
        }
        self.bytes(&digest[self.heard..]);
        true
    }

    fn request_comes(&mut self, input: Input) -> bool {
        let state = self.session.state();
        if self.is_asked() || matches!(state, State::AwaitHeader | State::Verifying) {
            return false;
        }
        match (input, self.protocol.service) {
            (Input::LastRequest, Service::UpperOnce) => self.bytes(b"question\n"),
            (Input::Login, Service::Login) => self.bytes(LOGIN),
            (Input::BadRequest, Service::Login) => self.bytes(b"]"),
            _ => return false,
        }
        true
    }

    fn verdict_comes(&mut self, input: Input) -> bool {
        if self.session.state() != State::Verifying {
            return false;
        }
        match input {
            Input::Verdict => !self.postponed && self.verdict(Verdict::Success),
            Input::LastVerdict => !self.postponed && self.verdict(Verdict::Failure),
            Input::NoVerdict => {
                self.session.handle_no_verdict(self.now, Reason::VerifierFailed);
                true
            }
            other => unreachable!("{other:?} is about no login"),
        }
    }

    fn stops(&mut self, input: Input) -> bool {
        let owing = match self.session.state() {
            State::Lingering => self.after_answers,
            // Before it is let in, a client is owed no answer: the machine does not ask.
            State::AwaitHeader | State::SendNonce | State::AwaitDigest => {
                self.session.handle_stop(self.now, false);
                return true;
            }
            _ => self.owing,
        };
        let happens = owing == (input == Input::StopOwing);
        if happens {
            self.session.handle_stop(self.now, false);
        }
        happens
    }

    /// Whether it waits for a digest.
    fn is_asked(&self) -> bool {
        matches!(self.session.state(), State::SendNonce | State::AwaitDigest)
    }
}

//! A stream in pieces for a session, and what the model of `tests/common/model.rs` makes of the whole of it.

use std::time::Duration;

use sockmodes::auth::Scheme;
use sockmodes::session::{Protocol, Reason, Service, Step, Time, Timer};

use super::model::{Entry, verdict};
use super::{entry, session};

/// How a stream is brought to a session.
pub(super) struct Pieces {
    pub(super) scheme: Option<Scheme>,
    pub(super) service: Service,
    pub(super) nonce: Vec<u8>,
    /// Bytes of a piece.
    pub(super) cut: usize,
    /// The client ends its sending side after the last.
    pub(super) ended: bool,
    /// The kernel takes the nonce only after the last piece has come.
    pub(super) nonce_is_late: bool,
}

impl Pieces {
    /// Brings `stream` to a session, and compares.
    pub(super) fn check(&self, stream: &[u8]) {
        let protocol = Protocol::new(entry(self.scheme, self.nonce.len()), self.service);
        let mut session = session(&protocol, &self.nonce);
        let mut answer = Vec::new();
        let mut now = Time::START;
        if !self.nonce_is_late {
            session.handle_flushed(&protocol, now);
        }
        for piece in stream.chunks(self.cut.max(1)) {
            now = now + Duration::from_millis(1);
            answer.extend_from_slice(session.handle_bytes(&protocol, now, &mut piece.to_vec()));
            answer.extend(session.poll_answer());
            if !answer.is_empty() {
                session.handle_flushed(&protocol, now);
            }
        }
        session.handle_flushed(&protocol, now);
        if self.ended {
            session.handle_end_of_input();
            answer.extend(session.poll_answer());
            session.handle_flushed(&protocol, now);
        }
        session.handle_delivered(now);
        let expected = verdict(self.scheme, self.service, &self.nonce, stream, self.ended);
        assert_eq!(answer, expected.answer);
        assert_eq!(session.is_admitted(), expected.entry == Entry::Right);
        assert_eq!(session.poll_step(), self.step(expected.entry, expected.over.is_some()));
        if expected.entry == Entry::Undecided && !self.ended {
            let deadline = Time::START + protocol.handshake_timeout;
            assert_eq!(session.poll_deadline(), Some((Timer::Handshake, deadline)));
        }
    }

    fn step(&self, entry: Entry, over: bool) -> Step {
        match entry {
            _ if !self.ended => [Step::Read, Step::Linger][usize::from(over)],
            Entry::Undecided => Step::Close(Reason::ShortDigest),
            Entry::Wrong => Step::Close(Reason::WrongDigest),
            Entry::Right => Step::Close(Reason::Done),
        }
    }
}

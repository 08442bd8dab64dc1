//! The deadlines of a session, whatever bytes come and whenever: none moves one that has to stay.
//!
//! A case that fails prints itself, made as small as it can be, and the seed to play it again. What the
//! event loop makes of the deadlines is in `edge_triggered/`.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use sockmodes::auth::Scheme;
use sockmodes::session::{
    DELIVERY, IDLE_SLACK, LINGER, LINGER_QUIET, Protocol, Reason, Service, Session, State, Step,
    Time, Timeout, Timer,
};

use crate::common::any::{cases, nonce_for, pair};
use crate::common::{SCHEMES, SERVICES, entry, model, session};

/// What a client sends that is let in: its digest, and `payload`.
fn stream(scheme: Option<Scheme>, nonce: &[u8], payload: &[u8]) -> Vec<u8> {
    [&model::digest(scheme, nonce), payload].concat()
}

/// Something that can happen to a session while time passes.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// So many bytes of the right stream come.
    Bytes(usize),
    /// The kernel has taken what is owed.
    Flushed,
    /// Nothing but time.
    Time,
}

fn happenings() -> impl Strategy<Value = Vec<(Happens, u64)>> {
    let happens = (0..9_u8, 1..4_usize).prop_map(|(kind, few)| match kind {
        0..=3 => Happens::Bytes(few),
        4 => Happens::Bytes(40),
        5..=7 => Happens::Flushed,
        _ => Happens::Time,
    });
    vec((happens, 0..900_u64), 1..80)
}

/// A session and what has happened to it, from which its deadline follows.
struct Course<'a> {
    protocol: &'a Protocol,
    session: Session,
    /// What the client will send: no line feed, so that no request is ever over.
    stream: Vec<u8>,
    /// So much of it has come.
    heard: usize,
    digest_len: usize,
    owing: bool,
    begun: Time,
    active_at: Time,
    now: Time,
}

impl<'a> Course<'a> {
    fn begin(protocol: &'a Protocol, scheme: Option<Scheme>, nonce: &[u8]) -> Course<'a> {
        let begun = Time::after_start(Duration::from_secs(5));
        Course {
            protocol,
            session: session(protocol, nonce, begun),
            stream: stream(scheme, nonce, &[b'x'; 900]),
            heard: 0,
            digest_len: scheme.map_or(0, Scheme::digest_len),
            owing: !nonce.is_empty(),
            begun,
            active_at: begun,
            now: begun,
        }
    }

    fn take(&mut self, happens: Happens) {
        let before = self.heard;
        match happens {
            Happens::Bytes(len) => {
                let rest = &self.stream[self.heard..];
                let segment = &mut rest[..len.min(rest.len())].to_vec();
                self.heard += segment.len();
                let answer = self.session.handle_bytes(self.protocol, self.now, segment);
                self.owing |= !answer.is_empty();
            }
            Happens::Flushed => {
                self.session.handle_flushed(self.protocol, self.now);
                self.owing = false;
            }
            Happens::Time => return,
        }
        let did_something = self.heard > before || matches!(happens, Happens::Flushed);
        if did_something && self.heard >= self.digest_len {
            self.active_at = self.now;
        }
    }

    fn judge(&mut self) -> Result<(), TestCaseError> {
        let (entry, idle) = (self.protocol.handshake_timeout, self.protocol.idle_timeout);
        let slack = (idle / IDLE_SLACK).duration().unwrap();
        let entering = match self.digest_len {
            0 => self.protocol.service == Service::UpperOnce,
            digest_len => self.heard < digest_len,
        };
        match (self.session.poll_deadline(), entering, self.owing) {
            (Some((Timer::Handshake, at)), true, _) => prop_assert_eq!(at, self.begun + entry),
            (Some((Timer::Idle, at)), false, false) => {
                let over = at.since(self.active_at + idle);
                prop_assert!(at >= self.active_at + idle && over <= slack, "{over:?}");
            }
            (None, false, true) => {}
            other => prop_assert!(false, "{other:?}"),
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(cases(5_000))]

    /// The deadline is at each moment the one that the description has, counted here from what
    /// happened and not from what the session keeps.
    #[test]
    fn trickled_bytes_move_no_entry_deadline_and_idling_counts_only_while_nothing_is_owed(
        (scheme, service) in pair(),
        happenings in happenings(),
    ) {
        let nonce = nonce_for(scheme, b"a nonce!");
        let protocol = Protocol::new(entry(scheme, nonce.len()), service);
        let mut course = Course::begin(&protocol, scheme, nonce);
        for (happens, later) in happenings {
            course.now = course.now + Duration::from_millis(later);
            if course.session.poll_deadline().is_some_and(|(_, at)| at <= course.now) {
                break;
            }
            course.take(happens);
            // The end of the stream was reached: nothing more is heard, nothing moves.
            prop_assume!(course.heard < course.stream.len());
            course.judge()?;
        }
    }

    /// A linger ends a second after the last byte, and ten seconds after its beginning whatever comes.
    #[test]
    fn a_linger_is_bounded_whatever_comes(pauses in vec(0..1500_u64, 0..60)) {
        let protocol = Protocol::new(entry(None, 0), Service::UpperOnce);
        let start = Time::after_start(Duration::from_secs(5));
        let mut session = session(&protocol, &[], start);
        session.handle_bytes(&protocol, start, &mut b"\n".to_vec());
        session.handle_flushed(&protocol, start);
        prop_assert_eq!(session.poll_deadline(), Some((Timer::Deliver, start + DELIVERY)));
        session.handle_delivered(start);
        prop_assert_eq!(session.state(), State::Lingering);
        let (mut now, mut last) = (start, start);
        for pause in pauses {
            now = now + Duration::from_millis(pause);
            let (timer, at) = session.poll_deadline().unwrap();
            prop_assert_eq!(timer, Timer::Linger);
            prop_assert!(at <= last + LINGER_QUIET && at <= start + LINGER);
            prop_assert!(at >= (last + LINGER_QUIET).min(start + (LINGER - LINGER_QUIET)));
            if at <= now {
                session.handle_deadline(at);
                prop_assert_eq!(session.poll_step(), Step::Close(Reason::Done));
                return Ok(());
            }
            let _ = session.handle_bytes(&protocol, now, &mut b"more".to_vec());
            last = now;
        }
    }
}

#[test]
fn without_timeouts_there_are_no_deadlines() {
    for (scheme, service) in SCHEMES.iter().flat_map(|a| SERVICES.map(|b| (*a, b))) {
        let nonce = nonce_for(scheme, b"a nonce!");
        let mut protocol = Protocol::new(entry(scheme, nonce.len()), service);
        protocol.handshake_timeout = Timeout::NEVER;
        protocol.idle_timeout = Timeout::NEVER;
        let mut session = session(&protocol, nonce, Time::START);
        for byte in stream(scheme, nonce, b"hello") {
            assert_eq!(session.poll_deadline(), None);
            session.handle_flushed(&protocol, Time::START);
            let _ = session.handle_bytes(&protocol, Time::START, &mut [byte]);
        }
        assert_eq!(session.poll_deadline(), None);
    }
}

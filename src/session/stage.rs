//! The states with what each of them holds, and nothing that outlives its state.

use std::mem;
use std::time::Duration;

use super::handshake::Handshake;
use super::header::Header;
use super::login::Login;
use super::protocol::Service;
use super::state::{Reason, State};
use super::time::Time;
use super::upper::Upper;
use super::upper_once::UpperOnce;

/// A lingering connection is closed after this long without a byte.
pub const LINGER_QUIET: Duration = Duration::from_secs(1);
/// A connection lingers for this long in all: in the last second, a byte no longer prolongs it.
pub const LINGER: Duration = Duration::from_secs(10);
/// What the kernel took has to be sent within this, so that with the linger it is as long in all.
pub const DELIVERY: Duration = Duration::from_secs(9);

/// What is large is boxed: a connection that is let in and idle carries none of it.
pub(super) enum Stage {
    AwaitHeader(Box<Header>),
    /// What came behind a proxy's header has to be heard before anything is read.
    Behind(Box<Behind>),
    SendNonce(Box<Handshake>),
    AwaitDigest(Box<Handshake>),
    Serving(Serving),
    Verifying(Box<Login>),
    /// One more answer has to be given out, and then owed.
    Answering(Box<LastAnswer>),
    /// Bytes are owed here, or the kernel has not sent them all yet, as far as is known.
    Draining(Reason),
    /// Bytes are owed here.
    Ending(Reason),
    /// The kernel took them all, and has not sent them all yet, as far as is known.
    Delivering(Reason),
    Lingering(Box<Linger>),
    Closed(Reason),
}

impl Stage {
    /// Takes the state out, to be consumed; what is left says that the connection is over.
    pub(super) fn take(&mut self) -> Stage {
        mem::replace(self, Stage::Closed(Reason::Done))
    }

    /// This stage, but not before `answer` was given out, if there is any.
    pub(super) fn after(self, answer: Vec<u8>) -> Stage {
        match answer.is_empty() {
            true => self,
            false => Stage::Answering(Box::new(LastAnswer { answer, then: self })),
        }
    }

    /// This stage, but not before `bytes` were heard, if there are any.
    pub(super) fn behind(self, bytes: Vec<u8>) -> Stage {
        match bytes.is_empty() {
            true => self,
            false => Stage::Behind(Box::new(Behind { bytes, then: self })),
        }
    }

    pub(super) fn reason(&self) -> Option<Reason> {
        match self {
            Stage::Draining(reason) | Stage::Ending(reason) => Some(*reason),
            Stage::Delivering(reason) | Stage::Closed(reason) => Some(*reason),
            Stage::Answering(last) => last.then.reason(),
            Stage::Lingering(linger) => Some(linger.reason),
            Stage::Behind(behind) => behind.then.reason(),
            Stage::AwaitHeader(_) | Stage::SendNonce(_) | Stage::AwaitDigest(_) => None,
            Stage::Serving(_) | Stage::Verifying(_) => None,
        }
    }

    pub(super) fn state(&self) -> State {
        match self {
            Stage::AwaitHeader(_) => State::AwaitHeader,
            Stage::Behind(behind) => behind.then.state(),
            Stage::SendNonce(_) => State::SendNonce,
            Stage::AwaitDigest(_) => State::AwaitDigest,
            Stage::Serving(_) => State::Serving,
            Stage::Verifying(_) => State::Verifying,
            Stage::Answering(last) => last.then.state(),
            Stage::Draining(_) => State::Draining,
            Stage::Ending(_) | Stage::Delivering(_) => State::Ending,
            Stage::Lingering(_) => State::Lingering,
            Stage::Closed(_) => State::Closed,
        }
    }
}

/// A service at work.
pub(super) enum Serving {
    Upper(Upper),
    Echo,
    UpperOnce(Box<UpperOnce>),
    Login(Box<Login>),
}

impl Serving {
    pub(super) fn new(service: Service) -> Serving {
        match service {
            Service::Upper => Serving::Upper(Upper::new()),
            Service::Echo => Serving::Echo,
            Service::UpperOnce => Serving::UpperOnce(Box::default()),
            Service::Login => Serving::Login(Box::default()),
        }
    }

    /// The last answer, now that the input has ended.
    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Serving::Upper(_) | Serving::Echo | Serving::Login(_) => Vec::new(),
            Serving::UpperOnce(mut request) => request.finish(),
        }
    }
}

/// Bytes that came together with the end of a proxy's header, or before the nonce was out.
pub(super) struct Behind {
    pub(super) bytes: Vec<u8>,
    pub(super) then: Stage,
}

/// An answer that does not lie in what was just read.
pub(super) struct LastAnswer {
    pub(super) answer: Vec<u8>,
    pub(super) then: Stage,
}

/// How long the end of a connection may take.
pub(super) struct Linger {
    pub(super) reason: Reason,
    /// Answers may have gone before it, and a reset could still destroy them.
    pub(super) after_answers: bool,
    until: Time,
}

impl Linger {
    pub(super) fn new(reason: Reason, after_answers: bool, now: Time) -> Linger {
        // In a drain its timeout is the limit.
        let until = if reason == Reason::Stopped { Time::NEVER } else { now + LINGER };
        Linger { reason, after_answers, until }
    }

    /// When to close if no more bytes come after `now`; `None` where a byte no longer prolongs it,
    /// which keeps all linger deadlines in the order in which they were set.
    pub(super) fn postpone(&self, now: Time) -> Option<Time> {
        Some(now + LINGER_QUIET).filter(|at| *at <= self.until)
    }
}

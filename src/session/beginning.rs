//! How a conversation begins: with the client itself; or behind a proxy with its header, and once
//! whoever drives the session has said that whomever it names may stay, as if they had come themselves.
//!
//! Never here: what a header looks like (see `header.rs`), and who may stay.

use super::handshake::Handshake;
use super::header::Origin;
use super::stage::{Behind, Serving, Stage};
use super::{Protocol, Reason, Service, Session, Time, idle_deadline};
use crate::auth::{Entry, Nonce};

impl Session {
    /// A connection that was just accepted, and the nonce that it is owed; with an open entry that is
    /// empty, and the service begins at once. `random` fills what it is given with bytes that nobody
    /// can foresee; it is called once at most.
    #[must_use]
    pub fn new(protocol: &Protocol, now: Time, random: impl FnOnce(&mut [u8])) -> (Session, Nonce) {
        let (stage, nonce) = match &protocol.entry {
            Entry::Open => (Stage::Serving(Serving::new(protocol.service)), Nonce::NONE),
            Entry::Challenge(challenge) => {
                let nonce = challenge.draw(random);
                let expected = challenge.key().digest(&nonce);
                (Stage::SendNonce(Box::new(Handshake::new(expected))), nonce)
            }
        };
        let owing = !nonce.is_empty();
        let pending = owing || protocol.service == Service::Login;
        let on_entry_deadline = pending || protocol.service == Service::UpperOnce;
        let deadline = match on_entry_deadline {
            true => now + protocol.handshake_timeout,
            false => idle_deadline(protocol, now),
        };
        let session = Session {
            stage,
            deadline,
            owing,
            pending,
            on_entry_deadline,
            logged_in: false,
            failed_logins: false,
            cut_off: false,
            touched: true,
        };
        (session, nonce)
    }

    /// A connection that was just accepted from a proxy, which sends a header of the PROXY protocol
    /// first. Nothing is owed before that is whole and its [origin](Session::origin)
    /// [admitted](Session::handle_admitted).
    #[must_use]
    pub fn behind_proxy(protocol: &Protocol, now: Time) -> Session {
        Session {
            stage: Stage::AwaitHeader(Box::default()),
            deadline: now + protocol.handshake_timeout,
            owing: false,
            pending: true,
            on_entry_deadline: true,
            logged_in: false,
            failed_logins: false,
            cut_off: false,
            touched: true,
        }
    }

    /// Whom the proxy's header names, from when it is whole until that is decided.
    pub fn origin(&self) -> Option<Origin> {
        match &self.stage {
            Stage::AwaitHeader(header) => header.origin(),
            _ => None,
        }
    }

    /// Whoever the header names may stay: returns the nonce that they are owed, as [`Session::new`]
    /// does.
    pub fn handle_admitted(
        &mut self,
        protocol: &Protocol,
        now: Time,
        random: impl FnOnce(&mut [u8]),
    ) -> Nonce {
        match self.take_stage() {
            Stage::AwaitHeader(header) if header.origin().is_some() => {
                let (session, nonce) = Session::new(protocol, now, random);
                let from_accept = std::mem::replace(self, session).deadline;
                if self.on_entry_deadline {
                    self.deadline = from_accept;
                }
                self.stage = self.stage.take().behind(header.into_behind());
                nonce
            }
            other => {
                self.stage = other;
                Nonce::NONE
            }
        }
    }

    /// Whoever the header names may not stay, for `reason`: they are told nothing.
    pub fn handle_refused(&mut self, reason: Reason, now: Time) {
        match self.take_stage() {
            Stage::AwaitHeader(header) if header.origin().is_some() => self.refuse(reason, now),
            other => self.stage = other,
        }
    }

    /// What came behind the header: given out once, and not before the nonce is out.
    pub fn poll_behind(&mut self) -> Vec<u8> {
        match self.take_stage() {
            Stage::Behind(behind) if !self.owing => {
                self.stage = behind.then;
                behind.bytes
            }
            other => {
                self.stage = other;
                Vec::new()
            }
        }
    }
}

impl Behind {
    /// The kernel has taken the nonce.
    pub(super) fn flushed(mut self: Box<Self>) -> Stage {
        self.then = match self.then {
            Stage::SendNonce(handshake) => Stage::AwaitDigest(handshake),
            other => other,
        };
        Stage::Behind(self)
    }
}

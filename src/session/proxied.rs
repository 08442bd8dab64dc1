//! How a session begins behind a proxy: its header first, then the word of whoever drives the session
//! that whoever it names may stay, and from there on as if they had come themselves.
//!
//! Never here: what a header looks like (see `header.rs`), and who may stay.

use super::header::Origin;
use super::stage::{Behind, Stage};
use super::{Protocol, Reason, Session, Time};
use crate::auth::Nonce;

impl Session {
    /// A connection that was just accepted from a proxy, which sends a header of the PROXY protocol
    /// first. Nothing is owed before that is whole and its [origin](Session::origin)
    /// [admitted](Session::handle_admitted).
    #[must_use]
    pub fn behind_proxy(protocol: &Protocol, now: Time) -> Session {
        Session::before(Stage::AwaitHeader(Box::default()), now, protocol)
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
                let nonce = self.begin(protocol, now, random);
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

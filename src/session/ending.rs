//! How a conversation ends: by a deadline, by a stop, by the loss of the socket, and in what steps.
//!
//! What is owed goes out first, whoever ends it. Never here: the end of the peer's input, which is
//! not the end of the conversation (see [`Session::handle_end_of_input`]).

use super::stage::{DELIVERY, LINGER_QUIET, Linger, Stage};
use super::state::Reason;
use super::{Session, Time};

impl Session {
    /// The time that [`poll_deadline`](Session::poll_deadline) gave has come.
    pub fn handle_deadline(&mut self, now: Time) {
        match self.take_stage() {
            Stage::Behind(behind) => {
                self.stage = behind.then;
                self.handle_deadline(now);
            }
            Stage::SendNonce(_) => self.close(Reason::HandshakeTimeout),
            Stage::AwaitHeader(_) | Stage::AwaitDigest(_) => {
                self.refuse(Reason::HandshakeTimeout, now);
            }
            Stage::Serving(_) if self.on_entry_deadline => self.end(Reason::HandshakeTimeout, now),
            Stage::Serving(_) => self.end(Reason::IdleTimeout, now),
            Stage::Ending(reason) | Stage::Delivering(reason) => self.cut_off(reason),
            Stage::Verifying(login) => {
                // Its answer is still owed; if that is a failure, it is the last.
                self.stage = Stage::Verifying(login.overdue());
                self.deadline = Time::NEVER;
            }
            Stage::Lingering(linger) => self.close(linger.reason),
            other => self.stage = other,
        }
    }

    /// The server stops, and what lay there by then was passed on: no more is answered, what is owed still goes out, and a client that was
    /// refused is not lingered for. `undelivered`: a close would be a reset or could become one, and
    /// destroy what is under way: the kernel has not sent all that it took, or bytes came that nobody
    /// has read.
    pub fn handle_stop(&mut self, now: Time, undelivered: bool) {
        match self.take_stage() {
            Stage::Behind(behind) => {
                self.stage = behind.then;
                self.handle_stop(now, undelivered);
            }
            Stage::AwaitHeader(_) => self.close(Reason::Stopped),
            Stage::SendNonce(_) | Stage::AwaitDigest(_) => self.close(Reason::Stopped),
            Stage::Serving(_) if self.owing || undelivered => self.end(Reason::Stopped, now),
            Stage::Serving(_) => self.close(Reason::Stopped),
            Stage::Verifying(login) => self.stage = Stage::Verifying(login.stopping()),
            Stage::Lingering(linger) if !linger.after_answers => self.close(linger.reason),
            other => self.stage = other,
        }
    }

    /// The server has waited long enough for what is owed.
    pub fn handle_drain_deadline(&mut self) {
        match self.take_stage() {
            // Everything was handed over before; the reason is the one it lingers with.
            Stage::Lingering(linger) => self.close(linger.reason),
            Stage::Closed(reason) => self.close(reason),
            _ => self.cut_off(Reason::DrainTimeout),
        }
    }

    /// The kernel has sent all that it took: what is still under way will arrive, if anything does.
    pub fn handle_delivered(&mut self, now: Time) {
        match self.take_stage() {
            Stage::Delivering(reason) => self.linger(reason, true, now),
            // The peer has ended: there is nothing to wait for.
            Stage::Draining(reason) => self.close(reason),
            other => self.stage = other,
        }
    }

    /// The socket failed with `reason`: nothing more can be read or sent. After a write timeout, the time for
    /// what was owed is over.
    pub fn handle_lost(&mut self, reason: Reason) {
        match self.take_stage() {
            Stage::Behind(behind) => {
                self.stage = behind.then;
                self.handle_lost(reason);
            }
            Stage::Lingering(linger) => self.close(linger.reason),
            Stage::Closed(reason) => self.close(reason),
            // A nonce answers nobody.
            Stage::AwaitHeader(_) | Stage::SendNonce(_) | Stage::AwaitDigest(_) => {
                self.close(reason);
            }
            _ if reason == Reason::WriteTimeout => self.cut_off(reason),
            _ => self.close(reason),
        }
    }

    // ANCHOR: end
    /// Ends the conversation from this side: what is owed goes out first.
    #[cold]
    pub(super) fn end(&mut self, reason: Reason, now: Time) {
        if self.owing {
            self.enter(Stage::Ending(reason));
        } else {
            self.deliver(reason, now);
        }
    }

    /// The kernel has it all, and may still have it: the sending side stays open until it is sent. In
    /// a drain its timeout is the limit.
    pub(super) fn deliver(&mut self, reason: Reason, now: Time) {
        self.deadline = if reason == Reason::Stopped { Time::NEVER } else { now + DELIVERY };
        self.enter(Stage::Delivering(reason));
    }
    // ANCHOR_END: end

    /// Ends it from this side, with one more answer.
    pub(super) fn end_with(&mut self, answer: Vec<u8>, now: Time) {
        if answer.is_empty() {
            self.end(Reason::Done, now);
        } else {
            self.enter(Stage::Ending(Reason::Done).after(answer));
        }
    }

    /// Ends it before the service began, so that there is no answer for a reset to destroy.
    pub(super) fn refuse(&mut self, reason: Reason, now: Time) {
        if self.owing {
            self.end(reason, now);
        } else {
            self.linger(reason, false, now);
        }
    }

    pub(super) fn linger(&mut self, reason: Reason, after_answers: bool, now: Time) {
        let linger = Box::new(Linger::new(reason, after_answers, now));
        self.deadline = now + LINGER_QUIET;
        self.enter(Stage::Lingering(linger));
    }

    /// Ends it although something is owed.
    fn cut_off(&mut self, reason: Reason) {
        self.cut_off = true;
        self.close(reason);
    }

    #[cold]
    pub(super) fn close(&mut self, reason: Reason) {
        self.enter(Stage::Closed(reason));
        self.deadline = Time::NEVER;
    }
}

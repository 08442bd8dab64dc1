//! One connection: a socket, its session, and what is owed.
//!
//! The rules of edge-triggered readiness live here. Readiness is remembered until the kernel says
//! `WouldBlock`, or a short read or write shows the same; nothing is read while something is owed;
//! and a turn has a budget, so that a busy peer starves nobody. Never here: other connections, the
//! limits, the clock. The single calls are in `transfer.rs`.

mod outbox;
mod peer;
mod proxied;
mod transfer;

use std::net::{IpAddr, SocketAddr};

use super::network::{Readiness, Stream, Token};
use crate::observe::{Detail, Event, Events};
use crate::session::{Protocol, Session, State, Step, Time};
use outbox::Outbox;
use peer::Peer;

/// How many bytes one connection may read in one turn before the others have theirs.
const BUDGET: usize = 256 * 1024;

/// How many a guest may read, and whoever comes when the turn's bytes are spent: all of what somebody
/// sends who asks for little, so that it needs no other turn.
const SIP: usize = 4 * 1024;

/// Even after a short read there may be more: the end, an error, or what follows urgent data. No
/// further edge will tell.
const READS_ON: Readiness = Readiness::READ_CLOSED.union(Readiness::URGENT);

/// What there may be more to do for than to send what is owed and to read once.
const GOES_ON: Readiness = Readiness::READABLE.union(Readiness::UNSENT);

/// A connection in the slab.
pub(super) struct Connection<S> {
    pub(super) session: Session,
    peer: Peer,
    /// Counted from 1 over the server's life; also the generation of its token.
    pub(super) number: u64,
    pub(super) received: u64,
    pub(super) sent: u64,
    outbox: Outbox,
    stream: S,
    /// What edges said, as far as no call since has shown the contrary.
    readiness: Readiness,
    sending_shut: bool,
    /// Whatever still comes is thrown away.
    leaves: bool,
    /// In the loop's queue of connections that want a turn.
    pub(super) queued: bool,
    /// In the loop's queue of connections whose login wants to be checked.
    pub(super) waits_for_check: bool,
    /// Its source has been penalized for how it ended, if it had to be.
    pub(super) judged: bool,
    /// The loop counts it among those that are not let in yet.
    pub(super) counted_pending: bool,
    /// Whose it is, as far as limits and penalties care.
    pub(super) standing: Standing,
    /// The state that was told last, and whether it was told that the client was let in.
    told: (State, bool),
}

/// Whom a connection counts for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The source of its peer.
    Source,
    /// Nobody so far: a proxy has not said yet who is behind it, or whoever it named may not stay.
    Unknown,
    /// Nobody: it is the proxy's own.
    Local,
}

/// What every connection needs for its turn; the loop lends it to one after the other.
pub(super) struct Tools {
    pub(super) protocol: Protocol,
    /// When this turn of the loop began: one look at the clock serves the whole of it.
    pub(super) now: Time,
    /// How many bytes connections may read before each has but a sip; the last may take more.
    pub(super) left: isize,
    pub(super) events: Events,
}

impl Tools {
    /// Tells what `event` makes, if anybody looks that closely.
    #[inline]
    pub(super) fn tell(
        &mut self,
        detail: Detail,
        connection: Option<u64>,
        event: impl FnOnce() -> Event,
    ) {
        self.events.tell(self.now, detail, connection, event);
    }
}

impl<S: Stream> Connection<S> {
    pub(super) fn new(stream: S, peer: SocketAddr, number: u64, session: Session) -> Self {
        Connection {
            told: (session.state(), session.is_admitted()),
            session,
            peer: peer.into(),
            number,
            received: 0,
            sent: 0,
            outbox: Outbox::default(),
            stream,
            // A fresh socket has an empty send buffer.
            readiness: Readiness::WRITABLE,
            sending_shut: false,
            leaves: false,
            queued: false,
            waits_for_check: false,
            judged: false,
            counted_pending: false,
            standing: Standing::Source,
        }
    }

    /// Where it comes from.
    pub(super) fn ip(&self) -> IpAddr {
        self.peer.ip()
    }

    /// Where that from which it comes counts for something.
    pub(super) fn source(&self) -> Option<IpAddr> {
        (self.standing == Standing::Source).then(|| self.ip())
    }

    /// The other end.
    pub(super) fn peer(&self) -> SocketAddr {
        self.peer.address()
    }

    pub(super) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Whether `token` was made for this connection and not for an earlier one in its place.
    pub(super) fn has_token(&self, token: Token) -> bool {
        token.is_of(self.number)
    }

    /// Whether it is not let in yet, or only leaves: it has the smallest share of a turn.
    #[inline]
    pub(super) fn is_guest(&self) -> bool {
        self.counted_pending | self.leaves
    }

    /// Remembers what an edge said.
    pub(super) fn note_readiness(&mut self, readiness: Readiness) {
        self.readiness |= readiness;
    }

    /// Tells of a change of state, if there was one since the last call. Called after everything
    /// that can cause one, so that none is told late or lost behind the next.
    #[inline]
    pub(super) fn tell_changes(&mut self, tools: &mut Tools) {
        if self.session.is_touched() {
            self.tell_changed(tools);
        }
    }

    // ANCHOR: tell_changed
    #[cold]
    fn tell_changed(&mut self, tools: &mut Tools) {
        let now = (self.session.state(), self.session.is_admitted());
        let (before, was_let_in) = std::mem::replace(&mut self.told, now);
        let (number, peer) = (Some(self.number), self.peer.address());
        if now.1 && !was_let_in {
            tools.tell(Detail::Life, number, || Event::LetIn { peer });
        }
        if now.0 != before {
            tools.tell(Detail::States, number, || Event::State { from: before, to: now.0 });
        }
    }
    // ANCHOR_END: tell_changed

    /// Bytes that wait for the kernel.
    pub(super) fn owed(&self) -> usize {
        self.outbox.len()
    }

    /// Panics if what it remembers does not agree with its session, between two of its turns.
    pub(super) fn assert_consistent(&self) {
        let (owes, number) = (self.session.is_owing(), self.number);
        assert_eq!(owes, !self.outbox.is_empty(), "connection {number}: owed, and not kept");
        let pending = self.session.is_pending();
        assert_eq!(self.counted_pending, pending, "connection {number}: pending, and not counted");
        let wants_check = self.session.poll_step() == Step::Verify;
        assert!(
            !wants_check || self.waits_for_check,
            "connection {number}: nobody checks its login"
        );
    }

    // ANCHOR: advance
    /// Sends what is owed, then reads once and answers: mostly that is all there is to do. What it
    /// reads is in `buffer`, which all connections share, only for as long as this lasts.
    #[inline(always)]
    pub(super) fn advance(&mut self, buffer: &mut [u8], tools: &mut Tools) {
        if !self.outbox.is_empty() {
            self.flush(tools);
        }
        if self.can_read() {
            self.receive(buffer, tools);
        }
    }

    /// Whether there may be more to do than [`advance`](Connection::advance) did.
    #[inline]
    pub(super) fn goes_on(&self) -> bool {
        self.session.is_touched() || self.readiness.intersects(GOES_ON)
    }

    /// Goes on until nothing more can be done or the budget is spent; returns the step that the
    /// session stands at.
    #[cold]
    pub(super) fn go_on(&mut self, buffer: &mut [u8], tools: &mut Tools) -> Step {
        // Where there may be more and no end is in sight, the turn's read filled the buffer.
        let most = if self.is_guest() { SIP } else { BUDGET };
        let mut received = if self.readiness.intersects(READS_ON) { 0 } else { buffer.len() };
        loop {
            self.tell_changes(tools);
            match self.session.poll_step() {
                Step::Answer => self.answer(tools),
                // Nothing is read while a login waits for its check or when the input has ended; and a broken
                // connection looks as if all had been sent.
                Step::Verify | Step::Deliver if self.readiness.contains(Readiness::FAILED) => {
                    self.take_error()
                }
                Step::Deliver if self.may_have_sent_all() && self.has_sent_all() => {
                    self.session.handle_delivered(tools.now);
                }
                Step::Linger if !self.sending_shut => self.shut_down_sending(tools),
                Step::Hear => self.hear_behind(tools),
                step if received >= most || tools.left <= 0 || !self.can_read() => return step,
                _ => received += self.receive(buffer, tools),
            }
        }
    }

    /// Whether the kernel took all, and was not asked yet or has made an edge since that may say so.
    fn may_have_sent_all(&self) -> bool {
        let is_news = !self.readiness.contains(Readiness::UNSENT)
            || self.readiness.contains(Readiness::WRITABLE);
        self.outbox.is_empty() && is_news
    }

    /// Whether there may be something to read, it is wanted, and it is this connection's turn.
    #[inline]
    pub(super) fn can_read(&self) -> bool {
        self.outbox.is_empty()
            && self.readiness.contains(Readiness::READABLE)
            // It gets its turn from the queue.
            && !self.queued
            && match self.session.poll_step() {
                Step::Read => true,
                Step::Deliver => self.leaves,
                Step::Linger => self.sending_shut,
                Step::Wait | Step::Verify | Step::Answer | Step::Close(_) => false,
                Step::Admit | Step::Hear => false,
            }
    }
    // ANCHOR_END: advance

    /// The server is about to stop: in the turn that follows, whatever lies there is heard, although no edge
    /// may have told of it yet, and a short read does not end it (as it doesn't at urgent data).
    pub(super) fn hear_all(&mut self) {
        self.queued = false;
        self.readiness |= Readiness::READABLE | Readiness::URGENT;
    }

    /// The server stops: delivers what is owed, here or in the kernel, and then ends the sending side;
    /// or closes, if there is nothing and nothing lies there unread.
    pub(super) fn stop(&mut self, tools: &mut Tools) {
        // If something is owed here, the session knows that it owes.
        let is_quiet = self.outbox.is_empty() && self.session.state() == State::Serving;
        let undelivered = is_quiet && (!self.has_sent_all() || self.stream.has_unread());
        self.session.handle_stop(tools.now, undelivered);
        self.tell_changes(tools);
    }
}

//! One connection in the simulated network: the server's end as its kernel keeps it, and the way to the
//! client.
//!
//! Never here: what the calls on it do (see `calls.rs`), and what moves without one (`wire.rs`).

use std::cell::Cell;
use std::collections::VecDeque;

use super::buffers::Buffers;
use super::client::Client;
use super::transcript::Transcript;
use crate::server::network::{Errno, Readiness, Wakeup};
use crate::session::Time;

/// What was heard when it was asked what is owed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) bytes: usize,
    pub(super) end: bool,
    /// As much of the nonce as had been taken.
    pub(super) nonce: usize,
}

/// Both ends of a connection.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) client: Client,
    pub(super) transcript: Transcript,
    /// The server's end is closed, or there never was one.
    pub(super) gone: bool,
    /// On epoll's ready list.
    pub(super) listed: bool,

    /// The receive buffer, and how much it takes.
    pub(super) inbox: VecDeque<u8>,
    pub(super) inbox_size: usize,
    /// Urgent data has come behind so many bytes: `recv` stops there once.
    pub(super) mark: Option<usize>,
    /// The client's FIN has arrived.
    pub(super) fin_in: bool,
    /// New bytes make an edge: see [`Faults::sparing`](super::Faults::sparing).
    pub(super) armed: bool,
    /// The send buffer: what the client's kernel has not acknowledged; and how much it takes.
    pub(super) outbox: VecDeque<u8>,
    pub(super) outbox_size: usize,
    /// Somebody was told that there is no room (SOCK_NOSPACE): room makes an edge.
    pub(super) no_space: bool,
    /// There is room only where nothing waits to be sent (TCP_NOTSENT_LOWAT).
    pub(super) wants_all_sent: bool,
    /// The sending side is shut down: a FIN follows the bytes.
    pub(super) fin_out: bool,
    pub(super) fin_acknowledged: bool,
    /// An error that the next call returns (`sk_err`).
    pub(super) error: Option<Errno>,
    /// The connection is no more: reset, or timed out.
    pub(super) broken: bool,
    pub(super) delivery_scheduled: bool,
    pub(super) progress_at: Time,
    pub(super) looking_at_progress: bool,
    /// How many logins of it are being checked.
    pub(super) checking: usize,
    /// The buffers, as somebody was last told of them.
    pub(super) told_buffers: Option<Buffers>,
    /// What the server owes in all for what was heard: kept, since it is asked whenever the loop sleeps, and
    /// seldom has more been heard.
    pub(super) owed: Cell<Option<(Heard, usize)>>,
}

impl Socket {
    pub(super) fn new(client: Client) -> Socket {
        Socket {
            inbox_size: client.script.receive_buffer.max(1),
            outbox_size: client.script.send_buffer.max(1),
            client,
            transcript: Transcript::default(),
            gone: false,
            listed: false,
            inbox: VecDeque::new(),
            mark: None,
            fin_in: false,
            armed: true,
            outbox: VecDeque::new(),
            no_space: false,
            wants_all_sent: false,
            fin_out: false,
            fin_acknowledged: false,
            error: None,
            broken: false,
            delivery_scheduled: false,
            progress_at: Time::START,
            looking_at_progress: false,
            checking: 0,
            told_buffers: None,
            owed: Cell::new(None),
        }
    }

    pub(super) fn accepted(&mut self, number: u64, now: Time) {
        self.transcript.number = number;
        self.transcript.accepted_at = now;
    }

    pub(super) fn is_watched(&self) -> bool {
        self.transcript.token.is_some() && !self.gone
    }

    pub(super) fn room(&self) -> usize {
        self.outbox_size - self.outbox.len()
    }

    /// Enough room to say that one can write: a third is free, as Linux has it.
    pub(super) fn is_writable(&self) -> bool {
        let most = if self.wants_all_sent { 0 } else { self.outbox_size * 2 / 3 };
        self.outbox.len() <= most
    }

    /// What `epoll_wait` says now, in mio's words.
    pub(super) fn readiness(&mut self) -> Option<Wakeup> {
        let token = self.transcript.token.filter(|_| !self.gone)?;
        let hung_up = self.broken || self.fin_in && self.fin_out;
        let readable = !self.inbox.is_empty() || self.fin_in || self.broken;
        let writable = self.fin_out || self.broken || self.is_writable();
        // Asking is being told: tcp_poll sets SOCK_NOSPACE too.
        self.no_space |= !writable;
        let failed = self.error.is_some();
        let mut readiness = Readiness::empty();
        readiness.set(Readiness::READABLE, readable || failed);
        readiness.set(Readiness::WRITABLE, writable || failed);
        readiness.set(Readiness::READ_CLOSED, self.fin_in || hung_up || failed);
        let worth_an_edge = !readiness.is_empty();
        readiness.set(Readiness::URGENT, self.mark.is_some());
        readiness.set(Readiness::FAILED, failed);
        worth_an_edge.then_some(Wakeup::Ready { token, readiness })
    }

    pub(super) fn spurious(&self) -> Option<Wakeup> {
        let token = self.transcript.token.filter(|_| !self.gone)?;
        let readiness = Readiness::READABLE | Readiness::WRITABLE;
        Some(Wakeup::Ready { token, readiness })
    }

    pub(super) fn stale(&self) -> Option<Wakeup> {
        let token = self.transcript.token.filter(|_| self.gone)?;
        let readiness = Readiness::READABLE | Readiness::WRITABLE | Readiness::READ_CLOSED;
        Some(Wakeup::Ready { token, readiness })
    }

    /// Whether the loop, asleep, will never see that the connection is broken.
    pub(super) fn has_unseen_error(&self) -> bool {
        self.error.is_some() && !self.listed && self.checking == 0
    }

    /// What a loop that sleeps now will never do, if it owes `owed` bytes.
    pub(super) fn is_forgotten(&self, owed: impl FnOnce() -> usize) -> Option<&'static str> {
        if self.listed || self.checking > 0 {
            return None;
        }
        let readable = !self.inbox.is_empty() || self.fin_in && !self.transcript.end_read;
        let sendable = !self.no_space || self.broken;
        if !readable && !sendable {
            return None;
        }
        match owed() {
            0 if readable => Some("there is something to read"),
            1.. if sendable => Some("it owes something and can send it"),
            _ => None,
        }
    }
}

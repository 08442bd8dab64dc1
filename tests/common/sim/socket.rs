//! One connection in the simulated network: the server's end as its kernel keeps it, the way to the
//! client, and a record of what happened.

use std::collections::VecDeque;
use std::time::Duration;

use sockmodes::server::network::Errno;
use sockmodes::server::network::{Readiness, Token, Wakeup};
use sockmodes::session::Time;

use super::Terms;
use super::client::Client;
use crate::common::model::{self, Entry, Verdict};

/// Both ends of a connection.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) client: Client,
    pub(crate) record: Record,
    /// The server's end is closed, or there never was one.
    pub(crate) gone: bool,
    pub(super) token: Option<Token>,
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
    /// A login of it is being checked.
    pub(super) checking: bool,
}

/// What happened on the server's end.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The loop's number for it; 0: never accepted.
    pub(crate) number: u64,
    pub(crate) accepted_at: Time,
    /// All that `recv` gave.
    pub(crate) read: Vec<u8>,
    pub(crate) end_read: bool,
    /// The end was read before the sending side was shut down, so that it meant something.
    pub(crate) end_heard: bool,
    /// All that `send` took.
    pub(crate) taken: Vec<u8>,
    /// The last bytes read or taken while the sending side was open.
    pub(crate) active_at: Time,
    pub(crate) last_read_at: Time,
    /// The last bytes read that meant something.
    pub(crate) heard_at: Time,
    /// The longest between two activities, the client let in and owed nothing.
    pub(crate) longest_quiet: Duration,
    pub(crate) shut_at: Option<Time>,
    /// How much had been read when the sending side was shut down: the rest is thrown away.
    pub(super) heard: usize,
    pub(crate) closed_at: Option<Time>,
    /// When the connection broke, and how.
    pub(crate) broken_at: Option<(Time, Errno)>,
    /// Closing destroyed bytes that were under way, because some had not been read.
    pub(crate) destroyed: usize,
    pub(crate) unread_at_close: usize,
    /// The most that one `send` offered: what waits for the kernel.
    pub(crate) most_offered: usize,
}

impl Socket {
    pub(super) fn new(client: Client) -> Socket {
        Socket {
            inbox_size: client.server_buffers.0,
            outbox_size: client.server_buffers.1,
            client,
            record: Record::default(),
            gone: false,
            token: None,
            listed: false,
            inbox: VecDeque::new(),
            mark: None,
            fin_in: false,
            armed: true,
            outbox: VecDeque::new(),
            no_space: false,
            fin_out: false,
            fin_acknowledged: false,
            error: None,
            broken: false,
            delivery_scheduled: false,
            progress_at: Time::START,
            looking_at_progress: false,
            checking: false,
        }
    }

    pub(super) fn accepted(&mut self, number: u64, now: Time) {
        self.record.number = number;
        self.record.accepted_at = now;
        self.record.active_at = now;
    }

    /// What the loop registered it with.
    pub(crate) fn token(&self) -> Option<Token> {
        self.token
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(super) fn is_watched(&self) -> bool {
        self.token.is_some() && !self.gone
    }

    pub(super) fn room(&self) -> usize {
        self.outbox_size - self.outbox.len()
    }

    /// Enough room to say that one can write: a third is free, as Linux has it.
    pub(super) fn is_writable(&self) -> bool {
        self.outbox.len() * 3 <= self.outbox_size * 2
    }

    /// What `epoll_wait` says now, in mio's words.
    pub(super) fn readiness(&mut self) -> Option<Wakeup> {
        let token = self.token.filter(|_| !self.gone)?;
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
        worth_an_edge.then_some(Wakeup::Ready { token, readiness })
    }

    pub(super) fn spurious(&self) -> Option<Wakeup> {
        let token = self.token.filter(|_| !self.gone)?;
        let readiness = Readiness::READABLE | Readiness::WRITABLE;
        Some(Wakeup::Ready { token, readiness })
    }

    pub(super) fn stale(&self) -> Option<Wakeup> {
        let token = self.token.filter(|_| self.gone)?;
        let readiness = Readiness::READABLE | Readiness::WRITABLE | Readiness::READ_CLOSED;
        Some(Wakeup::Ready { token, readiness })
    }

    /// The nonce, as far as the kernel has it.
    pub(crate) fn nonce(&self, terms: &Terms) -> &[u8] {
        &self.record.taken[..terms.nonce_len.min(self.record.taken.len())]
    }

    /// The model's word on what the server has heard: read, and not to be thrown away.
    pub(crate) fn verdict(&self, terms: &Terms) -> Verdict {
        let Record { read, end_heard, heard, shut_at, .. } = &self.record;
        let heard = if shut_at.is_some() { &read[..*heard] } else { read };
        model::verdict(terms.scheme, terms.service, self.nonce(terms), heard, *end_heard)
    }

    /// What the server owes for what it has heard, less what the kernel has.
    fn owed(&self, terms: &Terms) -> usize {
        if self.record.shut_at.is_some() {
            // Whether that was too soon, is looked at when all is over.
            return 0;
        }
        let taken = self.record.taken.len();
        if taken < terms.nonce_len {
            return terms.nonce_len - taken;
        }
        (terms.nonce_len + self.verdict(terms).answer.len()).saturating_sub(taken)
    }

    fn is_let_in(&self, terms: &Terms) -> bool {
        let nonce_is_out = self.record.taken.len() >= terms.nonce_len;
        let verdict = self.verdict(terms);
        nonce_is_out && verdict.entry == Entry::Right && (!terms.logs_in() || verdict.has_success())
    }

    /// What a loop that sleeps now will never do.
    pub(super) fn is_forgotten(&self, terms: &Terms) -> Option<&'static str> {
        if self.listed || self.checking {
            return None;
        }
        if self.error.is_some() {
            return Some("an error has not been seen");
        }
        let readable = !self.inbox.is_empty() || self.fin_in && !self.record.end_read;
        let sendable = !self.no_space || self.broken;
        if !readable && !sendable {
            return None;
        }
        match self.owed(terms) {
            0 if readable => Some("there is something to read"),
            1.. if sendable => Some("it owes something and can send it"),
            _ => None,
        }
    }
}

impl Socket {
    pub(super) fn note_activity(&mut self, now: Time, terms: &Terms) {
        let record = &self.record;
        if record.shut_at.is_none() && self.is_let_in(terms) {
            let quiet = now.since(record.active_at);
            self.record.longest_quiet = self.record.longest_quiet.max(quiet);
        }
        if self.record.shut_at.is_none() {
            self.record.active_at = now;
        }
    }
}

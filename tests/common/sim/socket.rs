//! One connection in the simulated network: the server's end as its kernel keeps it, the way to the
//! client, and a record of what happened.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use rand::RngExt;
use rustix::io::Errno;
use sockmodes::server::network::{Token, Wakeup};
use sockmodes::session::Time;

use super::client::{Client, End};
use super::{Act, Item, Terms, World};
use crate::common::model::{self, Entry, Verdict};

/// Both ends of a connection.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) client: Client,
    pub(crate) record: Record,
    /// The server's end is closed, or there never was one.
    pub(crate) gone: bool,
    token: Option<Token>,
    /// On epoll's ready list.
    pub(super) listed: bool,

    /// The receive buffer, and how much it takes.
    pub(super) inbox: VecDeque<u8>,
    pub(super) inbox_size: usize,
    /// The client's FIN has arrived.
    fin_in: bool,
    /// New bytes make an edge: see [`Faults::sparing`](super::Faults::sparing).
    armed: bool,
    /// The send buffer: what the client's kernel has not acknowledged; and how much it takes.
    outbox: VecDeque<u8>,
    pub(super) outbox_size: usize,
    /// Somebody was told that there is no room (SOCK_NOSPACE): room makes an edge.
    no_space: bool,
    /// The sending side is shut down: a FIN follows the bytes.
    fin_out: bool,
    fin_acknowledged: bool,
    /// An error that the next call returns (`sk_err`).
    error: Option<Errno>,
    /// The connection is no more: reset, or timed out.
    broken: bool,
    delivery_scheduled: bool,
    progress_at: Time,
    looking_at_progress: bool,
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
    /// The longest between two activities, the client let in and owed nothing.
    pub(crate) longest_quiet: Duration,
    pub(crate) shut_at: Option<Time>,
    /// How much had been read when the sending side was shut down: the rest is thrown away.
    heard: usize,
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

    fn room(&self) -> usize {
        self.outbox_size - self.outbox.len()
    }

    /// Enough room to say that one can write: a third is free, as Linux has it.
    fn is_writable(&self) -> bool {
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
        let (readable, writable) = (readable || failed, writable || failed);
        let read_closed = self.fin_in || hung_up || failed;
        (readable || writable).then_some(Wakeup::Ready { token, readable, writable, read_closed })
    }

    pub(super) fn spurious(&self) -> Option<Wakeup> {
        let token = self.token.filter(|_| !self.gone)?;
        Some(Wakeup::Ready { token, readable: true, writable: true, read_closed: false })
    }

    pub(super) fn stale(&self) -> Option<Wakeup> {
        let token = self.token.filter(|_| self.gone)?;
        Some(Wakeup::Ready { token, readable: true, writable: true, read_closed: true })
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
        let taken = self.record.taken.len();
        if taken < terms.nonce_len {
            return terms.nonce_len - taken;
        }
        (terms.nonce_len + self.verdict(terms).answer.len()).saturating_sub(taken)
    }

    fn is_let_in(&self, terms: &Terms) -> bool {
        let nonce_is_out = self.record.taken.len() >= terms.nonce_len;
        nonce_is_out && self.verdict(terms).entry == Entry::Right
    }

    /// What a loop that sleeps now will never do.
    pub(super) fn is_forgotten(&self, terms: &Terms) -> Option<&'static str> {
        if self.listed {
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

/// The server's calls.
impl World {
    pub(super) fn register(&mut self, id: usize, token: Token) {
        let socket = &mut self.sockets[id];
        assert!(socket.token.is_none(), "interest is registered once");
        socket.token = Some(token);
        socket.armed = socket.inbox.is_empty();
        self.wake(id);
    }

    /// The callback of epoll: something about the socket has changed.
    pub(super) fn wake(&mut self, id: usize) {
        let socket = &mut self.sockets[id];
        if socket.is_watched() && !socket.listed {
            socket.listed = true;
            self.ready.push_back(Item::Socket(id));
        }
    }

    pub(super) fn recv(&mut self, id: usize, buffer: &mut [u8]) -> io::Result<usize> {
        self.calls.recvs += 1;
        self.hurry(id);
        if self.chance(self.faults.interrupted) {
            return Err(Errno::INTR.into());
        }
        let (now, terms) = (self.now, self.terms);
        let socket = &mut self.sockets[id];
        let taken = buffer.len().min(socket.inbox.len());
        if taken == 0 {
            if let Some(error) = socket.error.take() {
                return Err(error.into());
            }
            if socket.fin_in || socket.broken {
                socket.note_activity(now, &terms);
                socket.record.end_read = true;
                socket.record.end_heard = socket.record.shut_at.is_none();
                return Ok(0);
            }
            socket.armed = true;
            return Err(Errno::AGAIN.into());
        }
        socket.note_activity(now, &terms);
        socket.armed |= taken < buffer.len();
        for (byte, from) in buffer.iter_mut().zip(socket.inbox.drain(..taken)) {
            *byte = from;
        }
        socket.record.read.extend_from_slice(&buffer[..taken]);
        socket.record.last_read_at = now;
        if socket.client.blocked {
            socket.client.blocked = false;
            self.after(Duration::ZERO, Act::Go(id));
        }
        Ok(taken)
    }

    pub(super) fn send(&mut self, id: usize, bytes: &[u8]) -> io::Result<usize> {
        self.calls.sends += 1;
        self.hurry(id);
        let offered = &mut self.sockets[id].record.most_offered;
        *offered = bytes.len().max(*offered);
        if self.chance(self.faults.interrupted) {
            return Err(Errno::INTR.into());
        }
        let room = self.sockets[id].room().min(bytes.len());
        let short_of_memory = room > 0 && self.chance(self.faults.pressure);
        let taken = if short_of_memory { self.rng.random_range(0..room) } else { room };
        let socket = &mut self.sockets[id];
        if socket.broken || socket.fin_out {
            return Err(socket.error.take().unwrap_or(Errno::PIPE).into());
        }
        socket.no_space |= taken < bytes.len();
        if short_of_memory {
            let soon = self.pause(5);
            self.after(soon, Act::Relieve(id));
        }
        if taken == 0 {
            return Err(Errno::AGAIN.into());
        }
        let socket = &mut self.sockets[id];
        if socket.outbox.is_empty() {
            socket.progress_at = self.now;
        }
        socket.outbox.extend(&bytes[..taken]);
        socket.record.taken.extend_from_slice(&bytes[..taken]);
        socket.record.active_at = self.now;
        self.deliver_soon(id);
        Ok(taken)
    }

    pub(super) fn shut_down_sending(&mut self, id: usize) -> io::Result<()> {
        let socket = &mut self.sockets[id];
        assert!(!socket.fin_out, "the sending side is shut down once");
        socket.record.shut_at = Some(self.now);
        socket.record.heard = socket.record.read.len();
        if socket.broken {
            return Err(Errno::NOTCONN.into());
        }
        self.end_output(id);
        Ok(())
    }

    /// `close`: with bytes that nobody has read it is a reset, and what was under way is lost.
    pub(super) fn close(&mut self, id: usize) {
        let socket = &mut self.sockets[id];
        socket.gone = true;
        socket.record.closed_at = Some(self.now);
        socket.record.unread_at_close = socket.inbox.len();
        if socket.broken {
            return;
        }
        if socket.inbox.is_empty() {
            self.end_output(id);
        } else {
            self.reset_client(id);
        }
    }

    fn end_output(&mut self, id: usize) {
        let socket = &mut self.sockets[id];
        if !socket.fin_out {
            socket.fin_out = true;
            if socket.outbox.is_empty() {
                socket.progress_at = self.now;
            }
            self.deliver_soon(id);
        }
    }

    /// The network does something between two calls of the server.
    fn hurry(&mut self, id: usize) {
        if self.chance(self.faults.hurry) {
            if self.rng.random_bool(0.5) { self.go(id) } else { self.deliver(id) }
        }
    }
}

impl Socket {
    fn note_activity(&mut self, now: Time, terms: &Terms) {
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

/// The network between the two ends.
impl World {
    /// Bytes of the client arrive: as many as there is room for.
    pub(super) fn arrive(&mut self, id: usize, most: usize) -> usize {
        let socket = &mut self.sockets[id];
        let sent = socket.client.sent;
        let room = socket.inbox_size - socket.inbox.len();
        let arriving = &socket.client.outgoing[sent..];
        let arriving = &arriving[..arriving.len().min(most).min(room)];
        socket.inbox.extend(arriving);
        let arrived = arriving.len();
        socket.client.sent += arrived;
        let edge = socket.armed || !self.faults.sparing;
        if arrived > 0 && edge {
            socket.armed = false;
            self.wake(id);
        }
        arrived
    }

    /// The client's FIN arrives.
    pub(super) fn end_input(&mut self, id: usize) {
        let socket = &mut self.sockets[id];
        if !socket.fin_in {
            socket.fin_in = true;
            self.wake(id);
        }
    }

    /// The server's end breaks: the kernel throws away what is to be sent, not what has come.
    pub(super) fn break_off(&mut self, id: usize, error: Errno) {
        let now = self.now;
        let socket = &mut self.sockets[id];
        if socket.broken || socket.fin_in && socket.fin_out && socket.outbox.is_empty() {
            return;
        }
        // A reset after the client's FIN is EPIPE (tcp_reset).
        let reset = error == Errno::CONNRESET;
        let error = if reset && socket.fin_in { Errno::PIPE } else { error };
        socket.broken = true;
        socket.error = Some(error);
        socket.outbox.clear();
        socket.record.broken_at = Some((now, error));
        self.wake(id);
        let how = if reset { End::Reset } else { End::TimedOut };
        self.sockets[id].client.end.get_or_insert(how);
    }

    /// The client learns by a reset that the server's end is no more.
    pub(super) fn reset_client(&mut self, id: usize) {
        let socket = &mut self.sockets[id];
        socket.record.destroyed += socket.outbox.len();
        socket.outbox.clear();
        socket.broken = true;
        socket.client.end.get_or_insert(End::Reset);
    }

    pub(super) fn deliver_soon(&mut self, id: usize) {
        if !self.sockets[id].delivery_scheduled {
            self.sockets[id].delivery_scheduled = true;
            let (_, pace) = self.sockets[id].client.delivery;
            let delay = self.pause(pace);
            self.after(delay, Act::Deliver(id));
        }
        if !self.sockets[id].looking_at_progress {
            self.sockets[id].looking_at_progress = true;
            self.after(self.terms.write_timeout, Act::LookAtProgress(id));
        }
    }

    /// Takes bytes to the client's kernel, which acknowledges them, and the end behind the last.
    pub(super) fn deliver(&mut self, id: usize) {
        let cut = self.cut(self.sockets[id].client.delivery.0);
        let now = self.now;
        let socket = &mut self.sockets[id];
        socket.delivery_scheduled = false;
        if socket.client.vanished || socket.broken {
            return;
        }
        if socket.client.closed && !socket.outbox.is_empty() {
            // Nobody is there to read it: the client's kernel answers with a reset.
            self.break_off(id, Errno::CONNRESET);
            return;
        }
        let room = socket.client.window - socket.client.unread.len();
        let delivered = cut.min(socket.outbox.len()).min(room);
        socket.client.unread.extend(socket.outbox.drain(..delivered));
        if delivered > 0 {
            socket.progress_at = now;
        }
        if socket.fin_out && socket.outbox.is_empty() && !socket.fin_acknowledged {
            socket.fin_acknowledged = true;
            socket.client.end_arrived = true;
        }
        let (again, edge) = (!socket.outbox.is_empty() && delivered > 0, socket.is_writable());
        if edge && socket.no_space {
            socket.no_space = false;
            self.wake(id);
        }
        if again {
            self.deliver_soon(id);
        }
        self.read_as_client(id);
    }

    /// Memory is free again: room makes an edge if somebody was told that there was none.
    pub(super) fn tell_of_room(&mut self, id: usize) {
        let socket = &mut self.sockets[id];
        if socket.no_space && socket.is_writable() {
            socket.no_space = false;
            self.wake(id);
        }
    }

    /// The kernel gives up on a client that acknowledges nothing.
    pub(super) fn look_at_progress(&mut self, id: usize) {
        let limit = self.terms.write_timeout;
        let now = self.now;
        let socket = &mut self.sockets[id];
        socket.looking_at_progress = false;
        let waits = !socket.outbox.is_empty() || socket.fin_out && !socket.fin_acknowledged;
        if socket.broken || !waits {
            return;
        }
        let quiet = now.since(socket.progress_at);
        if quiet >= limit {
            self.break_off(id, Errno::TIMEDOUT);
        } else {
            socket.looking_at_progress = true;
            self.after(limit - quiet, Act::LookAtProgress(id));
        }
    }
}

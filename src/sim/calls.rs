//! The system calls of the server on one connection, as the simulated kernel answers them.

use std::io::Read;
use std::time::Duration;

use rand::RngExt;

use super::state::{Act, Item, State};
use crate::server::network::{Errno, Token};

/// The longest that a kernel is short of memory.
const SHORTAGE: Duration = Duration::from_millis(5);

/// The server's calls.
impl State {
    pub(super) fn register(&mut self, id: usize, token: Token) {
        if self.sockets[id].transcript.token.is_some() {
            self.wrong(Some(id), "interest is registered twice");
        }
        let socket = &mut self.sockets[id];
        socket.transcript.token = Some(token);
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

    pub(super) fn recv(&mut self, id: usize, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.calls.recvs += 1;
        self.count_call();
        self.hurry(id);
        if self.chance(self.faults.interrupted) {
            return Err(Errno::INTR);
        }
        let now = self.turn_at;
        let socket = &mut self.sockets[id];
        let stop = socket.mark.filter(|mark| *mark > 0).unwrap_or(usize::MAX);
        let taken = buffer.len().min(socket.inbox.len()).min(stop);
        if taken == 0 {
            if let Some(error) = socket.error.take() {
                return Err(error);
            }
            if socket.fin_in || socket.broken {
                socket.transcript.end_read = true;
                socket.transcript.end_heard |= socket.transcript.left_at.is_none();
                socket.transcript.note_call(now, true);
                return Ok(0);
            }
            socket.armed = true;
            return Err(Errno::AGAIN);
        }
        socket.armed |= taken < buffer.len() && taken == socket.inbox.len();
        // Past the mark it is forgotten.
        socket.mark = socket.mark.and_then(|mark| mark.checked_sub(taken));
        socket.inbox.read_exact(&mut buffer[..taken]).expect("it has as many");
        socket.transcript.read.extend_from_slice(&buffer[..taken]);
        socket.transcript.note_call(now, true);
        socket.transcript.last_read_at = now;
        if socket.client.blocked {
            socket.client.blocked = false;
            self.after(Duration::ZERO, Act::Go(id));
        }
        Ok(taken)
    }

    pub(super) fn send(&mut self, id: usize, bytes: &[u8]) -> Result<usize, Errno> {
        self.calls.sends += 1;
        self.count_call();
        self.hurry(id);
        let offered = &mut self.sockets[id].transcript.most_offered;
        *offered = bytes.len().max(*offered);
        if self.chance(self.faults.interrupted) {
            return Err(Errno::INTR);
        }
        let room = self.sockets[id].room().min(bytes.len());
        let short_of_memory = room > 0 && self.chance(self.faults.pressure);
        let taken = if short_of_memory { self.rng.random_range(0..room) } else { room };
        let socket = &mut self.sockets[id];
        if socket.broken || socket.fin_out {
            return Err(socket.error.take().unwrap_or(Errno::PIPE));
        }
        if taken < bytes.len() {
            socket.no_space = true;
            socket.transcript.full_at = Some(socket.transcript.read.len());
        }
        if short_of_memory {
            let soon = self.pause(SHORTAGE);
            self.after(soon, Act::Relieve(id));
        }
        if taken == 0 {
            return Err(Errno::AGAIN);
        }
        let socket = &mut self.sockets[id];
        if socket.outbox.is_empty() {
            socket.progress_at = self.now;
        }
        socket.outbox.extend(&bytes[..taken]);
        socket.transcript.taken.extend_from_slice(&bytes[..taken]);
        socket.transcript.note_call(self.turn_at, false);
        self.deliver_soon(id);
        Ok(taken)
    }

    pub(super) fn shut_down_sending(&mut self, id: usize) -> Result<(), Errno> {
        self.count_call();
        if self.sockets[id].fin_out {
            self.wrong(Some(id), "the sending side is shut down twice");
        }
        let socket = &mut self.sockets[id];
        socket.transcript.leave(self.turn_at);
        socket.transcript.shut_at = Some(self.turn_at);
        if socket.broken {
            return Err(Errno::NOTCONN);
        }
        self.end_output(id);
        Ok(())
    }

    /// TCP_NOTSENT_LOWAT at 1, and `poll`: from now on there is room only where nothing waits. What
    /// the client's kernel has not acknowledged counts as not sent.
    pub(super) fn has_sent_all(&mut self, id: usize) -> bool {
        self.count_call();
        self.hurry(id);
        if self.sockets[id].fin_out {
            self.wrong(
                Some(id),
                "it is asked whether all is sent, which nothing shows after a shutdown",
            );
        }
        let socket = &mut self.sockets[id];
        socket.transcript.leave(self.turn_at);
        socket.wants_all_sent = true;
        let is_sent = socket.broken || socket.is_writable();
        socket.no_space |= !is_sent;
        is_sent
    }

    /// `recv` with MSG_PEEK. What comes between this and a close makes that a reset.
    pub(super) fn has_unread(&mut self, id: usize) -> bool {
        self.count_call();
        self.hurry(id);
        !self.sockets[id].inbox.is_empty()
    }

    pub(super) fn is_time_to_look(&self) -> bool {
        self.calls.waits.is_multiple_of(self.look_every)
    }

    /// `close`: with bytes that nobody has read it is a reset, and what was under way is lost.
    pub(super) fn close(&mut self, id: usize) {
        self.leave(id);
        let socket = &mut self.sockets[id];
        socket.transcript.closed_at = Some(self.turn_at);
        if socket.broken {
            return;
        }
        socket.transcript.unread = socket.inbox.len();
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

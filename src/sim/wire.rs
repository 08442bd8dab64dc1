//! What moves between the two ends of a connection, and how it breaks.

use rand::RngExt;

use super::client::End;
use super::state::{Act, State};
use super::transcript::Arrival;
use crate::server::network::Errno;

/// The network between the two ends.
impl State {
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
        if arrived > 0 {
            let arrival = Arrival { at: self.now, bytes: socket.client.sent };
            socket.transcript.arrivals.push(arrival);
        }
        let mut edge = socket.armed || !self.faults.sparing;
        if arrived > 0 && self.chance(self.faults.urgent) {
            // There is one mark, and the newest moves it.
            let waiting = self.sockets[id].inbox.len();
            self.sockets[id].mark = Some(self.rng.random_range(1..=waiting));
            edge = true;
        }
        if arrived > 0 && edge {
            self.sockets[id].armed = false;
            self.wake(id);
        }
        arrived
    }

    /// The client's FIN arrives.
    pub(super) fn end_input(&mut self, id: usize) {
        let socket = &mut self.sockets[id];
        if !socket.fin_in {
            socket.fin_in = true;
            socket.transcript.end_arrived_at = Some(self.now);
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
        socket.transcript.broken_at = Some((now, error));
        self.wake(id);
        let how = if reset { End::Reset } else { End::TimedOut };
        self.sockets[id].client.end.get_or_insert(how);
    }

    /// The client learns by a reset that the server's end is no more.
    pub(super) fn reset_client(&mut self, id: usize) {
        let socket = &mut self.sockets[id];
        socket.transcript.destroyed += socket.outbox.len();
        socket.outbox.clear();
        socket.broken = true;
        socket.client.end.get_or_insert(End::Reset);
    }

    pub(super) fn deliver_soon(&mut self, id: usize) {
        if !self.sockets[id].delivery_scheduled {
            self.sockets[id].delivery_scheduled = true;
            let pause = self.sockets[id].client.script.receiving.pause;
            let delay = self.pause(pause);
            self.after(delay, Act::Deliver(id));
        }
        if !self.sockets[id].looking_at_progress {
            self.sockets[id].looking_at_progress = true;
            self.after(self.write_timeout, Act::LookAtProgress(id));
        }
    }

    /// Takes bytes to the client's kernel, which acknowledges them, and the end behind the last.
    pub(super) fn deliver(&mut self, id: usize) {
        let cut = self.cut(self.sockets[id].client.script.receiving);
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
        let room = socket.client.script.window.max(1) - socket.client.unread.len();
        let delivered = cut.min(socket.outbox.len()).min(room);
        let rest = socket.outbox.split_off(delivered);
        socket.client.unread.append(&mut socket.outbox);
        socket.outbox = rest;
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
        let limit = self.write_timeout;
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

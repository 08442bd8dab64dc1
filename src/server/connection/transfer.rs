//! How bytes move between a connection's socket and its session, one call at a time.
//!
//! Each call's result says something about readiness, and that is remembered: a `WouldBlock`, a
//! short read or a short write shows that there is nothing more to be had until the next edge.

use super::{Connection, READS_ON, SIP, Tools};
use crate::observe::{Detail, Event};
use crate::server::network::{Errno, Readiness, Stream};
use crate::session::Reason;

impl<S: Stream> Connection<S> {
    // ANCHOR: deliver
    /// Sends `answer`, and keeps what the kernel does not take. Nothing may be owed already: it would
    /// have to go first.
    #[inline(always)]
    pub(in crate::server) fn deliver(&mut self, answer: &[u8], tools: &mut Tools) {
        if answer.is_empty() {
            return;
        }
        debug_assert!(self.outbox.is_empty(), "an answer would overtake another");
        let taken = self.send(answer, tools);
        if taken == answer.len() {
            self.session.handle_flushed(&tools.protocol, tools.now);
        } else {
            self.keep(&answer[taken..]);
        }
    }

    /// Keeps what the kernel had no room for.
    #[cold]
    fn keep(&mut self, rest: &[u8]) {
        self.readiness.remove(Readiness::WRITABLE);
        self.outbox.push(rest);
        self.session.handle_unsent();
    }
    // ANCHOR_END: deliver

    /// Sends what is owed.
    #[cold]
    pub(super) fn flush(&mut self, tools: &mut Tools) {
        if !self.readiness.contains(Readiness::WRITABLE) {
            return;
        }
        // Taken out for the call and put back: the bytes are in it, and `send` needs the rest.
        let mut outbox = std::mem::take(&mut self.outbox);
        let taken = self.send(outbox.rest(), tools);
        outbox.sent(taken);
        self.outbox = outbox;
        if self.outbox.is_empty() {
            self.session.handle_flushed(&tools.protocol, tools.now);
            self.tell_changes(tools);
        } else {
            self.readiness.remove(Readiness::WRITABLE);
        }
    }

    // ANCHOR: send
    /// One `send`; returns how many bytes the kernel took. If that is not all, its buffer is full.
    #[inline(always)]
    fn send(&mut self, bytes: &[u8], tools: &mut Tools) -> usize {
        let result = loop {
            match self.stream.send(bytes) {
                Err(Errno::INTR) => {}
                result => break result,
            }
        };
        match result {
            Ok(taken) => {
                self.tell_sent(bytes.len(), Ok(taken), tools);
                self.sent += taken as u64;
                taken
            }
            Err(errno) => {
                self.nothing_sent(bytes.len(), errno, tools);
                0
            }
        }
    }
    // ANCHOR_END: send

    #[cold]
    fn nothing_sent(&mut self, offered: usize, errno: Errno, tools: &mut Tools) {
        self.tell_sent(offered, Err(errno), tools);
        if errno != Errno::AGAIN {
            self.lost(errno);
        }
    }

    #[inline]
    fn tell_sent(&self, offered: usize, result: Result<usize, Errno>, tools: &mut Tools) {
        tools.tell(Detail::Calls, Some(self.number), || Event::Sent { offered, result });
    }

    // ANCHOR: receive
    /// One `recv` and the answer to what came; returns how many bytes that was.
    #[inline(always)]
    pub(super) fn receive(&mut self, buffer: &mut [u8], tools: &mut Tools) -> usize {
        let sips = tools.left <= 0 || self.is_guest();
        let most = if sips { buffer.len().min(SIP) } else { buffer.len() };
        let buffer = &mut buffer[..most];
        match self.stream.recv(buffer) {
            Ok(received) if received > 0 => {
                tools.left -= received as isize;
                self.tell_received(most, Ok(received), tools);
                // A short read has emptied the socket, and what comes later makes an edge; but what
                // is known to be there already, such as the end, makes none.
                if received < buffer.len() && !self.readiness.intersects(READS_ON) {
                    self.readiness.remove(Readiness::READABLE);
                }
                self.received += received as u64;
                self.hear(&mut buffer[..received], tools);
                received
            }
            Ok(_) => {
                self.end_of_input(most, tools);
                0
            }
            Err(errno) => {
                self.nothing_received(most, errno, tools);
                0
            }
        }
    }
    // ANCHOR_END: receive

    #[cold]
    fn end_of_input(&mut self, room: usize, tools: &mut Tools) {
        self.tell_received(room, Ok(0), tools);
        self.readiness.remove(Readiness::READABLE);
        self.session.handle_end_of_input();
    }

    #[cold]
    fn nothing_received(&mut self, room: usize, errno: Errno, tools: &mut Tools) {
        self.tell_received(room, Err(errno), tools);
        match errno {
            Errno::AGAIN => self.readiness.remove(Readiness::READABLE),
            // It is tried again.
            Errno::INTR => {}
            _ => self.lost(errno),
        }
    }

    #[inline]
    fn tell_received(&self, room: usize, result: Result<usize, Errno>, tools: &mut Tools) {
        tools.tell(Detail::Calls, Some(self.number), || Event::Received { room, result });
    }

    #[inline(always)]
    pub(super) fn hear(&mut self, bytes: &mut [u8], tools: &mut Tools) {
        let answer = self.session.handle_bytes(&tools.protocol, tools.now, bytes);
        self.tell_changes(tools);
        self.deliver(answer, tools);
    }

    /// The session's last answer.
    pub(super) fn answer(&mut self, tools: &mut Tools) {
        let answer = self.session.poll_answer();
        self.deliver(&answer, tools);
    }

    /// Asks whether the kernel has sent all that it took. From now on whatever comes is thrown away.
    pub(super) fn has_sent_all(&mut self) -> bool {
        self.leaves = true;
        let sent = self.stream.has_sent_all();
        self.readiness.set(Readiness::UNSENT, !sent);
        self.readiness.set(Readiness::WRITABLE, sent);
        sent
    }

    // ANCHOR: shut_down_sending
    pub(super) fn shut_down_sending(&mut self, tools: &mut Tools) {
        self.sending_shut = true;
        self.leaves = true;
        let result = self.stream.shut_down_sending().map(|()| 0);
        tools.tell(Detail::Calls, Some(self.number), || Event::ShutDown { result });
        if let Err(errno) = result {
            self.lost(errno);
        }
    }
    // ANCHOR_END: shut_down_sending

    /// An edge said that the connection is broken, and no call is due that would say how.
    #[cold]
    pub(super) fn take_error(&mut self) {
        self.readiness.remove(Readiness::FAILED);
        if let Some(errno) = self.stream.take_error() {
            self.lost(errno);
        }
    }

    /// The socket is of no further use: one peer's error ends one connection.
    fn lost(&mut self, errno: Errno) {
        self.session.handle_lost(match errno {
            Errno::CONNRESET | Errno::PIPE | Errno::NOTCONN => Reason::Reset,
            Errno::TIMEDOUT => Reason::WriteTimeout,
            _ => Reason::SocketError,
        });
    }
}

//! How bytes move between a connection's socket and its session, one call at a time.
//!
//! Each call's result says something about readiness, and that is remembered: a `WouldBlock`, a
//! short read or a short write shows that there is nothing more to be had until the next edge.

use rustix::io::{Errno, retry_on_intr};

use super::{Connection, Tools};
use crate::observe::{Detail, Event};
use crate::server::network::{Readiness, Stream};
use crate::session::Reason;

/// Even after a short read there may be more: the end, an error, or what follows urgent data. No
/// further edge will tell.
const READS_ON: Readiness = Readiness::READ_CLOSED.union(Readiness::URGENT);

impl<S: Stream> Connection<S> {
    // ANCHOR: deliver
    /// Sends `answer`, and keeps what the kernel does not take.
    #[inline(always)]
    pub(in crate::server) fn deliver(&mut self, answer: &[u8], tools: &mut Tools) {
        if answer.is_empty() {
            return;
        }
        // What is owed already goes first.
        let taken = if self.outbox.is_empty() { self.send(answer, tools) } else { 0 };
        if taken == answer.len() {
            self.session.handle_flushed(&tools.protocol, tools.now);
            self.tell_changes(&mut tools.events);
        } else {
            self.outbox.push(&answer[taken..]);
            // The idle deadline is suspended from now on.
            self.changed = true;
        }
    }
    // ANCHOR_END: deliver

    /// Sends what is owed; returns whether nothing is owed any more.
    #[inline]
    pub(super) fn flush(&mut self, tools: &mut Tools) -> bool {
        self.outbox.is_empty() || self.flush_outbox(tools)
    }

    #[cold]
    fn flush_outbox(&mut self, tools: &mut Tools) -> bool {
        if !self.readiness.contains(Readiness::WRITABLE) {
            return false;
        }
        // Taken out for the call and put back: the bytes are in it, and `send` needs the rest.
        let mut outbox = std::mem::take(&mut self.outbox);
        let taken = self.send(outbox.front(), tools);
        outbox.sent(taken);
        self.outbox = outbox;
        if self.outbox.is_empty() {
            self.session.handle_flushed(&tools.protocol, tools.now);
            self.tell_changes(&mut tools.events);
        }
        self.outbox.is_empty()
    }

    // ANCHOR: send
    /// One `send`; returns how many bytes the kernel took. A short write says that its buffer is
    /// full.
    #[inline(always)]
    fn send(&mut self, bytes: &[u8], tools: &mut Tools) -> usize {
        let result = retry_on_intr(|| self.stream.send(bytes));
        tools.events.tell(Detail::Calls, Some(self.number), || Event::Sent {
            offered: bytes.len(),
            result: Event::result(result),
        });
        let taken = match result {
            Ok(taken) => taken,
            Err(errno) => {
                self.nothing_sent(errno);
                0
            }
        };
        if taken != bytes.len() {
            self.readiness.remove(Readiness::WRITABLE);
        }
        self.sent += taken as u64;
        taken
    }
    // ANCHOR_END: send

    #[cold]
    fn nothing_sent(&mut self, errno: Errno) {
        if errno != Errno::WOULDBLOCK {
            self.lost(errno);
        }
    }

    // ANCHOR: receive
    /// One `recv` and the answer to what came; returns how many bytes that was.
    #[inline(always)]
    pub(super) fn receive(&mut self, buffer: &mut [u8], tools: &mut Tools) -> usize {
        let result = self.stream.recv(buffer);
        tools.events.tell(Detail::Calls, Some(self.number), || Event::Received {
            result: Event::result(result),
        });
        match result {
            Ok(0) => {
                self.end_of_input(tools);
                0
            }
            Ok(received) => {
                // A short read has emptied the socket, and what comes later makes an edge; but what
                // is known to be there already, such as the end, makes none.
                if received < buffer.len() && !self.readiness.intersects(READS_ON) {
                    self.readiness.remove(Readiness::READABLE);
                }
                self.received += received as u64;
                self.hear(&mut buffer[..received], tools);
                received
            }
            Err(errno) => {
                self.nothing_received(errno);
                0
            }
        }
    }
    // ANCHOR_END: receive

    #[cold]
    fn end_of_input(&mut self, tools: &mut Tools) {
        self.readiness.remove(Readiness::READABLE);
        self.session.handle_end_of_input();
        self.tell_changes(&mut tools.events);
    }

    #[cold]
    pub(super) fn answer(&mut self, tools: &mut Tools) {
        let answer = self.session.poll_answer();
        self.deliver(&answer, tools);
    }

    #[cold]
    fn nothing_received(&mut self, errno: Errno) {
        match errno {
            Errno::WOULDBLOCK => self.readiness.remove(Readiness::READABLE),
            // The turn goes round once more.
            Errno::INTR => {}
            _ => self.lost(errno),
        }
    }

    #[inline(always)]
    fn hear(&mut self, bytes: &mut [u8], tools: &mut Tools) {
        let answer = self.session.handle_bytes(&tools.protocol, tools.now, bytes);
        self.tell_changes(&mut tools.events);
        self.deliver(answer, tools);
    }

    pub(super) fn shut_down_sending(&mut self, tools: &mut Tools) {
        if self.sending_shut {
            return;
        }
        self.sending_shut = true;
        let result = self.stream.shut_down_sending().map(|()| 0);
        tools.events.tell(Detail::Calls, Some(self.number), || Event::ShutDown {
            result: Event::result(result),
        });
        if let Err(errno) = result {
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

//! What happened on the server's end of a connection, as its kernel saw it: for whoever judges a run.
//!
//! Never here: what should have happened.

use crate::server::network::{Errno, Token};
use crate::session::Time;

/// What happened on the server's end of one connection. All of it is seen from below, from the
/// system calls: none of it is what the loop says of itself.
///
/// What the loop did has the time that its last wait gave: it knows no other, however late in its turn it
/// is. What happened by itself has that of the clock.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Transcript {
    /// The loop's number for it; 0: never accepted.
    pub number: u64,
    /// What has come from the client, in order.
    pub arrivals: Vec<Arrival>,
    /// When the client's end of its sending side came.
    pub end_arrived_at: Option<Time>,
    /// When it was accepted.
    pub accepted_at: Time,
    /// What the loop registered it with.
    pub token: Option<Token>,
    /// All that `recv` gave.
    pub read: Vec<u8>,
    /// The end of input was read.
    pub end_read: bool,
    /// It was read before the server began to leave, so that it meant something.
    pub end_heard: bool,
    /// All that `send` took.
    pub taken: Vec<u8>,
    /// The calls that moved something before the server began to leave, in order.
    pub calls: Vec<Moved>,
    /// The last time that `recv` gave bytes, those that were thrown away included.
    pub last_read_at: Time,
    /// When the server began to leave: it asked for the first time whether all was sent, or shut down
    /// the sending side. What comes from then on is thrown away.
    pub left_at: Option<Time>,
    /// When the sending side was shut down.
    pub shut_at: Option<Time>,
    /// When it was closed.
    pub closed_at: Option<Time>,
    /// When the connection broke, and how.
    pub broken_at: Option<(Time, Errno)>,
    /// So many bytes had come that nobody had read when it was closed, which made that a reset.
    pub unread: usize,
    /// So many bytes were under way to the client when a reset destroyed them: that one, or the answer to what
    /// came later.
    pub destroyed: usize,
    /// The most that one `send` offered: what waited for the kernel.
    pub most_offered: usize,
    /// How much had been read when `send` took less than it was offered, the last time.
    pub full_at: Option<usize>,
    /// How much had been read when the server began to leave.
    pub(super) heard: usize,
}

/// Bytes that reached the server's kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// When.
    pub at: Time,
    /// How many have come by then, in all.
    pub bytes: usize,
}

/// A call that moved something, with what had been moved by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// When.
    pub at: Time,
    /// Whether it was `recv` (which may have given the end) or `send`.
    pub by_recv: bool,
    /// Bytes read so far.
    pub read: usize,
    /// Bytes taken so far.
    pub taken: usize,
}

impl Transcript {
    /// What the server has heard: all that was read, but for what came after it had begun to leave.
    pub fn heard(&self) -> &[u8] {
        if self.left_at.is_some() { &self.read[..self.heard] } else { &self.read }
    }

    /// The last time that anything moved before the server began to leave.
    pub fn active_at(&self) -> Time {
        self.calls.last().map_or(self.accepted_at, |call| call.at)
    }

    /// How many bytes had come before `deadline`.
    pub fn arrived_before(&self, deadline: Time) -> usize {
        let later = self.arrivals.partition_point(|arrival| arrival.at < deadline);
        self.arrivals[..later].last().map_or(0, |arrival| arrival.bytes)
    }

    pub(super) fn leave(&mut self, now: Time) {
        if self.left_at.is_none() {
            self.left_at = Some(now);
            self.heard = self.read.len();
        }
    }

    pub(super) fn note_call(&mut self, at: Time, by_recv: bool) {
        if self.left_at.is_none() {
            let (read, taken) = (self.read.len(), self.taken.len());
            self.calls.push(Moved { at, by_recv, read, taken });
        }
    }
}

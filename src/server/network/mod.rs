//! Where the loop meets the operating system: two traits, so that a simulated network and a virtual
//! clock can take the place of the real ones.
//!
//! The contract is that of edge-triggered readiness (epoll(7), `EPOLLET`): an edge is reported once,
//! and again only after the socket has become unready in between, which a `WouldBlock`, a short
//! read or a short write shows.

#[cfg(unix)]
pub(super) mod mio;
mod readiness;

use std::net::SocketAddr;

pub use crate::observe::Errno;
pub use readiness::Readiness;

use crate::session::Time;

/// Bits of a token that hold the place in the slab; the rest hold the generation.
const KEY_BITS: u32 = usize::BITS / 2;

/// The most connections at once: few enough that no connection's token is among the last
/// [`OTHER_TOKENS`], which name listeners and the like.
pub(super) const MAX_CONNECTIONS: usize = (1 << KEY_BITS) - OTHER_TOKENS;
/// How many tokens, at the very top, belong to no connection.
pub(super) const OTHER_TOKENS: usize = 129;

/// Names a connection to the operating system: its place, and a generation, so that a late event
/// for a closed connection never reaches the one that took its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub usize);

impl Token {
    // ANCHOR: token
    /// The token of connection number `number` at `key`.
    pub(super) fn new(key: usize, number: u64) -> Token {
        Token((number as usize) << KEY_BITS | key)
    }
    // ANCHOR_END: token

    /// Whether it is that of connection number `number`.
    pub(super) fn is_of(self, number: u64) -> bool {
        self.0 >> KEY_BITS == number as usize & ((1 << KEY_BITS) - 1)
    }

    pub(super) fn key(self) -> usize {
        self.0 & ((1 << KEY_BITS) - 1)
    }
}

/// What made the loop stop waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// The listener with this index has connections to accept.
    Acceptable(usize),
    /// A connection's readiness changed.
    Ready {
        /// The connection's token.
        token: Token,
        /// What it is ready for.
        readiness: Readiness,
    },
    /// Another thread wants attention.
    Woken,
    /// Signals came; [`Network::take_signal`] gives them.
    Signalled,
}

/// A signal to the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT or SIGTERM.
    Stop,
    /// SIGHUP.
    Hangup,
}

/// What the loop needs from an operating system.
pub trait Network {
    /// An accepted, non-blocking connection.
    type Stream: Stream;
    /// Room for what one wait finds, in the operating system's own form.
    type Found: Default;

    /// The time on a clock that never goes back.
    fn now(&self) -> Time;

    /// Fills `bytes` with random ones that nobody can foresee: nonces are made of them. (In a
    /// simulation, which has nothing to protect, they come from its seed.)
    fn random(&mut self, bytes: &mut [u8]);

    /// Waits until something happens, but no longer than `until` ([`Time::NEVER`]: for ever; a
    /// moment in the past: not at all), puts what happened in the place of what `found` held, and
    /// returns the time. Whatever was ready when it was called is in `found`, as far as there is room; what
    /// came later, up to that time, may be in it or not. It may come back early with nothing.
    ///
    /// # Errors
    ///
    /// [`Errno::INTR`] if a signal came before it has looked: the loop waits once more, and nothing has
    /// happened in between. Any other only if there is no waiting at all: the loop ends.
    fn wait(&mut self, until: Time, found: &mut Self::Found) -> Result<Time, Errno>;

    /// What a wait found, one after the other.
    fn wakeups(found: &Self::Found) -> impl Iterator<Item = Wakeup>;

    /// Whether `found` is all that was ready when the wait looked. If there was more than it has room
    /// for, it is not, and the next waits bring the rest: deadlines are met only then, since what came
    /// in time may be in that rest.
    fn is_whole(found: &Self::Found) -> bool;

    /// The next signal that came and was not taken yet.
    fn take_signal(&mut self) -> Option<Signal>;

    /// Accepts a connection from the listener with this index, as accept(2) does.
    fn accept(&mut self, listener: usize) -> Result<(Self::Stream, SocketAddr), Errno>;

    /// Registers `stream` for edges of both kinds, once and for all.
    fn register(&mut self, stream: &mut Self::Stream, token: Token) -> Result<(), Errno>;

    /// Closes the listeners: from now on the kernel refuses whoever connects.
    fn close_listeners(&mut self);
}

/// A connection as the loop uses it; dropping it closes it.
pub trait Stream {
    /// As recv(2): 0 is the end of input.
    fn recv(&mut self, buffer: &mut [u8]) -> Result<usize, Errno>;
    /// As send(2), without SIGPIPE.
    fn send(&mut self, bytes: &[u8]) -> Result<usize, Errno>;
    /// As shutdown(2) with `SHUT_WR`.
    fn shut_down_sending(&mut self) -> Result<(), Errno>;
    /// The error of a broken connection, which is taken with that: getsockopt(2) with SO_ERROR. Asked
    /// where an edge said [`Readiness::FAILED`] and nothing is to be read or sent.
    fn take_error(&mut self) -> Option<Errno> {
        None
    }
    /// Whether the kernel has sent all that it took, as far as this system can tell. If not, an edge
    /// that says "writable" comes once it has, and none before.
    fn has_sent_all(&mut self) -> bool;
    /// Whether bytes lie there that nobody has read; they stay there, as with recv(2) and `MSG_PEEK`.
    fn has_unread(&mut self) -> bool;
}

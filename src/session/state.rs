//! The states of a connection, what can happen to it, and the one table that says what follows.
//!
//! The table is data: the code in `mod.rs` and its neighbours is checked against it, for every
//! state and input, by `tests/library/transitions.rs`, and the picture in the book is drawn from it. Never
//! here: what a state holds while it lasts (see [`Session`](super::Session)).

use std::fmt;

/// An enum that is a list of words: with all of them in order, and the word for each.
macro_rules! words {
    ($(#[$of:meta])* pub enum $type:ident: $word:ident {
        $($(#[$doc:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$of])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $type { $($(#[$doc])* $variant),+ }

        impl $type {
            /// All there are, in this order.
            pub const ALL: [$type; [$($text),+].len()] = [$($type::$variant),+];

            /// The word for it: the same in the log, the trace, the metrics and the pictures.
            pub const fn $word(self) -> &'static str {
                match self { $($type::$variant => $text),+ }
            }
        }
    };
}

words! {
    /// Where a connection stands.
    pub enum State: name {
        /// A proxy has connected, and its header is not whole yet: who is behind it is not known.
        AwaitHeader = "await_header",
        /// The kernel has not yet taken all of the nonce.
        SendNonce = "send_nonce",
        /// The nonce is on its way; the digest is not whole yet.
        AwaitDigest = "await_digest",
        /// The service hears the client and answers.
        Serving = "serving",
        /// A login is being checked elsewhere; nothing is read meanwhile.
        Verifying = "verifying",
        /// The peer has ended its input: what it is owed goes out, and once the kernel has sent it all, the
        /// connection closes.
        Draining = "draining",
        /// The server has had enough: what is owed goes out, and once the kernel has sent it all, the
        /// server shuts down its own sending side.
        Ending = "ending",
        /// The sending side is shut down; what still comes is thrown away, so that no reset destroys
        /// what the peer has not read yet.
        Lingering = "lingering",
        /// It is over, and [`Reason`] says why.
        Closed = "closed",
    }
}

words! {
    /// What can happen to a connection, as far as its state cares.
    pub enum Input: label {
        /// The kernel has taken every byte that was owed.
        Flushed = "flushed",
        /// The kernel has sent all that it took.
        Delivered = "delivered",
        /// Bytes came that decide nothing.
        Bytes = "bytes",
        /// Bytes came that complete a proxy's header, and whoever it names may stay: a nonce is due.
        Header = "header",
        /// The same where no nonce is due.
        OpenHeader = "header, no nonce",
        /// Bytes came that are no header, or begin one that is too long.
        BadHeader = "bad header",
        /// Bytes came that complete a proxy's header, and whoever it names may not stay.
        RefusedHeader = "header, refused",
        /// Bytes came that complete the right digest.
        RightDigest = "right digest",
        /// Bytes came that complete a wrong digest.
        WrongDigest = "wrong digest",
        /// Bytes came that complete the last request of this connection.
        LastRequest = "last request",
        /// A login is whole, and its turn has come.
        Login = "login",
        /// Bytes came that are no request.
        BadRequest = "bad request",
        /// A login was checked, and the conversation goes on.
        Verdict = "verdict",
        /// A login was checked and is wrong, and it was the last: the tries or the time are used up.
        LastVerdict = "last verdict",
        /// A login can't be checked: the server is not able to, or there are too many.
        NoVerdict = "no verdict",
        /// The peer has shut down its sending side.
        EndOfInput = "end of input",
        /// The deadline of the state has passed.
        Deadline = "deadline",
        /// The server stops, and nothing is owed here.
        Stop = "stop, nothing owed",
        /// The server stops while answers are owed here, or it lingers so that they arrive.
        StopOwing = "stop, answers owed",
        /// The time for stopping is over.
        DrainDeadline = "drain deadline",
        /// The socket failed: a reset, a write that timed out, anything else.
        Lost = "lost",
    }
}

words! {
    /// Why a connection ended: the same word in the log, the trace, the metrics and the tests.
    pub enum Reason: name {
        /// Everything was said: the client ended its input, or the service has one answer and gave it.
        Done = "done",
        /// The digest was wrong.
        WrongDigest = "wrong_digest",
        /// The input ended before the digest was whole.
        ShortDigest = "short_digest",
        /// What a proxy sent is no header of the PROXY protocol, or too long or only a part of one.
        BadProxyHeader = "bad_proxy_header",
        /// What came is no JSON object, or too long or too deep a one.
        BadRequest = "bad_request",
        /// As many logins failed as may fail on one connection.
        TooManyTries = "too_many_tries",
        /// The server could not check a login, for want of memory for example.
        VerifierFailed = "verifier_failed",
        /// The client was not let in, or a one-shot request was not whole, in time.
        HandshakeTimeout = "handshake_timeout",
        /// Nothing was owed and nothing was heard for too long.
        IdleTimeout = "idle_timeout",
        /// The peer's kernel acknowledged nothing for too long.
        WriteTimeout = "write_timeout",
        /// The server stopped and owed nothing, or had delivered it.
        Stopped = "stopped",
        /// The server stopped and could not deliver what it owed in time.
        DrainTimeout = "drain_timeout",
        /// The peer reset the connection.
        Reset = "reset",
        /// The socket failed in some other way.
        SocketError = "socket_error",
        /// More connections than allowed in all.
        TooManyConnections = "too_many_connections",
        /// More connections than allowed that are not yet let in.
        TooManyPending = "too_many_pending",
        /// More connections than allowed from this source that are not yet let in, or as many logins
        /// of it that wait to be checked.
        TooManyFromSource = "too_many_from_source",
        /// The source is refused for a while, for what it did before.
        Penalized = "penalized",
    }
}

/// One row of [`TRANSITIONS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// The state before.
    pub from: State,
    /// What happens.
    pub input: Input,
    /// The state after.
    pub to: State,
}

macro_rules! transitions {
    ($($from:ident: $($input:ident => $to:ident),+;)+) => {
        &[$($(Transition { from: State::$from, input: Input::$input, to: State::$to }),+),+]
    };
}

/// Every change of state there is. Where a state and an input have no row, nothing changes.
///
/// A connection that comes back to [`Serving`](State::Serving) from a login takes at once what was
/// read before: another [`Login`](Input::Login), a [`BadRequest`](Input::BadRequest), and then the stop
/// or the end of input that came meanwhile.
// ANCHOR: transitions
pub const TRANSITIONS: &[Transition] = transitions! {
    AwaitHeader:
        Header => SendNonce, OpenHeader => Serving,
        BadHeader => Lingering, RefusedHeader => Lingering,
        EndOfInput => Closed, Deadline => Lingering,
        Stop => Closed, StopOwing => Closed, DrainDeadline => Closed, Lost => Closed;
    SendNonce:
        Flushed => AwaitDigest, RightDigest => Serving, WrongDigest => Ending,
        EndOfInput => Closed, Deadline => Closed,
        Stop => Closed, StopOwing => Closed, DrainDeadline => Closed, Lost => Closed;
    AwaitDigest:
        RightDigest => Serving, WrongDigest => Lingering, EndOfInput => Closed,
        Deadline => Lingering, Stop => Closed, StopOwing => Closed, DrainDeadline => Closed, Lost => Closed;
    Serving:
        LastRequest => Ending, Login => Verifying, BadRequest => Ending,
        EndOfInput => Draining, Deadline => Ending,
        Stop => Closed, StopOwing => Ending, DrainDeadline => Closed, Lost => Closed;
    Verifying:
        Verdict => Serving, LastVerdict => Ending, NoVerdict => Ending,
        DrainDeadline => Closed, Lost => Closed;
    Draining:
        Delivered => Closed, DrainDeadline => Closed, Lost => Closed;
    Ending:
        Delivered => Lingering, EndOfInput => Draining, Deadline => Closed,
        DrainDeadline => Closed, Lost => Closed;
    Lingering:
        EndOfInput => Closed, Deadline => Closed,
        Stop => Closed, DrainDeadline => Closed, Lost => Closed;
};
// ANCHOR_END: transitions

impl State {
    /// The state after `input`, as [`TRANSITIONS`] has it.
    pub fn after(self, input: Input) -> State {
        TRANSITIONS
            .iter()
            .find(|row| row.from == self && row.input == input)
            .map_or(self, |row| row.to)
    }
}

impl Reason {
    /// Whether it says that the connection was one too many, or from a source that is refused for a
    /// while.
    pub const fn is_refusal(self) -> bool {
        use Reason::*;
        matches!(self, TooManyConnections | TooManyPending | TooManyFromSource | Penalized)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

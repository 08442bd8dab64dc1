//! The states of a connection, what can happen to it, and the one table that says what follows.
//!
//! The table is data: the code in `mod.rs` and its neighbours is checked against it, for every
//! state and input, by `tests/transitions.rs`, and the picture in the book is drawn from it. Never
//! here: what a state holds while it lasts (see [`Session`](super::Session)).

use std::fmt;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The kernel has not yet taken all of the nonce.
    SendNonce,
    /// The nonce is on its way; the digest is not whole yet.
    AwaitDigest,
    /// The service hears the client and answers.
    Serving,
    /// A login is being checked elsewhere; nothing is read meanwhile.
    Verifying,
    /// The peer has ended its input: what it is owed goes out, then the connection closes.
    Draining,
    /// The server has had enough: what is owed goes out, then it shuts down its own sending side.
    Ending,
    /// The sending side is shut down; what still comes is thrown away, so that no reset destroys
    /// what the peer has not read yet.
    Lingering,
    /// It is over, and [`Reason`] says why.
    Closed,
}

/// What can happen to a connection, as far as its state cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The kernel has taken every byte that was owed.
    Flushed,
    /// Bytes came that decide nothing.
    Bytes,
    /// Bytes came that complete the right digest.
    RightDigest,
    /// Bytes came that complete a wrong digest.
    WrongDigest,
    /// Bytes came that complete the last request of this connection.
    LastRequest,
    /// A login is whole, and its turn has come.
    Login,
    /// Bytes came that are no request.
    BadRequest,
    /// A login was checked, and the conversation goes on.
    Verdict,
    /// A login was checked and is wrong, and it was the last: the tries or the time are used up.
    LastVerdict,
    /// The peer has shut down its sending side.
    EndOfInput,
    /// The deadline of the state has passed.
    Deadline,
    /// The server stops, and nothing is owed here.
    Stop,
    /// The server stops while answers are owed here, or it lingers so that they arrive.
    StopOwing,
    /// The time for stopping is over.
    DrainDeadline,
    /// The socket failed: a reset, a write that timed out, anything else.
    Lost,
}

/// Why a connection ended: the same word in the log, the trace, the metrics and the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Everything was said: the client ended its input, or the service has one answer and gave it.
    Done,
    /// The digest was wrong.
    WrongDigest,
    /// The input ended before the digest was whole.
    ShortDigest,
    /// What came is no JSON object, or too long or too deep a one.
    BadRequest,
    /// As many logins failed as may fail on one connection.
    TooManyTries,
    /// The client was not let in, or a one-shot request was not whole, in time.
    HandshakeTimeout,
    /// Nothing was owed and nothing was heard for too long.
    IdleTimeout,
    /// The peer's kernel acknowledged nothing for too long.
    WriteTimeout,
    /// The server stopped and owed nothing, or had delivered it.
    Stopped,
    /// The server stopped and could not deliver what it owed in time.
    DrainTimeout,
    /// The peer reset the connection.
    Reset,
    /// The socket failed in some other way.
    SocketError,
    /// More connections than allowed in all.
    TooManyConnections,
    /// More connections than allowed that are not yet let in.
    TooManyPending,
    /// More connections than allowed from this source that are not yet let in.
    TooManyFromSource,
    /// The source is refused for a while, for what it did before.
    Penalized,
}

/// One row of [`TRANSITIONS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
/// A connection that comes into [`Draining`](State::Draining) or [`Ending`](State::Ending) and owes
/// nothing takes [`Flushed`](Input::Flushed) at once; one that comes back to
/// [`Serving`](State::Serving) from a login takes at once what was read before: another
/// [`Login`](Input::Login), a [`BadRequest`](Input::BadRequest), and then the stop or the end of input
/// that came meanwhile.
// ANCHOR: transitions
pub const TRANSITIONS: &[Transition] = transitions! {
    SendNonce:
        Flushed => AwaitDigest, RightDigest => Serving, WrongDigest => Ending,
        EndOfInput => Closed, Deadline => Closed,
        Stop => Closed, StopOwing => Closed, DrainDeadline => Closed, Lost => Closed;
    AwaitDigest:
        RightDigest => Serving, WrongDigest => Ending, EndOfInput => Closed, Deadline => Ending,
        Stop => Closed, StopOwing => Closed, DrainDeadline => Closed, Lost => Closed;
    Serving:
        LastRequest => Ending, Login => Verifying, BadRequest => Ending,
        EndOfInput => Draining, Deadline => Ending,
        Stop => Closed, StopOwing => Ending, DrainDeadline => Closed, Lost => Closed;
    Verifying:
        Verdict => Serving, LastVerdict => Ending, DrainDeadline => Closed, Lost => Closed;
    Draining:
        Flushed => Closed, DrainDeadline => Closed, Lost => Closed;
    Ending:
        Flushed => Lingering, DrainDeadline => Closed, Lost => Closed;
    Lingering:
        EndOfInput => Closed, Deadline => Closed,
        Stop => Closed, DrainDeadline => Closed, Lost => Closed;
};
// ANCHOR_END: transitions

impl State {
    /// Every state, in the order of a connection's life.
    pub const ALL: [State; 8] = [
        State::SendNonce,
        State::AwaitDigest,
        State::Serving,
        State::Verifying,
        State::Draining,
        State::Ending,
        State::Lingering,
        State::Closed,
    ];

    /// The word for it in the log, the trace and the metrics.
    pub const fn name(self) -> &'static str {
        match self {
            State::SendNonce => "send_nonce",
            State::AwaitDigest => "await_digest",
            State::Serving => "serving",
            State::Verifying => "verifying",
            State::Draining => "draining",
            State::Ending => "ending",
            State::Lingering => "lingering",
            State::Closed => "closed",
        }
    }

    /// The state after `input`, as [`TRANSITIONS`] has it.
    pub fn after(self, input: Input) -> State {
        TRANSITIONS
            .iter()
            .find(|row| row.from == self && row.input == input)
            .map_or(self, |row| row.to)
    }
}

impl Input {
    /// Every input.
    pub const ALL: [Input; 15] = [
        Input::Flushed,
        Input::Bytes,
        Input::RightDigest,
        Input::WrongDigest,
        Input::LastRequest,
        Input::Login,
        Input::BadRequest,
        Input::Verdict,
        Input::LastVerdict,
        Input::EndOfInput,
        Input::Deadline,
        Input::Stop,
        Input::StopOwing,
        Input::DrainDeadline,
        Input::Lost,
    ];

    /// What happened, in words: the arrows of the picture.
    pub const fn label(self) -> &'static str {
        match self {
            Input::Flushed => "flushed",
            Input::Bytes => "bytes",
            Input::RightDigest => "right digest",
            Input::WrongDigest => "wrong digest",
            Input::LastRequest => "last request",
            Input::Login => "login",
            Input::BadRequest => "bad request",
            Input::Verdict => "verdict",
            Input::LastVerdict => "last verdict",
            Input::EndOfInput => "end of input",
            Input::Deadline => "deadline",
            Input::Stop => "stop, nothing owed",
            Input::StopOwing => "stop, answers owed",
            Input::DrainDeadline => "drain deadline",
            Input::Lost => "lost",
        }
    }
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 16] = [
        Reason::Done,
        Reason::WrongDigest,
        Reason::ShortDigest,
        Reason::BadRequest,
        Reason::TooManyTries,
        Reason::HandshakeTimeout,
        Reason::IdleTimeout,
        Reason::WriteTimeout,
        Reason::Stopped,
        Reason::DrainTimeout,
        Reason::Reset,
        Reason::SocketError,
        Reason::TooManyConnections,
        Reason::TooManyPending,
        Reason::TooManyFromSource,
        Reason::Penalized,
    ];

    /// The word for it in the log, the trace and the metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Done => "done",
            Reason::WrongDigest => "wrong_digest",
            Reason::ShortDigest => "short_digest",
            Reason::BadRequest => "bad_request",
            Reason::TooManyTries => "too_many_tries",
            Reason::HandshakeTimeout => "handshake_timeout",
            Reason::IdleTimeout => "idle_timeout",
            Reason::WriteTimeout => "write_timeout",
            Reason::Stopped => "stopped",
            Reason::DrainTimeout => "drain_timeout",
            Reason::Reset => "reset",
            Reason::SocketError => "socket_error",
            Reason::TooManyConnections => "too_many_connections",
            Reason::TooManyPending => "too_many_pending",
            Reason::TooManyFromSource => "too_many_from_source",
            Reason::Penalized => "penalized",
        }
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

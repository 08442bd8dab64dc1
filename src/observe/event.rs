//! The events: what can be told about a loop and its connections.

mod written;

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use written::{
    call_result, moment, name_of_errno, name_of_reason, name_of_state, name_of_timer,
    name_of_verdict, optional_moment, optional_seconds, seconds,
};

use super::Errno;
use crate::session::{Reason, State, Time, Timer, Verdict};

/// How closely a reader has to look to see an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Detail {
    /// What concerns the server: it starts and stops, turns somebody away, can't accept, has new users.
    Server,
    /// A connection opens, is let in, closes; a login is checked.
    Life,
    /// Every change of a connection's state.
    States,
    /// Every readiness that the kernel reports and every result of a system call.
    Calls,
}

/// One event, with when and where it happened.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Record {
    /// The loop's own time: when the turn began in which it happened, or ended for what is told at
    /// the end. A simulated loop tells the same times whenever it is played.
    #[serde(serialize_with = "moment")]
    pub time: Time,
    /// The number of the connection, counted from 1; `None` for what concerns the whole loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<u64>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What a system call gave: a number of bytes, or what went wrong.
pub type CallResult = Result<usize, Errno>;

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A listener takes connections at `address`.
    Listening {
        /// Where, with the port that the kernel gave it.
        address: SocketAddr,
        /// The most bytes that are kept for one connection.
        max_buffer: usize,
    },
    /// A connection from a proxy was accepted: who is behind it, its header will say.
    Accepted {
        /// The proxy.
        peer: SocketAddr,
        /// The state in which it begins.
        #[serde(serialize_with = "name_of_state")]
        state: State,
    },
    /// A connection was accepted; behind a proxy, its header is whole and says whose it is.
    Opened {
        /// The other end; behind a proxy, the one that its header names.
        peer: SocketAddr,
        /// The state in which it begins.
        #[serde(serialize_with = "name_of_state")]
        state: State,
        /// The proxy, if there is one: then the connection was [`Accepted`](Event::Accepted) before.
        #[serde(skip_serializing_if = "Option::is_none")]
        via: Option<SocketAddr>,
    },
    /// In place of [`Opened`](Event::Opened): a proxy's header is whole and names nobody, so that the
    /// connection is the proxy's own.
    Local {
        /// The proxy.
        peer: SocketAddr,
    },
    /// A connection over a limit or from a penalized source was accepted, and closed at once.
    Refused {
        /// The other end.
        peer: SocketAddr,
        /// Which limit, or that the source is penalized.
        #[serde(serialize_with = "name_of_reason")]
        reason: Reason,
    },
    /// A source is refused from now on, or for longer than before.
    Penalty {
        /// Which: an IPv4 address, or an IPv6 /64.
        source: String,
        /// How the conversation that caused it ended.
        #[serde(serialize_with = "name_of_reason")]
        reason: Reason,
        /// For how long, from now.
        seconds: f64,
    },
    /// The client was let in.
    LetIn {
        /// The other end.
        peer: SocketAddr,
    },
    /// A connection was closed.
    Closed {
        /// The other end.
        peer: SocketAddr,
        /// Why.
        #[serde(serialize_with = "name_of_reason")]
        reason: Reason,
        /// Whether the client had been let in.
        let_in: bool,
        /// Bytes read from it; a proxy's header is none of them.
        received: u64,
        /// Bytes that the kernel took for it.
        sent: u64,
        /// Whether it was owed something, and the time for that was over.
        cut_off: bool,
    },
    /// A login was checked.
    Login {
        /// The name that the client gave, as [`shown`](super::shown()) shows it.
        name: String,
        /// What came of it.
        #[serde(serialize_with = "name_of_verdict")]
        result: Verdict,
    },
    /// A login could not be checked: that is nobody's failure. Told at most once a minute.
    VerifierFailed {
        /// Why not.
        why: String,
    },
    /// The users have changed and were read again.
    UsersRead {
        /// How many there are now.
        users: usize,
    },
    /// The users have changed, but can't be used; those before still hold.
    UsersBroken {
        /// Why, with the file and the line.
        why: String,
    },
    /// SIGHUP came: the users are read again, and the trace is opened anew.
    Hangup,
    /// A connection's state changed.
    State {
        /// Before.
        #[serde(serialize_with = "name_of_state")]
        from: State,
        /// After.
        #[serde(serialize_with = "name_of_state")]
        to: State,
    },
    /// `epoll_wait` (or its like) is called.
    Waiting {
        /// For how long at most, in seconds; `None`: until something happens.
        #[serde(serialize_with = "optional_seconds")]
        at_most: Option<Duration>,
    },
    /// A turn of the loop begins.
    Turn {
        /// How many things ended the wait: connections and listeners that are ready, calls from
        /// other threads, signals.
        ready: usize,
    },
    /// A turn of the loop is over.
    TurnEnd {
        /// How long it took, without the waiting.
        #[serde(serialize_with = "seconds")]
        took: Duration,
    },
    /// The kernel reports a change of readiness: an edge.
    Ready {
        /// A read gives something, or the end, or an error.
        readable: bool,
        /// A write takes something, or gives an error.
        writable: bool,
        /// The peer has shut down its sending side, or more.
        read_closed: bool,
    },
    /// An edge or a verdict for a connection that is closed: not passed to the one in its place.
    Stale,
    /// `accept` returned with an error.
    AcceptFailed {
        /// The errno.
        #[serde(serialize_with = "name_of_errno")]
        errno: Errno,
    },
    /// No descriptor is free: accepting pauses.
    AcceptPaused {
        /// The errno.
        #[serde(serialize_with = "name_of_errno")]
        errno: Errno,
    },
    /// Accepting goes on.
    AcceptResumed,
    /// `recv` returned.
    Received {
        /// For how many bytes there was room. Fewer show that there is nothing more to read.
        room: usize,
        /// Bytes, 0 for the end of input; or why not.
        #[serde(flatten, serialize_with = "call_result")]
        result: CallResult,
    },
    /// `send` returned.
    Sent {
        /// Bytes that were to be sent.
        offered: usize,
        /// Bytes that the kernel took; or why not.
        #[serde(flatten, serialize_with = "call_result")]
        result: CallResult,
    },
    /// Told only to who comes later: bytes of the connection's wait for the kernel.
    Owed {
        /// How many.
        bytes: usize,
    },
    /// `shutdown` of the sending side returned.
    ShutDown {
        /// 0, or why not.
        #[serde(flatten, serialize_with = "call_result")]
        result: CallResult,
    },
    /// The turn's budget is spent while more can be read: the connection queues up again.
    Requeued,
    /// A login was handed to whoever checks it, beside the loop.
    Submitted,
    /// A connection's deadline was set or moved, or it has none any more.
    Timer {
        /// Which.
        #[serde(serialize_with = "name_of_timer")]
        kind: Option<Timer>,
        /// When it passes.
        #[serde(serialize_with = "optional_moment")]
        until: Option<Time>,
    },
    /// A deadline has passed.
    Deadline,
    /// The loop goes round; told at regular times, if anybody wants to know.
    Alive,
    /// The server was told to stop. For so long it goes on as ever; then the drain begins.
    Grace {
        /// Connections that are open.
        connections: usize,
        /// How long.
        seconds: f64,
    },
    /// The server stops: no new connections, what is owed goes out.
    Draining {
        /// Connections that are still open.
        connections: usize,
    },
    /// The server has stopped.
    Stopped {
        /// Connections that were cut off.
        connections: usize,
    },
}

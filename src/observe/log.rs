//! The log: events as lines for people, through `tracing`.
//!
//! By default a line when a connection opens, is let in, logs in, is refused or closes; with `-v`
//! every change of state; with `-vv` every readiness and every result of a system call. Without either,
//! lines that strangers cause are limited, and the others counted: see `flood.rs`.

mod flood;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::set_global_default;
use tracing::{debug, info, trace, warn};

use super::whole::Whole;
use super::writer::Lines;
use super::{CallResult, Detail, Event, Observer, Record};
use crate::session::{Reason, Time, Verdict};
use flood::{Flood, Kind};

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verbosity {
    /// Warnings and errors.
    Quiet,
    /// And what becomes of each connection.
    Normal,
    /// And each change of state.
    States,
    /// And each readiness and system call.
    Calls,
}

impl Verbosity {
    fn level(self) -> LevelFilter {
        match self {
            Verbosity::Quiet => LevelFilter::WARN,
            Verbosity::Normal => LevelFilter::INFO,
            Verbosity::States => LevelFilter::DEBUG,
            Verbosity::Calls => LevelFilter::TRACE,
        }
    }

    fn detail(self) -> Detail {
        match self {
            Verbosity::Quiet => Detail::Server,
            Verbosity::Normal => Detail::Life,
            Verbosity::States => Detail::States,
            Verbosity::Calls => Detail::Calls,
        }
    }
}

/// Why there is no log.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// What `tracing` is told goes somewhere else already, and there it stays.
    #[error("cannot start the log: this process has one already")]
    Taken,
    /// There is no thread to write it.
    #[error("cannot start the log: {0}")]
    Thread(#[source] io::Error),
}

/// Sends what `tracing` is told, of this and other crates, to standard error through a thread of
/// its own. Keep the [`Lines`] until the end: they count the lines that were lost and, when
/// dropped, write what is queued. For a program's `main`; a library leaves the choice to its user.
///
/// ```
/// use sockmodes::observe::log::{self, Format, LogError, Verbosity};
///
/// let lines = log::try_init(Verbosity::Normal, Format::Text)?;
/// // There is one log in a process.
/// let second = log::try_init(Verbosity::Normal, Format::Json);
/// assert!(matches!(second, Err(LogError::Taken)));
/// drop(lines);
/// # Ok::<(), LogError>(())
/// ```
///
/// # Errors
///
/// [`LogError::Taken`] if `tracing` has a global subscriber, of whatever kind, and
/// [`LogError::Thread`] if the operating system has no thread to spare.
pub fn try_init(verbosity: Verbosity, format: Format) -> Result<Lines, LogError> {
    let (queue, lines) = Lines::start("log", Whole::new(io::stderr())).map_err(LogError::Thread)?;
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(verbosity.level())
        .with_writer(move || queue.clone())
        .with_ansi(false)
        .with_target(false)
        .log_internal_errors(false);
    let set = match format {
        Format::Text => set_global_default(subscriber.finish()),
        Format::Json => set_global_default(subscriber.json().flatten_event(true).finish()),
    };
    set.map(|()| lines).map_err(|_| LogError::Taken)
}

/// The observer that writes the log.
#[derive(Debug)]
#[must_use = "it writes what it is given to read"]
pub struct Log {
    detail: Detail,
    flood: Flood,
    /// Connections that are open and not let in, and whether it was told that they were opened. If they
    /// are let in, that is made up for.
    strangers: HashMap<u64, bool>,
}

impl Log {
    /// A log that is as detailed as `verbosity`.
    pub fn new(verbosity: Verbosity) -> Log {
        let (flood, strangers) = (Flood::default(), HashMap::new());
        Log { detail: verbosity.detail(), flood, strangers }
    }

    /// Whether a line may be told that a stranger has caused; if not, it is counted.
    fn may_tell(&mut self, kind: Kind, now: Time) -> bool {
        let may = self.detail > Detail::Life || self.flood.admits(kind, now);
        if !may {
            self.flood.leave_out(kind);
        }
        may
    }

    fn opened(&mut self, now: Time, conn: u64, peer: SocketAddr) {
        let may = self.detail > Detail::Life || self.flood.admits(Kind::Opened, now);
        self.strangers.insert(conn, may);
        if may {
            info!(conn, %peer, "opened");
        }
    }

    fn let_in(&mut self, conn: u64, peer: SocketAddr) {
        if self.strangers.remove(&conn) == Some(false) {
            info!(conn, %peer, "opened");
        }
        info!(conn, %peer, "let in");
    }

    /// Whether the end of a connection may be told, which has or has not been `let_in`.
    fn may_tell_end(&mut self, record: &Record, let_in: bool, reason: Reason) -> bool {
        if self.strangers.remove(&record.connection.unwrap_or_default()) == Some(false) {
            self.flood.leave_out(Kind::Opened);
        }
        let kind = if reason == Reason::Stopped { Kind::Closed } else { Kind::NotLetIn };
        let_in || self.may_tell(kind, record.time)
    }

    /// Whether it is not known that the connection is let in. Of a quiet log nothing is known.
    fn is_stranger(&self, conn: u64) -> bool {
        self.detail < Detail::Life || self.strangers.contains_key(&conn)
    }
}

impl Observer for Log {
    fn detail(&self) -> Detail {
        self.detail
    }

    fn observe(&mut self, record: &Record) {
        let (now, conn) = (record.time, record.connection.unwrap_or_default());
        match &record.event {
            Event::Opened { peer, .. } => self.opened(now, conn, *peer),
            Event::LetIn { peer } => self.let_in(conn, *peer),
            Event::Refused { peer, reason } => {
                if self.may_tell(Kind::Refused, now) {
                    warn!(conn, %peer, %reason, "refused");
                }
            }
            Event::Penalty { source, reason, seconds } => {
                if !self.is_stranger(conn) || self.may_tell(Kind::Penalized, now) {
                    info!(conn, %source, %reason, seconds, "penalized");
                }
            }
            Event::Closed { peer, reason, let_in, received, sent, cut_off } => {
                if self.may_tell_end(record, *let_in, *reason) {
                    let what = match *let_in || *reason == Reason::Stopped {
                        _ if *cut_off => "cut off",
                        true => "closed",
                        false => "refused",
                    };
                    info!(conn, %peer, %reason, received, sent, "{what}");
                }
            }
            Event::Login { name, result } => {
                let is_strange = *result == Verdict::Failure && self.is_stranger(conn);
                if !is_strange || self.may_tell(Kind::Login, now) {
                    info!(conn, name = name.as_str(), result = result.name(), "login");
                }
            }
            Event::AcceptPaused { errno } => {
                if self.may_tell(Kind::AcceptPaused, now) {
                    warn!(error = errno.to_string(), "accepting pauses");
                }
            }
            Event::AcceptResumed => {
                if self.may_tell(Kind::AcceptResumed, now) {
                    info!("accepting goes on");
                }
            }
            Event::Stopped { connections } => {
                self.flood.tell_counts();
                info!(cut_off = connections, "stopped");
            }
            other => others(conn, other),
        }
    }
}

/// What no stranger can cause at will.
fn others(conn: u64, event: &Event) {
    match event {
        Event::Listening { address } => info!(%address, "listening"),
        Event::VerifierFailed { why } => {
            warn!(error = why.as_str(), "logins can't be checked, and get no answer");
        }
        Event::UsersRead { users: 0 } => warn!("users read again: nobody can log in"),
        Event::UsersRead { users } => info!(users, "users read again"),
        Event::UsersBroken { why } => {
            warn!(error = why.as_str(), "the users have changed, but those before still hold");
        }
        Event::Hangup => info!("SIGHUP"),
        Event::Draining { connections } => info!(connections, "stopping"),
        Event::State { from, to } => debug!(conn, %from, %to, "state"),
        other => calls(conn, other),
    }
}

/// The closest look: one line for each readiness and each system call.
fn calls(conn: u64, event: &Event) {
    match event {
        Event::Waiting { at_most: Some(time) } => trace!("epoll_wait for {time:?} at the most"),
        Event::Waiting { at_most: None } => trace!("epoll_wait"),
        Event::Turn { ready } => trace!(ready, "turn begins"),
        Event::TurnEnd { took } => trace!("turn took {took:?}"),
        Event::Ready { readable, writable, read_closed } => {
            trace!(conn, readable, writable, read_closed, "ready");
        }
        Event::Stale => trace!("too late: closed already"),
        Event::AcceptFailed { errno } => trace!("accept = {errno}"),
        Event::Received { result } => trace!(conn, "recv = {}", returned(*result)),
        Event::Sent { offered, result } => trace!(conn, "send({offered}) = {}", returned(*result)),
        Event::ShutDown { result } => trace!(conn, "shutdown(SHUT_WR) = {}", returned(*result)),
        Event::Requeued => trace!(conn, "budget spent, queued again"),
        Event::Deadline => trace!(conn, "deadline"),
        _ => {}
    }
}

/// What a system call returned, as strace has it.
fn returned(result: CallResult) -> String {
    result.map_or_else(|errno| errno.to_string(), |bytes| bytes.to_string())
}

#[cfg(test)]
mod tests;

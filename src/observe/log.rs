//! The log: events as lines for people, through `tracing`.
//!
//! By default a line when a connection opens, is let in, logs in, is refused or closes; with `-v`
//! every change of state; with `-vv` every readiness and every result of a system call. Without either,
//! lines that strangers cause are limited, and the others counted (`flood.rs`), and nothing is told of
//! whoever only looks whether anybody is there (`strangers.rs`).

mod flood;
mod strangers;

use std::io;
use std::sync::Arc;

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::set_global_default;
use tracing::{debug, info, trace, warn};

use super::whole::Whole;
use super::writer::Lines;
use super::{CallResult, Detail, Event, Observer, Record};
use crate::session::Time;
use flood::Kind;
use strangers::{Known, Opened, Strangers};

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
    strangers: Arc<Strangers>,
}

impl Log {
    /// A log that is as detailed as `verbosity`.
    pub fn new(verbosity: Verbosity) -> Log {
        let detail = verbosity.detail();
        Log { detail, strangers: Arc::new(Strangers::new(detail)) }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.strangers.end();
    }
}

impl Observer for Log {
    fn detail(&self) -> Detail {
        self.detail
    }

    fn observe(&mut self, record: &Record) {
        let conn = record.connection.unwrap_or_default();
        let mut known = self.strangers.lock();
        match &record.event {
            Event::Accepted { peer, .. } => known.accepted(conn, *peer),
            Event::Local { peer } => known.local(conn, *peer),
            Event::Opened { peer, state, via } => {
                let opened = Opened::new(*peer, *via, *state, record.time);
                if known.opened(conn, opened) {
                    drop(known);
                    Strangers::wait_for_a_word(&self.strangers);
                }
            }
            Event::LetIn { peer } => known.let_in(conn, *peer),
            Event::Closed { .. } => known.closed(record),
            event => of_strangers(&mut known, conn, record.time, event),
        }
    }
}

/// What strangers may cause, and what they may not.
fn of_strangers(known: &mut Known, conn: u64, now: Time, event: &Event) {
    match event {
        Event::Refused { peer, reason } => {
            if known.may_tell(Kind::Refused, now) {
                warn!(conn, %peer, %reason, "refused");
            }
        }
        Event::Penalty { source, reason, seconds } => {
            if !known.is_stranger(conn) || known.may_tell(Kind::Penalized, now) {
                info!(conn, %source, %reason, seconds, "penalized");
            }
        }
        Event::Login { name, result } => known.login(conn, now, name, *result),
        Event::AcceptPaused { errno } => {
            if known.may_tell(Kind::AcceptPaused, now) {
                warn!(error = errno.to_string(), "accepting pauses");
            }
        }
        Event::AcceptResumed => {
            if known.may_tell(Kind::AcceptResumed, now) {
                info!("accepting goes on");
            }
        }
        Event::Stopped { connections } => {
            known.tell_counts();
            info!(cut_off = connections, "stopped");
        }
        other => others(conn, other),
    }
}

/// What no stranger can cause at will.
fn others(conn: u64, event: &Event) {
    match event {
        Event::Listening { address, .. } => info!(%address, "listening"),
        Event::VerifierFailed { why } => {
            warn!(error = why.as_str(), "logins can't be checked, and get no answer");
        }
        Event::UsersRead { users: 0 } => warn!("users read again: nobody can log in"),
        Event::UsersRead { users } => info!(users, "users read again"),
        Event::UsersBroken { why } => {
            warn!(error = why.as_str(), "the users have changed, but those before still hold");
        }
        Event::Hangup => info!("SIGHUP"),
        Event::Grace { connections, seconds } => {
            info!(connections, seconds, "told to stop; connections are still taken");
        }
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
        Event::Received { result, .. } => trace!(conn, "recv = {}", returned(*result)),
        Event::Sent { offered, result } => trace!(conn, "send({offered}) = {}", returned(*result)),
        Event::ShutDown { result } => trace!(conn, "shutdown(SHUT_WR) = {}", returned(*result)),
        Event::Requeued => trace!(conn, "budget spent, queued again"),
        Event::Submitted => trace!(conn, "login handed over"),
        Event::Timer { kind: Some(kind), until: Some(at) } => {
            trace!(conn, "{} deadline at {:?}", kind.name(), at.since_start());
        }
        Event::Timer { .. } => trace!(conn, "no deadline"),
        Event::Deadline => trace!(conn, "deadline"),
        Event::Alive => trace!("alive"),
        _ => {}
    }
}

/// What a system call returned, as strace has it.
fn returned(result: CallResult) -> String {
    result.map_or_else(|errno| errno.to_string(), |bytes| bytes.to_string())
}

#[cfg(test)]
mod tests;

//! The log: events as lines for people, through `tracing`.
//!
//! By default a line when a connection opens, is let in, logs in, is refused or closes; with `-v`
//! every change of state; with `-vv` every readiness and every result of a system call. A flood of
//! refusals is summed up: one line a second at the most, and the count of the others when the next
//! event comes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::set_global_default;
use tracing::{debug, info, trace, warn};

use super::whole::Whole;
use super::writer::Lines;
use super::{CallResult, Detail, Event, Observer, Record};
use crate::session::{Reason, Time};

/// At most one refusal is told in this time; the others are counted.
const REFUSALS_EVERY: Duration = Duration::from_secs(1);

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
    told: Option<Time>,
    untold: u64,
}

impl Log {
    /// A log that is as detailed as `verbosity`.
    pub fn new(verbosity: Verbosity) -> Log {
        Log { detail: verbosity.detail(), told: None, untold: 0 }
    }

    fn refused(&mut self, now: Time, conn: u64, peer: SocketAddr, reason: Reason) {
        if self.told.is_some_and(|told| now < told + REFUSALS_EVERY) {
            self.untold += 1;
            return;
        }
        warn!(conn, %peer, %reason, "refused");
        self.told = Some(now);
    }

    /// Tells how many refusals were not told one by one, once their second is over.
    fn catch_up(&mut self, record: &Record) {
        let is_over = self.told.is_some_and(|told| record.time >= told + REFUSALS_EVERY);
        let is_last = matches!(record.event, Event::Stopped { .. });
        if self.untold > 0 && (is_over || is_last) {
            warn!(connections = std::mem::take(&mut self.untold), "refused, too");
        }
    }
}

impl Observer for Log {
    fn detail(&self) -> Detail {
        self.detail
    }

    fn observe(&mut self, record: &Record) {
        self.catch_up(record);
        let conn = record.connection.unwrap_or_default();
        match &record.event {
            Event::Listening { address } => info!(%address, "listening"),
            Event::Opened { peer, .. } => info!(conn, %peer, "opened"),
            Event::LetIn { peer } => info!(conn, %peer, "let in"),
            Event::Refused { peer, reason } => self.refused(record.time, conn, *peer, *reason),
            Event::Penalty { source, reason, seconds } => {
                info!(conn, %source, %reason, seconds, "penalized");
            }
            Event::Closed { peer, reason, let_in, received, sent, cut_off } => {
                let what = match *let_in || *reason == Reason::Stopped {
                    _ if *cut_off => "cut off",
                    true => "closed",
                    false => "refused",
                };
                info!(conn, %peer, %reason, received, sent, "{what}");
            }
            Event::Login { name, result } => {
                info!(conn, name = name.as_str(), result = result.name(), "login");
            }
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
            Event::Stopped { connections } => info!(cut_off = connections, "stopped"),
            Event::AcceptPaused { errno } => {
                warn!(error = errno.to_string(), "accepting pauses: no descriptor is free");
            }
            Event::AcceptResumed => info!("accepting goes on"),
            Event::State { from, to } => debug!(conn, %from, %to, "state"),
            other => calls(conn, other),
        }
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

//! Those of whom it is not known that they are let in, and what has been told of them so far.
//!
//! Load balancers and monitors look several times a second whether anybody is there: they connect, and
//! leave without a word. So it is told that a connection was opened once it is let in for what it said,
//! has stayed for a second, or ends; and of one that has left before without a word, nothing is told. Nor
//! of those that proxies make for themselves. A log that looks more closely tells everything at once.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::dispatcher::{get_default, with_default};
use tracing::{Dispatch, debug, info, warn};

use super::flood::{Flood, Kind};
use crate::observe::{Detail, Event, Record};
use crate::session::{Reason, State, Time, Verdict};

/// For so long at least it is not told that a connection was opened that has not said a word; for twice as
/// long at most.
const SECOND: Duration = Duration::from_secs(1);

/// What is known of strangers, and whom a thread waits for.
#[derive(Debug)]
pub(super) struct Strangers {
    known: Mutex<Known>,
    changed: Condvar,
}

/// What is known of strangers.
#[derive(Debug)]
pub(super) struct Known {
    detail: Detail,
    flood: Flood,
    /// Connections that are open and not let in, and whom else there is nothing to tell of yet.
    open: HashMap<u64, Stranger>,
    /// Those that have not said a word, as far as is known, in the order in which they came.
    silent: VecDeque<u64>,
    has_thread: bool,
    has_ended: bool,
}

/// What was told of a connection.
#[derive(Clone, Copy, Debug)]
enum Stranger {
    /// Nothing so far: it has not said a word.
    Silent(Opened),
    /// That it was opened.
    Told,
    /// Not that it was opened, for there were too many. If it is let in, that is made up for.
    LeftOut(Opened),
    /// Nothing so far: a proxy has not said whose it is.
    Unnamed,
    /// Nothing: it is a proxy's own.
    Local,
}

/// That a connection was opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    peer: SocketAddr,
    via: Option<SocketAddr>,
    at: Time,
    /// The service has begun with it.
    is_served: bool,
    /// It was let in although it has not said a word.
    is_in: bool,
}

impl Opened {
    /// A connection that begins in `state`.
    pub(super) fn new(peer: SocketAddr, via: Option<SocketAddr>, state: State, at: Time) -> Opened {
        Opened { peer, via, at, is_served: state == State::Serving, is_in: false }
    }

    fn tell(self, conn: u64) {
        let Opened { peer, via, .. } = self;
        info!(conn, %peer, via = via.map(display), "opened");
    }
}

impl Strangers {
    pub(super) fn new(detail: Detail) -> Strangers {
        let known = Known {
            detail,
            flood: Flood::default(),
            open: HashMap::new(),
            silent: VecDeque::new(),
            has_thread: false,
            has_ended: false,
        };
        Strangers { known: Mutex::new(known), changed: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody has come who has not said a word. Nobody wakes the loop when they have stayed long
    /// enough: there is a thread that waits for it. Without one to spare, it is told with their first
    /// word.
    pub(super) fn wait_for_a_word(this: &Arc<Strangers>) {
        if std::mem::replace(&mut this.lock().has_thread, true) {
            return this.changed.notify_one();
        }
        let (strangers, log) = (this.clone(), get_default(Dispatch::clone));
        let wait = move || with_default(&log, || strangers.wait());
        let _ = thread::Builder::new().name("log-opened".into()).spawn(wait);
    }

    fn wait(&self) {
        let mut known = self.lock();
        loop {
            let nobody = |known: &mut Known| !known.has_ended && known.silent.is_empty();
            let waited = self.changed.wait_while(known, nobody);
            known = waited.unwrap_or_else(PoisonError::into_inner);
            if known.has_ended {
                return;
            }
            let there = known.silent.len();
            let goes_on = |known: &mut Known| !known.has_ended;
            let waited = self.changed.wait_timeout_while(known, SECOND, goes_on);
            known = waited.unwrap_or_else(PoisonError::into_inner).0;
            known.tell_who_stays(there);
        }
    }

    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_one();
    }
}

impl Known {
    #[cfg(test)]
    pub(super) fn are_none(&self) -> bool {
        self.open.is_empty()
    }

    fn looks_closely(&self) -> bool {
        self.detail > Detail::Life
    }

    /// Whether a line may be told that a stranger has caused; if not, it is counted.
    pub(super) fn may_tell(&mut self, kind: Kind, now: Time) -> bool {
        let may = self.looks_closely() || self.flood.admits(kind, now);
        if !may {
            self.flood.leave_out(kind);
        }
        may
    }

    pub(super) fn tell_counts(&self) {
        self.flood.tell_counts();
    }

    /// Whether it is not known that the connection is let in. Of a quiet log nothing is known.
    pub(super) fn is_stranger(&self, conn: u64) -> bool {
        self.detail < Detail::Life || self.open.contains_key(&conn)
    }

    /// From a proxy, which has not said whose it is.
    pub(super) fn accepted(&mut self, conn: u64, peer: SocketAddr) {
        self.open.insert(conn, Stranger::Unnamed);
        debug!(conn, %peer, "accepted");
    }

    pub(super) fn local(&mut self, conn: u64, peer: SocketAddr) {
        self.open.insert(conn, Stranger::Local);
        debug!(conn, %peer, "local");
    }

    /// Whether nothing is told of it yet.
    pub(super) fn opened(&mut self, conn: u64, opened: Opened) -> bool {
        let is_held = !self.looks_closely();
        if is_held {
            self.open.insert(conn, Stranger::Silent(opened));
            self.silent.push_back(conn);
        } else {
            self.open.insert(conn, Stranger::Told);
            opened.tell(conn);
        }
        is_held
    }

    pub(super) fn let_in(&mut self, conn: u64, peer: SocketAddr) {
        match self.open.get_mut(&conn) {
            Some(Stranger::Local) if self.detail == Detail::Life => return,
            // Nothing was asked of it, so it may still leave without a word.
            Some(Stranger::Silent(opened)) if opened.is_served => {
                opened.is_in = true;
                return;
            }
            Some(Stranger::Silent(opened) | Stranger::LeftOut(opened)) => opened.tell(conn),
            _ => {}
        }
        self.open.remove(&conn);
        info!(conn, %peer, "let in");
    }

    /// Tells what was held back of a connection that has said something or has stayed.
    fn tell_opened(&mut self, conn: u64, opened: Opened, now: Time) {
        if opened.is_in {
            self.open.remove(&conn);
            opened.tell(conn);
            info!(conn, peer = %opened.peer, "let in");
        } else if self.flood.admits(Kind::Opened, now) {
            self.open.insert(conn, Stranger::Told);
            opened.tell(conn);
        } else {
            self.open.insert(conn, Stranger::LeftOut(opened));
        }
    }

    /// Tells of those who have not said a word, among so many who came first.
    fn tell_who_stays(&mut self, came: usize) {
        for conn in self.silent.drain(..came).collect::<Vec<_>>() {
            if let Some(&Stranger::Silent(opened)) = self.open.get(&conn) {
                self.tell_opened(conn, opened, opened.at + SECOND);
            }
        }
    }

    pub(super) fn login(&mut self, conn: u64, now: Time, name: &str, result: Verdict) {
        match self.open.get(&conn) {
            Some(Stranger::Local) if !self.looks_closely() => return,
            Some(&Stranger::Silent(opened)) => self.tell_opened(conn, opened, now),
            _ => {}
        }
        let is_strange = result == Verdict::Failure && self.is_stranger(conn);
        if !is_strange || self.may_tell(Kind::Login, now) {
            info!(conn, name, result = result.name(), "login");
        }
    }

    pub(super) fn closed(&mut self, record: &Record) {
        let Event::Closed { peer, reason, let_in, received, sent, cut_off } = &record.event else {
            return;
        };
        let (conn, now) = (record.connection.unwrap_or_default(), record.time);
        let stranger = self.open.remove(&conn);
        if !self.looks_closely() && stranger.is_some_and(|it| it.is_no_news(*reason, *received)) {
            return;
        }
        if let Some(Stranger::Silent(opened)) = stranger {
            self.tell_opened(conn, opened, now);
        }
        if let Some(Stranger::LeftOut(_)) = self.open.remove(&conn).or(stranger) {
            self.flood.leave_out(Kind::Opened);
        }
        // Over a limit, or penalized: behind a proxy that is found out late. A quiet log hears of no
        // other end.
        let is_unnamed = matches!(stranger, Some(Stranger::Unnamed)) || self.detail < Detail::Life;
        let is_refusal = reason.is_refusal() && is_unnamed;
        let kind = match reason {
            _ if is_refusal => Kind::Refused,
            Reason::Stopped => Kind::Closed,
            _ => Kind::NotLetIn,
        };
        if !let_in && !self.may_tell(kind, now) {
            return;
        }
        if is_refusal {
            return warn!(conn, %peer, %reason, "refused");
        }
        let what = match *let_in || *reason == Reason::Stopped {
            _ if *cut_off => "cut off",
            true => "closed",
            false => "refused",
        };
        info!(conn, %peer, %reason, received, sent, "{what}");
    }
}

impl Stranger {
    /// Whether nothing is told of its end: it has left without a word, or was a proxy's own.
    fn is_no_news(self, reason: Reason, received: u64) -> bool {
        let has_left = matches!(reason, Reason::Done | Reason::ShortDigest | Reason::Reset);
        match self {
            Stranger::Local => true,
            Stranger::Silent(_) | Stranger::Unnamed => has_left && received == 0,
            Stranger::Told | Stranger::LeftOut(_) => false,
        }
    }
}

//! What will the loop do next? Three choices, and the right one.
//!
//! Never here: a run (see `run.rs`). What the loop did is known; the others are drawn from what loops can do.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::observe::{Event, Record};

/// What a loop can do next, to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Sleep,
    Accept,
    TurnAway,
    PauseAccepting,
    Read(u64),
    Send(u64),
    ShutDown(u64),
    PutOff(u64),
    GiveUp(u64),
    Close(u64),
}

/// A question, with its answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) choices: [Deed; 3],
    /// The place among the choices.
    pub(super) right: usize,
    /// The place of the event that shows it.
    pub(super) shown_by: usize,
}

impl Deed {
    /// What `record` tells that the loop has done, if it tells that.
    fn of(record: &Record) -> Option<Deed> {
        let to = |deed: fn(u64) -> Deed| record.connection.map(deed);
        match record.event {
            Event::Waiting { .. } => Some(Deed::Sleep),
            Event::Opened { .. } | Event::Accepted { .. } => Some(Deed::Accept),
            Event::Refused { .. } => Some(Deed::TurnAway),
            Event::AcceptPaused { .. } => Some(Deed::PauseAccepting),
            Event::Received { .. } => to(Deed::Read),
            Event::Sent { .. } => to(Deed::Send),
            Event::ShutDown { .. } => to(Deed::ShutDown),
            Event::Requeued => to(Deed::PutOff),
            Event::Deadline => to(Deed::GiveUp),
            Event::Closed { .. } => to(Deed::Close),
            _ => None,
        }
    }

    /// In words.
    pub(super) fn text(self) -> String {
        match self {
            Deed::Sleep => "sleep in epoll_wait".into(),
            Deed::Accept => "accept a connection".into(),
            Deed::TurnAway => "accept a connection, and close it at once".into(),
            Deed::PauseAccepting => "stop accepting for a while".into(),
            Deed::Read(number) => format!("read from connection {number}"),
            Deed::Send(number) => format!("send to connection {number}"),
            Deed::ShutDown(number) => format!("shut down the sending side of connection {number}"),
            Deed::PutOff(number) => format!("put connection {number} at the end of the queue"),
            Deed::GiveUp(number) => format!("end connection {number}, for its time is up"),
            Deed::Close(number) => format!("close connection {number}"),
        }
    }

    /// Why a loop does it.
    pub(super) const fn why(self) -> &'static str {
        match self {
            Deed::Sleep => "nothing is left that could be done now, and sleeping costs nothing",
            Deed::Accept => "somebody waits at a listener, and one edge tells of all who do",
            Deed::TurnAway => "it is over a limit, and left in the backlog it would only wait",
            Deed::PauseAccepting => "no descriptor is free, and trying on would be spinning",
            Deed::Read(_) => {
                "it may have something to read, as far as is remembered, and is owed nothing"
            }
            Deed::Send(_) => {
                "what is to be sent is sent at once, and only what finds no room is kept"
            }
            Deed::ShutDown(_) => "all is sent, and the end of the stream goes behind the last byte",
            Deed::PutOff(_) => "there may be more to read, but the others have their turn first",
            Deed::GiveUp(_) => "a deadline has passed, and trickling does not move it",
            Deed::Close(_) => "it is owed nothing any more, or can't be given it",
        }
    }
}

impl Question {
    /// What comes behind the first `after` of `records`; `None` if they don't tell.
    pub(super) fn new(seed: u64, records: &[Record], after: usize) -> Option<Question> {
        let rest = records.get(after..)?.iter();
        let (at, right) = rest.zip(after..).find_map(|(it, at)| Some((at, Deed::of(it)?)))?;
        let rng = &mut StdRng::seed_from_u64(seed ^ after as u64);
        let mut others = candidates(&records[..after], right);
        others.retain(|deed| *deed != right);
        // What it could do to the same connection is harder to tell from it.
        let near = others.iter().filter(|it| it.connection() == right.connection()).count();
        let mut first = others.iter().filter(|it| it.connection() == right.connection());
        let first = *first.nth(draw(rng, near))?;
        others.retain(|deed| *deed != first);
        let last = *others.get(draw(rng, others.len()))?;
        let mut choices = [first, last, right];
        let place = draw(rng, choices.len());
        choices.swap(2, place);
        Some(Question { choices, right: place, shown_by: at })
    }
}

/// One of so many places; the first where there is none.
fn draw(rng: &mut StdRng, places: usize) -> usize {
    rng.random_range(0..places.max(1) as u32) as usize
}

impl Deed {
    fn connection(self) -> Option<u64> {
        match self {
            Deed::Sleep | Deed::Accept | Deed::TurnAway | Deed::PauseAccepting => None,
            Deed::Read(number) | Deed::Send(number) | Deed::ShutDown(number) => Some(number),
            Deed::PutOff(number) | Deed::GiveUp(number) | Deed::Close(number) => Some(number),
        }
    }
}

/// What a loop can do behind `records`, or could if it were another.
fn candidates(records: &[Record], right: Deed) -> Vec<Deed> {
    let mut open: Vec<u64> = right.connection().into_iter().collect();
    for record in records {
        let Some(number) = record.connection else { continue };
        match record.event {
            Event::Closed { .. } | Event::Refused { .. } => open.retain(|it| *it != number),
            _ if !open.contains(&number) => open.push(number),
            _ => {}
        }
    }
    let to_one = [Deed::Read, Deed::Send, Deed::ShutDown, Deed::PutOff, Deed::GiveUp, Deed::Close];
    let to_all = open.into_iter().flat_map(|number| to_one.map(|deed| deed(number)));
    [Deed::Sleep, Deed::Accept, Deed::TurnAway, Deed::PauseAccepting]
        .into_iter()
        .chain(to_all)
        .collect()
}

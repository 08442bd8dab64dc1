//! The events, for watchers who come and go while the loop runs.
//!
//! The loop only leaves its events here. Whoever calls [`Live::pass_on`], which is never the loop, makes them
//! into text, once for all watchers. Each of these has a bounded queue of such text; what does not fit is
//! lost and counted.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use hyper::body::Bytes;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::standing::Standing;
use super::writer::Counts;
use super::{Detail, Observer, Record};

/// Events that may wait for one watcher.
const QUEUE: usize = 4096;
/// Events that the loop may leave before they are passed on.
const LEFT: usize = 8192;
/// The most events that go into one piece of text.
const PIECE: usize = 256;
/// The most open connections that who comes later is told of: with four events each, they fit into the queue.
const OPEN: usize = 1000;

/// The observer that passes events on. Clones share their watchers: one reads the events, another lets watchers in.
#[derive(Clone, Default)]
pub struct Live(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The loop waits for this lock. It is held for as long as it takes to leave an event, or to look how
    /// things stand; where both are held, it is taken second.
    stage: Mutex<Stage>,
    seats: Mutex<Vec<Seat>>,
    /// How many seats are taken, so that nobody waits for a lock without need.
    taken: AtomicUsize,
    /// What is sent in full changes how things stand only if somebody is owed something.
    is_anyone_owed: AtomicBool,
    /// There is something to pass on.
    news: Notify,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Stage {
    standing: Standing,
    is_watched: bool,
    left: Vec<Record>,
    /// Events for which there was no room after those that are left.
    lost: u64,
}

/// The end of a queue where text goes in.
struct Seat {
    told: UnboundedSender<Told>,
    line: Arc<Line>,
}

/// What both ends of a queue know.
#[derive(Default)]
struct Line {
    /// Events in the queue.
    waiting: AtomicUsize,
    /// How many events did not fit since the last one that did. The lock is held for as long as it
    /// takes to look whether there is room, so that a loss is never told before what came earlier.
    lost: Mutex<u64>,
}

/// What a watcher is told at once.
pub(super) struct Told {
    /// How many events were lost just before this.
    pub(super) lost: u64,
    /// Events, a JSON object each, in the form of server-sent events.
    pub(super) text: Bytes,
    events: usize,
}

/// The end where it comes out.
pub(super) struct Spectator {
    told: UnboundedReceiver<Told>,
    line: Arc<Line>,
}

impl Live {
    /// A new watcher of the events from now on, unless there are `most` already. It is told first how
    /// things stand.
    pub(super) fn watch(&self, most: usize) -> Option<Spectator> {
        let mut seats = lock(&self.0.seats);
        // What was left before is for those who came before.
        self.pass_on_to(&mut seats);
        if seats.len() >= most {
            return None;
        }
        let (untold, records) = {
            let mut stage = lock(&self.0.stage);
            stage.is_watched = true;
            stage.standing.records(OPEN)
        };
        let (sender, told) = unbounded_channel();
        let seat = Seat { told: sender, line: Arc::default() };
        let line = seat.line.clone();
        self.lose(&seat, untold as u64);
        self.tell(std::slice::from_ref(&seat), &records);
        seats.push(seat);
        self.0.taken.store(seats.len(), Ordering::Relaxed);
        Some(Spectator { told, line })
    }

    /// Waits until there is something to pass on.
    pub(super) async fn news(&self) {
        self.0.news.notified().await;
    }

    /// Makes what the loop has left into text, and passes it on to all watchers.
    pub(super) fn pass_on(&self) {
        self.pass_on_to(&mut lock(&self.0.seats));
    }

    fn pass_on_to(&self, seats: &mut Vec<Seat>) {
        seats.retain(|seat| !seat.told.is_closed());
        let (records, lost) = {
            let mut stage = lock(&self.0.stage);
            stage.is_watched = !seats.is_empty();
            (mem::take(&mut stage.left), mem::take(&mut stage.lost))
        };
        self.0.taken.store(seats.len(), Ordering::Relaxed);
        self.tell(seats, &records);
        seats.iter().for_each(|seat| self.lose(seat, lost));
    }

    fn tell(&self, seats: &[Seat], records: &[Record]) {
        if seats.is_empty() {
            return;
        }
        for records in records.chunks(PIECE) {
            let text = text(records);
            for seat in seats {
                if !seat.take(&text, records.len()) {
                    self.lose(seat, records.len() as u64);
                }
            }
        }
    }

    fn lose(&self, seat: &Seat, events: u64) {
        *lock(&seat.line.lost) += events;
        self.0.counts.dropped.fetch_add(events, Ordering::Relaxed);
    }

    /// What is left is passed on, and then nobody will be told anything more: whoever has heard everything
    /// hears the end.
    pub(super) fn end(&self) {
        let mut seats = lock(&self.0.seats);
        self.pass_on_to(&mut seats);
        seats.clear();
        self.pass_on_to(&mut seats);
    }

    /// How many events were lost, over all watchers.
    pub(super) fn counts(&self) -> Arc<Counts> {
        self.0.counts.clone()
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Live({} seats taken)", self.0.taken.load(Ordering::Relaxed))
    }
}

impl Observer for Live {
    fn detail(&self) -> Detail {
        Detail::Calls
    }

    fn observe(&mut self, record: &Record) {
        let is_watched = self.0.taken.load(Ordering::Relaxed) > 0;
        let is_anyone_owed = self.0.is_anyone_owed.load(Ordering::Relaxed);
        if is_watched || Standing::is_changed_by(&record.event, is_anyone_owed) {
            self.leave(record);
        }
    }
}

impl Live {
    fn leave(&self, record: &Record) {
        let mut stage = lock(&self.0.stage);
        stage.standing.note(record);
        self.0.is_anyone_owed.store(stage.standing.is_anyone_owed(), Ordering::Relaxed);
        if !stage.is_watched {
            return;
        }
        if stage.left.len() < LEFT {
            stage.left.push(record.clone());
        } else {
            stage.lost += 1;
        }
        let is_first = stage.left.len() == 1;
        drop(stage);
        // Whoever passes on takes all that is left, so it need not be told again.
        if is_first {
            self.0.news.notify_one();
        }
    }
}

fn text(records: &[Record]) -> Bytes {
    let mut text = Vec::new();
    for record in records {
        text.extend_from_slice(b"data: ");
        serde_json::to_writer(&mut text, record).expect("an event has only strings for keys");
        text.extend_from_slice(b"\n\n");
    }
    text.into()
}

impl Seat {
    /// Whether there was room for it.
    fn take(&self, text: &Bytes, events: usize) -> bool {
        let mut lost = lock(&self.line.lost);
        if self.line.waiting.load(Ordering::Relaxed) + events > QUEUE {
            return false;
        }
        self.line.waiting.fetch_add(events, Ordering::Relaxed);
        // It fails only if the watcher has left.
        let _ = self.told.send(Told { lost: mem::take(&mut lost), text: text.clone(), events });
        true
    }
}

impl Spectator {
    /// What is told next; `None` is the end.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Told>> {
        let next = self.told.poll_recv(context);
        if let Poll::Ready(Some(told)) = &next {
            self.line.waiting.fetch_sub(told.events, Ordering::Relaxed);
            return next;
        }
        match self.take_last_lost() {
            0 => Poll::Ready(ready!(next)),
            lost => Poll::Ready(Some(Told { lost, text: Bytes::new(), events: 0 })),
        }
    }

    /// How many events were lost after the last one that is told.
    fn take_last_lost(&self) -> u64 {
        let mut lost = lock(&self.line.lost);
        if self.told.is_empty() { mem::take(&mut *lost) } else { 0 }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

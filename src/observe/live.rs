//! The events, for spectators who come and go while the loop runs: each has a bounded queue, and
//! what does not fit is lost and counted.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Detail, Event, Observer, Record};

/// Events that may wait for one spectator.
const QUEUE: usize = 4096;

/// The observer that passes events on. Clones share their spectators: one reads the events, another lets spectators in.
#[derive(Clone, Default)]
pub struct Live(Arc<Spectators>);

#[derive(Default)]
struct Spectators {
    house: Mutex<House>,
    /// How many seats are taken, so that nobody waits for the lock without need.
    taken: AtomicUsize,
}

#[derive(Default)]
struct House {
    seats: Vec<Seat>,
    /// Where the server listens is told once, before anybody can watch, so it is kept for those who
    /// come later.
    listening: Vec<Arc<Record>>,
}

/// The end of a queue where events go in.
struct Seat {
    told: Sender<Told>,
    /// How many events did not fit since the last one that did. The lock is held for as long as it
    /// takes to look whether there is room, so that a loss is never told before what came earlier.
    lost: Arc<Mutex<u64>>,
}

/// One thing that a spectator is told.
pub(super) struct Told {
    /// How many events were lost just before this one.
    pub(super) lost: u64,
    /// `None` if none has come since they were lost.
    pub(super) record: Option<Arc<Record>>,
}

/// The end where they come out.
pub(super) struct Spectator {
    told: Receiver<Told>,
    lost: Arc<Mutex<u64>>,
}

impl Live {
    /// A new spectator of the events from now on; the first ones say where the server listens.
    pub(super) fn watch(&self) -> Spectator {
        let (sender, told) = channel(QUEUE);
        let seat = Seat { told: sender, lost: Arc::default() };
        let lost = seat.lost.clone();
        self.change(|house| {
            house.listening.iter().for_each(|record| seat.tell(record.clone()));
            house.seats.push(seat);
        });
        Spectator { told, lost }
    }

    /// Nobody will be told anything more: whoever has heard everything hears the end.
    pub(super) fn end(&self) {
        self.change(|house| house.seats.clear());
    }

    fn change(&self, change: impl FnOnce(&mut House)) {
        let mut house = lock(&self.0.house);
        change(&mut house);
        self.0.taken.store(house.seats.len(), Ordering::Relaxed);
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
        let stays = matches!(record.event, Event::Listening { .. });
        if self.0.taken.load(Ordering::Relaxed) == 0 && !stays {
            return;
        }
        let record = Arc::new(record.clone());
        self.change(|house| {
            house.seats.retain(|seat| !seat.told.is_closed());
            house.seats.iter().for_each(|seat| seat.tell(record.clone()));
            if stays {
                house.listening.push(record);
            }
        });
    }
}

impl Seat {
    fn tell(&self, record: Arc<Record>) {
        let mut lost = lock(&self.lost);
        match self.told.try_send(Told { lost: *lost, record: Some(record) }) {
            Ok(()) => *lost = 0,
            Err(_) => *lost += 1,
        }
    }
}

impl Spectator {
    /// Adds what is told next to `told`, at most `most`; returns how much, and 0 at the end.
    pub(super) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        told: &mut Vec<Told>,
        most: usize,
    ) -> Poll<usize> {
        let next = self.told.poll_recv_many(context, told, most);
        if matches!(next, Poll::Ready(1..)) {
            return next;
        }
        match self.take_last_lost() {
            0 => next,
            lost => {
                told.push(Told { lost, record: None });
                Poll::Ready(1)
            }
        }
    }

    /// How many events were lost after the last one that is told.
    fn take_last_lost(&self) -> u64 {
        let mut lost = lock(&self.lost);
        if self.told.is_empty() { mem::take(&mut *lost) } else { 0 }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use crate::session::Time;
    use std::task::Waker;

    use super::*;

    fn record(ready: usize) -> Record {
        Record { time: Time::START, connection: None, event: Event::Turn { ready } }
    }

    /// What is told at once: how many were lost before it, and its number; `None` is the end.
    fn next(spectator: &mut Spectator) -> Option<Vec<(u64, Option<usize>)>> {
        let mut told = Vec::new();
        match spectator.poll_next(&mut Context::from_waker(Waker::noop()), &mut told, 1) {
            Poll::Ready(0) => return None,
            Poll::Ready(count) => assert_eq!(count, told.len()),
            Poll::Pending => assert!(told.is_empty()),
        }
        let number = |record: Arc<Record>| match record.event {
            Event::Turn { ready } => ready,
            _ => usize::MAX,
        };
        Some(told.into_iter().map(|told| (told.lost, told.record.map(number))).collect())
    }

    #[test]
    fn what_a_slow_spectator_loses_is_told_in_its_place_and_others_lose_nothing() {
        let mut live = Live::default();
        let (mut slow, mut quick) = (live.watch(), live.watch());
        for ready in 0..2 * QUEUE {
            live.observe(&record(ready));
            assert_eq!(next(&mut quick), Some(vec![(0, Some(ready))]));
        }
        assert_eq!(next(&mut slow), Some(vec![(0, Some(0))]));
        live.observe(&record(2 * QUEUE));
        live.observe(&record(2 * QUEUE + 1));
        for ready in 1..QUEUE {
            assert_eq!(next(&mut slow), Some(vec![(0, Some(ready))]));
        }
        assert_eq!(next(&mut slow), Some(vec![(QUEUE as u64, Some(2 * QUEUE))]));
        // After this one nothing has come so far.
        assert_eq!(next(&mut slow), Some(vec![(1, None)]));
        assert_eq!(next(&mut slow), Some(vec![]));
        live.observe(&record(7));
        assert_eq!(next(&mut slow), Some(vec![(0, Some(7))]));
    }

    #[test]
    fn what_was_lost_last_is_told_before_the_end() {
        let mut live = Live::default();
        let mut slow = live.watch();
        (0..QUEUE + 3).for_each(|ready| live.observe(&record(ready)));
        live.end();
        (0..QUEUE).for_each(|ready| assert_eq!(next(&mut slow), Some(vec![(0, Some(ready))])));
        assert_eq!(next(&mut slow), Some(vec![(3, None)]));
        assert_eq!(next(&mut slow), None);
    }

    #[test]
    fn who_comes_later_is_told_first_where_the_server_listens() {
        let mut live = Live::default();
        let address = ([127, 0, 0, 1], 9999).into();
        let event = Event::Listening { address };
        live.observe(&Record { time: Time::START, connection: None, event });
        live.observe(&record(1));
        let mut late = live.watch();
        live.observe(&record(2));
        assert_eq!(next(&mut late), Some(vec![(0, Some(usize::MAX))]));
        assert_eq!(next(&mut late), Some(vec![(0, Some(2))]));
    }

    #[test]
    fn who_has_left_has_no_seat_and_who_stays_hears_the_end_after_the_last_event() {
        let mut live = Live::default();
        let (left, mut stayed) = (live.watch(), live.watch());
        assert_eq!(format!("{live:?}"), "Live(2 seats taken)");
        drop(left);
        live.observe(&record(1));
        assert_eq!(live.0.taken.load(Ordering::Relaxed), 1);
        live.end();
        assert_eq!(next(&mut stayed), Some(vec![(0, Some(1))]));
        assert_eq!(next(&mut stayed), None);
    }
}

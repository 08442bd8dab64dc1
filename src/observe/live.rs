//! The events for who comes and goes while the loop runs: each has a bounded queue, and what does not fit is lost and
//! counted.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Detail, Reader, Record};

/// Events that may wait for one spectator.
const QUEUE: usize = 4096;

/// The reader that passes events on. Clones share their spectators: one reads the events, another lets spectators in.
#[derive(Clone, Default)]
pub struct Live(Arc<Spectators>);

#[derive(Default)]
struct Spectators {
    seats: Mutex<Vec<Seat>>,
    /// How many seats there are, so that nobody waits for the lock who need not.
    taken: AtomicUsize,
}

/// The end of a queue where events go in.
struct Seat {
    records: Sender<Arc<Record>>,
    lost: Arc<AtomicU64>,
}

/// The end where they come out.
pub(super) struct Spectator {
    records: Receiver<Arc<Record>>,
    lost: Arc<AtomicU64>,
}

impl Live {
    /// From now on the events come here, too.
    pub(super) fn watch(&self) -> Spectator {
        let (sender, records) = channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        self.change(|seats| seats.push(Seat { records: sender, lost: lost.clone() }));
        Spectator { records, lost }
    }

    /// Nobody will be told anything any more: who has heard everything hears the end.
    pub(super) fn end(&self) {
        self.change(Vec::clear);
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Seat>)) {
        let mut seats = self.0.seats.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut seats);
        self.0.taken.store(seats.len(), Ordering::Relaxed);
    }
}

impl Reader for Live {
    fn detail(&self) -> Detail {
        Detail::Calls
    }

    fn read(&mut self, record: &Record) {
        if self.0.taken.load(Ordering::Relaxed) == 0 {
            return;
        }
        let record = Arc::new(record.clone());
        self.change(|seats| {
            seats.retain(|seat| !seat.records.is_closed());
            for seat in seats {
                if seat.records.try_send(record.clone()).is_err() {
                    seat.lost.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
}

impl Spectator {
    /// Adds the next events to `records`, at most `most`; none is the end.
    pub(super) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        records: &mut Vec<Arc<Record>>,
        most: usize,
    ) -> Poll<usize> {
        self.records.poll_recv_many(context, records, most)
    }

    /// How many events were lost since the last call.
    pub(super) fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;
    use std::time::Duration;

    use super::super::Event;
    use super::*;

    fn record(ready: usize) -> Record {
        Record { time: Duration::ZERO, connection: None, event: Event::Turn { ready } }
    }

    fn next(spectator: &mut Spectator) -> Poll<usize> {
        spectator.poll_next(&mut Context::from_waker(Waker::noop()), &mut Vec::new(), usize::MAX)
    }

    #[test]
    fn a_slow_spectator_loses_events_and_others_do_not() {
        let mut live = Live::default();
        let (slow, mut quick) = (live.watch(), live.watch());
        for ready in 0..2 * QUEUE {
            live.read(&record(ready));
            assert_eq!(next(&mut quick), Poll::Ready(1));
        }
        assert_eq!((slow.take_lost(), quick.take_lost()), (QUEUE as u64, 0));
        assert_eq!((slow.records.len(), slow.take_lost()), (QUEUE, 0));
    }

    #[test]
    fn who_has_left_has_no_seat_and_who_stays_hears_the_end_after_the_last_event() {
        let mut live = Live::default();
        let (left, mut stayed) = (live.watch(), live.watch());
        drop(left);
        live.read(&record(1));
        assert_eq!(live.0.taken.load(Ordering::Relaxed), 1);
        live.end();
        assert_eq!(next(&mut stayed), Poll::Ready(1));
        assert_eq!(next(&mut stayed), Poll::Ready(0));
    }
}

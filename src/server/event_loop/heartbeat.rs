//! Signs of life, at regular times: for a supervisor that has to notice when the loop goes round no more.
//!
//! Never here, nor anywhere but on the loop's own thread: a timer that goes on by itself would tell of a
//! loop that stands still that it is alive.

use super::EventLoop;
use crate::observe::{Detail, Event};
use crate::server::network::Network;
use crate::session::{Time, Timeout};

/// When the next sign is due.
pub(super) struct Heartbeat {
    every: Timeout,
    next: Time,
}

impl Heartbeat {
    /// The first is due at once, the others each so long after the one before.
    pub(super) fn new(every: Timeout) -> Heartbeat {
        let next = if every == Timeout::NEVER { Time::NEVER } else { Time::START };
        Heartbeat { every, next }
    }

    pub(super) fn next(&self) -> Time {
        self.next
    }
}

impl<N: Network> EventLoop<N> {
    // ANCHOR: beat
    /// Tells that the loop is alive, if it is time for that.
    #[inline]
    pub(super) fn beat(&mut self) {
        let now = self.tools.now;
        if self.heartbeat.next <= now {
            self.heartbeat.next = now + self.heartbeat.every;
            self.tools.tell(Detail::Server, None, || Event::Alive);
        }
    }
    // ANCHOR_END: beat
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fake::{Fake, Told, config, event_loop};
    use super::*;
    use crate::session::Service;

    const EVERY: Duration = Duration::from_secs(5);

    fn beats(told: &Told) -> usize {
        told.count(|event| matches!(event, Event::Alive))
    }

    fn beating(every: Timeout) -> (EventLoop<Fake>, Told) {
        let mut config = config(Service::Upper);
        config.heartbeat = every;
        event_loop(Fake::default(), config)
    }

    #[test]
    fn it_beats_at_once_then_in_time_and_not_while_a_turn_lasts() {
        let (mut event_loop, told) = beating(EVERY.into());
        for beat in 1..=3 {
            assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
            assert_eq!(beats(&told), beat);
            let due = event_loop.network.now + EVERY;
            assert_eq!(event_loop.next_deadline(), due, "the wait ends in time for the next");
            // Turns in between, however many, tell nothing.
            event_loop.network.now = event_loop.network.now + EVERY / 2;
            assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
            assert_eq!(beats(&told), beat);
            event_loop.network.now = due;
        }
        // However long it stood still, it has missed one.
        event_loop.network.now = event_loop.network.now + EVERY * 100;
        assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
        assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
        assert_eq!(beats(&told), 4);
    }

    #[test]
    fn unless_asked_for_it_neither_beats_nor_wakes_anybody() {
        let (mut event_loop, told) = beating(Timeout::NEVER);
        event_loop.network.now = Time::START + EVERY;
        assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
        assert_eq!((event_loop.next_deadline(), beats(&told)), (Time::NEVER, 0));
    }
}

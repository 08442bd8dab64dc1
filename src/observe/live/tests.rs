//! What watchers are told, what they lose, and what they cost the loop.

use std::net::SocketAddr;
use std::task::Waker;

use super::*;
use crate::observe::Event;
use crate::session::{Reason, State, Time};

fn record(ready: usize) -> Record {
    Record { time: Time::START, connection: None, event: Event::Turn { ready } }
}

impl Live {
    fn seat(&self) -> Spectator {
        self.watch(usize::MAX).unwrap()
    }

    /// Observes, and passes on at once: each event is a piece by itself.
    fn show(&mut self, ready: usize) {
        self.observe(&record(ready));
        self.pass_on();
    }
}

fn poll(spectator: &mut Spectator) -> Poll<Option<Told>> {
    spectator.poll_next(&mut Context::from_waker(Waker::noop()))
}

/// What is told at once: how many were lost before it, and its numbers; `None` is the end.
fn next(spectator: &mut Spectator) -> Option<(u64, Vec<usize>)> {
    let Poll::Ready(told) = poll(spectator) else { return Some((0, vec![])) };
    let told = told?;
    let text = String::from_utf8(told.text.to_vec()).unwrap();
    let number = |event: &str| {
        let event: serde_json::Value = serde_json::from_str(event.strip_prefix("data: ")?).unwrap();
        Some(event["ready"].as_u64().unwrap() as usize)
    };
    Some((told.lost, text.split_terminator("\n\n").map(|event| number(event).unwrap()).collect()))
}

#[test]
fn what_a_slow_watcher_loses_is_told_in_its_place_and_others_lose_nothing() {
    let mut live = Live::default();
    let (mut slow, mut quick) = (live.seat(), live.seat());
    for ready in 0..2 * QUEUE {
        live.show(ready);
        assert_eq!(next(&mut quick), Some((0, vec![ready])));
    }
    assert_eq!(next(&mut slow), Some((0, vec![0])));
    live.show(2 * QUEUE);
    live.show(2 * QUEUE + 1);
    for ready in 1..QUEUE {
        assert_eq!(next(&mut slow), Some((0, vec![ready])));
    }
    assert_eq!(next(&mut slow), Some((QUEUE as u64, vec![2 * QUEUE])));
    // After this one nothing has come so far.
    assert_eq!(next(&mut slow), Some((1, vec![])));
    assert_eq!(next(&mut slow), Some((0, vec![])));
    live.show(7);
    assert_eq!(next(&mut slow), Some((0, vec![7])));
    assert_eq!(live.counts().dropped.load(Ordering::Relaxed), QUEUE as u64 + 1);
}

#[test]
fn what_was_lost_last_is_told_before_the_end() {
    let mut live = Live::default();
    let mut slow = live.seat();
    (0..QUEUE + 3).for_each(|ready| live.show(ready));
    live.end();
    (0..QUEUE).for_each(|ready| assert_eq!(next(&mut slow), Some((0, vec![ready]))));
    assert_eq!(next(&mut slow), Some((3, vec![])));
    assert_eq!(next(&mut slow), None);
}

/// Were it the loop that passes events on, there would be something before `pass_on`; were the text made for
/// each, the pieces would lie in different places.
#[test]
fn events_are_made_into_text_once_for_all_watchers_and_not_by_the_loop() {
    let mut live = Live::default();
    let mut watchers: Vec<_> = (0..48).map(|_| live.seat()).collect();
    (0..PIECE).for_each(|ready| live.observe(&record(ready)));
    assert!(watchers.iter_mut().all(|watcher| poll(watcher).is_pending()));
    live.pass_on();
    let mut text = |watcher: &mut Spectator| {
        let Poll::Ready(Some(told)) = poll(watcher) else { panic!("nothing was passed on") };
        (told.text.as_ptr(), told.text.len())
    };
    let pieces: Vec<_> = watchers.iter_mut().map(&mut text).collect();
    assert!(pieces.iter().all(|piece| *piece == pieces[0]));
    assert!(watchers.iter_mut().all(|watcher| poll(watcher).is_pending()));
}

#[test]
fn what_the_loop_leaves_is_bounded_and_what_does_not_fit_is_told_to_all() {
    let mut live = Live::default();
    let mut watcher = live.seat();
    (0..LEFT + 5).for_each(|ready| live.observe(&record(ready)));
    live.pass_on();
    let mut heard = 0;
    loop {
        let (lost, numbers) = next(&mut watcher).unwrap();
        if numbers.is_empty() {
            // Its own queue is the shorter one.
            assert_eq!((lost as usize, heard), (LEFT - QUEUE + 5, QUEUE));
            return;
        }
        assert_eq!((lost, numbers[0]), (0, heard));
        heard += numbers.len();
    }
}

#[test]
fn who_comes_later_is_told_first_how_things_stand() {
    let mut live = Live::default();
    let peer: SocketAddr = ([127, 0, 0, 1], 9999).into();
    let mut tell = |connection, event| {
        live.observe(&Record { time: Time::START, connection, event });
    };
    tell(None, Event::Listening { address: peer, max_buffer: 1 });
    for number in 1..=OPEN as u64 + 2 {
        tell(Some(number), Event::Opened { peer, state: State::SendNonce, via: None });
    }
    let (reason, let_in) = (Reason::Reset, false);
    tell(Some(1), Event::Closed { peer, reason, let_in, received: 0, sent: 0, cut_off: false });
    tell(Some(3), Event::State { from: State::SendNonce, to: State::AwaitDigest });
    let mut late = live.seat();
    let mut told = String::new();
    let mut lost = 0;
    while let Poll::Ready(Some(next)) = poll(&mut late) {
        told += std::str::from_utf8(&next.text).unwrap();
        lost += next.lost;
    }
    let events: Vec<_> = told.split_terminator("\n\n").collect();
    assert_eq!((events.len(), lost), (1 + OPEN, 1));
    assert!(events[0].contains("\"listening\""), "{}", events[0]);
    assert!(events[1].contains("\"connection\":3,") && events[1].contains("\"await_digest\""));
}

#[test]
fn who_has_left_has_no_seat_and_who_stays_hears_the_end_after_the_last_event() {
    let mut live = Live::default();
    let (left, mut stayed) = (live.seat(), live.seat());
    assert_eq!(format!("{live:?}"), "Live(2 seats taken)");
    assert!(live.watch(2).is_none());
    drop(left);
    live.show(1);
    assert_eq!(live.0.taken.load(Ordering::Relaxed), 1);
    live.observe(&record(2));
    live.end();
    assert_eq!(next(&mut stayed), Some((0, vec![1])));
    assert_eq!(next(&mut stayed), Some((0, vec![2])));
    assert_eq!(next(&mut stayed), None);
}

use std::time::Duration;

use super::super::fake::{Fake, Peer, Told, config, event_loop};
use super::super::tests::readable;
use super::super::{Errno, Outcome, Signal, Token, Wakeup};
use super::*;
use crate::session::{Reason, Service};

const GRACE: Duration = Duration::from_secs(10);

/// A loop with a grace, one connection, and what it tells.
fn with_grace() -> (EventLoop<Fake>, Told) {
    let mut config = config(Service::Upper);
    config.grace = Some(GRACE);
    let (mut event_loop, told) = event_loop(Fake::default(), config);
    assert_eq!(accept(&mut event_loop, 1), None);
    (event_loop, told)
}

fn turn(event_loop: &mut EventLoop<Fake>, found: &[Wakeup]) -> Option<Outcome> {
    event_loop.network.found.push_back(found.to_vec());
    event_loop.turn(&mut Default::default()).unwrap()
}

/// A turn in which so many connect.
fn accept(event_loop: &mut EventLoop<Fake>, count: usize) -> Option<Outcome> {
    event_loop.network.accepts.extend((0..count).map(|_| Ok(Peer::default())));
    turn(event_loop, &[Wakeup::Acceptable(0)])
}

fn signal(event_loop: &mut EventLoop<Fake>) -> Option<Outcome> {
    event_loop.network.signals.push_back(Signal::Stop);
    turn(event_loop, &[Wakeup::Signalled])
}

fn later(event_loop: &mut EventLoop<Fake>, by: Duration) {
    event_loop.network.now = event_loop.network.now + by;
}

fn drains(told: &Told) -> usize {
    told.count(|event| matches!(event, Event::Draining { .. }))
}

#[test]
fn in_the_grace_connections_are_taken_and_then_it_drains() {
    let (mut event_loop, told) = with_grace();
    assert_eq!(signal(&mut event_loop), None);
    assert_eq!(
        told.count(|event| matches!(event, Event::Grace { connections: 1, seconds: 10. })),
        1
    );
    assert_eq!(event_loop.next_deadline(), Time::START + GRACE);
    later(&mut event_loop, GRACE - Duration::from_millis(1));
    assert_eq!(accept(&mut event_loop, 3), None);
    assert_eq!((event_loop.connections(), drains(&told)), (4, 0));
    assert!(!event_loop.network.closed);
    later(&mut event_loop, Duration::from_millis(1));
    // This wait was asked before the grace was over; whoever came in it may not have been reported.
    assert_eq!((turn(&mut event_loop, &[]), drains(&told)), (None, 0));
    assert_eq!(turn(&mut event_loop, &[]), Some(Outcome::Drained));
    assert_eq!((drains(&told), told.closed()), (1, vec![Reason::Stopped; 4]));
    assert!(event_loop.network.closed);
}

#[test]
fn whoever_had_connected_when_the_grace_was_over_is_taken_in_but_no_endless_flood() {
    let (mut event_loop, told) = with_grace();
    signal(&mut event_loop);
    // Two thousand within the time; but the process stood still, and it is long over.
    later(&mut event_loop, GRACE * 2);
    accept(&mut event_loop, 2000);
    later(&mut event_loop, Duration::from_millis(1));
    turn(&mut event_loop, &[]);
    assert_eq!(drains(&told), 1, "beyond the last call nobody is waited for");

    let (mut event_loop, told) = with_grace();
    signal(&mut event_loop);
    later(&mut event_loop, GRACE);
    accept(&mut event_loop, 2000);
    // From the turn on whose wait was asked when it was over.
    while turn(&mut event_loop, &[]).is_none() {
        assert_eq!(drains(&told), 0, "with {}", event_loop.connections());
    }
    assert_eq!(told.closed(), vec![Reason::Stopped; 2001]);
}

#[test]
fn a_second_signal_ends_the_grace_and_everything_at_once() {
    let (mut event_loop, told) = with_grace();
    signal(&mut event_loop);
    event_loop.network.signals.push_back(Signal::Stop);
    event_loop.network.accepts.push_back(Ok(Peer::default()));
    let outcome = turn(&mut event_loop, &[Wakeup::Acceptable(0), Wakeup::Signalled]);
    assert_eq!(outcome, Some(Outcome::Forced));
    assert!(event_loop.network.closed, "and nobody was taken in");
    assert_eq!(told.count(|event| matches!(event, Event::Opened { .. })), 1);
    assert_eq!(told.count(|event| matches!(event, Event::Stopped { .. })), 1);
}

#[test]
fn another_thread_ends_a_grace_and_grants_none() {
    for signals in 0..=1 {
        let (mut event_loop, told) = with_grace();
        for _ in 0..signals {
            signal(&mut event_loop);
        }
        event_loop.stop.store(true, std::sync::atomic::Ordering::Release);
        assert_eq!(turn(&mut event_loop, &[Wakeup::Woken]), Some(Outcome::Drained));
        assert_eq!(drains(&told), 1);
    }
}

/// A loop with one connection whose peer is `peer`, nothing of whom has been read, stopped.
fn stopped_with(peer: Peer) -> (EventLoop<Fake>, Told, Option<Outcome>) {
    let (mut event_loop, told) = event_loop(Fake::default(), config(Service::Upper));
    event_loop.network.accepts.push_back(Ok(peer));
    turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
    let outcome = signal(&mut event_loop);
    (event_loop, told, outcome)
}

fn reads<const N: usize>(reads: [Result<&str, Errno>; N]) -> Peer {
    let reads = reads.into_iter().map(|read| read.map(Vec::from)).collect();
    Peer { reads, ..Peer::default() }
}

fn answers(told: &Told) -> usize {
    told.count(|event| matches!(event, Event::Sent { .. }))
}

#[test]
fn what_lies_there_when_it_stops_is_answered_though_no_edge_has_told_of_it() {
    let peer = reads([Ok("in"), Err(Errno::INTR), Ok(" time")]);
    let (_, told, outcome) = stopped_with(peer);
    assert_eq!((answers(&told), told.received()), (2, 7));
    assert_eq!(outcome, Some(Outcome::Drained), "at once: nothing is owed any more");
    assert_eq!(told.closed(), [Reason::Stopped]);
}

#[test]
fn what_comes_after_its_last_turn_is_only_taken_from_there() {
    let peer = reads([Ok("in time"), Err(Errno::AGAIN), Ok("late")]);
    let (mut event_loop, told, outcome) = stopped_with(peer);
    assert_eq!((outcome, told.received()), (None, 7), "a close would be a reset");
    let token = Token::new(0, event_loop.connections[0].number);
    turn(&mut event_loop, &[readable(token)]);
    assert_eq!((answers(&told), told.received()), (1, 11));
}

#[test]
fn whoever_sends_for_ever_has_one_more_turn_and_no_more() {
    let (mut event_loop, told, outcome) =
        stopped_with(Peer { is_endless: true, ..Peer::default() });
    let answered = event_loop.connections[0].sent;
    assert_eq!(outcome, None, "it is lingered for");
    assert!((1..=BUDGET as u64).contains(&answered), "{answered} bytes in its last turn");
    turn(&mut event_loop, &[]);
    assert_eq!(event_loop.connections[0].sent, answered);
    assert!(told.received() as u64 > answered, "what comes later is thrown away");
}

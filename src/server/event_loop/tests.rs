//! What the loop must not do, where only a look inside or a call that fails at will can show it.

use std::time::Duration;

use super::fake::{Fake, Peer, config, event_loop};
use super::*;
use crate::session::{Reason, Service};

/// Turns once, and nothing else has happened than `found`.
fn turn(event_loop: &mut EventLoop<Fake>, found: &[Wakeup]) {
    event_loop.network.found.push_back(found.to_vec());
    assert_eq!(event_loop.turn(&mut Vec::new()), Ok(None));
}

/// A connection whose peer is `peer`, accepted in a turn of its own, and its token.
fn accepted(event_loop: &mut EventLoop<Fake>, peer: Peer) -> Token {
    event_loop.network.accepts.push_back(Ok(peer));
    turn(event_loop, &[Wakeup::Acceptable(0)]);
    let (key, connection) = event_loop.connections.iter().next().expect("it was let in");
    Token::new(key, connection.number)
}

fn readable(token: Token) -> Wakeup {
    Wakeup::Ready { token, readiness: Readiness::READABLE }
}

#[test]
fn a_flood_at_a_listener_takes_many_turns_and_no_further_edge() {
    const FLOOD: usize = 5_000;
    let mut network = Fake::default();
    network.accepts.extend((0..FLOOD).map(|_| Ok(Peer::default())));
    let (mut event_loop, _) = event_loop(network, config(Service::Upper));
    turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
    let first = event_loop.connections();
    assert!((1..=FLOOD / 10).contains(&first), "{first} in one turn");
    while event_loop.connections() < FLOOD {
        let before = event_loop.connections();
        assert_eq!(event_loop.next_deadline(), Time::START, "it must not wait");
        turn(&mut event_loop, &[]);
        assert!((1..=first).contains(&(event_loop.connections() - before)));
    }
}

#[test]
fn that_accepting_pauses_is_told_once_and_that_it_goes_on_once() {
    let mut network = Fake::default();
    network.accepts.extend([Err(Errno::MFILE), Err(Errno::MFILE), Err(Errno::NFILE)]);
    network.accepts.push_back(Ok(Peer::default()));
    network.accepts.push_back(Ok(Peer::default()));
    let (mut event_loop, told) = event_loop(network, config(Service::Upper));
    turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
    for _ in 0..4 {
        event_loop.network.now = event_loop.network.now + Duration::from_secs(1);
        turn(&mut event_loop, &[]);
    }
    assert_eq!(event_loop.connections(), 2);
    assert_eq!(told.count(|event| matches!(event, Event::AcceptFailed { .. })), 4);
    assert_eq!(told.count(|event| matches!(event, Event::AcceptPaused { .. })), 1);
    assert_eq!(told.count(|event| matches!(event, Event::AcceptResumed)), 1);
}

#[test]
fn who_can_t_be_registered_is_closed_and_leaves_nothing() {
    let network = Fake { unregistered: Some(Errno::NOMEM), ..Fake::default() };
    let (mut event_loop, told) = event_loop(network, config(Service::Login));
    event_loop.network.accepts.push_back(Ok(Peer::default()));
    turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
    assert!(event_loop.is_idle(), "no edge would ever come");
    assert_eq!(told.closed(), [Reason::SocketError]);
}

#[test]
fn the_first_read_of_a_turn_counts_in_its_budget() {
    let mut config = config(Service::Upper);
    config.max_buffer = const { std::num::NonZeroUsize::new(64 * 1024).unwrap() };
    let (mut event_loop, told) = event_loop(Fake::default(), config);
    let token = accepted(&mut event_loop, Peer { is_endless: true, ..Peer::default() });
    let reads = || told.count(|event| matches!(event, Event::Received { .. }));
    for turns in 1..=3 {
        turn(&mut event_loop, &[readable(token)][..usize::from(turns == 1)]);
        assert_eq!(reads(), turns * 4, "256 KiB in each turn");
    }
}

#[test]
fn what_a_call_fails_with_decides_the_reason() {
    for (errno, reason) in [
        (Errno::CONNRESET, Reason::Reset),
        (Errno::PIPE, Reason::Reset),
        (Errno::NOTCONN, Reason::Reset),
        (Errno::TIMEDOUT, Reason::WriteTimeout),
        (Errno::HOSTUNREACH, Reason::SocketError),
        (Errno::from_raw_os_error(9999), Reason::SocketError),
    ] {
        let (mut event_loop, told) = event_loop(Fake::default(), config(Service::Upper));
        let token = accepted(&mut event_loop, Peer::fails(errno));
        turn(&mut event_loop, &[readable(token)]);
        assert_eq!(told.closed(), [reason], "{errno}");
    }
}

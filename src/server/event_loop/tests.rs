//! What the loop must not do, where only a look inside or a call that fails at will can show it.

use std::time::Duration;

use super::fake::{Fake, Peer, Told, config, event_loop};
use super::*;
use crate::session::{Reason, Service};

/// Turns once, and nothing else has happened than `found`.
pub(super) fn turn(event_loop: &mut EventLoop<Fake>, found: &[Wakeup]) {
    event_loop.network.found.push_back(found.to_vec());
    assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
}

/// A connection whose peer is `peer`, accepted in a turn of its own, and its token.
fn accepted(event_loop: &mut EventLoop<Fake>, peer: Peer) -> Token {
    event_loop.network.accepts.push_back(Ok(peer));
    turn(event_loop, &[Wakeup::Acceptable(0)]);
    let (key, connection) = event_loop.connections.iter().next().expect("it was let in");
    Token::new(key, connection.number)
}

pub(super) fn readable(token: Token) -> Wakeup {
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

#[test]
fn listeners_have_one_budget_and_fair_shares_of_it() {
    const LISTENERS: usize = 16;
    let mut network = Fake::default();
    network.accepts.extend((0..10_000).map(|_| Ok(Peer::default())));
    let (mut event_loop, _) = event_loop(network, config(Service::Upper));
    turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
    let with_one = event_loop.connections();
    let all: Vec<_> = (0..LISTENERS).map(Wakeup::Acceptable).collect();
    for turns in 1..=LISTENERS {
        let before = event_loop.connections();
        turn(&mut event_loop, if turns == 1 { &all } else { &[] });
        assert_eq!(event_loop.connections() - before, with_one, "however many there are");
    }
    let asked = &event_loop.network.asked[with_one..];
    let of = |listener| asked.iter().filter(|asked| **asked == listener).count();
    let shares: Vec<_> = (0..LISTENERS).map(of).collect();
    assert!(shares.iter().all(|share| *share == with_one), "{shares:?}");
}

#[test]
fn errors_of_accept_that_never_end_make_no_spin_and_are_told_once() {
    for errno in [Errno::PERM, Errno::CONNABORTED, Errno::NETDOWN, Errno::from_raw_os_error(9999)] {
        let network = Fake { failing: Some(errno), ..Fake::default() };
        let (mut event_loop, told) = event_loop(network, config(Service::Upper));
        turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
        for _ in 0..100 {
            event_loop.network.now = event_loop.network.now + Duration::from_millis(100);
            turn(&mut event_loop, &[]);
        }
        let asked = event_loop.network.asked.len();
        assert!(asked <= 200, "{errno}: asked {asked} times in 10 s");
        assert_eq!(told.count(|event| matches!(event, Event::AcceptPaused { .. })), 1, "{errno}");
        // When it ends, so does the pause.
        event_loop.network.failing = None;
        event_loop.network.accepts.push_back(Ok(Peer::default()));
        event_loop.network.now = event_loop.network.now + Duration::from_secs(1);
        turn(&mut event_loop, &[]);
        assert_eq!(event_loop.connections(), 1, "{errno}");
        assert_eq!(told.count(|event| matches!(event, Event::AcceptResumed)), 1, "{errno}");
    }
}

#[test]
fn whoever_asks_for_little_is_served_in_the_same_turn_as_any_number_who_send_all_they_can() {
    const GREEDY: usize = 300;
    let (mut event_loop, told) = event_loop(Fake::default(), config(Service::Upper));
    let greedy = || Ok(Peer { is_endless: true, ..Peer::default() });
    event_loop.network.accepts.extend((0..GREEDY).map(|_| greedy()));
    turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
    while event_loop.connections() < GREEDY {
        turn(&mut event_loop, &[]);
    }
    let number = |(key, connection): (usize, &Connection<Peer>)| Token::new(key, connection.number);
    let all: Vec<_> = event_loop.connections.iter().map(number).map(readable).collect();
    let before = told.received();
    turn(&mut event_loop, &all);
    let once = told.received() - before;
    assert!(
        once <= 4 * BUDGET as usize,
        "{once} bytes in one turn, from {GREEDY} that became ready"
    );
    // From now on they wait for their turns, and one who asks for little comes in between.
    event_loop.network.accepts.push_back(Ok(Peer::sends(b"little")));
    let before = told.received();
    turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
    let (key, little) = event_loop.connections.iter().next_back().expect("it was let in");
    let little = Token::new(key, little.number);
    turn(&mut event_loop, &[readable(little)]);
    assert_eq!(event_loop.connections[little.key()].sent, 6, "in the turn in which it was ready");
    let twice = told.received() - before;
    assert!(twice <= 4 * BUDGET as usize, "{twice} bytes in two turns");
    // None of the others is forgotten.
    let heard = |event_loop: &EventLoop<Fake>| {
        let connections = event_loop.connections.iter();
        connections.map(|(_, connection)| connection.received).collect::<Vec<_>>()
    };
    let before = heard(&event_loop);
    for _ in 0..2 * GREEDY {
        turn(&mut event_loop, &[]);
    }
    let starved = heard(&event_loop).iter().zip(&before).filter(|(now, then)| now == then).count();
    assert_eq!(starved, 1, "only who has sent nothing more");
}

/// One who is not let in and sends white space for ever: no login, and nothing to refuse.
fn white() -> Peer {
    Peer { is_endless: true, fill: b' ', ..Peer::default() }
}

/// A loop with so many of them, all of whom have been heard and wait for another turn.
fn loop_with_guests(guests: usize) -> (EventLoop<Fake>, Told) {
    let mut config = config(Service::Login);
    config.protocol.handshake_timeout = crate::session::Timeout::NEVER;
    let (mut event_loop, told) = event_loop(Fake::default(), config);
    event_loop.network.accepts.extend((0..guests).map(|_| Ok(white())));
    turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
    while event_loop.connections() < guests {
        turn(&mut event_loop, &[]);
    }
    let number = |(key, connection): (usize, &Connection<Peer>)| Token::new(key, connection.number);
    let all: Vec<_> = event_loop.connections.iter().map(number).map(readable).collect();
    turn(&mut event_loop, &all);
    (event_loop, told)
}

#[test]
fn who_takes_the_place_of_one_who_waited_has_not_waited() {
    let (mut event_loop, _) = loop_with_guests(40);
    for _ in 0..10 {
        assert!(event_loop.connections[0].queued);
        event_loop.serve_at(0, |connection, _| connection.session.handle_lost(Reason::Reset));
        event_loop.network.accepts.push_back(Ok(white()));
        turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
        let token = Token::new(0, event_loop.connections[0].number);
        turn(&mut event_loop, &[readable(token)]);
    }
    let heard = |event_loop: &EventLoop<Fake>, key: usize| event_loop.connections[key].received;
    let before = [0, 1].map(|key| heard(&event_loop, key));
    for _ in 0..100 {
        turn(&mut event_loop, &[]);
    }
    let [newest, another] = [0, 1].map(|key| heard(&event_loop, key) - before[key]);
    assert!(newest <= 2 * another, "{newest} bytes, and another's {another}");
}

#[test]
fn guests_get_the_smallest_share() {
    let (mut event_loop, told) = loop_with_guests(200);
    for _ in 0..3 {
        let before = told.received();
        turn(&mut event_loop, &[]);
        let taken = told.received() - before;
        assert!((1..=64 * 1024).contains(&taken), "{taken} bytes of strangers in one turn");
    }
}

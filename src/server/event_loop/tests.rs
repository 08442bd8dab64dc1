//! What the loop must not do, where only a look inside or a call that fails at will can show it.

use std::time::Duration;

use super::fake::{Fake, Peer, Told, config, event_loop};
use super::*;
use crate::session::{Reason, Service};

/// Turns once, and nothing else has happened than `found`.
fn turn(event_loop: &mut EventLoop<Fake>, found: &[Wakeup]) {
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
fn what_came_in_time_is_in_time_however_late_it_is_reported() {
    // The process stands still, and all five have sent their request meanwhile: before the wait, and the
    // kernel reports two at a time; or when it had found two and not yet returned, and the next finds the rest.
    for (room, reports) in [(Some(2), vec![2, 2, 1]), (None, vec![2, 3])] {
        let clients = reports.iter().sum();
        let mut network = Fake { room, ..Fake::default() };
        network.accepts.extend((0..clients).map(|_| Ok(Peer::sends(b"hello\n"))));
        let (mut event_loop, told) = event_loop(network, config(Service::UpperOnce));
        turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
        let token =
            |(key, connection): (usize, &Connection<Peer>)| Token::new(key, connection.number);
        let mut tokens: Vec<_> = event_loop.connections.iter().map(token).collect();
        event_loop.network.now = event_loop.network.now + Duration::from_secs(3600);
        for count in reports {
            let found: Vec<_> = tokens.drain(..count).map(readable).collect();
            turn(&mut event_loop, &found);
        }
        assert_eq!(told.count(|event| matches!(event, Event::Sent { .. })), clients, "{room:?}");
        assert_eq!(told.count(|event| matches!(event, Event::Deadline)), 0, "{room:?}");
    }
}

#[test]
fn who_is_heard_and_closed_does_not_stand_for_who_was_not_heard() {
    const CLIENTS: usize = 4;
    let mut network = Fake { room: Some(2), ..Fake::default() };
    // An end of input follows.
    let client =
        || Peer { reads: [Ok(b"hello".to_vec()), Ok(Vec::new())].into(), ..Peer::default() };
    network.accepts.extend((0..CLIENTS).map(|_| Ok(client())));
    let (mut event_loop, told) = event_loop(network, config(Service::UpperOnce));
    turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
    let number = |(key, connection): (usize, &Connection<Peer>)| Token::new(key, connection.number);
    let tokens: Vec<_> = event_loop.connections.iter().map(number).collect();
    event_loop.network.now = event_loop.network.now + Duration::from_secs(3600);
    let readiness = Readiness::READABLE | Readiness::READ_CLOSED;
    for pair in tokens.chunks(2) {
        let found: Vec<_> =
            pair.iter().map(|token| Wakeup::Ready { token: *token, readiness }).collect();
        turn(&mut event_loop, &found);
    }
    assert_eq!(told.count(|event| matches!(event, Event::Sent { .. })), CLIENTS);
    assert_eq!(told.count(|event| matches!(event, Event::Deadline)), 0);
}

#[test]
fn full_waits_put_deadlines_off_no_longer_than_until_everybody_was_reported() {
    let mut network = Fake { room: Some(1), ..Fake::default() };
    let noisy = Peer { is_endless: true, ..Peer::default() };
    network.accepts.extend([Ok(noisy), Ok(Peer::default()), Ok(Peer::default())]);
    let (mut event_loop, told) = event_loop(network, config(Service::UpperOnce));
    turn(&mut event_loop, &[Wakeup::Acceptable(0)]);
    let (key, connection) = event_loop.connections.iter().next().expect("it was let in");
    let noisy = readable(Token::new(key, connection.number));
    event_loop.network.now = event_loop.network.now + Duration::from_secs(3600);
    let silent_closed = || told.count(|event| matches!(event, Event::Deadline));
    // The first wait was asked before they were due; from then on each of the three could be reported.
    for turns in 0..=3 {
        assert_eq!(silent_closed(), 0, "before turn {turns}");
        turn(&mut event_loop, &[noisy]);
    }
    assert_eq!(silent_closed(), 2, "both who said nothing");
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

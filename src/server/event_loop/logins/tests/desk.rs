//! Whose login is checked when, and what becomes of those that are not: with one desk, where one login
//! is checked at a time.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::server::Limits;
use crate::server::network::Errno;

/// Checks one login at a time, and is done when it is told to be.
#[derive(Clone, Default)]
struct Desk(Rc<RefCell<Checks>>);

#[derive(Default)]
struct Checks {
    underway: Option<Token>,
    /// Whose logins it was given, in that order.
    given: Vec<Token>,
    done: Vec<Report>,
}

impl Verifier for Desk {
    fn room(&mut self) -> Option<Room<'_>> {
        let is_free = self.0.borrow().underway.is_none();
        is_free.then(|| {
            Room::new(|token, _| {
                let mut checks = self.0.borrow_mut();
                checks.underway = Some(token);
                checks.given.push(token);
            })
        })
    }
    fn has_report(&self) -> bool {
        !self.0.borrow().done.is_empty()
    }
    fn poll_report(&mut self) -> Option<Report> {
        self.0.borrow_mut().done.pop()
    }
    fn reload(&mut self) {}
}

impl Desk {
    /// Says no to whoever is there.
    fn finish(&self) {
        let mut checks = self.0.borrow_mut();
        let token = checks.underway.take().expect("somebody's login is checked");
        checks.done.push(Report::Verdict { token, name: "a".into(), verdict: Verdict::Failure });
    }
}

fn loop_with_desk(limits: Limits) -> (EventLoop<Fake>, fake::Told, Desk) {
    let desk = Desk::default();
    let mut config = fake::config(Service::Login);
    config.limits = limits;
    let (event_loop, told) = fake::event_loop(Fake::default(), config);
    (event_loop.with_verifier(Box::new(desk.clone())), told, desk)
}

/// One of this host who sends a login, and is read in the next turn.
fn knock(event_loop: &mut EventLoop<Fake>, host: u8) -> Token {
    let login = Peer::sends(br#"{"username":"a","passwd":"a"}"#);
    event_loop.admit(login, ([192, 0, 2, host], 1).into());
    let token = newest(event_loop).expect("it is let in");
    let key = token.key();
    event_loop.connections[key].note_readiness(Readiness::READABLE);
    event_loop.enqueue(key);
    token
}

/// The edge of a reset that found nobody reading.
fn reset(event_loop: &mut EventLoop<Fake>, token: Token) {
    event_loop.connections[token.key()].stream_mut().error = Some(Errno::CONNRESET);
    let broken = Readiness::READABLE | Readiness::WRITABLE | Readiness::READ_CLOSED;
    event_loop.serve_edge(token, broken | Readiness::FAILED);
}

fn turn(event_loop: &mut EventLoop<Fake>) {
    assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
}

#[test]
fn one_source_with_a_thousand_logins_holds_up_another_s_by_one() {
    let (mut event_loop, _, desk) = loop_with_desk(Limits::NONE);
    for _ in 0..1000 {
        knock(&mut event_loop, 1);
        turn(&mut event_loop);
    }
    let honest = knock(&mut event_loop, 2);
    for _ in 0..4 {
        turn(&mut event_loop);
        desk.finish();
    }
    let given = &desk.0.borrow().given;
    let before = given.iter().position(|token| *token == honest);
    assert!(before.is_some_and(|before| before <= 2), "{given:?}");
}

#[test]
fn whose_peer_is_gone_leaves_the_queue_and_is_not_checked() {
    let (mut event_loop, told, desk) = loop_with_desk(Limits::NONE);
    let tokens: Vec<_> = (0..100).map(|_| knock(&mut event_loop, 1)).collect();
    while !event_loop.queues.are_empty() {
        turn(&mut event_loop);
    }
    // One has come and gone before it was read.
    let gone = knock(&mut event_loop, 1);
    event_loop.queues.remove(gone);
    event_loop.connections[gone.key()].queued = false;
    reset(&mut event_loop, gone);
    // All the others that wait go, but for the last; the first's is being checked.
    for token in &tokens[1..99] {
        reset(&mut event_loop, *token);
    }
    assert_eq!(told.closed(), [Reason::Reset; 99]);
    assert_eq!(event_loop.logins.waiting.of(Source::V4([192, 0, 2, 1])), 1, "beside the first");
    for _ in 0..2 {
        turn(&mut event_loop);
        desk.finish();
    }
    assert_eq!(desk.0.borrow().given, [tokens[0], tokens[99]]);
    assert!(event_loop.logins.waiting.is_empty());
    // Nobody is left who would hold up a stop.
    turn(&mut event_loop);
    for token in [tokens[0], tokens[99]] {
        lose(&mut event_loop, token);
    }
    assert!(event_loop.is_idle());
}

#[test]
fn an_edge_without_an_error_costs_nobody_the_answer() {
    let (mut event_loop, told, desk) = loop_with_desk(Limits::NONE);
    let first = knock(&mut event_loop, 1);
    let waiting = knock(&mut event_loop, 1);
    turn(&mut event_loop);
    // It has shut down its sending side; and an error that somebody else took is none.
    event_loop.serve_edge(waiting, Readiness::READABLE | Readiness::READ_CLOSED);
    event_loop.serve_edge(waiting, Readiness::READABLE | Readiness::FAILED);
    for token in [first, waiting] {
        turn(&mut event_loop);
        desk.finish();
        turn(&mut event_loop);
        assert_eq!(sent(&event_loop, token), "failed!".len() as u64);
    }
    assert_eq!(told.closed(), []);
}

#[test]
fn beyond_its_cap_a_source_has_its_logins_turned_away_and_another_has_not() {
    let mut limits = Limits::NONE;
    limits.pending_per_source = Some(10);
    let (mut event_loop, _, desk) = loop_with_desk(limits);
    let logs_in = |event_loop: &mut EventLoop<Fake>, host| {
        let token = knock(event_loop, host);
        // They were let in before, so that they don't count among the pending.
        let connection = &mut event_loop.connections[token.key()];
        connection.counted_pending = false;
        let ip = connection.ip();
        event_loop.gate.pending_ended(Some(ip));
        turn(event_loop);
        event_loop.connections[token.key()].session.reason()
    };
    let reasons: Vec<_> = (0..20).map(|_| logs_in(&mut event_loop, 1)).collect();
    let refused = reasons.iter().filter(|reason| **reason == Some(Reason::TooManyFromSource));
    assert_eq!(refused.count(), 9, "one is checked, and ten wait: {reasons:?}");
    assert_eq!(logs_in(&mut event_loop, 2), None);
    assert_eq!(desk.0.borrow().given.len(), 1);
}

#[test]
fn what_the_server_could_not_do_is_no_try_and_costs_nothing_and_is_told_once() {
    let desk = Desk::default();
    let mut config = fake::config(Service::Login);
    let min = Duration::from_secs(1);
    config.penalties = Some(Penalties { min, loopback: true, ..Penalties::default() });
    let (event_loop, told) = fake::event_loop(Fake::default(), config);
    let mut event_loop = event_loop.with_verifier(Box::new(desk.clone()));
    for _ in 0..10 {
        let token = knock(&mut event_loop, 1);
        turn(&mut event_loop);
        let taken = desk.0.borrow_mut().underway.take();
        assert_eq!(taken, Some(token), "nobody is refused");
        desk.0.borrow_mut().done.push(Report::Unable { token, why: "no memory".into() });
        turn(&mut event_loop);
        let connection = &event_loop.connections[token.key()];
        assert_eq!((connection.sent, connection.session.has_failed_logins()), (0, false));
        assert_eq!(connection.session.reason(), Some(Reason::VerifierFailed));
    }
    let failed = || told.count(|event| matches!(event, Event::VerifierFailed { .. }));
    assert_eq!((failed(), told.count(|event| matches!(event, Event::Login { .. }))), (1, 0));
    assert_eq!(told.count(|event| matches!(event, Event::Penalty { .. })), 0);
    // If it goes on, it is told again, a minute later.
    event_loop.network.now = event_loop.network.now + UNABLE_EVERY;
    for _ in 0..2 {
        let token = knock(&mut event_loop, 2);
        turn(&mut event_loop);
        desk.0.borrow_mut().underway = None;
        desk.0.borrow_mut().done.push(Report::Unable { token, why: "no memory".into() });
        turn(&mut event_loop);
    }
    assert_eq!(failed(), 2);
}

#[test]
fn failures_before_are_not_forgiven_by_a_check_that_was_not_possible() {
    let mut event_loop = empty_loop(Duration::from_secs(5));
    let token = who_tries(&mut event_loop, &[BOB, BOB]).expect("it is let in");
    event_loop.take_no_verdict(token, "nothing is checked now".into());
    lose(&mut event_loop, token);
    event_loop.admit(Peer::default(), ([127, 0, 0, 1], 1).into());
    assert_eq!(event_loop.connections(), 0);
}

//! Logins in the loop, where only a verifier that does as it is told can show it.

mod desk;

use super::*;
use crate::server::event_loop::fake::{self, Fake, Peer};
use crate::server::network::Readiness;
use crate::server::{Penalties, Room};
use crate::session::Service;

/// Keeps everything until somebody says something.
#[derive(Default)]
struct Silent;

impl Verifier for Silent {
    fn room(&mut self) -> Option<Room<'_>> {
        Some(Room::new(|_, _| {}))
    }
    fn has_report(&self) -> bool {
        false
    }
    fn poll_report(&mut self) -> Option<Report> {
        None
    }
    fn reload(&mut self) {}
}

/// A loop that penalizes with this minimum.
fn empty_loop(min: Duration) -> EventLoop<Fake> {
    let mut config = fake::config(Service::Login);
    config.penalties = Some(Penalties { min, loopback: true, ..Penalties::default() });
    let (event_loop, _) = fake::event_loop(Fake::default(), config);
    event_loop.with_verifier(Box::new(Silent))
}

fn loop_with_a_login() -> (EventLoop<Fake>, Token) {
    let mut event_loop = empty_loop(Duration::from_secs(5));
    let token = accept_one(&mut event_loop);
    (event_loop, token)
}

/// Admits one who sends a login.
fn accept_one(event_loop: &mut EventLoop<Fake>) -> Token {
    let login = Peer::sends(br#"{"username":"a","passwd":"a"}"#);
    event_loop.admit(login, ([127, 0, 0, 1], 1).into());
    let (key, connection) = event_loop.connections.iter().next().unwrap();
    let token = Token::new(key, connection.number);
    event_loop.connections[key].note_readiness(Readiness::READABLE);
    event_loop.enqueue(key);
    assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
    token
}

const EVA: (&str, Verdict) = ("eva", Verdict::Success);
const BOB: (&str, Verdict) = ("bob", Verdict::Failure);

fn newest(event_loop: &EventLoop<Fake>) -> Option<Token> {
    let connections = event_loop.connections.iter();
    let newest = connections.max_by_key(|(_, connection)| connection.number);
    newest.map(|(key, connection)| Token::new(key, connection.number))
}

/// One who sends these logins, and is told these verdicts.
fn who_tries(event_loop: &mut EventLoop<Fake>, tries: &[(&str, Verdict)]) -> Option<Token> {
    let login = |(name, _): &(&str, Verdict)| format!(r#"{{"username":"{name}","passwd":""}}"#);
    let logins: String = tries.iter().map(login).collect();
    let before = event_loop.connections();
    event_loop.admit(Peer::sends(logins.as_bytes()), ([127, 0, 0, 1], 1).into());
    let token = newest(event_loop)?;
    let key = token.key();
    if event_loop.connections() == before {
        return None;
    }
    event_loop.connections[key].note_readiness(Readiness::READABLE);
    event_loop.enqueue(key);
    for (name, verdict) in tries {
        assert_eq!(event_loop.turn(&mut Default::default()), Ok(None));
        event_loop.take_verdict(token, name, *verdict);
    }
    Some(token)
}

fn lose(event_loop: &mut EventLoop<Fake>, token: Token) {
    event_loop.serve_at(token.key(), |connection, _| {
        connection.session.handle_lost(Reason::Reset);
    });
}

#[test]
fn who_has_an_account_and_guesses_at_another_s_is_refused() {
    // They leave and come again; or stay; or come by another's side, one guess each.
    for (guesses, leaves) in [(5, true), (5, false), (1, false), (1, true)] {
        let mut event_loop = empty_loop(Duration::from_secs(15));
        let tries = [&[EVA][..], &[BOB; 5][..guesses]].concat();
        let mut guessed = 0;
        while let Some(token) = who_tries(&mut event_loop, &tries) {
            guessed += guesses;
            if leaves {
                lose(&mut event_loop, token);
            }
            assert!(guessed <= 20, "{guessed} guesses, {guesses} at a time");
        }
    }
}

#[test]
fn who_mistypes_and_then_gets_in_is_not_punished() {
    let mut event_loop = empty_loop(Duration::from_secs(5));
    let eva_fails = ("eva", Verdict::Failure);
    let tries = [EVA, eva_fails, eva_fails, EVA, eva_fails, eva_fails, eva_fails, EVA];
    for stays in [true, false].repeat(10) {
        let token = who_tries(&mut event_loop, &tries).expect("it is let in");
        if !stays {
            lose(&mut event_loop, token);
        }
    }
}

fn sent(event_loop: &EventLoop<Fake>, token: Token) -> u64 {
    event_loop.connections[token.key()].sent
}

#[test]
fn a_verdict_reaches_its_connection() {
    let (mut event_loop, token) = loop_with_a_login();
    event_loop.take_verdict(token, "a", Verdict::Failure);
    assert_eq!(sent(&event_loop, token), "failed!".len() as u64);
}

/// Whether a newcomer is refused after a connection had these verdicts and was lost.
fn is_refused_after(tries: &[(&str, Verdict)]) -> bool {
    let mut event_loop = empty_loop(Duration::from_secs(5));
    let token = who_tries(&mut event_loop, tries).expect("nobody was refused before");
    lose(&mut event_loop, token);
    event_loop.admit(Peer::default(), ([127, 0, 0, 1], 1).into());
    event_loop.connections() == 0
}

#[test]
fn who_leaves_after_failures_that_were_not_made_good_pays_for_them() {
    let eva_fails = ("eva", Verdict::Failure);
    assert!(is_refused_after(&[BOB]) && is_refused_after(&[BOB; 5]));
    assert!(is_refused_after(&[EVA, BOB]) && is_refused_after(&[BOB, EVA]));
    assert!(is_refused_after(&[eva_fails, BOB, EVA]));
    assert!(!is_refused_after(&[eva_fails, EVA]) && !is_refused_after(&[EVA]));
    // Too little was done for a refusal.
    assert!(!is_refused_after(&[]));
}

#[test]
fn a_late_verdict_does_not_reach_who_took_the_place() {
    let (mut event_loop, first) = loop_with_a_login();
    event_loop.serve_at(first.key(), |connection, _| {
        connection.session.handle_lost(Reason::Reset);
    });
    // Nobody is there.
    event_loop.take_verdict(first, "a", Verdict::Success);
    let second = accept_one(&mut event_loop);
    assert_eq!(second.key(), first.key(), "the place is used again");
    // Somebody else is, whose own login is being checked.
    event_loop.take_verdict(first, "a", Verdict::Success);
    assert_eq!(sent(&event_loop, second), 0);
    assert!(!event_loop.connections[second.key()].session.is_admitted());
    event_loop.take_verdict(second, "a", Verdict::Success);
    assert_eq!(sent(&event_loop, second), "success!".len() as u64);
}

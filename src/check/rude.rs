//! Level 5 goes on: clients that reset, leave, talk nonsense or come in floods. Nobody else notices, and nothing is left
//! behind.
//!
//! Read `descriptors.rs` next.

use rand::Rng;

use super::catalogue::{Check, Need};
use super::peer::Peer;
use super::slow::hold_back;
use super::story::Told;
use super::trial::Trial;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "resets",
        level: 5,
        about: "a reset in any state ends one connection",
        matters: "a client that crashes takes the server, and with it everybody else, along",
        page: "loop/rules.md#11-one-peers-error-closes-one-connection",
        lesson: Some("rogue_clients"),
        needs: &[],
        run: resets,
    },
    Check {
        name: "unread-answers",
        level: 5,
        about: "clients that leave without reading their answers end their own connections",
        matters: "sending to who has gone raises SIGPIPE, which ends a program that did not expect it",
        page: "loop/rules.md#11-one-peers-error-closes-one-connection",
        lesson: Some("dead_peer"),
        needs: &[],
        run: unread_answers,
    },
    Check {
        name: "half-open",
        level: 5,
        about: "a client that ends its side before its digest is let go at once",
        matters: "an end of input that nobody looks at leaves a dead connection, and its place is taken for nothing",
        page: "states.md#two-ways-to-end",
        lesson: Some("dead_peer"),
        needs: &[Need::Scheme],
        run: half_open,
    },
    Check {
        name: "garbage",
        level: 5,
        about: "HTTP, TLS, zeros and noise in place of a digest are refused, however much of it comes",
        matters: "every port of the internet is knocked at by scanners, all day long",
        page: "withstands.md#before-they-are-let-in",
        lesson: Some("rogue_clients"),
        needs: &[Need::Scheme],
        run: garbage,
    },
    Check {
        name: "refusals",
        level: 5,
        about: "after forty wrong digests the right one is let in",
        matters: "whoever guesses must not be able to lock out those who know",
        page: "protect.md#what-is-done-against-guessing",
        lesson: Some("rogue_clients"),
        needs: &[Need::Scheme],
        run: refusals,
    },
    Check {
        name: "flood-leave",
        level: 5,
        about: "three hundred clients that connect and leave at once keep nobody out",
        matters: "this is what a health check of a balancer does all day, and a scanner in a second",
        page: "loop/rules.md#9-accept-until-wouldblock-and-go-on-after-econnaborted-and-eintr",
        lesson: None,
        needs: &[],
        run: |trial| flood(trial, |trial| trial.look_in()),
    },
    Check {
        name: "flood-reset",
        level: 5,
        about: "three hundred clients that connect and reset keep nobody out",
        matters: "accept then gives errors, or connections that are dead already: neither may end the server",
        page: "loop/rules.md#9-accept-until-wouldblock-and-go-on-after-econnaborted-and-eintr",
        lesson: None,
        needs: &[],
        run: |trial| flood(trial, |trial| trial.connect().map(Peer::reset)),
    },
];

/// Brings a client into a state.
type Prepare = fn(&mut Trial<'_>) -> Told<Peer>;

fn resets(trial: &mut Trial<'_>) -> Told {
    let mut other = trial.enter()?;
    let states: &[(&str, Prepare)] = &[
        ("connected", |trial| trial.connect()),
        ("with its nonce", |trial| trial.greet().map(|(peer, _)| peer)),
        ("in its digest", in_digest),
        ("let in", |trial| trial.enter()),
        ("owed answers", owed),
        ("owed more than there is room for", owed_much),
        ("half-closed and owed", half_closed),
    ];
    for (state, prepare) in states {
        trial.diary.note(format!("a client that is {state}:"));
        prepare(trial)?.reset();
        trial.is_served("after the reset")?;
    }
    trial.ask(&mut other, 24)?;
    trial.leave(other)
}

fn in_digest(trial: &mut Trial<'_>) -> Told<Peer> {
    let (mut peer, nonce) = trial.greet()?;
    let digest = trial.digest(&nonce);
    peer.say_if_heard(&digest[..digest.len() / 2], "half its digest")?;
    Ok(peer)
}

pub(super) fn owed(trial: &mut Trial<'_>) -> Told<Peer> {
    let mut peer = trial.enter()?;
    peer.say_if_heard(&vec![b'x'; 100_000], "much, and reads nothing")?;
    Ok(peer)
}

fn owed_much(trial: &mut Trial<'_>) -> Told<Peer> {
    let mut peer = trial.enter()?;
    if trial.config.service.is_stream() {
        let request = vec![b'x'; 16 << 20];
        peer.fill(&request, trial.pace.quiet())?;
        peer.is_waited_for()?;
    }
    Ok(peer)
}

fn half_closed(trial: &mut Trial<'_>) -> Told<Peer> {
    let mut peer = owed_much(trial)?;
    peer.half_close()?;
    Ok(peer)
}

fn unread_answers(trial: &mut Trial<'_>) -> Told {
    for _ in 0..9 {
        drop(owed(trial)?);
        // It has gone before it is answered: the first piece of the answer brings a reset, and the second meets it.
        let mut gone = trial.enter()?;
        hold_back(&gone)?;
        gone.say_if_heard(&[b'x'; 20_000], "much, and leaves")?;
    }
    // The reset comes while the server holds what there is no room for.
    for _ in 0..2 {
        drop(owed_much(trial)?);
    }
    trial.is_served("after twenty who left without their answers")?;
    trial.still_runs("clients that left without their answers")
}

fn half_open(trial: &mut Trial<'_>) -> Told {
    for half in [false, true] {
        let mut peer = if half { in_digest(trial)? } else { trial.greet()?.0 };
        peer.half_close()?;
        peer.hear_refusal("an end of input before the digest")?;
    }
    trial.is_served("afterwards")
}

fn garbage(trial: &mut Trial<'_>) -> Told {
    let mut noise = vec![0; 100_000];
    trial.rng.fill_bytes(&mut noise);
    let tls = [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &noise[..506]].concat();
    let all: [(&str, &[u8]); 5] = [
        ("a request of HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: scanner\r\n\r\n"),
        ("a greeting of TLS", &tls),
        ("zeros", &[0; 64]),
        ("bytes that are no UTF-8", &[0xff; 64]),
        ("noise", &noise),
    ];
    for (what, words) in all {
        let (mut peer, _) = trial.greet()?;
        peer.say_if_heard(words, what)?;
        peer.hear_refusal(what)?;
    }
    trial.is_served("after all that")?;
    trial.still_runs("garbage")
}

fn refusals(trial: &mut Trial<'_>) -> Told {
    for _ in 0..40 {
        let (mut peer, nonce) = trial.greet()?;
        let mut digest = trial.digest(&nonce);
        digest[0] ^= 1;
        peer.say_if_heard(&digest, "a wrong digest")?;
        peer.hear_refusal("a wrong digest")?;
    }
    trial.is_served("after forty refusals")
}

impl Trial<'_> {
    /// Connects and leaves, hearing the nonce or not.
    fn look_in(&mut self) -> Told {
        let mut peer = self.connect()?;
        if self.clients.is_multiple_of(2) {
            self.nonce_or_refusal(&mut peer)?;
        }
        Ok(())
    }
}

fn flood(trial: &mut Trial<'_>, come_and_go: fn(&mut Trial<'_>) -> Told) -> Told {
    let mut other = trial.enter()?;
    trial.is_served("before they come")?;
    for _ in 0..300 {
        come_and_go(trial)?;
    }
    trial.is_served("after three hundred who did not stay")?;
    trial.ask(&mut other, 24)?;
    trial.leave(other)?;
    trial.still_runs("clients that connect and leave")
}

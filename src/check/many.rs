//! Level 2, with many: whoever is slow or silent keeps nobody else waiting, and nothing crosses between connections.
//!
//! Read `stream.rs` next.

use rand::seq::SliceRandom;

use super::catalogue::{Check, Need};
use super::peer::Peer;
use super::story::{Told, doubtful};
use super::trial::Trial;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "beside-silent",
        level: 2,
        about: "while one client is silent, another is served",
        matters: "otherwise one client that connects and goes for a coffee locks everybody out",
        page: "designs.md",
        lesson: Some("upper_server"),
        needs: &[],
        run: beside_silent,
    },
    Check {
        name: "beside-half-digest",
        level: 2,
        about: "while one client has sent half its digest, another is served",
        matters: "waiting for the rest of a digest is waiting for a stranger",
        page: "loop.md#readiness",
        lesson: Some("server_designs"),
        needs: &[Need::Scheme],
        run: beside_half_digest,
    },
    Check {
        name: "beside-idle",
        level: 2,
        about: "while one client is let in and says nothing, another is served",
        matters: "most connections of most servers are idle most of the time",
        page: "designs.md",
        lesson: Some("upper_server"),
        needs: &[],
        run: beside_idle,
    },
    Check {
        name: "fifty",
        level: 2,
        about: "fifty clients at once are all served",
        matters: "a server that serves a handful is full as soon as it is liked",
        page: "designs.md#and-measure",
        lesson: Some("server_designs"),
        needs: &[],
        run: fifty,
    },
    Check {
        name: "ninety-silent",
        level: 2,
        about: "beside ninety silent clients, one that works is served",
        matters: "silence costs those who are silent nothing; it must cost the others nothing, either",
        page: "withstands.md#before-they-are-let-in",
        lesson: Some("server_designs"),
        needs: &[],
        run: ninety_silent,
    },
    Check {
        name: "own-answers",
        level: 2,
        about: "twenty clients that speak by turns each hear the answers to their own words",
        matters: "a buffer that two connections share shows one customer the other's account",
        page: "loop.md#a-connections-turn",
        lesson: None,
        needs: &[Need::Stream],
        run: own_answers,
    },
    Check {
        name: "own-nonce",
        level: 2,
        about: "each connection has a nonce of its own, and the digest of another's is refused",
        matters: "where the nonce is a variable of the program and not of the connection, the next newcomer locks out \
                  the one before",
        page: "challenge.md#played-back",
        lesson: Some("replay"),
        needs: &[Need::Scheme],
        run: own_nonce,
    },
    Check {
        name: "some-leave",
        level: 2,
        about: "clients that leave take nobody with them",
        matters: "a list that is changed while it is gone through serves the wrong ones, or ends the server",
        page: "loop/rules.md#11-one-peers-error-closes-one-connection",
        lesson: None,
        needs: &[Need::Stream],
        run: some_leave,
    },
];

fn beside_silent(trial: &mut Trial<'_>) -> Told {
    let silent = trial.connect()?;
    trial.is_served("while that one says nothing")?;
    drop(silent);
    Ok(())
}

fn beside_half_digest(trial: &mut Trial<'_>) -> Told {
    let (mut half, nonce) = trial.greet()?;
    let digest = trial.digest(&nonce);
    half.say(&digest[..digest.len() / 2], "half its digest")?;
    trial.is_served("while that one says no more")?;
    trial.must_be_in_time(&half)?;
    half.say(&digest[digest.len() / 2..], "the other half")?;
    trial.ask(&mut half, 24)?;
    trial.leave(half)
}

fn beside_idle(trial: &mut Trial<'_>) -> Told {
    let mut idle = trial.enter()?;
    if trial.config.service.is_stream() {
        trial.ask(&mut idle, 24)?;
    }
    trial.is_served("while that one is let in and says nothing")?;
    trial.ask(&mut idle, 24)?;
    trial.leave(idle)
}

/// So many connected at once, each let in; a refusal is tried again.
pub(super) fn let_in(trial: &mut Trial<'_>, count: usize) -> Told<Vec<Peer>> {
    if trial.config.key.is_none() {
        return (0..count).map(|_| trial.connect()).collect();
    }
    // A server that takes one after the other shows it here, and not when its backlog is full.
    let mut peers = Vec::new();
    for _ in 0..count.min(2) {
        peers.push(trial.enter_patiently()?);
    }
    let others = (peers.len()..count).map(|_| trial.connect()).collect::<Told<Vec<Peer>>>()?;
    for mut peer in others {
        match trial.nonce_or_refusal(&mut peer)? {
            Some(nonce) if trial.is_in_time(&peer) => {
                trial.prove(&mut peer, &nonce)?;
                peers.push(peer);
            }
            _ => peers.push(trial.enter_patiently()?),
        }
    }
    Ok(peers)
}

fn fifty(trial: &mut Trial<'_>) -> Told {
    let mut peers = let_in(trial, 50)?;
    let mut questions: Vec<_> = peers.iter().map(|_| trial.question(40)).collect();
    for (peer, question) in peers.iter_mut().zip(&questions) {
        peer.say(&question.request, "a request")?;
    }
    // In another order than they asked.
    while let (Some(mut peer), Some(question)) = (peers.pop(), questions.pop()) {
        trial.hear_answer(&mut peer, &question.answer)?;
        trial.leave(peer)?;
    }
    Ok(())
}

fn ninety_silent(trial: &mut Trial<'_>) -> Told {
    let mut silent = vec![trial.connect()?];
    trial.is_served("beside the first of them")?;
    for _ in 1..90 {
        silent.push(trial.connect()?);
    }
    for round in 0..3 {
        trial.is_served(&format!("beside {} silent ones, round {}", silent.len(), round + 1))?;
    }
    Ok(())
}

fn own_answers(trial: &mut Trial<'_>) -> Told {
    let mut peers = let_in(trial, 20)?;
    for _ in 0..5 {
        let mut order: Vec<usize> = (0..peers.len()).collect();
        order.shuffle(&mut trial.rng);
        let questions: Vec<_> = peers.iter().map(|_| trial.question(200)).collect();
        // In two parts, so that everybody is in the middle of something when the next one speaks.
        for part in 0..2 {
            for at in &order {
                let request = &questions[*at].request;
                let half = &request[request.len() / 2 * part..][..request.len() / 2];
                peers[*at].say(half, "half a request")?;
            }
        }
        order.shuffle(&mut trial.rng);
        for at in order {
            trial.hear_answer(&mut peers[at], &questions[at].answer)?;
        }
    }
    trial.all_leave(peers)
}

fn own_nonce(trial: &mut Trial<'_>) -> Told {
    let (mut first, nonce) = trial.greet()?;
    let (mut second, other) = trial.greet()?;
    let crossed = trial.digest(&nonce);
    second.say_if_heard(&crossed, "the digest of the first one's nonce")?;
    let request = trial.question(24).request;
    second.say_if_heard(&request, "a request")?;
    second.hear_refusal("the digest of another connection's nonce")?;
    drop((second, other));
    // The first one's nonce is still its own.
    trial.must_be_in_time(&first)?;
    let (third, _) = trial.greet()?;
    trial.prove(&mut first, &nonce)?;
    trial.ask(&mut first, 24).map_err(|_| {
        doubtful(
            "a client is let in with the digest of its own nonce, though others have come since",
            "it is not",
        )
    })?;
    drop(third);
    trial.leave(first)
}

fn some_leave(trial: &mut Trial<'_>) -> Told {
    let mut peers = let_in(trial, 12)?;
    while let Some(leaving) = peers.pop() {
        // Some say good-bye, some do not wait for an answer.
        if peers.len() % 2 == 0 {
            trial.leave(leaving)?;
        } else {
            drop(leaving);
        }
        for peer in &mut peers {
            trial.ask(peer, 16)?;
        }
    }
    Ok(())
}

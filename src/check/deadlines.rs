//! Level 5, the other side is silent: who does not answer its nonce in time is disconnected, and nothing moves that
//! moment.
//!
//! All of it is tried at once, in the time that one silent client needs. Read `rude.rs` next.

use std::thread;
use std::time::{Duration, Instant};

use super::catalogue::{Check, Need};
use super::peer::{Came, Peer};
use super::service::Question;
use super::slow::joined;
use super::story::{Tale, Told, Trouble, doubtful, seconds};
use super::trial::Trial;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "deadline-silent",
        level: 5,
        about: "a client that says nothing is disconnected when its time is up",
        matters: "whoever connects and says nothing would keep a place for ever, until there is none left",
        page: "loop/rules.md#12-deadlines-are-absolute-trickling-does-not-move-them",
        lesson: Some("settimeout"),
        needs: &[Need::Deadline],
        run: |trial| closed(trial, |found| found.silent, "a client that says nothing"),
    },
    Check {
        name: "deadline-half",
        level: 5,
        about: "a client that stops in the middle of its digest is disconnected when its time is up",
        matters: "half a digest is as easy to send as none",
        page: "loop/rules.md#12-deadlines-are-absolute-trickling-does-not-move-them",
        lesson: Some("settimeout"),
        needs: &[Need::Deadline, Need::Scheme],
        run: |trial| closed(trial, |found| found.half, "a client that has sent half its digest"),
    },
    Check {
        name: "deadline-trickle",
        level: 5,
        about: "a byte now and then does not move the deadline",
        matters: "a timeout that each byte starts anew is no limit: one byte every nine seconds keeps a place for ever",
        page: "loop/rules.md#12-deadlines-are-absolute-trickling-does-not-move-them",
        lesson: Some("settimeout"),
        needs: &[Need::Deadline],
        run: |trial| {
            closed(trial, |found| found.trickle, "a client that sends a byte now and then")
        },
    },
    Check {
        name: "deadline-late",
        level: 5,
        about: "who answers after half of the time is still served",
        matters: "what is promised has to be given: a client behind a slow line needs the time that it was told it has",
        page: "loop.md#deadlines",
        lesson: Some("settimeout"),
        needs: &[Need::Deadline],
        run: |trial| found(trial)?.late.map_err(Trouble::Doubtful),
    },
    Check {
        name: "deadline-kept",
        level: 5,
        about: "who was let in is not disconnected by the deadline of the handshake",
        matters: "a timer that nobody stops disconnects a user in the middle of a sentence",
        page: "loop.md#deadlines",
        lesson: Some("settimeout"),
        needs: &[Need::Deadline, Need::Scheme, Need::Stream],
        run: |trial| found(trial)?.kept.map_err(Trouble::Doubtful),
    },
];

/// When each was disconnected, if it was, and whether the others were served.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// How long they were watched.
    limit: Duration,
    silent: Option<Duration>,
    half: Option<Duration>,
    trickle: Option<Duration>,
    late: Result<(), Tale>,
    kept: Result<(), Tale>,
}

fn closed(trial: &mut Trial<'_>, which: fn(&Found) -> Option<Duration>, who: &str) -> Told {
    let found = found(trial)?;
    let promised = seconds(trial.config.handshake.unwrap_or_default());
    match which(&found) {
        Some(after) => {
            trial.diary.note(format!("{who} was disconnected after {}", seconds(after)));
            Ok(())
        }
        None => Err(doubtful(
            format!("{who} is disconnected {promised} after it has connected"),
            format!("it was still connected after {}", seconds(found.limit)),
        )),
    }
}

/// What was found in an attempt, or why nothing could be.
pub(super) type Memory = Option<(u32, Result<Found, Tale>)>;

/// What was found in this attempt, by the first check that asks.
fn found(trial: &mut Trial<'_>) -> Told<Found> {
    let known = trial.memory.clone().filter(|(attempt, _)| *attempt >= trial.attempt);
    let found = match known {
        Some((_, found)) => {
            trial.diary.note("it is as the check before has found, which tried all at once".into());
            found
        }
        None => {
            let found = match find_out(trial) {
                Ok(found) => Ok(found),
                Err(Trouble::Wrong(tale) | Trouble::Doubtful(tale)) => Err(tale),
                Err(other) => return Err(other),
            };
            *trial.memory = Some((trial.attempt, found.clone()));
            found
        }
    };
    found.map_err(Trouble::Doubtful)
}

fn find_out(trial: &mut Trial<'_>) -> Told<Found> {
    let promised = trial.config.handshake.unwrap_or_default();
    // A busy machine may be late; a second attempt gives it twice as much.
    let slack = (promised / 4).max(Duration::from_millis(1500)) * (trial.attempt + 1);
    let limit = promised + slack;
    let (mut silent, _) = trial.greet()?;
    let (mut half, half_nonce) = trial.greet()?;
    let (mut trickle, trickle_nonce) = trial.greet()?;
    let (mut late, late_nonce) = trial.greet()?;
    let mut kept = trial.enter()?;
    let is_stream = trial.config.service.is_stream();
    if is_stream {
        trial.ask(&mut kept, 24)?;
    }
    let half_digest = trial.digest(&half_nonce);
    half.say_if_heard(&half_digest[..half_digest.len() / 2], "half its digest")?;
    let drops = drops(trial, &trickle_nonce);
    let late_words = trial.digest(&late_nonce);
    let [late_question, kept_question] = [trial.question(24), trial.question(24)];
    let (late, kept, [silent, half, trickle]) = thread::scope(|scope| {
        let watching = [
            scope.spawn(|| end_of(&mut silent, limit, promised, &[])),
            scope.spawn(|| end_of(&mut half, limit, promised, &[])),
            scope.spawn(|| end_of(&mut trickle, limit, promised, &drops)),
        ];
        let late =
            scope.spawn(|| answers_late(&mut late, promised / 2, &late_words, &late_question));
        let kept = scope.spawn(|| answers_late(&mut kept, limit, &[], &kept_question));
        let ends = watching.map(|thread| joined(thread));
        (joined(late), joined(kept), ends)
    });
    Ok(Found {
        limit,
        silent: silent?,
        half: half?,
        trickle: trickle?,
        late: tale(late)?,
        kept: if is_stream { tale(kept)? } else { Ok(()) },
    })
}

/// Trouble that is a tale is kept, until the check asks whose it is.
fn tale(told: Told) -> Told<Result<(), Tale>> {
    match told {
        Ok(()) => Ok(Ok(())),
        Err(Trouble::Wrong(tale) | Trouble::Doubtful(tale)) => Ok(Err(tale)),
        Err(other) => Err(other),
    }
}

/// What the trickling client sends, byte by byte, without ever coming to the end of it.
fn drops(trial: &mut Trial<'_>, nonce: &[u8]) -> Vec<u8> {
    let mut digest = trial.digest(nonce);
    digest.pop();
    if digest.is_empty() { trial.question(16).request[..15].to_vec() } else { digest }
}

/// When it was disconnected; meanwhile it sends these bytes, one at a time, and never pauses for as long as is `promised`.
fn end_of(
    peer: &mut Peer,
    limit: Duration,
    promised: Duration,
    drops: &[u8],
) -> Told<Option<Duration>> {
    let step = limit / (drops.len() as u32 + 1);
    let (trickles, mut last) = (!drops.is_empty(), peer.since);
    let mut drops = drops.iter();
    loop {
        let left = limit.saturating_sub(peer.since.elapsed());
        match peer.hear_some(&mut [0; 64], step.min(left))? {
            Came::End | Came::Reset if trickles && last.elapsed() >= promised => {
                let why = "a client that was to send a byte now and then had no time to";
                return Err(Trouble::Late(why.into()));
            }
            Came::End | Came::Reset => {
                peer.note("is disconnected");
                return Ok(Some(peer.since.elapsed()));
            }
            // An answer to nothing; other checks say that this must not be.
            Came::Bytes(_) => {}
            Came::Nothing if peer.since.elapsed() >= limit => return Ok(None),
            Came::Nothing => {
                if let Some(drop) = drops.next() {
                    peer.say_if_heard(&[*drop], "one more byte")?;
                    last = Instant::now();
                }
            }
        }
    }
}

/// After `wait` says `words` and a question, and hears the answer.
fn answers_late(peer: &mut Peer, wait: Duration, words: &[u8], question: &Question) -> Told {
    thread::sleep(peer.limits.left(wait.saturating_sub(peer.since.elapsed())));
    // A server that gives it up too early has had the time to do so.
    peer.watch.rests(Duration::ZERO, peer.limits.left(wait / 4));
    peer.note("speaks at last");
    peer.say(&[words, &question.request].concat(), "what it has to say")?;
    peer.hear(question.answer.len(), "the answer").map(|_| ())
}

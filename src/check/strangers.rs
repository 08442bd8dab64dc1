//! Level 1 goes on: strangers, who may not come in, and nonces, which keep them out.
//!
//! What they say is in `words.rs`. Read `many.rs` next.

use std::collections::HashSet;

use super::catalogue::{Check, Need};
use super::story::{Told, bytes, doubtful, wrong};
use super::trial::Trial;
use super::words::{self, Refused};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "digest-bit",
        level: 1,
        about: "a digest that is wrong in one bit is refused, and nothing is said",
        matters: "a comparison that looks at a part of the digest leaves the rest to be guessed",
        page: "challenge.md#what-a-stranger-sees",
        lesson: Some("rogue_clients"),
        needs: &[Need::Scheme],
        run: |trial| words::refused(trial, &words::one_bit(trial.digest_len())),
    },
    Check {
        name: "digest-short",
        level: 1,
        about: "a digest that ends too soon is refused, and nothing is said",
        matters: "who compares only as many bytes as came lets in whoever sends none",
        page: "challenge.md#what-a-stranger-sees",
        lesson: Some("rogue_clients"),
        needs: &[Need::Scheme],
        run: |trial| {
            words::refused(trial, &[Refused::Short(1), Refused::Short(0), Refused::AllButOne])
        },
    },
    Check {
        name: "digest-scheme",
        level: 1,
        about: "the right secret by another scheme is refused",
        matters: "a server that takes any of them is as weak as the weakest",
        page: "protect.md#the-schemes",
        lesson: Some("challenge_response"),
        needs: &[Need::Scheme],
        run: |trial| words::refused(trial, &words::other_schemes(trial)),
    },
    Check {
        name: "digest-secret",
        level: 1,
        about: "the digest of another secret is refused",
        matters: "the secret is all that tells friends from strangers",
        page: "challenge.md#what-a-stranger-sees",
        lesson: Some("rogue_clients"),
        needs: &[Need::Scheme],
        run: |trial| words::refused(trial, &[Refused::Secret, Refused::Zeros, Refused::Echoed]),
    },
    Check {
        name: "digest-replay",
        level: 1,
        about: "a digest that was right for an earlier nonce is refused",
        matters: "whoever can listen once could come in ever after",
        page: "challenge.md#played-back",
        lesson: Some("replay"),
        needs: &[Need::Scheme],
        run: |trial| words::refused(trial, &[Refused::Replayed]),
    },
    Check {
        name: "stranger",
        level: 1,
        about: "a client that does not know that it must answer is refused",
        matters: "what it sends is no digest, and must neither be answered nor break the server",
        page: "challenge.md#what-a-stranger-sees",
        lesson: Some("rogue_clients"),
        needs: &[Need::Scheme],
        run: |trial| words::refused(trial, &[Refused::Stranger]),
    },
    Check {
        name: "nonce-fresh",
        level: 1,
        about: "no two nonces are the same, or alike",
        matters: "whoever has recorded the digest of a nonce can play it back when that nonce comes again",
        page: "challenge.md#played-back",
        lesson: Some("replay"),
        needs: &[Need::Scheme],
        run: nonce_fresh,
    },
    Check {
        name: "nonce-restart",
        level: 1,
        about: "after a restart the nonces are others than before",
        matters: "a generator that starts from the same seed says the same nonces again, and each recorded digest \
                  comes in",
        page: "challenge.md#played-back",
        lesson: Some("replay"),
        needs: &[Need::Scheme, Need::Process],
        run: nonce_restart,
    },
];

/// So many, that a byte which is the same in all of them is no chance.
const NONCES: usize = 8;

fn nonces(trial: &mut Trial<'_>) -> Told<Vec<Vec<u8>>> {
    let mut nonces = Vec::new();
    for _ in 0..NONCES {
        let (peer, nonce) = trial.greet()?;
        nonces.push(nonce);
        peer.leave(trial.pace.quiet())?;
    }
    Ok(nonces)
}

fn nonce_fresh(trial: &mut Trial<'_>) -> Told {
    let nonces = nonces(trial)?;
    let different: HashSet<&Vec<u8>> = nonces.iter().collect();
    if different.len() < NONCES {
        let came = format!("{} different ones in {NONCES} connections", different.len());
        return Err(wrong("a new nonce for every connection", came));
    }
    // A counter, or the time, changes in its last bytes only.
    let constant = (0..trial.config.nonce_len)
        .filter(|at| nonces.iter().all(|one| one[*at] == nonces[0][*at]));
    match constant.count() {
        0 => Ok(()),
        same => Err(wrong(
            "nonces that are random in every byte",
            format!("{} of {} the same in all of {NONCES}", bytes(same), trial.config.nonce_len),
        )),
    }
}

fn nonce_restart(trial: &mut Trial<'_>) -> Told {
    let before = nonces(trial)?;
    trial.diary.note("the server is ended and started again".into());
    trial.server.start_anew(None).map_err(|came| doubtful("a server that starts again", came))?;
    let after = nonces(trial)?;
    match after.iter().filter(|nonce| before.contains(nonce)).count() {
        0 => Ok(()),
        same => Err(wrong("other nonces than before", format!("{same} that were there before"))),
    }
}

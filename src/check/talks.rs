//! Level 1, it talks: one client at a time, and every byte of the protocol.
//!
//! Read `strangers.rs` next, for those who may not come in.

use super::catalogue::{Check, Need};
use super::story::{Told, doubtful};
use super::trial::{Trial, compare};
use super::words::whole;
use crate::client::{Client, ClientError};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "nonce-length",
        level: 1,
        about: "the nonce has the promised length, and not a byte more",
        matters: "a client computes its digest over the bytes that it expects: one too few and it waits for ever, one \
                  too many and it takes it for the first answer",
        page: "challenge.md",
        lesson: Some("challenge_response"),
        needs: &[Need::Scheme],
        run: nonce_length,
    },
    Check {
        name: "silent-start",
        level: 1,
        about: "without a scheme, the server says nothing before the client does",
        matters: "a client would take what comes unasked for the answer to its first request",
        page: "reference/wire.md#the-services",
        lesson: Some("upper_server"),
        needs: &[Need::Open],
        run: silent_start,
    },
    Check {
        name: "digest-right",
        level: 1,
        about: "who answers the nonce with the right digest is served",
        matters: "a friend who knows the secret must get in",
        page: "challenge.md",
        lesson: Some("challenge_response"),
        needs: &[Need::Scheme],
        run: is_served,
    },
    Check {
        name: "served",
        level: 1,
        about: "without a scheme, whoever connects is served",
        matters: "this is all that such a server is for",
        page: "reference/wire.md#the-services",
        lesson: Some("upper_server"),
        needs: &[Need::Open],
        run: is_served,
    },
    Check {
        name: "silent-welcome",
        level: 1,
        about: "after the right digest the service begins, with no message in between",
        matters: "a client would take a greeting for the answer to its first request, and every later answer would be \
                  one too late",
        page: "reference/wire.md#the-handshake",
        lesson: None,
        needs: &[Need::Scheme],
        run: silent_welcome,
    },
    Check {
        name: "service-bytes",
        level: 1,
        about: "bytes of every value come back as the service says",
        matters: "what is sent is bytes: a server that takes them for text of some encoding breaks every other text, \
                  and every picture",
        page: "reference/wire.md#the-services",
        lesson: Some("upper_server"),
        needs: &[],
        run: service_bytes,
    },
    Check {
        name: "service-goes-on",
        level: 1,
        about: "a client can ask again and again on one connection, and ends it when it likes",
        matters: "a client that has more to say would have to connect and prove itself for every line",
        page: "reference/wire.md#the-services",
        lesson: Some("upper_server"),
        needs: &[Need::Stream],
        run: goes_on,
    },
    Check {
        name: "service-once",
        level: 1,
        about: "upper-once takes off white space at both ends, answers, and closes",
        matters: "its client reads to the end: without one it waits for ever",
        page: "reference/wire.md#the-services",
        lesson: None,
        needs: &[Need::Once],
        run: once,
    },
    Check {
        name: "in-turn",
        level: 1,
        about: "twenty clients, one after the other, are all served",
        matters: "a server that serves one client and leaves is a demonstration",
        page: "designs.md",
        lesson: Some("upper_server"),
        needs: &[],
        run: in_turn,
    },
    Check {
        name: "dialogue",
        level: 1,
        about: "the conversation of the source document's own client",
        matters: "the programs that this protocol comes from are its first clients",
        page: "reference/wire.md#the-programs-it-grew-out-of",
        lesson: Some("upper_server"),
        needs: &[Need::Stream],
        run: dialogue,
    },
];

fn nonce_length(trial: &mut Trial<'_>) -> Told {
    let (mut peer, _) = trial.greet()?;
    peer.hear_nothing(trial.pace.quiet(), "after the nonce")
}

fn silent_start(trial: &mut Trial<'_>) -> Told {
    let mut peer = trial.connect()?;
    peer.hear_nothing(trial.pace.quiet(), "until the client says something")
}

fn is_served(trial: &mut Trial<'_>) -> Told {
    let mut peer = trial.enter()?;
    trial.ask(&mut peer, 24)?;
    trial.leave(peer)
}

fn silent_welcome(trial: &mut Trial<'_>) -> Told {
    let mut peer = trial.enter()?;
    peer.hear_nothing(trial.pace.quiet(), "after the right digest")?;
    trial.ask(&mut peer, 24)
}

fn service_bytes(trial: &mut Trial<'_>) -> Told {
    let mut peer = trial.enter()?;
    // Every byte; letters that only Unicode has in upper case; and what is no UTF-8.
    let mut request: Vec<u8> = (0..=255).collect();
    request.extend_from_slice("é ß ж ǆ ŉ ﬁ".as_bytes());
    if !trial.config.service.is_stream() {
        request.retain(|byte| *byte != b'\n');
        request.push(b'\n');
    }
    let question = whole(trial.config.service, request);
    trial.ask_this(&mut peer, &question)?;
    trial.leave(peer)
}

fn goes_on(trial: &mut Trial<'_>) -> Told {
    let mut peer = trial.enter()?;
    for len in [1, 2, 30, 100, 7, 1000, 1] {
        trial.ask(&mut peer, len)?;
    }
    trial.leave(peer)
}

fn once(trial: &mut Trial<'_>) -> Told {
    let words = trial.question(12);
    for (before, after) in [("", "\n"), (" \t", " \r\n"), ("\r\x0b\x0c", "\t \n")] {
        let mut peer = trial.enter()?;
        let word = words.request.trim_ascii();
        let request = [before.as_bytes(), word, after.as_bytes()].concat();
        trial.ask_this(&mut peer, &whole(trial.config.service, request))?;
    }
    let mut peer = trial.enter()?;
    let question = whole(trial.config.service, words.request.trim_ascii().to_vec());
    peer.say(&question.request, "a request without a line feed")?;
    peer.half_close()?;
    trial.hear_answer(&mut peer, &question.answer)
}

fn in_turn(trial: &mut Trial<'_>) -> Told {
    for _ in 0..20 {
        is_served(trial)?;
    }
    Ok(())
}

/// As the source document's client talks: a line without its line feed, and as many bytes back. With the blocking client
/// of this library, which knows nothing of checks.
fn dialogue(trial: &mut Trial<'_>) -> Told {
    let peer = trial.connect()?;
    let (key, len) = (trial.config.key.as_ref(), trial.config.nonce_len);
    let failed = |error: ClientError| doubtful("a conversation", error.to_string());
    let socket =
        peer.socket.try_clone().map_err(|error| doubtful("a socket", error.to_string()))?;
    let patience = trial.limits.left(trial.limits.patience);
    let mut client = Client::over(socket, key, len, Some(patience)).map_err(failed)?;
    for line in ["hello", "How are you?", "a", "quit, or not quit"] {
        let answer = trial.config.service.answer(line.as_bytes());
        let mut heard = Vec::new();
        let hear = |part: &[u8]| {
            heard.extend_from_slice(part);
            Ok(())
        };
        client.exchange(line.as_bytes(), hear).map_err(failed)?;
        peer.note("says a line and hears the reply");
        compare(&heard, &answer)?;
    }
    drop(client);
    trial.leave(peer)
}

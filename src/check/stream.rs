//! Level 3, TCP is a stream: any cut of it into segments gives the same, and an end of input is no end of output.
//!
//! Read `slow.rs` next.

use super::bulk::Manner;
use super::catalogue::{Check, Need};
use super::peer::Ending;
use super::service::{MOST_ONCE, Question};
use super::slow::hold_back;
use super::story::{Told, bytes, doubtful};
use super::trial::{Trial, compare, hear_no_more};
use super::words::whole;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "cut-digest",
        level: 3,
        about: "a digest in two segments, cut anywhere, is a digest",
        matters: "recv returns what has come, not what was sent: over a real network a digest can come in two parts",
        page: "lessons/framing.md",
        lesson: Some("framing"),
        needs: &[Need::Scheme],
        run: cut_digest,
    },
    Check {
        name: "cut-data",
        level: 3,
        about: "a request cut anywhere, also within a character, has the same answer",
        matters: "a server that makes text of each segment breaks the letter that lies on a border",
        page: "lessons/framing.md",
        lesson: Some("framing"),
        needs: &[],
        run: cut_data,
    },
    Check {
        name: "single-bytes",
        level: 3,
        about: "a whole conversation byte by byte",
        matters: "this is what a slow line, or somebody at a keyboard, looks like to a server",
        page: "lessons/framing.md",
        lesson: Some("framing"),
        needs: &[],
        run: single_bytes,
    },
    Check {
        name: "one-segment",
        level: 3,
        about: "what follows the digest in the same segment belongs to the service",
        matters: "a client need not wait after its digest; if it does not, its first words are lost",
        page: "reference/wire.md#the-handshake",
        lesson: Some("framing"),
        needs: &[Need::Scheme],
        run: one_segment,
    },
    Check {
        name: "pipelined",
        level: 3,
        about: "a hundred requests sent without waiting are all answered, in their order",
        matters: "a client that need not wait is as fast as the line, and not as its delay",
        page: "loop/rules.md#1-readiness-is-a-hint",
        lesson: Some("edge_trap"),
        needs: &[Need::Stream],
        run: pipelined,
    },
    Check {
        name: "sizes",
        level: 3,
        about: "requests about as large as buffers are: 1023, 1024, 1025 … 65537 bytes",
        matters: "a program that takes one recv for one message works until a message is longer than its buffer",
        page: "loop/rules.md#1-readiness-is-a-hint",
        lesson: Some("framing"),
        needs: &[Need::Stream],
        run: sizes,
    },
    Check {
        name: "ten-mebibytes",
        level: 3,
        about: "ten mebibytes through one connection, to the last byte",
        matters: "a send takes what there is room for; a server that does not look at what it returns loses the rest",
        page: "send.md",
        lesson: Some("send_vs_sendall"),
        needs: &[Need::Stream],
        run: ten_mebibytes,
    },
    Check {
        name: "half-close",
        level: 3,
        about: "a client that ends its sending side still gets everything that it is owed",
        matters: "this is how a client says that it has said all: whoever pipes a file through nc needs it",
        page: "loop/rules.md#7-end-of-input-is-not-end-of-output",
        lesson: None,
        needs: &[],
        run: half_close,
    },
    Check {
        name: "half-close-at-once",
        level: 3,
        about: "digest, request and end of input in one breath",
        matters: "the end may come with the last bytes, in the same readiness: who looks at it first forgets them",
        page: "loop/rules.md#1-readiness-is-a-hint",
        lesson: Some("edge_trap"),
        needs: &[],
        run: half_close_at_once,
    },
    Check {
        name: "farewell",
        level: 3,
        about: "a client that has said all is let go: the server ends its side, too",
        matters: "a connection that only one side has ended stays open, and so does its descriptor",
        page: "loop/rules.md#7-end-of-input-is-not-end-of-output",
        lesson: Some("upper_server"),
        needs: &[Need::Stream],
        run: farewell,
    },
    Check {
        name: "once-line",
        level: 3,
        about: "a request of upper-once goes up to the first line feed, or to 1024 bytes, however it is cut",
        matters: "the answer would depend on how the network has cut the request",
        page: "reference/wire.md#the-services",
        lesson: Some("framing"),
        needs: &[Need::Once],
        run: once_line,
    },
    Check {
        name: "once-surplus",
        level: 3,
        about: "what a client sends beyond its request does not destroy the answer",
        matters: "closing on unread bytes makes a reset, and a reset destroys what is under way",
        page: "loop/rules.md#8-a-refusal-lingers-so-that-no-reset-destroys-what-is-owed",
        lesson: Some("dead_peer"),
        needs: &[Need::Once],
        run: once_surplus,
    },
];

fn cut_digest(trial: &mut Trial<'_>) -> Told {
    for at in 1..trial.digest_len() {
        let (mut peer, nonce) = trial.greet()?;
        let digest = trial.digest(&nonce);
        peer.say(&digest[..at], "the first part of its digest")?;
        trial.beat(&peer);
        peer.say(&digest[at..], "the rest")?;
        trial.ask(&mut peer, 16)?;
        trial.leave(peer)?;
    }
    Ok(())
}

/// Letters of one, two, three and four bytes, to be cut in.
const TEXT: &str = "a é € 𝄞 z ß";

fn cut_data(trial: &mut Trial<'_>) -> Told {
    let mut request = TEXT.as_bytes().to_vec();
    request.extend_from_slice(&trial.question(6).request);
    let question = whole(trial.config.service, request);
    for at in 1..question.request.len() {
        let mut peer = trial.enter()?;
        trial.say_in_parts(&mut peer, &[&question.request[..at], &question.request[at..]])?;
        trial.hear_answer(&mut peer, &question.answer)?;
        trial.leave(peer)?;
    }
    Ok(())
}

fn single_bytes(trial: &mut Trial<'_>) -> Told {
    let (mut peer, nonce) = trial.greet()?;
    let question = trial.question(20);
    for byte in trial.digest(&nonce).chunks(1) {
        peer.say(byte, "a byte of its digest")?;
        trial.beat(&peer);
    }
    trial.say_in_parts(&mut peer, &question.request.chunks(1).collect::<Vec<_>>())?;
    trial.hear_answer(&mut peer, &question.answer)?;
    trial.leave(peer)
}

fn one_segment(trial: &mut Trial<'_>) -> Told {
    for len in [1, 16, 900] {
        let (mut peer, nonce) = trial.greet()?;
        let question = trial.question(len.max(2));
        let all = [trial.digest(&nonce), question.request].concat();
        peer.say(&all, "its digest and a request at once")?;
        trial.hear_answer(&mut peer, &question.answer)?;
        trial.leave(peer)?;
    }
    Ok(())
}

fn pipelined(trial: &mut Trial<'_>) -> Told {
    let mut peer = trial.enter()?;
    let questions: Vec<Question> = (1..=100).map(|len| trial.question(len)).collect();
    for question in &questions {
        peer.say(&question.request, "a request")?;
    }
    let answers: Vec<u8> = questions.into_iter().flat_map(|question| question.answer).collect();
    trial.hear_answer(&mut peer, &answers)?;
    trial.leave(peer)
}

fn sizes(trial: &mut Trial<'_>) -> Told {
    let mut peer = trial.enter()?;
    for size in [1024, 2048, 4096, 8192, 16_384, 65_536] {
        for len in [size - 1, size, size + 1] {
            trial.ask(&mut peer, len)?;
        }
    }
    trial.leave(peer)
}

fn ten_mebibytes(trial: &mut Trial<'_>) -> Told {
    let mut peer = trial.enter_narrow()?;
    let question = trial.config.service.flood(&mut trial.rng, 10 << 20);
    // More than there is room for on the way, so that a send takes only a part.
    let said = peer.fill_up(&question.request, trial.pace.quiet())?;
    peer.make_room();
    peer.exchange(&question, said, Manner::default())?;
    trial.leave(peer)
}

fn half_close(trial: &mut Trial<'_>) -> Told {
    let mut peer = trial.enter()?;
    let question = if trial.config.service.is_stream() {
        trial.config.service.flood(&mut trial.rng, 300_000)
    } else {
        let words = trial.question(30).request.trim_ascii().to_vec();
        whole(trial.config.service, words)
    };
    // It reads nothing until all is said, unless there is no room for it.
    let said = peer.fill(&question.request, trial.pace.quiet())?;
    peer.exchange(&question, said, Manner { ends: true, ..Manner::default() })
}

fn half_close_at_once(trial: &mut Trial<'_>) -> Told {
    // Elsewhere it takes several: while the server hears one of them, the words and the end of the next come together.
    let mut peers = (0..16).map(|_| trial.greet()).collect::<Told<Vec<_>>>()?;
    let mut answers = Vec::new();
    for (peer, nonce) in &mut peers {
        let words = trial.question(30).request.trim_ascii().to_vec();
        let question = whole(trial.config.service, words);
        let all = [trial.digest(nonce), question.request].concat();
        hold_back(peer)?;
        peer.say(&all, "all that it has to say")?;
        peer.half_close()?;
        answers.push(question.answer);
    }
    let mut owed = peers.into_iter().zip(answers);
    owed.try_for_each(|((mut peer, _), answer)| trial.hear_last_answer(&mut peer, &answer))
}

fn farewell(trial: &mut Trial<'_>) -> Told {
    let mut peer = trial.enter()?;
    trial.ask(&mut peer, 24)?;
    peer.half_close()?;
    hear_no_more(&mut peer)
}

fn once_line(trial: &mut Trial<'_>) -> Told {
    let [first, second] = [trial.question(30).request, trial.question(30).request];
    let long = trial.question(MOST_ONCE + 1).request;
    let long = &long[..MOST_ONCE];
    let requests = [[first, second].concat(), [long, b"and more"].concat()];
    for request in requests {
        let question = whole(trial.config.service, request);
        for at in [1, 20, 30, 900] {
            let mut peer = trial.enter()?;
            let (before, after) = question.request.split_at(at.min(question.request.len()));
            peer.say(before, "a part")?;
            trial.beat_inside(&peer);
            peer.say_if_heard(after, "the rest")?;
            trial.hear_answer(&mut peer, &question.answer)?;
        }
    }
    Ok(())
}

fn once_surplus(trial: &mut Trial<'_>) -> Told {
    for _ in 0..5 {
        let mut peer = trial.enter()?;
        let question = trial.question(30);
        let all = [&question.request[..], &vec![b'x'; 200_000]].concat();
        peer.say_if_heard(&all, "a request, and much more behind it")?;
        let (heard, ending) = peer.hear_to_end("the answer was all")?;
        compare(&heard, &question.answer)?;
        if ending == Ending::Reset || heard.len() < question.answer.len() {
            let came =
                format!("{} and a reset, which need not come after them", bytes(heard.len()));
            return Err(doubtful("the whole answer, and then the end", came));
        }
    }
    Ok(())
}

//! Nothing is framed: any cut of the stream, any moments at which the kernel takes what is owed, and
//! the transcript is the model's.
//!
//! A case that fails prints itself, made as small as it can be, and the seed to play it again.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use sockmodes::auth::Scheme;
use sockmodes::session::{Protocol, Reason, Service, Step, Time};

use crate::common::any::{cases, nonce_for, pair};
use crate::common::model::{self, Entry};
use crate::common::{SCHEMES, SERVICES, entry, session};

/// What a client sends before its payload.
#[derive(Clone, Copy, Debug)]
enum Digest {
    Right,
    /// One bit of it is wrong.
    Wrong {
        at: usize,
        bit: u8,
    },
    /// So many bytes of it and nothing more.
    Short(usize),
}

fn digest() -> impl Strategy<Value = Digest> {
    prop_oneof![
        3 => Just(Digest::Right),
        1 => (0..32_usize, 0..8_u8).prop_map(|(at, bit)| Digest::Wrong { at, bit }),
        1 => (0..32_usize).prop_map(Digest::Short),
    ]
}

/// Any bytes, with much of what services look at: letters, white space, line feeds.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    // By a map: to choose among strategies takes ten times as long, for each byte.
    let byte = any::<[u8; 2]>().prop_map(|[kind, byte]| match kind % 7 {
        0..=2 => byte,
        3 | 4 => b'a' + byte % 26,
        5 => b'\t' + byte % 5,
        _ => b' ',
    });
    prop_oneof![4 => vec(byte.clone(), 0..80), 1 => vec(byte, 1000..1100)]
}

/// Lengths of segments, and whether the kernel takes all that is owed after each.
fn cuts() -> impl Strategy<Value = Vec<(usize, bool)>> {
    let segment = (0..6_u8, 1..2000_usize).prop_map(|(kind, len)| match kind {
        0..=2 => 1,
        3 | 4 => 1 + len % 19,
        _ => len,
    });
    vec((segment, any::<bool>()), 1..60)
}

fn stream(scheme: Option<Scheme>, nonce: &[u8], digest: Digest, payload: &[u8]) -> Vec<u8> {
    let mut stream = model::digest(scheme, nonce);
    let len = stream.len();
    match digest {
        Digest::Wrong { at, bit } if len > 0 => stream[at % len] ^= 1 << bit,
        Digest::Short(short) if len > 0 => {
            stream.truncate(short % len);
            return stream;
        }
        _ => {}
    }
    stream.extend_from_slice(payload);
    stream
}

/// What a session has said, and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Transcript {
    answer: Vec<u8>,
    reason: Reason,
    admitted: bool,
}

/// Drives one session through `stream` the way the loop does: what it owes has to go out before it
/// hears more, unless `hurried`, when bytes come while something is owed as well.
fn converse(
    protocol: &Protocol,
    nonce: &[u8],
    stream: &[u8],
    cuts: &[(usize, bool)],
    hurried: bool,
) -> Transcript {
    let mut now = Time::after_start(Duration::from_secs(5));
    let mut session = session(protocol, nonce, now);
    let (mut answer, mut rest, mut turn) = (Vec::new(), stream, 0);
    if !hurried {
        session.handle_flushed(protocol, now);
    }
    while !rest.is_empty() && !matches!(session.poll_step(), Step::Close(_)) {
        // Time passes, far less than any deadline.
        now = now + Duration::from_millis(1);
        let (len, flushed) = cuts[turn % cuts.len()];
        turn += 1;
        let (segment, later) = rest.split_at(len.min(rest.len()));
        rest = later;
        let mut segment = segment.to_vec();
        answer.extend_from_slice(session.handle_bytes(protocol, now, &mut segment));
        answer.extend(session.poll_answer());
        if flushed || !hurried {
            session.handle_flushed(protocol, now);
        }
    }
    session.handle_end_of_input();
    answer.extend(session.poll_answer());
    session.handle_flushed(protocol, now);
    session.handle_delivered(now);
    // Whoever lingers is told of the end once more, as the loop does when it reads it.
    session.handle_end_of_input();
    let Step::Close(reason) = session.poll_step() else {
        panic!("{:?} after the end of input", session.state())
    };
    Transcript { answer, reason, admitted: session.is_admitted() }
}

/// What the model has for a whole stream with its end.
fn modelled(scheme: Option<Scheme>, service: Service, nonce: &[u8], stream: &[u8]) -> Transcript {
    let verdict = model::verdict(scheme, service, nonce, stream, true);
    let reason = match verdict.entry {
        Entry::Right => Reason::Done,
        Entry::Wrong => Reason::WrongDigest,
        Entry::Undecided => Reason::ShortDigest,
    };
    Transcript { answer: verdict.answer, reason, admitted: verdict.entry == Entry::Right }
}

proptest! {
    #![proptest_config(cases(20_000))]

    #[test]
    fn any_cut_gives_the_transcript_of_the_whole_stream(
        (scheme, service) in pair(),
        nonce in vec(any::<u8>(), 8..=64),
        digest in digest(),
        payload in payload(),
        cuts in cuts(),
        hurried in any::<bool>(),
    ) {
        let nonce = nonce_for(scheme, &nonce);
        let protocol = Protocol::new(entry(scheme, nonce.len()), service);
        let stream = stream(scheme, nonce, digest, &payload);
        let said = converse(&protocol, nonce, &stream, &cuts, hurried);
        prop_assert_eq!(said, modelled(scheme, service, nonce, &stream));
    }
}

#[test]
fn every_place_of_one_cut_and_every_wrong_bit() {
    // All there are, for each pair: two segments cut at every place, and single bytes.
    let nonce = b"a nonce of some length";
    for (scheme, service) in SCHEMES.iter().flat_map(|a| SERVICES.map(|b| (*a, b))) {
        let nonce = nonce_for(scheme, nonce);
        let protocol = Protocol::new(entry(scheme, nonce.len()), service);
        let digest_len = scheme.map_or(0, Scheme::digest_len);
        let right = stream(scheme, nonce, Digest::Right, b" \x0bHello, World\x1c \r\nand more\n");
        let expected = modelled(scheme, service, nonce, &right);
        assert_eq!(converse(&protocol, nonce, &right, &[(1, true)], false), expected);
        for at in 1..=right.len() {
            let cuts = [(at, true), (usize::MAX, true)];
            assert_eq!(converse(&protocol, nonce, &right, &cuts, false), expected, "cut at {at}");
        }
        for bit in 0..8 * digest_len {
            let digest = Digest::Wrong { at: bit / 8, bit: (bit % 8) as u8 };
            let wrong = stream(scheme, nonce, digest, b"hello\n");
            for cuts in [[(1, true)], [(usize::MAX, true)]] {
                let said = converse(&protocol, nonce, &wrong, &cuts, false);
                let refused =
                    Transcript { answer: vec![], reason: Reason::WrongDigest, admitted: false };
                assert_eq!(said, refused, "{scheme:?}, bit {bit}");
            }
        }
        for len in 0..digest_len {
            let short = stream(scheme, nonce, Digest::Short(len), b"");
            let said = converse(&protocol, nonce, &short, &[(3, true)], false);
            assert_eq!(said.reason, Reason::ShortDigest, "{scheme:?}, {len} bytes");
        }
    }
}

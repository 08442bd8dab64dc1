//! Each check fails on a server with just its fault, and without a fault the same server passes all of them.

use libtest_mimic::Trial;
use serde_json::Value;

use super::checked::{check, faulty_with};

/// Fault, the check that names it, and what the server is and promises, where that matters.
#[rustfmt::skip]
const FAULTS: &[(&str, &str, Terms)] = &[
    // It talks.
    ("nonce-short", "nonce-length", UPPER),
    ("nonce-long", "nonce-length", UPPER),
    ("greets-first", "silent-start", OPEN),
    ("canned", "digest-right", UPPER),
    ("digest-none", "digest-right", UPPER),
    ("case-forgotten", "served", OPEN),
    ("welcome", "silent-welcome", UPPER),
    ("text-in-and-out", "service-bytes", UPPER),
    ("line-feed", "service-goes-on", UPPER),
    ("one-answer", "service-goes-on", UPPER),
    ("once-unstripped", "service-once", ONCE),
    ("once-open", "service-once", ONCE),
    ("serves-one", "in-turn", UPPER),
    ("case-forgotten", "dialogue", UPPER),
    ("digest-half", "digest-bit", UPPER),
    ("explains", "digest-bit", UPPER),
    ("refuses-nobody-away", "digest-bit", PATIENT),
    ("digest-prefix", "digest-short", UPPER),
    ("digest-sha256", "digest-scheme", UPPER),
    ("digest-any", "digest-secret", UPPER),
    ("digest-zeros", "digest-secret", UPPER),
    ("nonce-is-digest", "digest-secret", UPPER),
    ("digest-replayed", "digest-replay", UPPER),
    ("text-ends-it", "stranger", UPPER),
    ("nonce-same", "nonce-fresh", UPPER),
    ("nonce-counts", "nonce-fresh", UPPER),
    ("nonce-from-seed", "nonce-restart", UPPER),
    // With many.
    ("one-after-another", "beside-silent", PATIENT),
    ("waits-for-digest", "beside-half-digest", UPPER),
    ("waits-for-the-end", "beside-idle", UPPER),
    ("takes-ten", "fifty", UPPER),
    ("refuses-sixty", "ninety-silent", PATIENT),
    ("answers-cross", "own-answers", UPPER),
    ("nonce-global", "own-nonce", UPPER),
    ("takes-neighbour-along", "some-leave", UPPER),
    // TCP is a stream.
    ("digest-in-one", "cut-digest", UPPER),
    ("letter-by-letter", "cut-data", UPPER),
    ("skips-single", "single-bytes", UPPER),
    ("rest-lost", "one-segment", UPPER),
    ("parts-swapped", "pipelined", UPPER),
    ("one-kilobyte", "sizes", UPPER),
    ("short-send", "ten-mebibytes", UPPER),
    ("short-small-send", "ten-mebibytes", UPPER),
    ("end-is-end", "half-close", UPPER),
    ("end-first", "half-close-at-once", UPPER),
    ("end-forgotten", "half-close-at-once", UPPER),
    ("no-farewell", "farewell", UPPER),
    ("once-one-read", "once-line", ONCE),
    ("once-unlimited", "once-line", ONCE),
    ("once-to-the-end", "once-line", ONCE),
    ("once-reset", "once-surplus", ONCE),
    // The other side is slow.
    ("drops-when-full", "slow-reader", UPPER),
    ("never-resumes", "late-reader", UPPER),
    ("mebibyte", "both-ways", UPPER),
    ("until-quiet", "greedy", UPPER),
    ("spins", "idle-cpu", UPPER),
    ("sends-all-at-once", "stuck-others", UPPER),
    ("remembers-all", "stuck-memory", UPPER),
    ("asks-when-stuck", "stuck-cpu", UPPER),
    // The other side is silent or rude.
    ("no-deadline", "deadline-silent", UPPER),
    ("half-is-enough", "deadline-half", UPPER),
    ("bytes-move-deadline", "deadline-trickle", UPPER),
    ("impatient", "deadline-late", UPPER),
    ("deadline-for-all", "deadline-kept", UPPER),
    ("reset-ends-it", "resets", UPPER),
    ("unread-ends-it", "unread-answers", UPPER),
    ("end-ignored", "half-open", PATIENT),
    ("noise-ends-it", "garbage", UPPER),
    ("bans", "refusals", UPPER),
    ("end-before-digest-ends-it", "flood-leave", UPPER),
    ("tired", "flood-leave", UPPER),
    ("dead-on-arrival-ends-it", "flood-reset", UPPER),
    ("leaks-refused", "descriptors-left", UPPER),
    ("leaks-reset", "descriptors-left", UPPER),
    ("leaks-served", "descriptors-left", UPPER),
    ("emfile-ends-it", "descriptors-out", UPPER),
    // The end.
    ("signal-ignored", "term-exit", UPPER),
    ("wrong-status", "term-exit", UPPER),
    ("int-kills", "int-exit", UPPER),
    ("waits-for-idle", "term-idle", UPPER),
    ("signal-cuts", "term-owed", UPPER),
    ("takes-new-ones", "term-new", UPPER),
    ("drains-for-ever", "term-stuck", UPPER),
    ("second-ignored", "term-twice", UPPER),
    ("second-is-well", "term-twice", UPPER),
    ("no-reuseaddr", "port-again", UPPER),
];

/// Scheme, service and handshake timeout.
type Terms = (&'static str, &'static str, &'static str);

const UPPER: Terms = ("hmac-md5", "upper", "1s");
const PATIENT: Terms = ("hmac-md5", "upper", "10s");
const OPEN: Terms = ("none", "upper", "1s");
const ONCE: Terms = ("hmac-md5", "upper-once", "1s");

pub(crate) fn trials() -> Vec<Trial> {
    // What shows at the end of a server takes longest.
    let faults = FAULTS.iter().rev().map(|&(fault, check, terms)| {
        Trial::test(format!("check::faults::{fault}_is_caught_by_{check}"), move || {
            is_caught(fault, check, terms);
            Ok(())
        })
    });
    let right = [UPPER, OPEN, ONCE, ("none", "upper-once", "1s"), ("hmac-sha256", "echo", "1s")];
    let right = right.into_iter().map(|terms| {
        let (auth, service, _) = terms;
        Trial::test(format!("check::faults::none_is_found_with_{auth}_and_{service}"), move || {
            passes(terms);
            Ok(())
        })
    });
    // The longest first.
    let each = Trial::test("check::faults::every_check_has_one", || {
        every_check_has_one();
        Ok(())
    });
    right.chain(faults).chain([each]).collect()
}

/// What `check` says of the faulty server.
fn checked(fault: &str, (auth, service, timeout): Terms, args: &[&str]) -> (Option<i32>, Value) {
    let args = [&["--format", "json"], args].concat();
    let done = check(&faulty_with(fault, [auth, service, timeout], &args));
    let report = serde_json::from_slice(&done.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&done.stderr)));
    (done.status.code(), report)
}

fn is_caught(fault: &str, check: &str, terms: Terms) {
    let (status, report) = checked(fault, terms, &["--only", check]);
    let found = &report["checks"][0];
    assert_eq!((&found["name"], &found["verdict"]), (&check.into(), &"FAILED".into()), "{report}");
    assert_eq!((status, &report["level"]), (Some(1), &0.into()));
    let why = found["why"].as_str().unwrap();
    for part in [check, "expected", "came", "matters", "read"] {
        assert!(why.contains(part), "{why}");
    }
    println!("{why}");
}

fn passes(terms: Terms) {
    let (status, report) = checked("none", terms, &[]);
    assert_eq!((status, &report["level"]), (Some(0), &6.into()), "{report:#}");
}

/// A check that nothing has ever failed could not be trusted.
fn every_check_has_one() {
    let without: Vec<_> = sockmodes::check::checks()
        .map(|check| check.name)
        .filter(|name| !FAULTS.iter().any(|(_, check, _)| check == name))
        .collect();
    assert!(without.is_empty(), "{without:?}");
}

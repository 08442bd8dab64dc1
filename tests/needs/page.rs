//! What the live page makes of the events: its script, without a browser, by itself and on the trace of a real server;
//! and whether what it repeats of the server is what the server has.

use std::fs;
use std::net::Shutdown;
use std::path::Path;
use std::process::Command;

use regex_lite::Regex;
use serde_json::{Value, json};
use sockmodes::auth::Scheme;
use sockmodes::observe::{Metrics, is_worth_a_look};
use sockmodes::session::{Reason, State, TRANSITIONS};
use tempfile::{NamedTempFile, TempDir, tempdir};

use crate::common::client::{answer, exchange, read_rest};
use crate::common::harness::{Need, Test, missing_program};
use crate::common::process::run;
use crate::common::program::{Server, sockmodes};

pub(crate) const TESTS: &[Test] = &[
    ("the_page_adds_up_what_it_is_told", &[NODE], the_page_adds_up_what_it_is_told),
    ("the_page_repeats_what_the_server_has", &[NODE], the_page_repeats_what_the_server_has),
    ("a_long_trace_is_the_same_when_it_is_packed", &[NODE], a_long_trace_is_the_same_when_packed),
    ("after_a_real_trace_the_page_knows_what_happened", &[NODE], after_a_real_trace_the_page_knows),
];

const NODE: Need = Need::Peer(|| missing_program("node"));

/// The page's script and what tests it in one folder, which says that they are modules.
fn script() -> TempDir {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    for from in ["src/observe/page", "tests/needs/page"] {
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(from)).unwrap() {
            let path = file.unwrap().path();
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    folder
}

fn the_page_adds_up_what_it_is_told() {
    let folder = script();
    let tests = ["--test", "model.test.js", "store.test.js", "position.test.js", "play.test.js"];
    run(Command::new("node").args(tests).current_dir(&folder), b"").expect(0);
}

/// Whoever adds a state, a reason, an arrow, an error, an event, a step or a metric hears here that
/// the page has no place or no words for it.
fn the_page_repeats_what_the_server_has() {
    let folder = script();
    fs::write(folder.path().join("tables.json"), tables().to_string()).unwrap();
    run(Command::new("node").args(["--test", "tables.test.js"]).current_dir(&folder), b"")
        .expect(0);
}

fn a_long_trace_is_the_same_when_packed() {
    let folder = script();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // Each event with all that it may say, at times of its own, and then what only another version says.
    let told = include_str!("page/records.jsonl");
    let at = |i: u32| told.replace("\"time\":0.0", &format!("\"time\":{}", f64::from(i) / 3.0));
    let other = "{\"event\":\"dreamt\",\"of\":[{\"<\":null}],\"__proto__\":{\"bytes\":1}}\n";
    let trace = (0..200).map(at).chain([other.to_owned()]).collect::<String>();
    fs::write(path("trace.jsonl"), trace).unwrap();
    let args = ["trace", &path("trace.jsonl"), "--html", &path("trace.html")];
    run(&mut sockmodes(args), b"").expect(0);
    run(Command::new("node").args(["--test", "packed.test.js"]).current_dir(&folder), b"")
        .expect(0);
}

/// What the page repeats, as the server has it; the events and the errors are in `records.jsonl`.
fn tables() -> Value {
    json!({
        "states": State::ALL.map(State::name),
        "reasons": Reason::ALL.map(Reason::name),
        "ways": TRANSITIONS.iter().map(|row| way(row.from, row.to)).collect::<Vec<_>>(),
        "steps": steps(),
        "metrics": Metrics::default().text(),
        "worth_a_look": worth_a_look(),
    })
}

fn way(from: State, to: State) -> String {
    format!("{from}>{to}")
}

/// For each line of `records.jsonl`, whether it is worth a look.
fn worth_a_look() -> Vec<bool> {
    let is_worth = |line| {
        let record: Value = serde_json::from_str(line).unwrap();
        let fell_short =
            !record["error"].is_null() || record["bytes"].as_u64() < record["offered"].as_u64();
        is_worth_a_look(record["event"].as_str().unwrap(), record["reason"].as_str(), fell_short)
    };
    include_str!("page/records.jsonl").lines().map(is_worth).collect()
}

/// The steps of a turn, as the loop calls them.
fn steps() -> Vec<&'static str> {
    let source = include_str!("../../src/server/event_loop/mod.rs");
    let (_, turn) = source.split_once("// ANCHOR: turn\n").unwrap();
    let (turn, _) = turn.split_once("// ANCHOR_END: turn\n").unwrap();
    let call = Regex::new(r"(?m)^ +(?:let \w+ = )?self\.(\w+)\(").unwrap();
    call.captures_iter(turn).map(|call| call.extract::<1>().1[0]).collect()
}

/// A trace of three connections: one that was served, one with a wrong digest, one that said nothing.
fn trace() -> Vec<u8> {
    let trace = NamedTempFile::new().unwrap();
    let server = Server::start(&["--trace", trace.path().to_str().unwrap()]);
    let mut right = server.enter();
    exchange(&mut right, b"hello", b"HELLO");
    let mut wrong = server.connect();
    answer(&mut wrong, Scheme::HmacMd5, b"no secret of ours");
    read_rest(&mut wrong);
    right.shutdown(Shutdown::Write).unwrap();
    read_rest(&mut right);
    drop(wrong);
    let silent = server.connect();
    server.program.wait_for_log("opened conn=3");
    server.stop();
    drop(silent);
    fs::read(trace.path()).unwrap()
}

fn after_a_real_trace_the_page_knows() {
    let trace = trace();
    let folder = script();
    let done = run(Command::new("node").arg("replay.js").current_dir(&folder), &trace).expect(0);
    let known: Value = serde_json::from_str(done.out()).unwrap();
    assert_eq!(known["open"], json!([]));
    assert!(known["counts"].as_object().unwrap().values().all(|count| count == 0), "{known}");
    assert_eq!(known["stopped"], true);
    let mut closed = known["closed"].as_array().unwrap().clone();
    closed.sort_by_key(|connection| connection["number"].as_u64());
    let expected =
        [(1, "done", 16 + 5, 32 + 5), (2, "wrong_digest", 16, 32), (3, "stopped", 0, 32)];
    let expected = expected.map(|(number, reason, received, sent)| {
        json!({"number": number, "reason": reason, "received": received, "sent": sent})
    });
    assert_eq!(closed, expected);
    let turns = String::from_utf8(trace).unwrap().matches("\"event\":\"turn\"").count();
    assert_eq!(known["turns"], turns);
    assert_eq!(known["wordless"], json!([]), "records without a sentence");
    assert_eq!((&known["owed"], &known["broken"]), (&json!(0), &json!(0)));
    assert_eq!(known["maxBuffer"], json!(256 * 1024));
    let deadlines = known["deadlines"].as_array().unwrap();
    for deadline in [(1, "handshake"), (1, "idle"), (2, "linger"), (3, "handshake")] {
        assert!(deadlines.contains(&json!(deadline)), "{deadline:?} is not among {deadlines:?}");
    }
}

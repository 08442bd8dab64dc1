//! What the live page makes of the events: its script, without a browser, by itself and on the trace of a real server.

use std::fs;
use std::net::Shutdown;
use std::path::Path;
use std::process::Command;

use sockmodes::auth::Scheme;
use tempfile::{NamedTempFile, TempDir, tempdir};

use crate::common::client::{answer, exchange, read_rest};
use crate::common::harness::{Need, Test, missing_program};
use crate::common::program::{Server, run};

pub(crate) const TESTS: &[Test] = &[
    ("the_page_adds_up_what_it_is_told", &[NODE], the_page_adds_up_what_it_is_told),
    ("after_a_real_trace_the_page_knows_what_happened", &[NODE], after_a_real_trace_the_page_knows),
];

const NODE: Need = Need::Peer(|| missing_program("node"));

/// The page's script and what tests it in one folder, which says that they are modules.
fn script() -> TempDir {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    for from in ["src/observe/admin/page", "tests/needs/page"] {
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(from)).unwrap() {
            let path = file.unwrap().path();
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    folder
}

fn the_page_adds_up_what_it_is_told() {
    let folder = script();
    run(Command::new("node").args(["--test", "model.test.js"]).current_dir(&folder), b"").expect(0);
}

fn after_a_real_trace_the_page_knows() {
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

    let folder = script();
    let trace = fs::read(trace.path()).unwrap();
    let done = run(Command::new("node").arg("replay.js").current_dir(&folder), &trace).expect(0);
    let known: serde_json::Value = serde_json::from_str(done.out()).unwrap();
    assert_eq!(known["open"], serde_json::json!([]));
    assert!(known["counts"].as_object().unwrap().values().all(|count| count == 0), "{known}");
    assert_eq!(known["stopped"], true);
    let mut closed = known["closed"].as_array().unwrap().clone();
    closed.sort_by_key(|connection| connection["number"].as_u64());
    let expected =
        [(1, "done", 16 + 5, 32 + 5), (2, "wrong_digest", 16, 32), (3, "stopped", 0, 32)];
    let expected = expected.map(|(number, reason, received, sent)| {
        serde_json::json!({"number": number, "reason": reason, "received": received, "sent": sent})
    });
    assert_eq!(closed, expected);
    let turns = String::from_utf8(trace).unwrap().matches("\"event\":\"turn\"").count();
    assert_eq!(known["turns"], turns);
    assert_eq!(known["wordless"], serde_json::json!([]), "records without a sentence");
}

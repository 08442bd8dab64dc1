//! The trace in a file that is full for a while, cut short, or moved away. One that is read is in `outputs.rs`.

use std::fs::{self, File};
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::client::{eventually, exchange};
use crate::common::program::{Server, sockmodes_in_shell};

/// A folder, and in it the path of a trace.
fn place() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace").to_str().unwrap().to_owned();
    (folder, path)
}

/// Every line of the trace, each of which is a whole JSON object.
fn lines(path: impl AsRef<Path>) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is half: {text}");
    let whole = |line: &str| serde_json::from_str(line).map_err(|why| format!("{why}: {line:?}"));
    text.lines().map(|line| whole(line).unwrap()).collect()
}

fn names(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

/// The limit of a file's size is met as a full disk is, and by a signal that would end the program. Each
/// round ends at another place in a line.
#[test]
fn with_room_again_after_a_full_disk_every_line_is_whole_and_what_is_missing_is_counted() {
    let (_folder, path) = place();
    // In blocks of 512 bytes.
    let script = r#"ulimit -f 8; exec "$@""#;
    let server = Server::of(&mut sockmodes_in_shell(script, Server::args(&["--trace", &path])));
    let mut client = server.enter();
    for round in 1..=10 {
        eventually("a full disk", || {
            exchange(&mut client, b"hello", b"HELLO");
            // Too little for any line, or half of one that is about to be taken back.
            fs::metadata(&path).unwrap().len() > 4096 - 60
        });
        (0..20).for_each(|_| exchange(&mut client, b"hello", b"HELLO"));
        File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
        eventually("a count", || {
            exchange(&mut client, &vec![b'x'; round], &vec![b'X'; round]);
            let lines = lines_so_far(&path).unwrap_or_default();
            let lost = lines.iter().find(|line| line["event"] == "lost");
            lost.is_some_and(|lost| lost["lines"].as_u64() > Some(0))
        });
    }
    let done = server.stop();
    lines(&path);
    assert!(done.err().contains("lines of the log or the trace were lost"), "{}", done.err());
}

/// The same while it is being written: the last line may still be under way, and half a line may be about to
/// be taken back (None).
fn lines_so_far(path: &str) -> Option<Vec<Value>> {
    let text = fs::read_to_string(path).unwrap();
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    whole.lines().map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn a_file_that_is_cut_short_goes_on_at_its_new_end() {
    let (_folder, path) = place();
    fs::write(&path, "what was there before\n").unwrap();
    let server = Server::start(&["--trace", &path]);
    let mut client = server.enter();
    exchange(&mut client, b"hello", b"HELLO");
    eventually("a trace", || fs::read_to_string(&path).unwrap().contains("let_in"));
    // As `copytruncate` does it.
    File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    exchange(&mut client, b"hello", b"HELLO");
    server.stop();
    let lines = lines(&path);
    assert_eq!(names(&lines).last(), Some(&"stopped"));
}

#[test]
fn after_a_hangup_a_trace_that_was_moved_away_begins_anew_with_what_is_open() {
    let (folder, path) = place();
    let server = Server::start(&["--trace", &path]);
    let (mut stays, leaves) = (server.enter(), server.enter());
    exchange(&mut stays, b"hello", b"HELLO");
    drop(leaves);
    server.program.wait_for_log("closed");
    let waiting = server.connect();
    server.program.wait_for_log("opened conn=3");
    let moved = folder.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    exchange(&mut stays, b"moved on", b"MOVED ON");
    server.program.signal(Signal::HUP);
    eventually("a new trace", || {
        exchange(&mut stays, b"anew", b"ANEW");
        fs::read_to_string(&path).is_ok_and(|text| text.contains("\"sent\""))
    });
    server.stop();
    drop(waiting);

    let before = lines(&moved);
    assert_eq!(names(&before).last(), Some(&"hangup"));
    let moved_on = |line: &Value| line["event"] == "received" && line["bytes"] == 8;
    assert_eq!(before.iter().filter(|line| moved_on(line)).count(), 1);
    let after = lines(&path);
    let standing = ["listening", "opened", "let_in", "timer", "opened", "timer"];
    assert_eq!(names(&after)[..standing.len()], standing);
    let told =
        |line: usize, field: &str| (after[line]["connection"].clone(), after[line][field].clone());
    assert_eq!(told(1, "state"), (1.into(), "serving".into()));
    assert_eq!(told(3, "kind"), (1.into(), "idle".into()));
    assert_eq!(told(4, "state"), (3.into(), "await_digest".into()));
    assert_eq!(told(5, "kind"), (3.into(), "handshake".into()));
    assert_eq!(names(&after).last(), Some(&"stopped"));
}

#[test]
fn a_trace_that_cannot_be_opened_anew_goes_on_where_it_was() {
    let (folder, path) = place();
    let server = Server::start(&["--trace", &path]);
    let moved = folder.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    fs::create_dir(&path).unwrap();
    server.program.signal(Signal::HUP);
    server.program.wait_for_log("cannot open the trace anew");
    server.stop();
    assert_eq!(names(&lines(&moved)).last(), Some(&"stopped"));
}

//! The command `check` itself: its command line, its reports to the letter, how it starts and ends the server.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use libtest_mimic::Trial;
use quick_xml::events::Event;
use rustix::process::{Pid, Signal, test_kill_process};
use serde_json::{Value, json};

use super::checked::{check, faulty, finish};
use crate::common::client::eventually;
use crate::common::process::{Finished, Program, find};
use crate::common::program::{Server, sockmodes};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 16] = [
        ("the_list_has_a_line_for_each", the_list_has_a_line_for_each),
        ("a_wrong_command_line_is_status_2", a_wrong_command_line_is_status_2),
        ("a_server_that_is_never_there_is_status_1", a_server_that_is_never_there_is_status_1),
        ("text_to_the_letter", text_to_the_letter),
        ("json_to_the_letter", json_to_the_letter),
        ("junit_is_xml", junit_is_xml),
        ("the_port_and_the_secret_are_told_at_every_start", the_port_and_the_secret_are_told),
        ("nothing_is_left_running", nothing_is_left_running),
        ("a_signal_ends_the_server_first", a_signal_ends_the_server_first),
        ("a_running_server_is_left_alone", a_running_server_is_left_alone),
        ("a_seed_asks_the_same_again", a_seed_asks_the_same_again),
        ("the_first_connection_is_the_first_checks", the_first_connection_is_the_first_checks),
        ("the_secret_is_in_no_story", the_secret_is_in_no_story),
        ("without_a_secret_no_running_server_is_tried", without_a_secret_nobody_is_tried),
        ("a_nonce_of_another_length_than_said_fails", a_nonce_of_another_length_fails),
        ("whoever_has_seen_enough_changes_no_status", whoever_has_seen_enough_changes_no_status),
    ];
    tests
        .map(|(name, test)| {
            Trial::test(format!("check::command::{name}"), move || {
                test();
                Ok(())
            })
        })
        .into()
}

fn the_list_has_a_line_for_each() {
    let all = check(&["--list"]).expect(0);
    let names: Vec<_> = sockmodes::check::checks().map(|check| check.name).collect();
    let listed: Vec<_> =
        all.out().lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(listed, names);
    let some = check(&["--list", "--level", "1", "--only", "nonce", "--only", "fifty"]).expect(0);
    assert!(some.out().lines().all(|line| line.starts_with("nonce-")), "{}", some.out());
    assert_eq!(some.out().lines().count(), 3);
}

fn a_wrong_command_line_is_status_2() {
    for args in [
        &["--only", "no-such-check"][..],
        &["--only", ""],
        &["--only", "fifty", "--level", "1"],
        &["--level", "0"],
        &["--level", "7"],
        &["--level", "+1"],
        &["--seed", "+1"],
        &["--nonce-len", "+32"],
        &["--secret-file", "-"],
        &["--service", "login"],
        &["--format", "html"],
        &["--nonce-len", "0"],
        &["127.0.0.1:1", "--", "true"],
        &["127.0.0.1"],
    ] {
        let done = check(args).expect(2);
        assert_eq!((done.out(), done.err().lines().count()), ("", 1), "{args:?}: {}", done.err());
    }
}

fn a_server_that_is_never_there_is_status_1() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let secret = ["--auth", "none"];
    for target in [&["--", "false"][..], &["--", "/nonexistent/server"], &[&free]] {
        let done = check(&[&secret, target].concat()).expect(1);
        assert_eq!(done.err().lines().count(), 1, "{}", done.err());
        assert!(done.out().contains("\nlevel 0 of 6\n0 passed, "), "{}", done.out());
        let report = json_of(&check(&[&secret, &["--format", "json"], target].concat()));
        assert_eq!((&report["level"], &report["passed"]), (&0.into(), &0.into()));
    }
}

fn text_to_the_letter() {
    let done = check(&faulty("welcome", &["--only", "nonce-length", "--only", "s"]));
    let out = done.expect(1);
    let lines: Vec<_> = out.out().lines().collect();
    assert_eq!(
        lines[..3],
        ["ok nonce-length", SKIPPED, "skipped served: it is for servers without a scheme"]
    );
    assert!(lines.contains(&"FAILED silent-welcome"), "{lines:?}");
    let story = lines.iter().position(|line| line.starts_with("silent-welcome: ")).unwrap();
    let last_check = lines.iter().rposition(|line| line.starts_with("ok ")).unwrap();
    assert!(story > last_check);
    let [.., level, counts] = lines[..] else { panic!("{lines:?}") };
    assert_eq!(level, "level 0 of 6");
    let count = |word| lines.iter().filter(|line| line.starts_with(word)).count();
    let counted = [count("ok "), count("FAILED "), count("skipped ")];
    let [passed, failed, skipped] = counted;
    assert_eq!(counts, format!("{passed} passed, {failed} failed, {skipped} skipped"));
}

const SKIPPED: &str = "skipped silent-start: it is for servers without a scheme";

fn json_to_the_letter() {
    let only = ["--format", "json", "--only", "nonce-length", "--only", "silent"];
    let done = check(&faulty("welcome", &only)).expect(1);
    let mut report = json_of(&done);
    let failed = &mut report["checks"][2]["why"];
    assert!(failed.as_str().unwrap().contains("expected"), "{failed}");
    *failed = "a story".into();
    let expected = json!({
        "level": 0, "passed": 1, "failed": 1, "skipped": 1,
        "checks": [
            {"name": "nonce-length", "verdict": "ok", "why": ""},
            {"name": "silent-start", "verdict": "skipped", "why": "it is for servers without a scheme"},
            {"name": "silent-welcome", "verdict": "FAILED", "why": "a story"},
        ]
    });
    assert_eq!(report, expected);
}

fn json_of(done: &Finished) -> Value {
    serde_json::from_str(done.out()).unwrap_or_else(|error| panic!("{error}: {}", done.out()))
}

fn junit_is_xml() {
    let only = ["--format", "junit", "--only", "nonce-length", "--only", "silent"];
    let done = check(&faulty("welcome", &only)).expect(1);
    let mut reader = quick_xml::Reader::from_str(done.out());
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) | Event::Empty(tag) => {
                found.push(tag.name().as_ref().to_string());
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let count = |name: &str| found.iter().filter(|tag| *tag == name).count();
    let counts = ["testsuites", "testsuite", "testcase", "failure", "skipped"].map(count);
    assert_eq!(counts, [1, 6, 3, 1, 1], "{}", done.out());
}

/// A server that a shell starts, which first does `first`, with `{port}` as its first argument.
fn by_shell(first: &str, args: &[&str]) -> Vec<String> {
    let mut all = faulty("none", args);
    let at = all.iter().position(|word| word == "--").unwrap() + 1;
    let shell = ["sh", "-c", first, "sh"].map(String::from);
    all.splice(at..at, shell);
    all
}

fn the_port_and_the_secret_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    let script =
        format!(r#"echo "$3 $PORT ${{#SOCKMODES_SECRET}}" >> {}; exec "$@""#, told.display());
    check(&by_shell(&script, &["--only", "nonce-restart"])).expect(0);
    let told = fs::read_to_string(told).unwrap();
    let starts: Vec<_> = told.lines().collect();
    let words: Vec<_> = starts[0].split(' ').collect();
    assert!(words[0] == words[1] && words[0].parse::<u16>().is_ok() && words[2] == "64", "{told}");
    assert!(starts.len() == 2 && starts[0] == starts[1], "{told}");
}

/// Whether the processes whose numbers are in `file` have all ended.
fn have_ended(file: &Path) -> bool {
    let pids = fs::read_to_string(file).unwrap();
    assert!(!pids.trim().is_empty());
    let gone = |pid: &str| {
        let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
        test_kill_process(pid).is_err()
    };
    pids.lines().all(gone)
}

/// Not the server, nor the shell that started it, though neither hears a signal.
fn nothing_is_left_running() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let script = format!(
        r#"trap "" TERM; "$@" & echo $! >> {0}; echo $$ >> {0}; wait; wait"#,
        pids.display()
    );
    let mut args = by_shell(&script, &["--only", "digest-right"]);
    let fault = args.iter().position(|word| word == "none").unwrap();
    args[fault] = "signal-ignored".into();
    check(&args).expect(0);
    eventually("their end", || have_ended(&pids));
}

fn a_signal_ends_the_server_first() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let script = format!(r#"echo $$ >> {}; exec "$@""#, pids.display());
        let args = by_shell(&script, &["--only", "nonce-length", "--only", "deadline-silent"]);
        let program = Program::start(&mut sockmodes([&["check".to_string()][..], &args].concat()));
        program.wait_for_output("ok nonce-length\n");
        program.signal(signal);
        let done = program.finish();
        assert_eq!(done.status.code(), None, "{}", done.out());
        eventually("the server's end", || have_ended(&pids));
    }
}

fn a_running_server_is_left_alone() {
    let server = Server::start(&["--auth", "none", "--service", "upper-once"]);
    let address = server.address.to_string();
    let args = ["--auth", "none", "--service", "upper-once", "--level", "2", &address];
    let done = check(&args).expect(0);
    // What can't be tried is no failure, and costs no level.
    assert!(done.out().contains("\nskipped digest-replay: "), "{}", done.out());
    assert!(done.out().contains("\nlevel 2 of 6\n"), "{}", done.out());
    let skipped = check(&["--auth", "none", "--only", "term-", &address]).expect(0);
    let why = "it needs the process, and the server was not started here";
    assert!(skipped.out().starts_with(&format!("skipped term-exit: {why}\n")), "{}", skipped.out());
    assert!(skipped.out().contains("\nlevel 0 of 6\n0 passed, 0 failed, "), "{}", skipped.out());
    server.stop();
}

/// What a server without a scheme is asked first.
fn asked(seed: &str) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![0; 24];
        stream.read_exact(&mut request).unwrap();
        stream.write_all(&request.to_ascii_uppercase()).unwrap();
        // It leaves when the client does.
        stream.read_to_end(&mut Vec::new()).unwrap();
        request
    });
    check(&["--auth", "none", "--only", "served", "--seed", seed, &address]).expect(0);
    server.join().unwrap()
}

fn a_seed_asks_the_same_again() {
    assert_eq!(asked("7"), asked("7"));
    assert_ne!(asked("7"), asked("8"));
}

fn the_first_connection_is_the_first_checks() {
    let only = ["--only", "digest-right", "--only", "in-turn"];
    let done = check(&faulty("serves-one", &only)).expect(1);
    assert!(done.out().starts_with("ok digest-right\nFAILED in-turn\n"), "{}", done.out());
    let ended = "the server has ended with status 0 after ";
    assert!(done.out().contains(ended), "{}", done.out());
}

fn the_secret_is_in_no_story() {
    let script = r#"echo "it is $SOCKMODES_SECRET, and what now" >&2; exit 3"#;
    let mut command = sockmodes(["check", "--only", "nonce-length", "--", "sh", "-c", script]);
    let done = finish(command.env("SOCKMODES_SECRET", "open sesame")).expect(1);
    let all = [&done.stdout[..], &done.stderr].concat();
    assert!(find(&all, b"it is [the secret], and what now") && find(&all, b"status 3"));
    assert!(!find(&all, b"open sesame"), "{}", done.out());
}

/// A new one would do for a server that is started for it; one that runs already has another.
fn without_a_secret_nobody_is_tried() {
    let done = check(&["127.0.0.1:1"]).expect(1);
    assert_eq!((done.out(), done.err().lines().count()), ("", 1), "{}", done.err());
    assert!(done.err().contains("secret"), "{}", done.err());
}

fn a_nonce_of_another_length_fails() {
    let done = check(&faulty("none", &["--only", "nonce-length", "--nonce-len", "16"])).expect(1);
    assert!(done.out().starts_with("FAILED nonce-length\n"), "{}", done.out());
}

fn whoever_has_seen_enough_changes_no_status() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let args = faulty("none", &["--only", "nonce-length"]);
    let mut command = sockmodes([&["check".to_string()][..], &args].concat());
    assert_eq!(finish(command.stdout(writer)).expect(0).err(), "");
}

//! The service `login`, served to real peers: the source document's client, and some who mean no good.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::common::login::{SOURCE_LINE, Server, argon2id_line, login, md5_line};

#[test]
fn objects_are_answered_in_order_whatever_the_segments_are() {
    let server = Server::start(&(SOURCE_LINE.to_owned() + &md5_line("老王", "x")), &[]);
    let (right, wrong) = (login("老王", "x"), login("旭哥", "x"));
    let ten = [&right, &wrong, &right, &right, &wrong, &right, &wrong, &wrong, &right, &right];
    let answers = ten.map(|object| if object == &right { "success!" } else { "failed!" }).concat();
    let ten = ten.map(String::as_str).concat();
    assert_eq!(server.connect().send(&ten).end().hear_all(), answers);
    let mut peer = server.connect();
    for byte in ten.as_bytes() {
        peer.send([*byte]);
    }
    assert_eq!(peer.end().hear_all(), answers);
}

#[test]
fn bad_input_closes_and_bad_fields_fail() {
    let server = Server::start(&md5_line("a", "x"), &["--max-tries", "none"]);
    let right = login("a", "x");
    let answer = |input: &[u8]| server.connect().send(input).hear_all();
    assert_eq!(answer(&vec![b'['; 10 << 20]), "");
    assert_eq!(answer(b"{\"username\":\"\xff\",\"passwd\":\"\"}"), "");
    assert_eq!(answer(b"GET / HTTP/1.1\r\n\r\n"), "");
    assert_eq!(answer(format!("{right}{right}null{right}").as_bytes()), "success!success!");
    assert_eq!(answer(format!("{{\"username\":\"{}", "x".repeat(1 << 20)).as_bytes()), "");
    let fields = r#"{}{"username":"a"}{"username":1,"passwd":"x"}{"username":"a","passwd":["x"]}"#;
    let mut peer = server.connect();
    assert_eq!(peer.send(fields).hear(28), "failed!".repeat(4));
    assert_eq!(peer.send(&right).end().hear_all(), "success!");
    server.program.wait_for_log("reason=bad_request");
}

#[test]
fn six_failures_end_it_and_the_last_answer_is_sent() {
    let server = Server::start(&md5_line("a", "x"), &[]);
    let mut peer = server.connect();
    for turn in 0..6 {
        assert!(!peer.log_in("a", "y"));
        if turn < 5 {
            assert!(peer.log_in("a", "x"));
        }
    }
    assert_eq!(peer.send(login("a", "x")).hear_all(), "");
    server.program.wait_for_log("reason=too_many_tries");
    let server = Server::start(&md5_line("a", "x"), &["--max-tries", "1"]);
    assert_eq!(server.connect().send(login("a", "").repeat(3)).hear_all(), "failed!");
}

#[test]
fn without_a_scheme_who_does_not_log_in_is_pending() {
    let options = ["--handshake-timeout", "2s", "--max-pending-per-source", "1"];
    let server = Server::start(&md5_line("a", "x"), &options);
    let mut first = server.connect();
    assert!(first.log_in("a", "x"));
    // It is let in: another may come; and one more may not.
    let mut second = server.connect();
    assert!(!second.log_in("a", "y"));
    assert_eq!(server.connect().hear_all(), "");
    server.program.wait_for_log("too_many_from_source");
    assert_eq!(second.hear_all(), "");
    server.program.wait_for_log("reason=handshake_timeout");
    assert!(first.log_in("a", "x"));
}

#[test]
fn a_stop_answers_what_was_read_before_it_ends() {
    let server = Server::start(&argon2id_line("a", "x"), &[]);
    let mut peer = server.connect();
    peer.send([login("a", "x"), login("a", "y"), login("a", "x")].concat());
    server.program.wait_for_log("opened");
    // The first answer says that all three were read: they came in one segment.
    assert_eq!(peer.hear(8), "success!");
    server.program.signal(Signal::TERM);
    assert_eq!(peer.hear_all(), "failed!success!");
    drop(peer);
    server.program.finish().expect(0);
}

#[test]
fn a_changed_file_is_read_again_and_a_broken_one_is_reported_with_its_line() {
    let server = Server::start(&md5_line("a", "x"), &[]);
    let mut peer = server.connect();
    assert!(peer.log_in("a", "x"));

    fs::write(&server.users, md5_line("a", "new")).unwrap();
    server.program.wait_for_log("users read again");
    assert!(peer.log_in("a", "new"));
    assert!(!peer.log_in("a", "x"));

    fs::write(&server.users, md5_line("b", "x") + "c | 123\n").unwrap();
    server.program.signal(Signal::HUP);
    let log = server.program.wait_for_log("info, line 2: the hash is wrong");
    let line = log.lines().find(|line| line.contains("WARN")).unwrap();
    assert!(line.contains("info, line 2: the hash is wrong"), "{line}");
    assert!(peer.log_in("a", "new"));
    assert!(!peer.log_in("b", "x"));
}

/// Names that somebody chose who wants to be misread, and how they are shown.
const HOSTILE: [(&str, &str); 6] = [
    (
        "a\n2026-01-01T00:00:00.000000Z  INFO login conn=1 name=\"root\" result=\"success\"",
        "a\\n2026-01-01T00:00:00.000000Z  INFO login conn=1 name=\"root\" result=\"success\"",
    ),
    ("b\r\x1b[2K", "b\\r\\u{1b}[2K"),
    ("c\u{202e}d\u{2028}e", "c\\u{202e}d\\u{2028}e"),
    ("f\" result=\"success", "f\" result=\"success"),
    ("旭哥", "旭哥"),
    ("g\\n", "g\\\\n"),
];

/// The log, in this format, and the trace of a server at which they were tried.
fn after_hostile_names(format: &str) -> [String; 2] {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let options = ["--log-format", format, "--trace", trace.to_str().unwrap()];
    let server = Server::start(&md5_line("a", "x"), &options);
    let mut peer = server.connect();
    for (name, _) in HOSTILE {
        assert!(!peer.log_in(name, "a password"));
    }
    assert_eq!(peer.hear_all(), "");
    server.program.signal(Signal::TERM);
    let log = server.program.finish().expect(0).err().to_owned();
    let told = [log, fs::read_to_string(&trace).unwrap()];
    for text in &told {
        assert!(!text.contains("a password"), "a password was told:\n{text}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
    told
}

fn parsed(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_hostile_name_forges_no_line() {
    for format in ["text", "json"] {
        let [log, trace] = after_hostile_names(format);
        let logins: Vec<_> = log.lines().filter(|line| line.contains("login")).collect();
        assert_eq!(logins.len(), HOSTILE.len(), "one line each:\n{log}");
        for (line, (_, shown)) in logins.iter().zip(HOSTILE) {
            if format == "json" {
                let line = parsed(line);
                assert_eq!((&line["name"], &line["result"]), (&shown.into(), &"failure".into()));
            } else {
                // In quotes, and what could end them is escaped once more.
                assert!(line.contains(&format!(" name={shown:?} result=\"failure\"")), "{line}");
            }
        }
        let told: Vec<_> =
            trace.lines().map(parsed).filter(|event| event["event"] == "login").collect();
        let names: Vec<_> = told.iter().map(|event| event["name"].as_str().unwrap()).collect();
        assert_eq!(names, HOSTILE.map(|(_, shown)| shown));
    }
}

#[test]
fn what_is_wrong_with_the_options_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("info");
    let serve = |options: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sockmodes"))
            .args(["serve", "--listen", "127.0.0.1:0", "--auth", "none"])
            .args(options)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let users = users.to_str().unwrap();
    let (status, text) = serve(&["--service", "login"]);
    assert_eq!(status, Some(2));
    assert!(text.contains("--users"), "{text}");
    assert_eq!(serve(&["--users", users]).0, Some(2));
    let (status, text) = serve(&["--service", "login", "--users", users]);
    assert_eq!(status, Some(1));
    assert!(text.contains("info: No such file"), "{text}");
    fs::write(users, "# ok\na | !\n\nb: x\n").unwrap();
    let (status, text) = serve(&["--service", "login", "--users", users]);
    assert_eq!(status, Some(1));
    assert!(text.contains("info, line 4: no '|'"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn the_command_login_takes_a_name_and_a_password_a_line() {
    let server = Server::start(&md5_line("旭哥", "x y"), &[]);
    let run = |options: &[&str], input: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sockmodes"))
            .args(["login", &server.address.to_string(), "--auth", "none"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (status, replies, _) = run(&[], "旭哥\nx y\n旭哥\nx\n\n\n旭哥\nx y\n");
    assert_eq!((status, &*replies), (Some(0), "success!\nfailed!\nfailed!\nsuccess!\n"));
    assert_eq!(run(&[], "").0, Some(0));
    let (status, _, error) = run(&[], "旭哥\n");
    assert_eq!(status, Some(1));
    assert!(error.contains("password is missing"), "{error}");
    let (status, replies, error) = run(&[], &"a\nb\n".repeat(7));
    assert_eq!((status, &*replies), (Some(1), &*"failed!\n".repeat(6)));
    assert!(error.contains("has ended the connection"), "{error}");
}

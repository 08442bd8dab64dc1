//! Logins by other people's means: the source document's client, and a terminal that Python plays.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::common::harness::{self, Need, Test, missing_program};
use crate::common::login::{SOURCE_LINE, Server, argon2id_line, md5_line};

pub(crate) const TESTS: &[Test] = &[
    (
        "the_client_of_the_source_document_works_unchanged",
        &[Need::Peer(python)],
        the_client_of_the_source_document_works_unchanged,
    ),
    (
        "a_password_is_not_shown_on_a_terminal",
        &[Need::Peer(python)],
        a_password_is_not_shown_on_a_terminal,
    ),
    (
        "control_c_at_a_prompt_ends_it_and_leaves_the_terminal_as_it_was",
        &[Need::Peer(python)],
        control_c_at_a_prompt_ends_it_and_leaves_the_terminal_as_it_was,
    ),
];

fn python() -> Option<String> {
    missing_program("python3")
}

/// The source document's client, as it is there; only the port is replaced.
const SOURCE_CLIENT: &str = include_str!("login_python/client.py");

fn the_client_of_the_source_document_works_unchanged() {
    let text =
        SOURCE_LINE.to_owned() + &md5_line("阿强", "天王盖地虎") + &argon2id_line("eva", "x y");
    let server = Server::start(&text, &[]);
    let script = server.folder().join("client.py");
    fs::write(&script, SOURCE_CLIENT.replace("9090", &server.address.port().to_string())).unwrap();
    let mut client = Command::new(harness::python())
        .arg(&script)
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let input = "旭哥\n不知道\n阿强\n天王盖地虎\n阿强\n宝塔镇河妖\neva\nx y\nnobody\n\n";
    client.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = String::from_utf8(client.wait_with_output().unwrap().stdout).unwrap();
    let replies: Vec<_> = output.split("用户名>>>密码>>>").map(str::trim).collect();
    let expected = ["", "b'failed!'", "b'success!'", "b'failed!'", "b'success!'"];
    assert_eq!(replies[..5], expected);
    // After the last reply its input ends, as it asks for a name.
    assert_eq!(replies[5], "b'failed!'\n用户名>>>");
    server.program.wait_for_log("reason=done");
}

/// Answers prompts on a terminal: the status, and what was to be seen.
fn on_a_terminal(prompts: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/needs/login_python/terminal.py");
    let output = Command::new(harness::python())
        .args([script, &prompts.len().to_string()])
        .args(prompts.iter().flat_map(|(prompt, typed)| [prompt, typed]))
        .arg(env!("CARGO_BIN_EXE_sockmodes"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.is_empty(), "{error}");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn a_password_is_not_shown_on_a_terminal() {
    let server = Server::start("# nobody yet\n", &[]);
    let users = server.users.to_str().unwrap();
    let add = ["user", "add", "旭哥", "--users", users, "--hash", "md5"];
    let twice = |second| [("new password of 旭哥: ", "hidden1"), ("the same again: ", second)];
    let (status, shown) = on_a_terminal(&twice("hidden2"), &add);
    assert_eq!(status, Some(1));
    assert!(shown.contains("not the same") && !shown.contains("hidden"), "{shown}");
    let (status, shown) = on_a_terminal(&twice("hidden1"), &add);
    assert_eq!(status, Some(0));
    assert!(shown.contains("added 旭哥 in ") && !shown.contains("hidden"), "{shown}");
    server.program.wait_for_log("users read again");

    let prompts = [
        ("name: ", "旭哥"),
        ("password: ", "hidden1"),
        ("name: ", "旭哥"),
        ("password: ", "hidden2"),
        ("name: ", "^D"),
    ];
    let login = ["login", &server.address.to_string(), "--auth", "none"];
    let (status, shown) = on_a_terminal(&prompts, &login);
    assert_eq!(status, Some(0));
    assert!(!shown.contains("hidden"), "{shown}");
    let replies: Vec<_> = shown.lines().filter(|line| line.ends_with('!')).collect();
    assert_eq!(replies, ["success!", "failed!"], "{shown}");
}

fn control_c_at_a_prompt_ends_it_and_leaves_the_terminal_as_it_was() {
    let server = Server::start("# nobody yet\n", &[]);
    let users = server.users.to_str().unwrap();
    let address = server.address.to_string();
    let add = ["user", "add", "eva", "--users", users];
    let login = ["login", &address, "--auth", "none"];
    // SIGINT ended it: 128 and its number.
    let (status, _) = on_a_terminal(&[("new password of eva: ", "^C")], &add);
    assert_eq!(status, Some(130));
    let (status, _) = on_a_terminal(&[("name: ", "eva"), ("password: ", "^C")], &login);
    assert_eq!(status, Some(130));
    let connect = ["connect", &address, "--auth", "none"];
    let (status, _) = on_a_terminal(&[(">>: ", "^C")], &connect);
    assert_eq!(status, Some(130));
    assert_eq!(fs::read_to_string(&server.users).unwrap(), "# nobody yet\n");
}

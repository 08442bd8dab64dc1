//! The prompts of all commands, on a real terminal: what is typed ahead, what ends or stops them, and which
//! bytes they take.

mod bytes;
mod endings;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use sockmodes::auth::{Credentials, UserFile, UserStore};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::common::client::eventually;
use crate::common::harness::{Need, Test};
use crate::common::login::{self, md5_line};
use crate::common::process::{PATIENCE, Program};
use crate::common::program::{SECRET, Server, sockmodes};
use crate::common::terminal::Terminal;

const PTY: Need = Need::Machine(|| {
    Terminal::open().err().map(|error| format!("no pseudo-terminal can be opened: {error}"))
});

pub(crate) const TESTS: &[Test] = &[
    ("lines_in_one_piece_are_lines", &[PTY], lines_in_one_piece_are_lines),
    ("what_is_typed_before_the_prompt_is_kept", &[PTY], what_is_typed_before_the_prompt_is_kept),
    ("what_is_typed_while_it_connects_is_kept", &[PTY], what_is_typed_while_it_connects_is_kept),
    ("logins_in_one_piece_are_logins", &[PTY], logins_in_one_piece_are_logins),
    ("a_new_password_twice_in_one_piece", &[PTY], a_new_password_twice_in_one_piece),
    (
        "what_is_typed_for_the_shell_is_left_to_it",
        &[PTY],
        what_is_typed_for_the_shell_is_left_to_it,
    ),
    ("connect_greets_and_says_how_to_leave", &[PTY], connect_greets_and_says_how_to_leave),
    ("login_greets_and_says_how_to_leave", &[PTY], login_greets_and_says_how_to_leave),
    ("a_dumb_terminal_has_prompts_too", &[PTY], a_dumb_terminal_has_prompts_too),
    ("a_signal_leaves_the_terminal_as_it_was", &[PTY], endings::a_signal),
    (
        "a_signal_that_is_ignored_ends_nothing",
        &[endings::PROC, PTY],
        endings::no_signal_that_is_ignored,
    ),
    ("a_lost_server_leaves_the_terminal_as_it_was", &[PTY], endings::a_lost_server),
    ("every_other_end_leaves_the_terminal_as_it_was", &[PTY], endings::every_other_end),
    ("stopped_and_continued_by_a_shell", &[PTY, endings::SETSID], endings::by_a_shell),
    ("stopped_and_continued_by_signals", &[endings::PROC, PTY], endings::by_signals),
    ("connect_sends_the_bytes_that_are_typed", &[PTY], bytes::connect_sends_them),
    ("a_line_without_end_is_not_sent", &[PTY], bytes::a_line_without_end_is_not_sent),
    ("a_password_is_as_it_was_typed_or_refused", &[PTY], bytes::of_a_password),
    ("a_login_that_is_no_text_can_be_typed_again", &[PTY], bytes::of_a_login),
];

/// `connect` to `server`, with the secret.
fn connect(server: &Server) -> Command {
    let mut command = sockmodes(["connect", &server.address.to_string()]);
    command.env("SOCKMODES_SECRET", SECRET);
    command
}

fn log_in(server: &login::Server) -> Command {
    sockmodes(["login", "--auth", "none", &server.address.to_string()])
}

fn user(command: &str, users: &Path) -> Command {
    let mut user = sockmodes(["user", command, "eva", "--users"]);
    user.arg(users);
    user
}

fn lets_in(users: &Path, password: &str) -> bool {
    let password = Zeroizing::new(password.to_owned());
    UserFile::open(users).unwrap().verify(&Credentials::new("eva", password)).unwrap()
}

/// A folder, and in it a user file with eva in it, whose password is `x1`.
fn users() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("info");
    std::fs::write(&path, md5_line("eva", "x1")).unwrap();
    (folder, path)
}

/// Types lines to which nobody listens yet, but the terminal.
fn type_ahead(terminal: &mut Terminal, lines: &str) {
    terminal.type_in(lines);
    (0..lines.matches('\r').count()).for_each(|_| terminal.wait_for("\r\n"));
}

fn lines_in_one_piece_are_lines() {
    let server = Server::start(&[]);
    let mut terminal = Terminal::open().unwrap();
    let running = terminal.start(connect(&server));
    terminal.wait_for(">>: ");
    terminal.type_in("one\rtwo\rthree\r");
    for reply in ["ONE", "TWO", "THREE"] {
        terminal.wait_for(reply);
    }
    // More than any buffer of a terminal, and so only as it is read.
    let many: String = (0..2000).map(|n| format!("line {n}\r")).collect();
    terminal.type_in(many + "quit\r");
    terminal.wait_for("LINE 1999");
    running.finish().expect(0);
    server.stop();
}

fn what_is_typed_before_the_prompt_is_kept() {
    let server = Server::start(&[]);
    let mut terminal = Terminal::open().unwrap();
    for end in ["quit\r", "\x04"] {
        type_ahead(&mut terminal, "one\rtwo\r");
        type_ahead(&mut terminal, end);
        let running = terminal.start(connect(&server));
        terminal.wait_for("ONE");
        terminal.wait_for("TWO");
        running.finish().expect(0);
    }
    server.stop();
}

fn what_is_typed_while_it_connects_is_kept() {
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut terminal = Terminal::open().unwrap();
    let mut command = sockmodes(["connect", &slow.local_addr().unwrap().to_string()]);
    command.env("SOCKMODES_SECRET", SECRET);
    let running = terminal.start(command);
    let (mut peer, _) = slow.accept().unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    // A key, and not the end of a line as it is to the shell.
    eventually("the editor's mode", || !terminal.echoes());
    terminal.type_in("hello\r\x04");
    eventually("keys that wait", || terminal.unread_keys() == 7);
    peer.write_all(&[7; 32]).unwrap();
    let mut got = [0; 16 + 5];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(got[16..], *b"hello");
    peer.write_all(b"HELLO").unwrap();
    terminal.wait_for("HELLO");
    running.finish().expect(0);
}

fn logins_in_one_piece_are_logins() {
    let server = login::Server::start(&md5_line("eva", "x1"), &[]);
    let mut terminal = Terminal::open().unwrap();
    type_ahead(&mut terminal, "eva\rx1\reva\rx2\r");
    let running = terminal.start_wholly(log_in(&server));
    terminal.wait_for("success!");
    terminal.wait_for("failed!");
    terminal.wait_for("name: ");
    terminal.type_in("eva\rx1\r\x04");
    terminal.wait_for("success!");
    running.finish().expect(0);
}

fn a_new_password_twice_in_one_piece() {
    let (_folder, users) = users();
    let mut terminal = Terminal::open().unwrap();
    type_ahead(&mut terminal, "new1\rnew1\r");
    terminal.start_wholly(user("add", &users)).finish().expect(0);
    assert!(lets_in(&users, "new1"));
    type_ahead(&mut terminal, "new1\r");
    terminal.start_wholly(user("check", &users)).finish().expect(0);
}

fn what_is_typed_for_the_shell_is_left_to_it() {
    let server = Server::start(&[]);
    let (_folder, users) = users();
    let left_by = |typed: &str, start: &dyn Fn(&Terminal) -> Program| {
        let mut terminal = Terminal::open().unwrap();
        type_ahead(&mut terminal, typed);
        start(&terminal).finish().expect(0);
        terminal.unread_keys()
    };
    assert_eq!(left_by("one\rquit\rls\r", &|it| it.start(connect(&server))), 3);
    assert_eq!(left_by("x1\rls\r", &|it| it.start_wholly(user("check", &users))), 3);
    server.stop();
}

fn connect_greets_and_says_how_to_leave() {
    let server = Server::start(&[]);
    let mut terminal = Terminal::open().unwrap();
    let running = terminal.start(connect(&server));
    let greeting =
        format!("connected to {} with hmac-md5; 'quit' or Ctrl-D ends it", server.address);
    terminal.wait_for(&greeting);
    terminal.wait_for(">>: ");
    terminal.type_in("\x04");
    running.finish().expect(0);
    server.stop();
}

fn login_greets_and_says_how_to_leave() {
    let server = login::Server::start(&md5_line("eva", "x1"), &[]);
    let mut terminal = Terminal::open().unwrap();
    let running = terminal.start_wholly(log_in(&server));
    terminal.wait_for(&format!("connected to {} without a proof (--auth none)", server.address));
    terminal.wait_for("asks for one login after another, Ctrl-D ends it");
    terminal.wait_for("name: ");
    terminal.type_in("\x04");
    running.finish().expect(0);
}

fn a_dumb_terminal_has_prompts_too() {
    let server = Server::start(&[]);
    let mut terminal = Terminal::open().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"TERM=dumb exec "$@""#, "sh", env!("CARGO_BIN_EXE_sockmodes")]);
    shell.args(["connect", &server.address.to_string()]).env("SOCKMODES_SECRET", SECRET);
    let running = terminal.start_wholly(shell);
    terminal.wait_for(">>: ");
    terminal.type_in("one\rtwo\rquit\r");
    terminal.wait_for("ONE");
    terminal.wait_for("TWO");
    running.finish().expect(0);
    assert!(!terminal.seen().contains('\x1b'), "{:?}", terminal.seen());
    server.stop();
}

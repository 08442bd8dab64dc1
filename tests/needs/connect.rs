//! `connect`, as a person at a terminal and as a pipe use it; and `demo`.

use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::common::harness::{Need, Test};
use crate::common::process::{Finished, find, run};
use crate::common::program::{SECRET, Server, sockmodes, sockmodes_in_shell};
use crate::common::terminal::Terminal;

pub(crate) const TESTS: &[Test] = &[
    ("lines_of_a_pipe", &[], lines_of_a_pipe),
    ("every_scheme", &[], every_scheme),
    ("a_line_larger_than_every_buffer", &[], a_line_larger_than_every_buffer),
    ("many_lines_at_once", &[], many_lines_at_once),
    ("refused_is_status_1_and_says_so", &[], refused_is_status_1_and_says_so),
    ("a_reset_is_a_refusal_however_soon_it_comes", &[], a_reset_is_a_refusal_however_soon_it_comes),
    ("the_end_is_no_refusal_once_let_in", &[], the_end_is_no_refusal_once_let_in),
    ("silence_times_out", &[], silence_times_out),
    ("another_proof_than_the_servers_is_named", &[], another_proof_than_the_servers_is_named),
    ("a_full_output_is_status_1", &[], a_full_output_is_status_1),
    (
        "terminal_prompt_editing_history_quit",
        &[Need::Machine(pty)],
        terminal_prompt_editing_history_quit,
    ),
    ("terminal_ctrl_d_ends_it", &[Need::Machine(pty)], terminal_ctrl_d_ends_it),
    ("terminal_refused", &[Need::Machine(pty)], terminal_refused),
    ("the_demo_tells_the_story", &[], the_demo_tells_the_story),
];

fn pty() -> Option<String> {
    Terminal::open().err().map(|error| format!("no pseudo-terminal can be opened: {error}"))
}

/// `connect` to `server`, with the secret.
fn connect(server: &Server, args: &[&str]) -> Command {
    let mut command = sockmodes(["connect", &server.address.to_string()]);
    command.env("SOCKMODES_SECRET", SECRET).args(args);
    command
}

fn lines_of_a_pipe() {
    let server = Server::start(&[]);
    let lines = "hello\n\n   \n\t two  words\r\n\u{a0}wide\u{3000}\n你好 ok\nquit\nnever\n";
    let done = run(&mut connect(&server, &[]), lines.as_bytes()).expect(0);
    assert_eq!((done.out(), done.err()), ("HELLO\nTWO  WORDS\nWIDE\n你好 OK\n", ""));
    // The last line may have no line feed; no lines at all are no mistake; bytes need be no text.
    assert_eq!(run(&mut connect(&server, &[]), b"hello").expect(0).out(), "HELLO\n");
    assert_eq!(run(&mut connect(&server, &[]), b"").expect(0).out(), "");
    assert_eq!(run(&mut connect(&server, &[]), b" \xff\xfea \n").expect(0).stdout, b"\xff\xfeA\n");
    assert_eq!(run(&mut connect(&server, &[]), b"quit \n").expect(0).out(), "");
    server.stop();
}

fn every_scheme() {
    for auth in ["hmac-md5", "hmac-sha256", "md5", "none"] {
        for nonce_len in ["8", "32", "64"] {
            let args = ["--auth", auth, "--nonce-len", nonce_len];
            let server = Server::start(&args);
            let done = run(&mut connect(&server, &args), b"hello\n").expect(0);
            assert_eq!(done.out(), "HELLO\n", "{auth} {nonce_len}");
            server.stop();
        }
    }
}

fn a_line_larger_than_every_buffer() {
    const SIZE: usize = 32 * 1024 * 1024;
    let server = Server::start(&["--service", "echo"]);
    let mut line: Vec<u8> = (0..SIZE).map(|n| b'a' + (n % 23) as u8).collect();
    line.push(b'\n');
    let done = run(&mut connect(&server, &[]), &line).expect(0);
    assert!(done.stdout == line, "{} of {} bytes came back", done.stdout.len(), line.len());
    server.stop();
}

fn many_lines_at_once() {
    let server = Server::start(&[]);
    let lines: String = (0..2000).map(|n| format!("line {n}\n")).collect();
    let done = run(&mut connect(&server, &[]), lines.as_bytes()).expect(0);
    assert_eq!(done.out(), lines.to_uppercase());
    server.stop();
}

/// One line on standard error that names the server and says `what`; nothing on the other.
fn says(done: Finished, server: &str, what: &str) {
    let done = done.expect(1);
    let line = done.err();
    assert!(line.starts_with(&format!("sockmodes: {server}: ")) && line.contains(what), "{line}");
    assert!(line.lines().count() == 1 && done.out().is_empty(), "{line}");
}

fn refused_is_status_1_and_says_so() {
    let server = Server::start(&[]);
    let address = server.address.to_string();
    let mut wrong = connect(&server, &[]);
    let wrong = wrong.env("SOCKMODES_SECRET", "another");
    says(run(wrong, b"hello\n"), &address, "refused: the connection ended before the first reply");
    // With nothing sent, it can't be seen.
    assert_eq!(run(wrong, b"").expect(0).out(), "");
    // A line larger than every buffer: the server goes while it is being sent.
    let large = vec![b'x'; 16 * 1024 * 1024];
    says(run(wrong, &large), &address, "refused: the connection ended before the first reply");
    // Without the scheme, what comes first is the nonce, and then the end.
    let done = run(&mut connect(&server, &["--auth", "none"]), &[b'x'; 64]).expect(1);
    let what = "32 of 64 bytes came; if the server has another --auth, give the same";
    assert!(done.err().contains(what), "{}", done.err());
    server.stop();

    // Over a limit there is no nonce.
    let full = Server::start(&["--max-connections", "1"]);
    let _only = full.enter();
    let address = full.address.to_string();
    let before_nonce = "refused: the connection ended before the nonce was whole";
    says(run(&mut connect(&full, &[]), b"hello\n"), &address, before_nonce);
    full.program.wait_for_log("too_many_connections");
}

/// Whether the reset comes before the client has seen that it is connected, or behind that.
fn a_reset_is_a_refusal_however_soon_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let resets = thread::spawn(move || {
        for stream in listener.incoming().take(RESETS) {
            // With no time to linger, the kernel sends a reset.
            let stream = socket2::Socket::from(stream.unwrap());
            stream.set_linger(Some(Duration::ZERO)).unwrap();
        }
    });
    for _ in 0..RESETS {
        let mut command = sockmodes(["connect", &address]);
        let done = run(command.env("SOCKMODES_SECRET", SECRET), b"hello\n");
        says(done, &address, "refused: the connection ended before the nonce was whole");
    }
    resets.join().unwrap();
}

const RESETS: usize = 20;

fn the_end_is_no_refusal_once_let_in() {
    let server = Server::start(&["--service", "upper-once"]);
    let done = run(&mut connect(&server, &[]), &[b'x'; 2000]).expect(1);
    assert!(done.err().contains("1024 of 2000 bytes came"), "{}", done.err());
    server.stop();
}

fn silence_times_out() {
    // It takes the connection, by its backlog, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    for (auth, waited_for) in [("md5", "the nonce"), ("none", "the next byte of the reply")] {
        let mut command = sockmodes(["connect", &address, "--auth", auth, "--timeout", "100ms"]);
        let done = run(command.env("SOCKMODES_SECRET", SECRET), b"hello\n");
        says(done, &address, &format!("timed out while waiting for {waited_for}"));
    }
}

fn another_proof_than_the_servers_is_named() {
    let open = Server::start(&["--auth", "none"]);
    let server = open.address.to_string();
    for command in ["connect", "login"] {
        let mut command = sockmodes([command, &server, "--timeout", "100ms"]);
        let what = "timed out while waiting for the nonce; a server with --auth none sends none";
        says(run(command.env("SOCKMODES_SECRET", SECRET), b"hello\nhello\n"), &server, what);
    }
    open.stop();
    // The digest is shorter than the one that the server waits for.
    let longer = Server::start(&["--auth", "hmac-sha256"]);
    let server = longer.address.to_string();
    let done = run(&mut connect(&longer, &["--timeout", "100ms"]), b"hello\n");
    says(
        done,
        &server,
        "the next byte of the reply; if the server has another --auth, give the same",
    );
    // The answer is a nonce.
    let mut login = sockmodes(["login", &server, "--auth", "none"]);
    let done = run(&mut login, b"eva\nx1\n");
    says(done, &server, "neither success! nor failed!: this is another service; if the server has");
    longer.stop();
}

fn a_full_output_is_status_1() {
    let server = Server::start(&["--auth", "none"]);
    let script = r#"exec "$@" >/dev/full"#;
    let args = ["connect", "--auth", "none", &server.address.to_string()];
    let done = run(&mut sockmodes_in_shell(script, args), b"hello\n").expect(1);
    assert!(done.err().contains("cannot write the reply"), "{}", done.err());
    server.stop();
}

fn terminal_prompt_editing_history_quit() {
    let server = Server::start(&[]);
    let mut terminal = Terminal::open().unwrap();
    let running = terminal.start(connect(&server, &[]));
    terminal.wait_for(">>: ");
    // A letter is forgotten, and put in after going back: cursor left is ESC [ D.
    terminal.type_in("helo\x1b[Dl\r");
    terminal.wait_for("HELLO");
    terminal.wait_for(">>: ");
    terminal.type_in("\r");
    terminal.wait_for(">>: ");
    terminal.type_in("second\r");
    terminal.wait_for("SECOND");
    // Cursor up is ESC [ A; twice is the line before the last.
    terminal.type_in("\x1b[A\x1b[A\r");
    terminal.wait_for("HELLO");
    terminal.type_in("quit\r");
    running.finish().expect(0);
    server.stop();
}

fn terminal_ctrl_d_ends_it() {
    let server = Server::start(&[]);
    let mut terminal = Terminal::open().unwrap();
    let running = terminal.start(connect(&server, &[]));
    terminal.wait_for(">>: ");
    terminal.type_in("hello\r");
    terminal.wait_for("HELLO");
    terminal.wait_for(">>: ");
    terminal.type_in("\x04");
    running.finish().expect(0);
    server.stop();
}

fn terminal_refused() {
    let server = Server::start(&[]);
    let mut terminal = Terminal::open().unwrap();
    let mut wrong = connect(&server, &[]);
    wrong.env("SOCKMODES_SECRET", "another");
    let running = terminal.start(wrong);
    terminal.wait_for(">>: ");
    terminal.type_in("hello\r");
    assert!(running.finish().expect(1).err().contains(": refused: "));
    server.stop();
}

fn the_demo_tells_the_story() {
    let done = run(&mut sockmodes(["demo"]), b"").expect(0);
    let story = done.out();
    let mut rest = story;
    for part in [
        "A server listens on 127.0.0.1:",
        "1. The client that knows the secret",
        "saw   HELLO, SERVER",
        "2. The client that does not know that it must answer",
        "the nonce), then the end",
        "3. The client with the wrong secret",
        "saw   the end, and not one byte",
    ] {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("{part:?} is not in\n{story}")).1;
    }
    assert!(story.lines().all(|line| line.chars().count() <= 100) && story.lines().count() < 40);
    assert!(!story.contains("should not be") && done.err().is_empty(), "{}", done.err());
    assert!(done.cpu < Duration::from_secs(2), "{:?} of processor time", done.cpu);
    // Several at once do not disturb each other: each server has a port of its own.
    let demos: Vec<_> =
        (0..4).map(|_| thread::spawn(|| run(&mut sockmodes(["demo"]), b""))).collect();
    for demo in demos {
        assert!(find(&demo.join().unwrap().expect(0).stdout, b"HELLO, SERVER"));
    }
}

//! Bytes that are no text: `connect` sends them, a password is refused.

use std::fs;

use super::{connect, lets_in, log_in, type_ahead, user};
use crate::common::login::{self, md5_line};
use crate::common::program::Server;
use crate::common::terminal::Terminal;

pub(super) fn connect_sends_them() {
    let server = Server::start(&[]);
    let mut terminal = Terminal::open().unwrap();
    let running = terminal.start(connect(&server));
    terminal.wait_for(">>: ");
    terminal.type_in(b"caf\xe9 \xff\rtwo\r");
    // What is shown of it can't be told apart here; that there are as many as were sent can.
    terminal.wait_for("CAF\u{fffd} \u{fffd}\r\n");
    terminal.wait_for("TWO");
    // They can be edited: back over one, and over half of another, and away with it.
    terminal.type_in(b"a\xe9b\xe4\xbd");
    terminal.wait_for("a\\xe9b");
    terminal.type_in("\x7f\x7f\x1b[D\x7f\r");
    terminal.wait_for("\nAB\r\n");
    terminal.type_in("a\tb\r\x04");
    terminal.wait_for("\nA\tB\r\n");
    running.finish().expect(0);
    server.stop();
}

pub(super) fn a_line_without_end_is_not_sent() {
    let server = Server::start(&[]);
    let mut terminal = Terminal::open().unwrap();
    let running = terminal.start_wholly(connect(&server));
    terminal.wait_for(">>: ");
    terminal.type_in("x".repeat(100_000) + "\rhello\r");
    terminal.wait_for("a line of more than 65536 bytes is not sent");
    terminal.wait_for("HELLO");
    terminal.type_in("quit\r");
    running.finish().expect(0);
    server.stop();
}

pub(super) fn of_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("info");
    let control = "a password with a control character in it is refused";
    let refused: [(&[u8], &str); 4] = [
        (b"caf\xe9123", "a password that is not valid UTF-8 is refused"),
        (b"\xef\xbb\xbfcaf", "a password that begins with a byte order mark (U+FEFF) is refused"),
        (b"caf\x1b[D3", control),
        (b"caf\t3", control),
    ];
    for (typed, why) in refused {
        let mut terminal = Terminal::open().unwrap();
        let running = terminal.start_wholly(user("add", &users));
        terminal.wait_for("new password of eva: ");
        terminal.type_in([typed, b"\r", typed, b"\r"].concat());
        terminal.wait_for(why);
        running.finish().expect(1);
        assert!(!users.exists(), "{why}");
    }
    // One that can be typed is the one that is stored, spaces and all.
    fs::write(&users, "").unwrap();
    for password in [" café 你好 🦀 ", "a\u{a0}b"] {
        let mut terminal = Terminal::open().unwrap();
        type_ahead(&mut terminal, &format!("{password}\r{password}\r"));
        terminal.start_wholly(user("add", &users)).finish().expect(0);
        assert!(lets_in(&users, password));
    }
}

pub(super) fn of_a_login() {
    let server = login::Server::start(&md5_line("eva", "x1"), &[]);
    let mut terminal = Terminal::open().unwrap();
    let running = terminal.start_wholly(log_in(&server));
    terminal.wait_for("name: ");
    terminal.type_in(b"ev\xe4\rx1\r");
    terminal.wait_for("a name that is not valid UTF-8 is refused");
    terminal.type_in(b"eva\rx\xe41\r");
    terminal.wait_for("a password that is not valid UTF-8 is refused");
    terminal.type_in(b"eva\rx1\r");
    terminal.wait_for("success!");
    terminal.type_in("\x04");
    running.finish().expect(0);
}

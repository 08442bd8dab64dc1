//! Whatever ends or stops a command at its prompt, the terminal is as it was before.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::{connect, lets_in, log_in, user, users};
use crate::common::client::eventually;
use crate::common::harness::{Need, missing_program};
use crate::common::login::{self, md5_line};
use crate::common::process::Program;
use crate::common::program::{Server, at_home};
use crate::common::terminal::Terminal;

pub(super) const SETSID: Need = Need::Peer(|| missing_program("setsid"));

pub(super) const PROC: Need = Need::Machine(|| {
    (!Path::new("/proc/self/stat").exists()).then(|| "signals are looked up in /proc".into())
});

/// A command, what is typed until its prompt is there, and the prompt.
type Prompt<'p> = (&'p dyn Fn() -> Command, &'p [(&'p str, &'p str)]);

/// Starts it and gets it to its last prompt.
fn at_prompt(terminal: &mut Terminal, (command, dialogue): Prompt<'_>) -> Program {
    let running = terminal.start_wholly(command());
    for (prompt, answer) in dialogue {
        terminal.wait_for(prompt);
        terminal.type_in(answer);
    }
    running
}

pub(super) fn a_signal() {
    let server = Server::start(&[]);
    let logins = login::Server::start(&md5_line("eva", "x1"), &[]);
    let (_folder, users) = users();
    let add = || user("add", &users);
    let prompts: [Prompt<'_>; 6] = [
        (&|| connect(&server), &[(">>: ", "half a line")]),
        (&|| log_in(&logins), &[("name: ", "ev")]),
        (&|| log_in(&logins), &[("name: ", "eva\r"), ("password: ", "x")]),
        (&add, &[("new password of eva: ", "x")]),
        (&add, &[("new password of eva: ", "x2\r"), ("the same again: ", "x")]),
        (&|| user("check", &users), &[("password of eva: ", "x")]),
    ];
    let signals =
        [Signal::TERM, Signal::HUP, Signal::QUIT, Signal::INT, Signal::USR1, Signal::ALARM];
    for prompt in prompts {
        for signal in signals {
            let mut terminal = Terminal::open().unwrap();
            let before = terminal.mode();
            let running = at_prompt(&mut terminal, prompt);
            running.signal(signal);
            // It ended by the signal, which is what whoever waits for it is told.
            let status = running.finish().status;
            assert_eq!(status.signal(), Some(signal.as_raw()), "{:?}: {status}", prompt.1);
            assert_eq!(terminal.mode(), before, "{:?}, {signal:?}", prompt.1);
        }
    }
    server.stop();
}

pub(super) fn no_signal_that_is_ignored() {
    let (_folder, users) = users();
    let check = || {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"trap "" HUP; exec "$@""#, "sh", env!("CARGO_BIN_EXE_sockmodes")]);
        shell.args(["user", "check", "eva", "--users"]).arg(&users);
        shell
    };
    let mut terminal = Terminal::open().unwrap();
    let running = at_prompt(&mut terminal, (&check, &[("password of eva: ", "")]));
    running.signal(Signal::HUP);
    // What comes of this shows that the other has been dealt with.
    running.signal(Signal::CONT);
    terminal.wait_for("password of eva: ");
    terminal.type_in("x1\r");
    running.finish().expect(0);
}

pub(super) fn a_lost_server() {
    let server = Server::start(&[]);
    let mut terminal = Terminal::open().unwrap();
    let before = terminal.mode();
    let running =
        at_prompt(&mut terminal, (&|| connect(&server), &[(">>: ", "one\r"), ("ONE", "")]));
    server.stop();
    terminal.type_in("two\r");
    running.finish().expect(1);
    assert_eq!(terminal.mode(), before);

    let server = login::Server::start(&md5_line("eva", "x1"), &[]);
    let dialogue = [("name: ", "eva\r"), ("password: ", "x1\r"), ("success!", "eva\r")];
    let running = at_prompt(&mut terminal, (&|| log_in(&server), &dialogue));
    terminal.wait_for("password: ");
    server.program.signal(Signal::KILL);
    terminal.type_in("x1\r");
    running.finish().expect(1);
    assert_eq!(terminal.mode(), before);
}

pub(super) fn every_other_end() {
    let server = Server::start(&[]);
    let logins = login::Server::start(&md5_line("eva", "x1"), &[]);
    let (_folder, users) = users();
    let nobody = || {
        let mut command = connect(&server);
        command.env("SOCKMODES_SECRET", "another");
        command
    };
    let prompts: [(Prompt<'_>, i32); 7] = [
        ((&|| connect(&server), &[(">>: ", "quit\r")]), 0),
        ((&|| connect(&server), &[(">>: ", "\x04")]), 0),
        ((&nobody, &[(">>: ", "hello\r")]), 1),
        ((&|| log_in(&logins), &[("name: ", "eva\r"), ("password: ", "\x04")]), 0),
        ((&|| user("add", &users), &[("eva: ", "x2\r"), ("again: ", "x3\r")]), 1),
        ((&|| user("check", &users), &[("eva: ", "x1\r")]), 0),
        ((&|| user("check", &users), &[("eva: ", "\x04")]), 1),
    ];
    for (prompt, status) in prompts {
        let mut terminal = Terminal::open().unwrap();
        let before = terminal.mode();
        at_prompt(&mut terminal, prompt).finish().expect(status);
        assert_eq!(terminal.mode(), before, "{:?}", prompt.1);
    }
    server.stop();
}

/// A shell with jobs, whose terminal this is, and which has no line editing that would change its mode.
fn shell(terminal: &mut Terminal) -> Program {
    let mut setsid = Command::new("setsid");
    setsid.args(["--ctty", "sh", "-i"]).env("PS1", "shell> ").env_remove("ENV");
    let shell = terminal.start_wholly(at_home(setsid, [""; 0]));
    terminal.wait_for("shell> ");
    shell
}

pub(super) fn by_a_shell() {
    let (_folder, users) = users();
    let mut terminal = Terminal::open().unwrap();
    let shell = shell(&mut terminal);
    at_a_question(&mut terminal, &users);
    at_a_prompt(&mut terminal);
    shell.finish().expect(0);
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_sockmodes");

/// A password is asked for; stopped meanwhile, gone on with, and ended.
fn at_a_question(terminal: &mut Terminal, users: &Path) {
    let before = terminal.mode();
    terminal.type_in(format!("{PROGRAM} user check eva --users {}\r", users.display()));
    terminal.wait_for("password of eva: ");
    assert!(!terminal.echoes());
    // Control-Z, with half of the password typed.
    terminal.type_in("hidden\x1a");
    terminal.wait_for("Stopped");
    terminal.wait_for("shell> ");
    assert_eq!(terminal.mode(), before);
    terminal.type_in("fg\r");
    terminal.wait_for("password of eva: ");
    eventually("a hidden password", || !terminal.echoes());
    terminal.type_in("x1\r");
    terminal.wait_for("shell> ");
    assert_eq!(terminal.mode(), before);
    terminal.type_in("echo status $?\r");
    terminal.wait_for("status 0");
    assert!(!terminal.seen().contains("hidden"), "{}", terminal.seen());
}

/// A line is typed; stopped meanwhile, gone on with, and ended by a signal, and the shell after it.
fn at_a_prompt(terminal: &mut Terminal) {
    let before = terminal.mode();
    let server = Server::start(&["--auth", "none"]);
    terminal.type_in(format!("{PROGRAM} connect --auth none {}\r", server.address));
    terminal.wait_for(">>: ");
    // What is typed of a line stays, and is shown again.
    terminal.type_in("hel");
    terminal.wait_for("hel");
    terminal.type_in("\x1a");
    terminal.wait_for("Stopped");
    assert_eq!(terminal.mode(), before);
    terminal.type_in("fg\r");
    terminal.wait_for(">>: hel");
    terminal.type_in("lo\r");
    terminal.wait_for("HELLO");
    // Control-C ends it, as a signal does.
    terminal.type_in("\x03");
    terminal.wait_for("shell> ");
    assert_eq!(terminal.mode(), before);
    terminal.type_in("echo status $?\rexit 0\r");
    terminal.wait_for("status 130");
    server.stop();
}

pub(super) fn by_signals() {
    let (_folder, users) = users();
    let mut terminal = Terminal::open().unwrap();
    let before = terminal.mode();
    let check = || user("check", &users);
    let running = at_prompt(&mut terminal, (&check, &[("password of eva: ", "")]));
    for _ in 0..3 {
        running.signal(Signal::TSTP);
        eventually("a program that is stopped", || state(&running) == 'T');
        assert_eq!(terminal.mode(), before);
        running.signal(Signal::CONT);
        terminal.wait_for("password of eva: ");
        assert!(!terminal.echoes());
    }
    // Nobody can see this one come, and the shell may have changed the mode.
    running.signal(Signal::STOP);
    eventually("a program that is stopped", || state(&running) == 'T');
    running.signal(Signal::CONT);
    terminal.wait_for("password of eva: ");
    terminal.type_in("x1\r");
    running.finish().expect(0);
    assert_eq!(terminal.mode(), before);
    assert!(lets_in(&users, "x1"));
}

/// R, S, T and so on: proc(5).
fn state(program: &Program) -> char {
    let stat = fs::read_to_string(format!("/proc/{}/stat", program.pid())).unwrap();
    stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
}

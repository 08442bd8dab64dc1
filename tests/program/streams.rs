//! What every command does with an input that never ends, and with an output that takes nothing.

use std::fs::File;
use std::io;
use std::process::Stdio;

use crate::common::login::{self, md5_line};
use crate::common::process::{Finished, Program, run};
use crate::common::program::{SECRET, Server, sockmodes, sockmodes_in_shell};

const TRACE: &str = "{\"time\":1,\"connection\":1,\"event\":\"deadline\"}\n";

/// One line on standard error that says `what`, status 1, and nothing else.
fn says(done: Finished, what: &str) {
    let done = done.expect(1);
    let (line, args) = (done.err(), done.out());
    assert!(line.contains(what) && line.lines().count() == 1 && args.is_empty(), "{line}");
}

/// Under a limit of memory that is far from what the machine has: a program that takes all it can get aborts.
#[test]
#[cfg(target_os = "linux")]
fn an_input_without_end_is_refused() {
    let server = Server::start(&["--auth", "none"]);
    let logins = login::Server::start(&md5_line("eva", "x1"), &[]);
    let (echo, login) = (server.address.to_string(), logins.address.to_string());
    let users = logins.users.to_str().unwrap();
    let too_long = "a line of more than 65536 bytes";
    let inputs: [(&[&str], &str); 4] = [
        (&["connect", "--auth", "none", &echo], "a line of more than 64 MiB"),
        (&["login", "--auth", "none", &login], too_long),
        (&["user", "add", "bob", "--users", users], too_long),
        (&["user", "check", "eva", "--users", users], too_long),
    ];
    for (args, what) in inputs {
        let script = r#"ulimit -v 300000; exec "$@" </dev/zero"#;
        says(Program::start(&mut sockmodes_in_shell(script, args)).finish(), what);
    }
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let files = [
        vec!["user", "add", "bob", "--users"],
        vec!["user", "check", "bob", "--users"],
        vec!["user", "list", "--users"],
        vec!["connect", &echo, "--secret-file"],
        [&serve[..], &["--secret-file"]].concat(),
        [&serve[..], &["--service", "login", "--auth", "none", "--users"]].concat(),
    ];
    for args in files {
        let script = r#"ulimit -v 300000; exec "$@" /dev/zero"#;
        says(run(&mut sockmodes_in_shell(script, args), b"x\n"), "/dev/zero");
    }
    // With less memory than a line may have, it is said that there is none.
    let script = r#"ulimit -v 60000; exec "$@" </dev/zero"#;
    let args = ["connect", "--auth", "none", &echo];
    let done = Program::start(&mut sockmodes_in_shell(script, args)).finish();
    says(done, "cannot read standard input: memory allocation failed");
    server.stop();
}

/// What each needs to have something to write, and its input.
fn writing<'a>(
    server: &'a str,
    logins: &'a str,
    users: &'a str,
) -> [(Vec<&'a str>, &'static str); 10] {
    [
        (vec!["--help"], ""),
        (vec!["--version"], ""),
        (vec!["completions", "bash"], ""),
        (vec!["man"], ""),
        (vec!["demo"], ""),
        (vec!["trace", "-"], TRACE),
        (vec!["trace", "-", "--connection", "1"], TRACE),
        (vec!["user", "list", "--users", users], ""),
        (vec!["connect", server], "hello\nagain\n"),
        (vec!["login", "--auth", "none", logins], "eva\nx1\neva\nx2\n"),
    ]
}

#[test]
fn an_output_that_takes_nothing_is_no_panic() {
    let server = Server::start(&[]);
    let logins = login::Server::start(&md5_line("eva", "x1"), &[]);
    let (address, login) = (server.address.to_string(), logins.address.to_string());
    for (args, input) in writing(&address, &login, logins.users.to_str().unwrap()) {
        let start = |command: &mut std::process::Command, stdout| {
            command.env("SOCKMODES_SECRET", SECRET);
            let mut program = Program::start_on(command, Stdio::piped(), stdout, Stdio::piped());
            program.input(input.as_bytes());
            program.finish()
        };
        // Nobody reads it any more: whoever closes the pipe has seen enough.
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let done = start(&mut sockmodes(&args), writer.into());
        assert_eq!((done.status.code(), done.err()), (Some(0), ""), "{args:?}");
        // It is closed from the start.
        let mut closed = sockmodes_in_shell(r#"exec "$@" >&-"#, &args);
        let done = start(&mut closed, Stdio::null());
        assert_eq!((done.status.code(), done.err()), (Some(0), ""), "{args:?}");
        // The disk is full.
        if let Ok(full) = File::options().write(true).open("/dev/full") {
            says(start(&mut sockmodes(&args), full.into()), "cannot write ");
        }
        // Nor can what is wrong be told.
        if let Ok(full) = File::options().write(true).open("/dev/full") {
            let mut silent = sockmodes_in_shell(r#"exec "$@" 2>/dev/full"#, &args);
            assert_eq!(start(&mut silent, full.into()).status.code(), Some(1), "{args:?}");
        }
    }
    server.stop();
}

//! What is written must not be what is read: the trace and both standard outputs, beside the secret, the users
//! and standard input, by whatever name they lead to the same file.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Stdio;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::common::client::exchange;
use crate::common::process::{Program, run};
use crate::common::program::{SECRET, Server, sockmodes, sockmodes_in_shell};

const USERS: &str = "# nobody yet\n";

/// A secret and users, and a folder for more.
struct Files(TempDir);

impl Files {
    fn new() -> Files {
        let files = Files(tempfile::tempdir().unwrap());
        fs::write(files.path("secret"), SECRET).unwrap();
        fs::write(files.path("users"), USERS).unwrap();
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn are_as_they_were(&self) {
        assert_eq!(fs::read_to_string(self.path("secret")).unwrap(), SECRET);
        assert_eq!(fs::read_to_string(self.path("users")).unwrap(), USERS);
    }
}

#[test]
fn a_trace_goes_into_no_file_that_is_read_or_named_to_be() {
    let files = Files::new();
    let (secret, users) = (files.path("secret"), files.path("users"));
    symlink(&secret, files.path("link")).unwrap();
    fs::hard_link(&users, files.path("other")).unwrap();
    let service = ["--service", "login", "--users", &users, "--secret-file", &secret, "--trace"];
    for auth in [&[][..], &["--auth", "none"]] {
        for name in ["secret", "users", "link", "other", "./secret"] {
            let trace = files.path(name);
            let args = [&Server::args(&service)[..], &[&trace], auth].concat();
            let done = run(&mut sockmodes(args), b"").expect(2);
            let said = format!("--trace {trace} would empty ");
            assert!(done.out().is_empty() && done.err().contains(&said), "{}", done.err());
        }
    }
    files.are_as_they_were();
    // So is the default file, which is made first.
    fs::create_dir(files.path("sockmodes")).unwrap();
    let default = files.path("sockmodes/secret");
    let mut command = sockmodes(Server::args(&["--trace", &default]));
    run(command.env("XDG_CONFIG_HOME", files.0.path()), b"").expect(2);
    assert_eq!(fs::read_to_string(&default).unwrap().len(), 65);
}

#[test]
fn a_trace_that_leads_to_what_is_read_later_goes_on_where_it_was() {
    let files = Files::new();
    let trace = files.path("trace");
    let (secret, users) = (files.path("secret"), files.path("users"));
    let server = Server::start(&["--secret-file", &secret, "--trace", &trace]);
    let mut client = server.enter();
    fs::rename(&trace, files.path("moved")).unwrap();
    symlink(&secret, &trace).unwrap();
    server.program.signal(Signal::HUP);
    let log = server.program.wait_for_log("cannot open the trace anew");
    assert!(log.contains("secret, which is read"), "{log}");
    exchange(&mut client, b"hello", b"HELLO");
    server.stop();
    files.are_as_they_were();
    let moved = fs::read_to_string(files.path("moved")).unwrap();
    assert!(moved.lines().last().unwrap().contains("\"event\":\"stopped\""), "{moved}");

    // The users that count are those that have the name now.
    let trace = files.path("another");
    let service = ["--service", "login", "--users", &users, "--auth", "none", "--trace", &trace];
    let server = Server::start(&service);
    fs::rename(&users, files.path("old")).unwrap();
    fs::write(&users, USERS).unwrap();
    fs::remove_file(&trace).unwrap();
    fs::hard_link(&users, &trace).unwrap();
    server.program.signal(Signal::HUP);
    server.program.wait_for_log("cannot open the trace anew");
    server.stop();
    files.are_as_they_were();
}

#[test]
fn no_standard_output_goes_into_a_file_that_is_read() {
    let files = Files::new();
    let (secret, users) = (files.path("secret"), files.path("users"));
    symlink(&users, files.path("link")).unwrap();
    let login = ["--service", "login", "--users", &users, "--secret-file", &secret];
    let commands = [
        (Server::args(&login), "users"),
        (Server::args(&login), "secret"),
        (vec!["user", "list", "--users", &users], "link"),
        (vec!["user", "check", "eva", "--users", &users], "users"),
        (vec!["trace", &users], "link"),
        (vec!["trace", "--connection", "1", &users], "users"),
        // Nobody listens there, and nobody is asked.
        (vec!["connect", "127.0.0.1:1", "--secret-file", &secret], "secret"),
        (vec!["login", "127.0.0.1:1", "--secret-file", &secret], "secret"),
    ];
    for (args, file) in commands {
        let file = files.path(file);
        let mut command = sockmodes_in_shell(r#""$@" >>"$INTO""#, &args);
        let done = run(command.env("INTO", &file), b"").expect(2);
        let said = "sockmodes: standard output goes to ";
        assert!(done.err().starts_with(said) && done.err().lines().count() == 1, "{}", done.err());
        // What would be said there would be read.
        let mut command = sockmodes_in_shell(r#""$@" 2>>"$INTO""#, &args);
        assert_eq!(run(command.env("INTO", &file), b"").expect(2).out(), "");
        files.are_as_they_were();
    }
}

#[test]
fn no_answer_goes_into_the_file_that_the_lines_come_from() {
    let files = Files::new();
    let path = files.path("lines");
    fs::write(&path, "hello\n").unwrap();
    let append = || File::options().append(true).open(&path).unwrap();
    let server = Server::start(&["--service", "echo"]);
    let address = server.address.to_string();
    for args in [["connect", &address], ["login", &address], ["trace", "-"]] {
        let mut command = sockmodes(args);
        command.env("SOCKMODES_SECRET", SECRET);
        let input = || Stdio::from(File::open(&path).unwrap());
        let program = Program::start_on(&mut command, input(), append().into(), Stdio::piped());
        let done = program.finish().expect(2);
        assert!(done.err().contains("the file that is read"), "{}", done.err());
        let program = Program::start_on(&mut command, input(), Stdio::piped(), append().into());
        program.finish().expect(2);
    }
    server.stop();
    assert_eq!(fs::read_to_string(&path).unwrap(), "hello\n");
}

#[test]
fn a_dash_is_no_file() {
    let files = Files::new();
    let (secret, users) = (files.path("secret"), files.path("users"));
    let login = ["serve", "--service", "login", "--auth", "none", "--users"];
    let commands = [
        (vec!["serve", "--trace", "-"], "'--trace <FILE>': standard output is not for it"),
        (vec!["trace", "x", "--html", "-"], "'--html <OUT>': standard output is not for it"),
        (vec!["serve", "--secret-file", "-"], "'--secret-file <FILE>': standard input is not read"),
        (vec!["connect", "--secret-file", "-"], "'--secret-file <FILE>': standard input is not"),
        (vec!["login", "--secret-file", "-"], "'--secret-file <FILE>': standard input is not read"),
        ([&login[..], &["-"]].concat(), "'--users <FILE>': standard input is not read"),
        (
            vec!["user", "add", "eva", "--users", "-"],
            "'--users <FILE>': standard input is not read",
        ),
        (vec!["user", "list", "--users", "-"], "'--users <FILE>': standard input is not read"),
    ];
    for (args, what) in commands {
        let mut command = sockmodes(args);
        command.env("XDG_CONFIG_HOME", files.0.path()).current_dir(files.0.path());
        let done = run(&mut command, b"x\n").expect(2);
        assert!(done.err().contains(what) && done.err().contains("./-"), "{}", done.err());
        assert_eq!(done.err().lines().count(), 1);
    }
    let found: Vec<_> = fs::read_dir(files.0.path()).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(found.len(), 2, "it made something: {found:?}");

    // By its path it is a file like any other.
    fs::rename(&secret, files.path("-")).unwrap();
    let args = Server::args(&["--secret-file", "./-", "--trace", "./trace"]);
    let server = Server::of(sockmodes(args).current_dir(files.0.path()));
    exchange(&mut server.enter(), b"hello", b"HELLO");
    server.stop();
    fs::rename(files.path("-"), &secret).unwrap();
    assert!(fs::metadata(files.path("trace")).unwrap().len() > 0);
    assert_eq!(fs::read_to_string(users).unwrap(), USERS);
}

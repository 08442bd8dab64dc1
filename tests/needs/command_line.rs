//! The command line: what is wrong with it takes one line on standard error and the right status, and
//! what `serve` says of itself is kept to the letter.

mod mistakes;

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use crate::common::client::{self, converse, exchange};
use crate::common::harness::{Need, Test, missing_program};
use crate::common::process::{Finished, Program, run};
use crate::common::program::{Server, sockmodes, sockmodes_in_shell};
use mistakes::{
    a_bad_address_is_status_1_and_one_line, a_bad_flag_is_status_2_and_one_line,
    a_busy_port_is_status_1_and_one_line, no_name_makes_two_lines_of_one,
};

pub(crate) const TESTS: &[Test] = &[
    ("a_bad_flag_is_status_2_and_one_line", &[], a_bad_flag_is_status_2_and_one_line),
    ("a_bad_address_is_status_1_and_one_line", &[], a_bad_address_is_status_1_and_one_line),
    ("a_busy_port_is_status_1_and_one_line", &[], a_busy_port_is_status_1_and_one_line),
    ("no_name_makes_two_lines_of_one", &[], no_name_makes_two_lines_of_one),
    ("help_and_version", &[], help_and_version),
    ("output_of_serve_to_the_letter", &[], output_of_serve_to_the_letter),
    ("a_closed_output_is_no_reason_not_to_serve", &[], a_closed_output_is_no_reason_not_to_serve),
    ("ipv6_in_brackets_and_v6_only", &[Need::Machine(ipv6)], ipv6_in_brackets_and_v6_only),
    ("a_fixed_nonce_is_warned_about", &[], a_fixed_nonce_is_warned_about),
    ("a_long_timeout_is_said_back", &[], a_long_timeout_is_said_back),
    ("log_levels", &[], log_levels),
    ("trace_is_an_object_a_line", &[], trace_is_an_object_a_line),
    ("completions_for_every_shell", &[], completions_for_every_shell),
    ("bash_can_read_its_completions", &[BASH], bash_can_read_its_completions),
    ("manual_page", &[], manual_page),
];

const BASH: Need = Need::Peer(|| missing_program("bash"));

fn ipv6() -> Option<String> {
    TcpListener::bind("[::1]:0").err().map(|error| format!("::1 is not to be had: {error}"))
}

fn help_and_version() {
    let version = concat!("sockmodes ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(run(&mut sockmodes(["--version"]), b"").expect(0).out(), version);
    for args in [&["--help"][..], &["help", "serve"], &["serve", "--help"], &["connect", "-h"]] {
        let done = run(&mut sockmodes(args), b"").expect(0);
        assert!(done.out().contains("Usage:") && done.err().is_empty());
    }
    // What the schemes do not do is said where somebody chooses one.
    let help = run(&mut sockmodes(["serve", "--help"]), b"");
    let words = help.out().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("nothing that follows is encrypted"), "{words}");
}

fn output_of_serve_to_the_letter() {
    let mut command = sockmodes(Server::args(&["--listen", "127.0.0.2:0", "--auth", "none"]));
    let program = Program::start(&mut command);
    let listening = program.wait_for_output("listening on 127.0.0.2:");
    let server = Server::listening(program);
    exchange(&mut server.connect(), b"hello", b"HELLO");
    let done = server.stop();
    let [first, second] = done.out().lines().collect::<Vec<_>>()[..] else {
        panic!("{}", done.out());
    };
    for (line, host) in [(first, "127.0.0.1"), (second, "127.0.0.2")] {
        let port = line.strip_prefix(&format!("listening on {host}:")).unwrap();
        assert!(port.parse::<u16>().unwrap() > 0 && !port.starts_with('0'), "{line}");
    }
    assert!(done.out().starts_with(&listening) && done.out().ends_with('\n'));
}

fn a_closed_output_is_no_reason_not_to_serve() {
    // A pipe that is full, and that nobody reads.
    let full = r#"
        folder=$(mktemp -d) && mkfifo "$folder/pipe" && exec 3<>"$folder/pipe"
        dd if=/dev/zero of="$folder/pipe" bs=4096 oflag=nonblock 2>/dev/null
        rm -r "$folder"
        exec "$@" >&3"#;
    for script in [r#"exec "$@" >&-"#, r#"exec "$@" >/dev/full"#, full] {
        let args = Server::args(&["--auth", "none"]);
        let program = Program::start(&mut sockmodes_in_shell(script, args));
        program.wait_for_log("listening address=");
        let log = program.wait_for_log("\n");
        let address = log.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
        let server = Server { program, address: address.parse().unwrap() };
        exchange(&mut server.connect(), b"hello", b"HELLO");
        server.stop();
    }
}

fn ipv6_in_brackets_and_v6_only() {
    let args = ["serve", "--auth", "none", "--listen", "[::1]:0"];
    let server = Server::of(&mut sockmodes(args));
    assert!(server.address.is_ipv6());
    assert_eq!(converse(&mut server.connect(), b"hello"), b"HELLO");
    let expected = format!("listening on [::1]:{}\n", server.address.port());
    assert_eq!(server.stop().out(), expected);

    let port = free_in_both();
    let listen = format!("[::]:{port}");
    let both = Server::of(&mut sockmodes(["serve", "--auth", "none", "--listen", &listen]));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "IPv4 came in through IPv6");
    let listen = format!("0.0.0.0:{port}");
    let v4 = Server::of(&mut sockmodes(["serve", "--auth", "none", "--listen", &listen]));
    assert_eq!(converse(&mut client::connect(([127, 0, 0, 1], port).into()), b"v4"), b"V4");
    assert_eq!(
        converse(&mut client::connect(format!("[::1]:{port}").parse().unwrap()), b"v6"),
        b"V6"
    );
    v4.stop();
    both.stop();
}

/// A port that is free for IPv4 and IPv6. Below those that the kernel gives to clients, of which other
/// tests leave thousands behind: one of them on the same port, though long closed, keeps it busy.
fn free_in_both() -> u16 {
    let first = std::process::id() as u16 % 10_000;
    (0..10_000)
        .map(|next| 20_000 + (first + next) % 10_000)
        .find(|port| {
            let v4 = TcpListener::bind(("0.0.0.0", *port));
            v4.is_ok() && TcpStream::connect(("::1", *port)).is_err()
        })
        .expect("one of ten thousand ports is free")
}

fn a_fixed_nonce_is_warned_about() {
    let server = Server::start(&["-q", "--auth", "md5", "--fixed-nonce", "always the same"]);
    server.program.wait_for_log("the nonce is fixed");
    let done = server.stop();
    assert!(done.err().contains("WARN") && !done.err().contains("always the same"));
}

/// Whoever counts in milliseconds waits for days.
fn a_long_timeout_is_said_back() {
    let said = |args| Server::start(args).stop().err().to_owned();
    let log = said(&["-q", "--idle-timeout", "300000", "--drain-timeout", "24h"]);
    let line = "a time of more than a day option=\"--idle-timeout\" time=\"3days 11h 20m\"\n";
    assert!(log.ends_with(line) && log.contains("WARN") && log.lines().count() == 1, "{log}");
    let log = said(&["-q", "--penalty", "max:300000"]);
    assert!(log.ends_with("option=\"--penalty\" time=\"3days 11h 20m\"\n"), "{log}");
    assert_eq!(said(&["-q", "--idle-timeout", "none", "--penalty", "none"]), "");
}

/// One connection's log at one level.
fn log_of(args: &[&str]) -> String {
    let server = Server::start(args);
    assert_eq!(converse(&mut server.enter(), b"hello"), b"HELLO");
    let Finished { stderr, .. } = server.stop();
    String::from_utf8(stderr).unwrap()
}

fn log_levels() {
    assert_eq!(log_of(&["-q"]), "");
    let count = |log: &str, what: &str| log.matches(what).count();
    let normal = log_of(&[]);
    for once in ["listening address=", "opened conn=1", "let in conn=1", "closed conn=1 peer="] {
        assert_eq!(count(&normal, once), 1, "{once} in {normal}");
    }
    assert!(normal.contains("reason=done received=21 sent=37"), "{normal}");
    assert!(!normal.contains("state") && !normal.contains("recv"), "{normal}");
    let states = log_of(&["-v"]);
    for state in ["from=send_nonce to=await_digest", "to=serving", "to=closed"] {
        assert_eq!(count(&states, state), 1, "{state} in {states}");
    }
    assert!(!states.contains("recv"), "{states}");
    let calls = log_of(&["-vv"]);
    for call in ["epoll_wait", "ready conn=1", "recv = ", "send(32) = 32", "send(5) = 5"] {
        assert!(calls.contains(call), "{call} in {calls}");
    }
    for line in log_of(&["-vv", "--log-format", "json"]).lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(object["timestamp"].is_string() && object["level"].is_string(), "{line}");
        assert!(object["message"].is_string(), "{line}");
    }
}

fn trace_is_an_object_a_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    // What was there before goes.
    file.as_file().write_all(b"not an object\n").unwrap();
    let server = Server::start(&["--trace", file.path().to_str().unwrap()]);
    assert_eq!(converse(&mut server.enter(), b"hello"), b"HELLO");
    server.stop();
    let (mut time, mut events, mut states) = (0.0, Vec::new(), vec!["send_nonce".to_owned()]);
    for line in fs::read_to_string(file.path()).unwrap().lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        let at = object["time"].as_f64().unwrap();
        assert!(at >= time, "the time goes back: {line}");
        time = at;
        let event = object["event"].as_str().unwrap().to_owned();
        let of_one = ["opened", "let_in", "state", "timer", "received", "sent", "ready", "closed"];
        assert_eq!(object["connection"] == 1, of_one.contains(&event.as_str()), "{line}");
        if event == "state" {
            assert_eq!(object["from"], *states.last().unwrap(), "a state was left out: {line}");
            states.push(object["to"].as_str().unwrap().to_owned());
        }
        events.push(event);
    }
    assert_eq!(states, ["send_nonce", "await_digest", "serving", "draining", "closed"]);
    let life = ["listening", "opened", "let_in", "closed", "draining", "stopped"];
    let told: Vec<_> = events.iter().filter(|event| life.contains(&event.as_str())).collect();
    assert_eq!(told, life.iter().collect::<Vec<_>>());
}

fn completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let done = run(&mut sockmodes(["completions", shell]), b"").expect(0);
        assert!(done.out().contains("handshake-timeout") && done.err().is_empty(), "{shell}");
    }
}

fn bash_can_read_its_completions() {
    let script = run(&mut sockmodes(["completions", "bash"]), b"").stdout;
    assert_eq!(run(Command::new("bash").arg("-n"), &script).expect(0).err(), "");
}

fn manual_page() {
    let done = run(&mut sockmodes(["man"]), b"").expect(0);
    assert!(done.out().contains(".TH sockmodes 1") && done.err().is_empty());
}

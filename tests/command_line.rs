//! The command line: what is wrong with it takes one line on standard error and the right status, and
//! what `serve` says of itself is kept to the letter.

#[path = "common/client.rs"]
mod client;
#[path = "common/harness.rs"]
mod harness;
#[path = "common/program.rs"]
mod program;

use sockmodes::socket::Socket;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, ExitCode};

use client::{converse, exchange};
use harness::{Need, Test};
use program::{Finished, Program, Server, run, sockmodes, sockmodes_in_shell};

fn main() -> ExitCode {
    harness::run(TESTS)
}

const TESTS: &[Test] = &[
    ("a_bad_flag_is_status_2_and_one_line", &[], a_bad_flag_is_status_2_and_one_line),
    ("a_bad_address_is_status_1_and_one_line", &[], a_bad_address_is_status_1_and_one_line),
    ("a_busy_port_is_status_1_and_one_line", &[], a_busy_port_is_status_1_and_one_line),
    ("no_name_makes_two_lines_of_one", &[], no_name_makes_two_lines_of_one),
    ("help_and_version", &[], help_and_version),
    ("output_of_serve_to_the_letter", &[], output_of_serve_to_the_letter),
    ("a_closed_output_is_no_reason_not_to_serve", &[], a_closed_output_is_no_reason_not_to_serve),
    ("ipv6_in_brackets_and_v6_only", &[Need::Machine(ipv6)], ipv6_in_brackets_and_v6_only),
    ("a_fixed_nonce_is_warned_about", &[], a_fixed_nonce_is_warned_about),
    ("log_levels", &[], log_levels),
    ("trace_is_an_object_a_line", &[], trace_is_an_object_a_line),
    ("completions_for_every_shell", &[], completions_for_every_shell),
    ("manual_page", &[], manual_page),
];

fn ipv6() -> Option<String> {
    TcpListener::bind("[::1]:0").err().map(|error| format!("::1 is not to be had: {error}"))
}

/// Runs it to its end; exactly one line on standard error that says `what`, and nothing on the other.
fn fails<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, status: i32, what: &str) {
    let mut command = sockmodes(args);
    let done = run(command.env("SOCKMODES_SECRET", "secret"), b"").expect(status);
    let line = done.err();
    let shape = line.starts_with("sockmodes: ") && line.find('\n') == Some(line.len() - 1);
    assert!(shape && line.contains(what) && done.out().is_empty(), "{command:?}:\n{line}");
}

fn a_bad_flag_is_status_2_and_one_line() {
    let cases = "
        | a command is missing
        frobnicate | 'frobnicate'
        --frobnicate | '--frobnicate'
        serve --frobnicate | '--frobnicate'
        serve extra | 'extra'
        serve -x | '-x'
        serve --listen | --listen
        serve --listen= | --listen
        serve --listen 9999 | expected HOST:PORT
        serve --listen localhost | expected HOST:PORT
        serve --listen :9999 | expected HOST:PORT
        serve --listen ::1:9999 | in brackets
        serve --listen 127.0.0.1:65536 | the port must be 0 to 65535
        serve --listen 127.0.0.1:0 --listen 127.0.0.1:x | the port must be
        serve --auth plain | [possible values: hmac-md5, hmac-sha256, md5, none]
        serve --auth HMAC-MD5 | 'HMAC-MD5'
        serve --service lower | 'lower'
        serve --nonce-len 7 | a nonce of 7 bytes: it must have 8 to 64
        serve --nonce-len 65 | a nonce of 65 bytes: it must have 8 to 64
        serve --nonce-len many | --nonce-len
        serve --nonce-len -1 | '-1'
        serve --fixed-nonce abc | --auth md5 only
        serve --fixed-nonce abc --auth hmac-sha256 | --auth md5 only
        serve --fixed-nonce abc --auth none | --auth md5 only
        serve --fixed-nonce= --auth md5 | a fixed nonce of 0 bytes
        serve --fixed-nonce abc --nonce-len 8 --auth md5 | cannot be used with
        serve --handshake-timeout soon | expected a time such as 10s or 5m, or none
        serve --handshake-timeout 0s | to turn it off, say none
        serve --idle-timeout -1s | '-1'
        serve --write-timeout 1000years | more than 100 years
        serve --drain-timeout= | --drain-timeout
        serve --max-connections 0 | expected a whole number from 1, or none
        serve --max-connections lots | expected a whole number from 1, or none
        serve --max-pending 10 | expected START:RATE:FULL
        serve --max-pending 10:30:9 | START must not be above FULL
        serve --max-pending 10:101:20 | RATE is a percentage
        serve --max-pending-per-source 0 | expected a whole number from 1, or none
        serve --penalty= | --penalty
        serve --penalty authfail | expected a list such as authfail:5s,noauth:1s, or none
        serve --penalty crash:90s | expected authfail, noauth, timeout, min, max or max-sources
        serve --penalty authfail:soon | authfail: expected a time such as 10s or 5m, or none
        serve --penalty min:11m | min (11m) must not be above max (10m)
        serve --penalty max-sources:0 | max-sources: expected a whole number from 1
        serve --max-buffer none | expected a size such as 256KiB
        serve --max-buffer 4095 | it must be at least
        serve --log-format xml | 'xml'
        serve -q -v | cannot be used with
        serve --auth md5 --auth md5 | multiple times
        connect --nonce-len 0 | --nonce-len 0: it must be 1 to 64
        connect --nonce-len 65 | --nonce-len 65: it must be 1 to 64
        connect --auth plain | 'plain'
        connect --timeout 0 | to turn it off, say none
        connect 127.0.0.1 | expected HOST:PORT
        connect 127.0.0.1:1 127.0.0.1:2 | '127.0.0.1:2'
        connect --service echo | '--service'
        demo extra | 'extra'
        completions | <SHELL>
        completions tcsh | 'tcsh'
        man extra | 'extra'";
    for case in cases.lines().skip(1) {
        let (args, what) = case.split_once('|').unwrap();
        fails(args.split_whitespace(), 2, what.trim());
    }
    let not_text = OsStr::from_bytes(b"\xff");
    fails([OsStr::new("serve"), OsStr::new("--log-format"), not_text], 2, "UTF-8");
    fails(["serve", "--auth", "md5", "--fixed-nonce", &"x".repeat(65)], 2, "65 bytes");
}

fn a_bad_address_is_status_1_and_one_line() {
    let here = "127.0.0.1:0";
    // RFC 5737 and RFC 2606 keep these out of every network and every zone.
    fails(["serve", "--listen", "203.0.113.1:0"], 1, "cannot listen on 203.0.113.1:0: ");
    let nowhere = "nowhere.invalid:9999";
    fails(["serve", "--listen", nowhere], 1, &format!("cannot listen on {nowhere}: "));
    fails(["connect", nowhere], 1, &format!("cannot connect to {nowhere}: "));
    fails(["serve", "--listen", here, "--trace", "/"], 1, "cannot write the trace to /: ");
    let missing = "/nonexistent/trace";
    fails(["serve", "--listen", here, "--trace", missing], 1, missing);
}

fn a_busy_port_is_status_1_and_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(["serve", "--listen", &address], 1, &format!("cannot listen on {address}: Address"));
    let args = ["serve", "--listen", "127.0.0.1:0", "--listen", &address];
    fails(args, 1, &format!("cannot listen on {address}: Address"));
    // Bound, so that no other test gets the port, but not listening.
    let deaf = Socket::tcp().unwrap();
    deaf.bind("127.0.0.1:0").unwrap();
    let address = deaf.local_addr().unwrap().to_string();
    fails(["connect", &address], 1, &format!("cannot connect to {address}: Connection refused"));
}

fn no_name_makes_two_lines_of_one() {
    fails(["serve", "--secret-file", "/nonexistent/two\nlines"], 1, "two\\nlines");
    // A port of its own, since somebody may be serving at the usual one.
    let trace = ["serve", "--listen", "127.0.0.1:0", "--trace", "/nonexistent/\x1b[2Jcleared"];
    fails(trace, 1, "\\u{1b}[2Jcleared");
    fails(["serve\n"], 2, "serve");
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
    for script in [r#"exec "$@" >&-"#, r#"exec "$@" >/dev/full"#] {
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
        let of_one = ["opened", "let_in", "state", "received", "sent", "ready", "closed"];
        assert_eq!(object["connection"] == 1, of_one.contains(&event.as_str()), "{line}");
        if event == "state" {
            assert_eq!(object["from"], *states.last().unwrap(), "a state was left out: {line}");
            states.push(object["to"].as_str().unwrap().to_owned());
        }
        events.push(event);
    }
    assert_eq!(states, ["send_nonce", "await_digest", "serving", "closed"]);
    let life = ["listening", "opened", "let_in", "closed", "draining", "stopped"];
    let told: Vec<_> = events.iter().filter(|event| life.contains(&event.as_str())).collect();
    assert_eq!(told, life.iter().collect::<Vec<_>>());
}

fn completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let done = run(&mut sockmodes(["completions", shell]), b"").expect(0);
        assert!(done.out().contains("handshake-timeout") && done.err().is_empty(), "{shell}");
    }
    let script = run(&mut sockmodes(["completions", "bash"]), b"").stdout;
    if harness::missing_program("bash").is_none() {
        assert_eq!(run(Command::new("bash").arg("-n"), &script).expect(0).err(), "");
    }
}

fn manual_page() {
    let done = run(&mut sockmodes(["man"]), b"").expect(0);
    assert!(done.out().contains(".TH sockmodes 1") && done.err().is_empty());
}

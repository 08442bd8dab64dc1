//! Tools that machines have, as peers of the server and of `connect`: openssl, a shell, nc, socat, curl.
//!
//! The source document's programs are in `peers.rs`.

use std::io::Write;
use std::process::Command;

use crate::common::client::{exchange, read};
use crate::common::harness::{Need, Test, missing_feature, missing_program};
use crate::common::process::{Program, find, run};
use crate::common::program::{SECRET, Server, sockmodes};

pub(crate) const TESTS: &[Test] = &[
    ("openssl_makes_every_digest", &[OPENSSL], openssl_makes_every_digest),
    ("shell_and_openssl", &[BASH, OPENSSL], shell_and_openssl),
    ("netcat_both_ways", &[NETCAT], netcat_both_ways),
    ("socat_both_ways", &[SOCAT], socat_both_ways),
    ("curl_telnet", &[CURL], curl_telnet),
];

const OPENSSL: Need = Need::Peer(|| missing_program("openssl"));
const BASH: Need = Need::Peer(|| missing_program("bash"));
const NETCAT: Need = Need::Peer(|| missing_feature("nc", &["-h"], "OpenBSD"));
const SOCAT: Need = Need::Peer(|| missing_program("socat"));
const CURL: Need = Need::Peer(|| missing_feature("curl", &["--version"], "telnet"));

fn openssl_makes_every_digest() {
    let hmac = format!("key:{SECRET}");
    let cases: [(&str, &[&str]); 4] = [
        ("hmac-md5", &["-md5", "-hmac", SECRET, "-binary"]),
        ("hmac-md5", &["-md5", "-mac", "HMAC", "-macopt", &hmac, "-binary"]),
        ("hmac-sha256", &["-sha256", "-mac", "HMAC", "-macopt", &hmac, "-binary"]),
        ("md5", &["-md5", "-r"]),
    ];
    for (scheme, args) in cases {
        let server = Server::start(&["--auth", scheme]);
        let mut stream = server.connect();
        let nonce: [u8; 32] = read(&mut stream);
        let prefix = if scheme == "md5" { SECRET.as_bytes() } else { b"" };
        let message = [prefix, &nonce].concat();
        let mut digest = run(Command::new("openssl").arg("dgst").args(args), &message).expect(0);
        // `-r` writes the digits as md5sum does, with a name behind them.
        digest.stdout.truncate(if scheme == "hmac-md5" { 16 } else { 32 });
        stream.write_all(&digest.stdout).unwrap();
        exchange(&mut stream, b"hello", b"HELLO");
        assert!(server.stop().err().contains("let in"));
    }
}

/// A whole client in four lines of shell.
fn shell_and_openssl() {
    let server = Server::start(&[]);
    let script = r#"
        exec 3<>"/dev/tcp/127.0.0.1/$PORT"
        head -c 32 <&3 | openssl dgst -md5 -hmac "$SECRET" -binary >&3
        printf 'hello from a shell' >&3
        head -c 18 <&3"#;
    let mut shell = Command::new("bash");
    shell.args(["-c", script]).env("SECRET", SECRET);
    let done = run(shell.env("PORT", server.address.port().to_string()), b"").expect(0);
    assert_eq!(done.out(), "HELLO FROM A SHELL");
    server.stop();
}

/// Larger than what the kernel keeps for it.
fn large() -> (Vec<u8>, Vec<u8>) {
    let text = b"It was the best of times, it was the worst of times\n".repeat(40_000);
    let upper = text.to_ascii_uppercase();
    (text, upper)
}

fn netcat_both_ways() {
    let server = Server::start(&["--auth", "none"]);
    let port = server.address.port().to_string();
    let (text, upper) = large();
    let done = run(Command::new("nc").args(["-N", "127.0.0.1", &port]), &text).expect(0);
    assert!(done.stdout == upper, "nc got {} of {} bytes", done.stdout.len(), upper.len());
    server.stop();

    let server = Server::start(&["--auth", "none", "--service", "upper-once"]);
    let mut nc = Command::new("nc");
    let mut nc = Program::start(nc.args(["127.0.0.1", &server.address.port().to_string()]));
    nc.input(b"hello\n");
    nc.wait_for_output("HELLO");
    assert_eq!(nc.finish().expect(0).out(), "HELLO");
    server.stop();
}

fn socat_both_ways() {
    let server = Server::start(&["--auth", "none"]);
    let to = format!("TCP:{}", server.address);
    let (text, upper) = large();
    let done = run(Command::new("socat").args(["-t", "60", "-", &to]), &text).expect(0);
    assert!(done.stdout == upper, "socat got {} of {} bytes", done.stdout.len(), upper.len());
    server.stop();

    // As a server that asks for nothing, for `connect`.
    let mut socat = Command::new("socat");
    socat.args(["-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1,reuseaddr", "EXEC:cat"]);
    let socat = Program::start(&mut socat);
    let log = socat.wait_for_log("listening on AF=2 127.0.0.1:");
    let port: String = log.rsplit("127.0.0.1:").next().unwrap().trim().into();
    let mut connect = sockmodes(["connect", "--auth", "none", &format!("127.0.0.1:{port}")]);
    assert_eq!(run(&mut connect, b"hello\nagain\n").expect(0).out(), "hello\nagain\n");
}

fn curl_telnet() {
    let server = Server::start(&["--auth", "none", "--service", "upper-once"]);
    let url = format!("telnet://{}", server.address);
    let mut curl = Program::start(Command::new("curl").args(["--silent", "--no-buffer", &url]));
    curl.input(b"hello\n");
    assert_eq!(curl.wait_for_output("HELLO"), "HELLO");
    assert_eq!(curl.finish().out(), "HELLO");

    // The nonce passes through it as bytes like any others.
    let server = Server::start(&[]);
    let url = format!("telnet://{}", server.address);
    let mut curl = Program::start(Command::new("curl").args(["--silent", "--no-buffer", &url]));
    curl.input(b"sixteen bytes, and wrong\n");
    let done = curl.finish();
    assert!(!find(&done.stdout, b"SIXTEEN"));
    server.stop();
}

//! The source document's own programs (`tests/seed/`), its clients against the server and its servers
//! against `connect`: what each of them prints is compared to the letter.
//!
//! Other people's tools are in `tools.rs`.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use regex_lite::{NoExpand, Regex};
use tempfile::NamedTempFile;

use crate::common::client;
use crate::common::harness::{Need, Test, missing_program, python};
use crate::common::process::{Finished, Program, run};
use crate::common::program::{SECRET, Server, sockmodes};

/// The secret of the programs on port 9090.
pub(crate) const SECRET_9090: &str = "天王盖地虎";
const FIXED_NONCE: &str = "这是一个随机字符串";
const RIGHT_9090: &str = "你好机油!\n";
const WRONG_9090: &str = "你根本不是老司机\n";

pub(crate) const TESTS: &[Test] = &[
    ("echo_client", &[PYTHON], echo_client),
    ("echo_client_no_scheme", &[PYTHON], echo_client_no_scheme),
    ("echo_client_wrong_key", &[PYTHON], echo_client_wrong_key),
    ("client_9090_fixed", &[PYTHON], client_9090_fixed),
    ("client_9090_md5", &[PYTHON], client_9090_md5),
    ("client_9090_hmac", &[PYTHON], client_9090_hmac),
    ("client_9090_with_another_secret", &[PYTHON], client_9090_with_another_secret),
    ("socketserver_client", &[PYTHON], socketserver_client),
    ("connect_to_echo_server", &[PYTHON], connect_to_echo_server),
    ("connect_to_servers_9090", &[PYTHON], connect_to_servers_9090),
    ("connect_to_socketserver", &[PYTHON], connect_to_socketserver),
];

const PYTHON: Need = Need::Peer(|| missing_program("python3"));

/// A program of the source document in a file of its own, with another port, a number or what Python has to work out, and,
/// where it says `hmac.new`, the `digestmod` that was the default until Python 3.8.
pub(crate) fn of_source(name: &str, port: &str) -> NamedTempFile {
    let path = format!("{}/tests/seed/{name}.py", env!("CARGO_MANIFEST_DIR"));
    let mut text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    for hmac in ["hmac.new(secret_key,msg", "hmac.new(key.encode('utf-8'),ch"] {
        text = text.replace(hmac, &format!("{hmac},digestmod='md5'"));
    }
    assert_eq!(text.matches("hmac.new").count(), text.matches(",digestmod='md5')").count());
    let old = Regex::new("9090|9999").unwrap();
    assert!(old.is_match(&text), "{path} names no port");
    // In one go: the new one may have an old one in it.
    let text = old.replace_all(&text, NoExpand(port));
    let mut file = NamedTempFile::with_suffix(".py").unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn seed(name: &str, port: u16) -> (NamedTempFile, Command) {
    let file = of_source(name, &port.to_string());
    let mut command = Command::new(python());
    command.env("PYTHONUTF8", "1").env("PYTHONUNBUFFERED", "1").arg(file.path());
    (file, command)
}

/// Runs a client of the source document with `lines` typed.
fn client_of_source(name: &str, server: &Server, lines: &str) -> Finished {
    let (_file, mut command) = seed(name, server.address.port());
    run(&mut command, lines.as_bytes())
}

/// What the server told of its only connection: how it was let in or refused, and why it ended.
fn told(server: Server) -> String {
    server.program.wait_for_log("reason=");
    server.stop().err().to_owned()
}

fn echo_client() {
    let server = Server::start(&[]);
    let done = client_of_source("echo_client", &server, "hello\n\n  two words \nquit\nnever\n");
    assert_eq!(done.expect(0).out(), ">>: HELLO\n>>: >>: TWO WORDS\n>>: ");
    let log = told(server);
    assert!(log.contains("let in") && log.contains("closed"), "{log}");
    assert!(log.contains("reason=done received=30 sent=46"), "{log}");
}

/// It reads the nonce as if it were a reply, and stumbles over bytes that are no text.
fn echo_client_no_scheme() {
    let server = Server::start(&[]);
    let done = client_of_source("echo_client_no_scheme", &server, "hello\nquit\n").expect(1);
    assert_eq!(done.out(), ">>: ");
    assert!(done.err().contains("UnicodeDecodeError"), "{}", done.err());
    let log = told(server);
    assert!(log.contains("refused") && log.contains("reason=short_digest received=5"), "{log}");
}

/// Its digest is wrong, so what it takes for a reply is the end of the stream.
fn echo_client_wrong_key() {
    let server = Server::start(&[]);
    let done = client_of_source("echo_client_wrong_key", &server, "hello\nquit\n").expect(0);
    assert_eq!(done.out(), ">>: \n>>: ");
    let log = told(server);
    assert!(!log.contains("let in") && log.contains("reason=wrong_digest"), "{log}");
}

/// The clients on port 9090 print nothing: that they were let in, only the server can tell.
fn client_9090(name: &str, secret: &str, args: &[&str]) -> String {
    let mut command = sockmodes(Server::args(args));
    let server = Server::of(command.env("SOCKMODES_SECRET", secret));
    let done = client_of_source(name, &server, "").expect(0);
    assert_eq!((done.out(), done.err()), ("", ""));
    told(server)
}

fn client_9090_fixed() {
    let args = ["--auth", "md5", "--fixed-nonce", FIXED_NONCE];
    let log = client_9090("9090_client_md5", SECRET_9090, &args);
    assert!(log.contains("let in") && log.contains("reason=done received=32 sent=27"), "{log}");
}

fn client_9090_md5() {
    let args = ["--auth", "md5", "--nonce-len", "10"];
    let log = client_9090("9090_client_md5", SECRET_9090, &args);
    assert!(log.contains("let in") && log.contains("reason=done received=32 sent=10"), "{log}");
}

fn client_9090_hmac() {
    let log = client_9090("9090_client_hmac", SECRET_9090, &["--nonce-len", "10"]);
    assert!(log.contains("let in") && log.contains("reason=done received=16 sent=10"), "{log}");
}

fn client_9090_with_another_secret() {
    let log = client_9090("9090_client_hmac", "宝塔镇河妖", &["--nonce-len", "10"]);
    assert!(!log.contains("let in") && log.contains("reason=wrong_digest received=16"), "{log}");
}

fn socketserver_client() {
    let server = Server::start(&["--auth", "none", "--service", "upper-once"]);
    let done = client_of_source("socketserver_client", &server, "").expect(0);
    assert_eq!(done.out(), "Sent:     hello\nReceived: HELLO\n");
    assert!(told(server).contains("reason=done received=6 sent=5"));
}

/// A port for a program that must know it beforehand: out of the range from which kernels give ports
/// to those who ask for any, and of that of `command_line.rs`; another for each call and, most likely, process.
fn free_port() -> u16 {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    loop {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + ((std::process::id() * 31 + call) % 10_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Starts a server of the source document on a free port and hands it to `connect`, run with `args`
/// and `lines`: what both said.
fn connect_to(name: &str, secret: &str, args: &[&str], lines: &str) -> (Program, Finished) {
    let port = free_port();
    let (_file, mut command) = seed(name, port);
    let server = Program::start(&mut command);
    let address = format!("127.0.0.1:{port}");
    let mut last = None;
    // It does not say when it listens, and takes one connection only: it can't be tried with another.
    client::eventually("the server to listen", || {
        let mut connect = sockmodes([&["connect", &address], args].concat());
        let done = run(connect.env("SOCKMODES_SECRET", secret), lines.as_bytes());
        let listening = !done.err().contains("Connection refused");
        last = Some(done);
        listening
    });
    (server, last.unwrap())
}

fn connect_to_echo_server() {
    let (server, done) = connect_to("echo_server", SECRET, &[], "hello\ntwo words\n");
    assert_eq!(done.expect(0).out(), "HELLO\nTWO WORDS\n");
    let said = server.wait_for_output("开始通信");
    assert!(said.contains("开始验证新链接的合法性\n链接合法,开始通信\n"), "{said}");

    let (server, done) = connect_to("echo_server", "another secret", &[], "hello\n");
    let done = done.expect(1);
    assert!(done.out().is_empty() && done.err().contains(": refused: "), "{}", done.err());
    server.wait_for_output("该链接不合法,关闭\n");
}

fn connect_to_servers_9090() {
    let md5_of_text = ["--auth", "md5", "--nonce-len", "27"];
    let md5 = ["--auth", "md5", "--nonce-len", "10"];
    let servers: [(&str, &[&str]); 3] = [
        ("9090_server_fixed", &md5_of_text),
        ("9090_server_md5", &md5),
        ("9090_server_hmac", &["--nonce-len", "10"]),
    ];
    for (name, args) in servers {
        for (secret, verdict) in [(SECRET_9090, RIGHT_9090), ("another", WRONG_9090)] {
            // They end after one digest: with nothing sent, a refusal can't be seen.
            let (server, done) = connect_to(name, secret, args, "");
            assert_eq!(done.expect(0).out(), "");
            assert_eq!(server.finish().expect(0).out(), verdict, "{name}");
        }
    }
}

fn connect_to_socketserver() {
    let (server, done) = connect_to("socketserver_server", SECRET, &["--auth", "none"], "hello\n");
    assert_eq!(done.expect(0).out(), "HELLO\n");
    assert_eq!(server.wait_for_output("b'hello'"), "127.0.0.1 wrote:\nb'hello'\n");
}

//! Nothing that the program writes for people or files holds a secret, a digest or payload, however
//! closely it is asked to look.
//!
//! Looked for as they are and in every spelling that a careless line of log would give them; pieces of
//! eight bytes are enough to be found.

use std::fs;
use std::io::Write;
use std::net::{Shutdown, TcpStream};

use sockmodes::auth::Scheme;
use tempfile::NamedTempFile;

use crate::common::SCHEMES;
use crate::common::admin::{self, Listener, get};
use crate::common::client::{self, digest, read_rest};
use crate::common::process::run;
use crate::common::program::{self, Server, sockmodes};

const SECRET: &[u8] = b"correct-horse-battery-staple-4711";
const OTHER_SECRET: &[u8] = b"incorrect-donkey-charger-clip-0815";
const PAYLOAD: &[u8] = b"the quick brown fox jumps over the lazy dog\n";
/// Sent where a digest belongs, by somebody who knows no better.
const NO_DIGEST: &[u8] = b"my password is swordfish, let me in please";

const PIECE: usize = 8;

/// What must not be found.
#[derive(Default)]
struct Needles(Vec<(String, String)>);

impl Needles {
    /// Adds every piece of `bytes` in every spelling. What is longer than two pieces can't hide from
    /// them, wherever it is cut.
    fn add(&mut self, name: &str, bytes: &[u8]) {
        for piece in bytes.chunks_exact(PIECE) {
            let joined = |separator: &str, radix: fn(&u8) -> String| {
                piece.iter().map(radix).collect::<Vec<_>>().join(separator)
            };
            let hex: fn(&u8) -> String = |byte| format!("{byte:02x}");
            let decimal: fn(&u8) -> String = |byte| byte.to_string();
            let mut spellings = vec![
                joined("", hex),
                joined("", hex).to_uppercase(),
                joined(" ", hex),
                joined(":", hex),
                joined(", ", |byte| format!("{byte:#04x}")),
                joined(", ", decimal),
                joined(",", decimal),
                piece.escape_ascii().to_string(),
                String::from_utf8_lossy(piece).escape_debug().to_string(),
                String::from_utf8_lossy(piece).into_owned(),
            ];
            spellings.extend((0..3).map(|offset| base64(piece, offset)));
            self.0.extend(spellings.into_iter().map(|needle| (name.into(), needle)));
        }
    }

    fn found_in(&self, text: &str) -> Option<&(String, String)> {
        self.0.iter().find(|(_, needle)| text.contains(needle))
    }

    fn must_not_be_in(&self, text: &[u8], place: &str) {
        // What is no text would be bytes of somebody's.
        let text = std::str::from_utf8(text).unwrap_or_else(|_| panic!("{place} is no text"));
        if let Some((name, needle)) = self.found_in(text) {
            panic!("{place} holds {name}, as {needle:?}:\n{text}");
        }
    }
}

/// The digits of RFC 4648 that `bytes` alone decide when they come `offset` bytes into a group.
fn base64(bytes: &[u8], offset: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = std::iter::repeat_n(&0, offset)
        .chain(bytes)
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let first = (offset * 8).div_ceil(6);
    bits[first * 6..]
        .chunks_exact(6)
        .map(|six| DIGITS[six.iter().fold(0, |all, bit| all << 1 | usize::from(*bit))] as char)
        .collect()
}

#[test]
fn the_search_finds_what_it_should() {
    let mut needles = Needles::default();
    needles.add("the secret", SECRET);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = format!("{:?}", SECRET);
    // "correct-horse" as base64 writes it, from its start and inside a group.
    let base64 = ["Y29ycmVjdC1ob3JzZQ==", "eGNvcnJlY3QtaG9yc2U=", "eHhjb3JyZWN0LWhvcnNl"];
    for leak in [&hex(SECRET), &hex(SECRET).to_uppercase(), &text, "secret=battery-staple-47"]
        .into_iter()
        .chain(base64)
    {
        assert!(needles.found_in(&format!("a line with {leak} in it")).is_some(), "{leak}");
    }
    assert!(needles.found_in("a line with nothing in it but a correct word").is_none());
}

/// The scheme on the command line.
fn name(scheme: Option<Scheme>) -> &'static str {
    scheme.map_or("none", Scheme::name)
}

/// The digest that answers `nonce`; nothing, where nothing is asked.
fn digest_of(scheme: Option<Scheme>, secret: &[u8], nonce: &[u8]) -> Vec<u8> {
    scheme.map_or_else(Vec::new, |scheme| digest(scheme, secret, nonce))
}

/// A connection and the nonce that it was sent.
fn connect(server: &Server, scheme: Option<Scheme>) -> (TcpStream, Vec<u8>) {
    let mut stream = server.connect();
    let nonce = match scheme {
        None => Vec::new(),
        _ => client::read::<32>(&mut stream).to_vec(),
    };
    (stream, nonce)
}

/// Everything that a client can do, right and wrong; what of it must stay unseen.
fn visit(server: &Server, scheme: Option<Scheme>, needles: &mut Needles) {
    let (mut right, nonce) = connect(server, scheme);
    let answer = digest_of(scheme, SECRET, &nonce);
    needles.add("a digest", &answer);
    right.write_all(&[&answer, PAYLOAD, PAYLOAD].concat()).unwrap();
    right.shutdown(Shutdown::Write).unwrap();
    assert!(!read_rest(&mut right).is_empty());

    let (mut wrong, nonce) = connect(server, scheme);
    let answer = digest_of(scheme, OTHER_SECRET, &nonce);
    needles.add("a wrong digest", &answer);
    wrong.write_all(&[&answer, PAYLOAD].concat()).unwrap();
    wrong.shutdown(Shutdown::Write).unwrap();
    read_rest(&mut wrong);

    let (mut ignorant, _) = connect(server, scheme);
    ignorant.write_all(NO_DIGEST).unwrap();
    ignorant.shutdown(Shutdown::Write).unwrap();
    read_rest(&mut ignorant);

    let (mut short, nonce) = connect(server, scheme);
    let answer = digest_of(scheme, SECRET, &nonce);
    needles.add("half a digest", &answer);
    short.write_all(&answer[..answer.len() / 2]).unwrap();
    short.shutdown(Shutdown::Write).unwrap();
    read_rest(&mut short);
}

/// `connect` with each secret: what it says of its failures.
fn visit_with_connect(server: &Server, scheme: Option<Scheme>) -> Vec<u8> {
    let mut said = Vec::new();
    let address = server.address.to_string();
    for secret in [SECRET, OTHER_SECRET] {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(secret).unwrap();
        let mut command = sockmodes(["connect", &address, "--auth", name(scheme)]);
        let done = run(command.arg("--secret-file").arg(file.path()), PAYLOAD);
        let let_in = scheme.is_none() || secret == SECRET;
        assert_eq!(done.status.success(), let_in, "{}", done.err());
        said.extend(done.stderr);
    }
    said
}

#[test]
fn at_the_closest_look_nothing_is_told() {
    let mut secret_file = NamedTempFile::new().unwrap();
    secret_file.write_all(SECRET).unwrap();
    let secret_file = secret_file.path().to_str().unwrap();
    for scheme in SCHEMES {
        for service in ["upper", "echo", "upper-once"] {
            for format in ["text", "json"] {
                look_closely(scheme, service, format, secret_file);
            }
        }
    }
}

fn look_closely(scheme: Option<Scheme>, service: &str, format: &str, secret_file: &str) {
    let trace = NamedTempFile::new().unwrap();
    let mut args = vec!["-vv", "--log-format", format, "--secret-file", secret_file];
    args.extend(["--auth", name(scheme), "--service", service]);
    args.extend(["--trace", trace.path().to_str().unwrap(), "--admin", "127.0.0.1:0"]);
    let server = Server::start(&args);
    let admin = admin::address(&server.program);
    let listener = Listener::new(admin);

    let mut needles = Needles::default();
    needles.add("the secret", SECRET);
    needles.add("another secret", OTHER_SECRET);
    needles.add("payload", PAYLOAD);
    needles.add("an answer", &PAYLOAD.to_ascii_uppercase());
    needles.add("what was no digest", NO_DIGEST);
    visit(&server, scheme, &mut needles);
    // It sends no line feed, so it is not for upper-once.
    if service != "upper-once" {
        let said = visit_with_connect(&server, scheme);
        needles.must_not_be_in(&said, "what connect says");
    }
    let metrics = get(admin, "/metrics").body;
    let done = server.stop();
    let events = listener.rest().join("\n");
    let trace = fs::read(trace.path()).unwrap();

    let enough = done.err().lines().count() > 50 && trace.len() > 1000 && events.len() > 1000;
    assert!(enough, "too little was told for this to mean anything");
    needles.must_not_be_in(&done.stdout, "standard output");
    needles.must_not_be_in(&done.stderr, "the log");
    needles.must_not_be_in(&trace, "the trace");
    needles.must_not_be_in(events.as_bytes(), "what a listener hears");
    needles.must_not_be_in(metrics.as_bytes(), "a metric");
}

#[test]
fn errors_hold_no_secret_either() {
    let mut needles = Needles::default();
    needles.add("the secret", SECRET);
    let too_long = SECRET.repeat(3000);
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&too_long).unwrap();
    let done = run(sockmodes(["serve", "--secret-file"]).arg(file.path()), b"").expect(1);
    needles.must_not_be_in(&done.stderr, "the error");
    let secret = std::str::from_utf8(SECRET).unwrap();
    let mut command = sockmodes(["serve", "--listen", "203.0.113.1:0"]);
    let done = run(command.env("SOCKMODES_SECRET", secret), b"").expect(1);
    needles.must_not_be_in(&done.stderr, "the error");

    let mut needles = Needles::default();
    needles.add("the demo's secret", program::SECRET.as_bytes());
    let done = run(&mut sockmodes(["demo"]), b"").expect(0);
    needles.must_not_be_in(&done.stdout, "the demo");
}

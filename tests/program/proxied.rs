//! Behind a proxy that says whose each connection is: the limits, the penalties, the log and the trace see whom its
//! header names, and nobody else can say such a thing.
//!
//! The proxy is at 127.0.0.2, and the headers are written by hand.

use std::io::Write;
use std::net::TcpStream;

use rustix::process::Signal;
use serde_json::Value;
use sockmodes::auth::Scheme;

use crate::common::admin::{address, metric};
use crate::common::client::{answer, converse, digest, eventually, exchange, nonce, read_rest};
use crate::common::program::{SECRET, Server};

const PROXY: [u8; 4] = [127, 0, 0, 2];
/// Whom the headers name that name somebody.
const CLIENT: &str = "198.51.100.7:4660";

const LINE: &[u8] = b"PROXY TCP4 198.51.100.7 192.0.2.1 4660 9999\r\n";
const MAPPED_LINE: &[u8] = b"PROXY TCP6 ::ffff:198.51.100.7 ::ffff:192.0.2.1 4660 9999\r\n";
const BLOCK: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\xc0\x00\x02\x01\x12\x34\x27\x0f";
/// With what a proxy adds that has decrypted TLS for a client: the name that it asked for (0x02), and a checksum of
/// four bytes (0x03).
const BLOCK_WITH_MORE: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x21\xc6\x33\x64\x07\xc0\x00\x02\x01\x12\x34\x27\x0f\
    \x02\x00\x0bexample.com\x03\x00\x04\x01\x02\x03\x04";

/// A load balancer of AWS looks whether anybody is there, with dummies for addresses.
const LOCAL_WITH_DUMMIES: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\x11\x00\x0c\0\0\0\0\0\0\0\0\0\0\0\0";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
const UNKNOWN: &[u8] = b"PROXY UNKNOWN ::1 ::1 1 1\r\n";
/// A client that came to the proxy through a socket of Unix; too short to hold two of its paths.
const UNIX: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x31\x00\x04path";

/// A server to which 127.0.0.2 is a proxy.
fn start(args: &[&str]) -> Server {
    Server::start(&[&["--proxy-protocol", "127.0.0.2"], args].concat())
}

/// A connection that the proxy makes, which says `header` in pieces of so many bytes.
fn through_proxy(server: &Server, header: &[u8], most: usize) -> TcpStream {
    let mut stream = server.connect_from(PROXY);
    stream.set_nodelay(true).unwrap();
    header.chunks(most).for_each(|piece| stream.write_all(piece).unwrap());
    stream
}

fn line_for(host: u8) -> Vec<u8> {
    format!("PROXY TCP4 198.51.100.{host} 192.0.2.1 4660 9999\r\n").into_bytes()
}

/// Whether a client of the proxy, with the right secret, is served.
fn is_served(server: &Server, header: &[u8]) -> bool {
    let mut stream = through_proxy(server, header, usize::MAX);
    let Some(nonce) = nonce(&mut stream) else { return false };
    stream.write_all(&digest(Scheme::HmacMd5, SECRET.as_bytes(), &nonce)).unwrap();
    converse(&mut stream, b"hello") == b"HELLO"
}

#[test]
fn whoever_a_header_names_is_the_peer_in_the_log_and_in_the_trace() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let server = start(&["--trace", trace.to_str().unwrap()]);
    let headers = [LINE, MAPPED_LINE, BLOCK, BLOCK_WITH_MORE];
    for (header, most) in headers.into_iter().flat_map(|header| [(header, 1), (header, 1000)]) {
        let mut stream = through_proxy(&server, header, most);
        answer(&mut stream, Scheme::HmacMd5, SECRET.as_bytes());
        assert_eq!(converse(&mut stream, b"hello"), b"HELLO");
    }
    let log = server.stop();
    for number in 1..=2 * headers.len() {
        let opened = format!("opened conn={number} peer={CLIENT} via=127.0.0.2:");
        let let_in = format!("let in conn={number} peer={CLIENT}\n");
        let closed =
            format!("closed conn={number} peer={CLIENT} reason=done received=21 sent=37\n");
        for line in [opened, let_in, closed] {
            assert_eq!(log.err().matches(&line).count(), 1, "{line}: {}", log.err());
        }
    }

    let lines = std::fs::read_to_string(trace).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_first = |line: &&Value| line["connection"] == 1 && line["peer"].is_string();
    let told = lines.iter().filter(of_first);
    let told: Vec<_> = told.map(|line| (line["event"].as_str().unwrap(), &line["peer"])).collect();
    assert!(told[0].0 == "accepted" && told[0].1.as_str().unwrap().starts_with("127.0.0.2:"));
    let client = Value::from(CLIENT);
    assert_eq!(told[1..], [("opened", &client), ("let_in", &client), ("closed", &client)]);
    let states = lines.iter().filter(|line| line["connection"] == 1 && line["event"] == "state");
    let states: Vec<_> = states.map(|line| line["to"].as_str().unwrap()).collect();
    assert_eq!(states, ["send_nonce", "await_digest", "serving", "draining", "closed"]);
}

#[test]
fn what_comes_behind_a_header_belongs_to_what_follows() {
    let server = start(&["--auth", "none"]);
    for header in [LINE, BLOCK_WITH_MORE, LOCAL_WITH_DUMMIES, UNIX] {
        let mut stream = server.connect_from(PROXY);
        assert_eq!(converse(&mut stream, &[header, b"PROXY early"].concat()), b"PROXY EARLY");
    }
    server.stop();
    // Without a word from the server, a client that knows the nonce may answer it.
    let fixed = ["--auth", "md5", "--fixed-nonce", "abc"];
    let server = start(&fixed);
    let right = digest(Scheme::Md5, SECRET.as_bytes(), b"abc");
    let mut stream = server.connect_from(PROXY);
    assert_eq!(converse(&mut stream, &[LINE, &right, b"early"].concat()), b"abcEARLY");
    server.stop();
}

#[test]
fn penalties_are_for_whoever_the_header_names() {
    let server = start(&["--penalty", "authfail:1h,min:90m,max:3h"]);
    for _ in 0..2 {
        let mut bad = through_proxy(&server, &line_for(1), usize::MAX);
        answer(&mut bad, Scheme::HmacMd5, b"a guess");
        assert!(read_rest(&mut bad).is_empty());
    }
    assert!(!is_served(&server, &line_for(1)));
    // As an IPv6 address it is the same.
    assert!(!is_served(&server, b"PROXY TCP6 ::ffff:198.51.100.1 ::1 1 2\r\n"));
    assert!(is_served(&server, &line_for(2)));
    // The proxy's own have done nothing, and nobody pays for what is no header.
    for _ in 0..4 {
        let mut bad = through_proxy(&server, LOCAL, usize::MAX);
        answer(&mut bad, Scheme::HmacMd5, b"a guess");
        assert!(read_rest(&mut bad).is_empty());
        assert!(read_rest(&mut through_proxy(&server, b"?", 1)).is_empty());
    }
    assert!(is_served(&server, LOCAL) && is_served(&server, &line_for(2)));
    let log = server.stop();
    assert!(log.err().contains("penalized conn=2 source=198.51.100.1 reason=wrong_digest"));
    let refused = "WARN refused conn=3 peer=198.51.100.1:4660 reason=penalized\n";
    assert!(log.err().contains(refused), "{}", log.err());
    assert!(!log.err().contains("source=127.0.0.2"), "{}", log.err());
}

#[test]
fn the_limit_for_one_source_is_for_whoever_the_header_names() {
    let server = start(&["--max-pending-per-source", "1", "--handshake-timeout", "none"]);
    let knock = |header: &[u8]| {
        let mut stream = through_proxy(&server, header, usize::MAX);
        nonce(&mut stream).map(|_| stream)
    };
    // Whoever has not said it yet is nobody's, and so are the proxy's own.
    let _silent = [server.connect_from(PROXY), server.connect_from(PROXY)];
    let _own = [LOCAL, UNKNOWN].map(|header| knock(header).unwrap());
    let first = knock(&line_for(1)).unwrap();
    assert!(knock(&line_for(1)).is_none());
    assert!(knock(&line_for(2)).is_some());
    drop(first);
    eventually("the place of the first", || knock(&line_for(1)).is_some());
    let log = server.stop();
    assert!(
        log.err().contains("peer=198.51.100.1:4660 reason=too_many_from_source"),
        "{}",
        log.err()
    );
}

#[test]
fn until_its_header_is_whole_a_connection_has_a_place_among_the_pending() {
    let server = start(&["--max-pending=2:100:2", "--handshake-timeout", "none"]);
    let (silent, half) =
        (server.connect_from(PROXY), through_proxy(&server, &LINE[..9], usize::MAX));
    assert!(nonce(&mut through_proxy(&server, LINE, usize::MAX)).is_none());
    assert!(nonce(&mut server.connect()).is_none());
    drop((silent, half));
    eventually("a free place", || is_served(&server, LINE));
    let log = server.stop();
    assert!(log.err().contains("reason=too_many_pending"), "{}", log.err());
    assert!(log.err().contains("reason=bad_proxy_header received=9 sent=0"), "{}", log.err());
}

#[test]
fn a_proxy_s_own_are_served_and_counted_and_not_in_the_log() {
    for auth in [&[][..], &["--auth", "none"]] {
        let server = start(&[auth, &["--admin", "127.0.0.1:0"]].concat());
        let admin = address(&server.program);
        let headers = [LOCAL_WITH_DUMMIES, LOCAL, UNKNOWN, UNIX];
        for (header, most) in headers.into_iter().flat_map(|header| [(header, 1), (header, 1000)]) {
            let mut stream = through_proxy(&server, header, most);
            if auth.is_empty() {
                answer(&mut stream, Scheme::HmacMd5, SECRET.as_bytes());
            }
            exchange(&mut stream, b"hello", b"HELLO");
            assert!(converse(&mut stream, b"").is_empty());
        }
        for name in ["sockmodes_local_total", "sockmodes_connections_total"] {
            assert_eq!(metric(admin, name), 8., "{name}");
        }
        let log = server.stop();
        assert!(!log.err().contains("conn="), "{}", log.err());
    }
}

#[test]
fn what_is_no_header_is_closed_in_silence_and_half_of_one_at_the_deadline() {
    let server = start(&["--handshake-timeout", "2s"]);
    let endless = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 1000]].concat();
    let bad: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"PROXY TCP4 198.51.100.7\r\n",
        &endless,
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x02\x09",
        b"\r\n\r\n\0\r\nQUIT\n\x31",
    ];
    for (number, header) in (1..).zip(bad) {
        let mut stream = through_proxy(&server, header, usize::MAX);
        assert!(read_rest(&mut stream).is_empty());
        drop(stream);
        let log = server.program.wait_for_log(&format!("refused conn={number} "));
        assert!(log.lines().last().unwrap().contains("reason=bad_proxy_header"), "{log}");
    }
    let mut half = through_proxy(&server, &BLOCK[..20], 1);
    assert!(read_rest(&mut half).is_empty());
    server.program.wait_for_log("refused conn=6 peer=127.0.0.2");
    let log = server.stop();
    assert!(log.err().contains("reason=handshake_timeout received=20 sent=0"), "{}", log.err());
}

#[test]
fn from_anywhere_else_a_header_is_a_wrong_digest() {
    for sources in ["127.0.0.2", "127.0.0.2/31", "::/0"] {
        let server = Server::start(&["--proxy-protocol", sources]);
        let mut stream = server.connect();
        assert!(nonce(&mut stream).is_some());
        stream.write_all(LINE).unwrap();
        assert!(read_rest(&mut stream).is_empty());
        server.program.wait_for_log("refused conn=1 peer=127.0.0.1:");
        let log = server.stop();
        assert!(log.err().contains("reason=wrong_digest") && !log.err().contains("198.51.100.7"));
    }
}

#[test]
fn a_stop_closes_who_has_not_said_whose_it_is() {
    let server = start(&["--handshake-timeout", "none", "--drain-timeout", "none"]);
    let mut half = through_proxy(&server, &LINE[..9], usize::MAX);
    assert!(is_served(&server, LINE), "so the half has been accepted");
    server.program.signal(Signal::TERM);
    assert!(read_rest(&mut half).is_empty());
    server.program.finish().expect(0);
}

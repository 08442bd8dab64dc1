//! The limits: who is over one is closed without a nonce, and every way out of one gives the place
//! back, once.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use sockmodes::auth::Scheme;

use crate::common::client::{
    NONCE_LEN, converse, digest, eventually, exchange, nonce, read_rest, reset,
};
use crate::common::program::{SECRET, Server};

/// The places of each limit here.
const PLACES: usize = 3;

/// A connection that got its nonce.
type Pending = (TcpStream, [u8; NONCE_LEN]);

fn knock(server: &Server) -> Option<Pending> {
    let mut stream = server.connect();
    nonce(&mut stream).map(|nonce| (stream, nonce))
}

/// Takes every place, trying again while the server has not yet noticed that one is free, and makes sure
/// that there is no other.
fn fill(server: &Server) -> Vec<Pending> {
    let mut places = Vec::new();
    eventually("a free place", || {
        places.extend(knock(server));
        places.len() == PLACES
    });
    for _ in 0..5 {
        assert!(knock(server).is_none(), "one more came in than there are places");
    }
    places
}

fn let_in((mut stream, nonce): Pending) -> TcpStream {
    stream.write_all(&digest(Scheme::HmacMd5, SECRET.as_bytes(), &nonce)).unwrap();
    exchange(&mut stream, b"hello", b"HELLO");
    stream
}

/// What the client does, and how.
type Way = (&'static str, fn(TcpStream));

/// Every way in which a connection that is not let in can end from the client's side.
const WAYS_OUT: [Way; 6] = [
    ("closed", drop),
    ("reset", reset),
    ("ended before the digest", |mut stream| {
        stream.shutdown(Shutdown::Write).unwrap();
        assert!(read_rest(&mut stream).is_empty());
    }),
    ("ended within the digest", |mut stream| {
        stream.write_all(&[0; 15]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert!(read_rest(&mut stream).is_empty());
    }),
    ("wrong digest", |mut stream| {
        stream.write_all(&[0; 16]).unwrap();
        assert!(read_rest(&mut stream).is_empty());
    }),
    ("reset within the digest", |mut stream| {
        stream.write_all(&[0; 15]).unwrap();
        reset(stream);
    }),
];

#[test]
fn every_way_out_of_pending_gives_the_place_back() {
    for limit in ["--max-pending=3:100:3", "--max-pending-per-source=3"] {
        let server = Server::start(&[limit, "--handshake-timeout", "none"]);
        for (way, leave) in WAYS_OUT {
            println!("{limit}, {way}");
            for (stream, _) in fill(&server) {
                leave(stream);
            }
        }
        // Who is let in is not pending any more: three times as many stay as there are places.
        let mut inside: Vec<_> = (0..3).flat_map(|_| fill(&server)).map(let_in).collect();
        assert_eq!(inside.len(), 3 * PLACES);
        let pending = fill(&server);
        inside.iter_mut().for_each(|stream| exchange(stream, b"still here", b"STILL HERE"));
        drop(pending);
        fill(&server);
        let log = server.stop();
        let reason = if limit.ends_with("3:100:3") { "pending" } else { "from_source" };
        assert!(log.err().contains(&format!("reason=too_many_{reason}")), "{}", log.err());
    }
}

#[test]
fn a_late_digest_gives_the_place_back() {
    for limit in ["--max-pending=3:100:3", "--max-pending-per-source=3", "--max-connections=3"] {
        let server = Server::start(&[limit, "--handshake-timeout", "200ms"]);
        for _ in 0..2 {
            let mut places = Vec::new();
            eventually("a free place", || {
                places.extend(knock(&server));
                places.len() >= PLACES
            });
            // The server ends them by itself.
            assert!(places.iter_mut().all(|(stream, _)| read_rest(stream).is_empty()));
        }
        assert!(server.stop().err().contains("reason=handshake_timeout"));
    }
}

#[test]
fn every_way_out_of_a_connection_gives_its_place_back() {
    let server = Server::start(&["--max-connections=3", "--handshake-timeout", "none"]);
    for (way, leave) in WAYS_OUT {
        println!("pending: {way}");
        for (stream, _) in fill(&server) {
            leave(stream);
        }
    }
    let ways: [Way; 3] = [
        ("closed", drop),
        ("reset", reset),
        ("ended", |mut stream| assert_eq!(converse(&mut stream, b"bye"), b"BYE")),
    ];
    for (way, leave) in ways {
        println!("let in: {way}");
        for pending in fill(&server) {
            leave(let_in(pending));
        }
    }
    let inside: Vec<_> = fill(&server).into_iter().map(let_in).collect();
    assert!(knock(&server).is_none());
    drop(inside);
    fill(&server);
    assert!(server.stop().err().contains("reason=too_many_connections"));
}

#[test]
fn one_source_does_not_use_up_the_places_of_another() {
    let args = ["--max-pending-per-source=3", "--handshake-timeout", "none"];
    let server = Server::start(&args);
    let from_here = fill(&server);
    for source in [[127, 0, 0, 2], [127, 0, 0, 3]] {
        let mut others: Vec<_> = (0..PLACES).map(|_| server.connect_from(source)).collect();
        assert!(others.iter_mut().all(|stream| nonce(stream).is_some()), "{source:?}");
        assert!(nonce(&mut server.connect_from(source)).is_none(), "{source:?}");
    }
    drop(from_here);
    fill(&server);
    server.stop();
}

/// Sends a wrong digest and reads to the end.
fn guess((mut stream, _): Pending) {
    stream.write_all(&[0; 16]).unwrap();
    assert!(read_rest(&mut stream).is_empty());
}

/// All times are long, so that none is over before the test is, however busy the machine.
#[test]
fn who_guesses_is_refused_for_a_while_and_nobody_else_is() {
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("trace");
    let penalty = "--penalty=authfail:5m,min:8m,max:1h";
    let server = Server::start(&[penalty, "--trace", trace.to_str().unwrap()]);
    let mut inside = server.enter();
    exchange(&mut inside, b"hello", b"HELLO");
    // One has no effect yet: it does not come to the minimum.
    guess(knock(&server).unwrap());
    guess(knock(&server).expect("one wrong digest has no effect yet"));
    for _ in 0..5 {
        assert!(knock(&server).is_none(), "it got a nonce");
    }
    // Who was let in before stays, and another source gets its nonce.
    exchange(&mut inside, b"still here", b"STILL HERE");
    assert!(nonce(&mut server.connect_from([127, 0, 0, 2])).is_some());
    let log = server.stop();
    // Its number is that of the one that was too many.
    let why = "penalized conn=3 source=127.0.0.1 reason=wrong_digest seconds=5";
    assert!(log.err().contains(why), "{}", log.err());
    assert!(log.err().contains("refused conn=4") && log.err().contains("reason=penalized"));
    let trace = std::fs::read_to_string(trace).unwrap();
    assert_eq!(trace.matches(r#""event":"penalty","source":"127.0.0.1""#).count(), 1);
    assert_eq!(trace.matches(r#""reason":"penalized""#).count(), 5);
}

/// With a minimum of one offence the first has its effect, and those in progress add to it.
#[test]
fn guesses_on_connections_in_progress_add_up() {
    let server = Server::start(&["--penalty=authfail:5m,min:5m"]);
    let guesses = [knock(&server).unwrap(), knock(&server).unwrap()];
    guesses.into_iter().for_each(guess);
    assert!(knock(&server).is_none());
    assert!(nonce(&mut server.connect_from([127, 0, 0, 2])).is_some());
    let log = server.stop();
    for seconds in ["reason=wrong_digest seconds=300", "reason=wrong_digest seconds=5"] {
        assert!(log.err().contains(seconds), "{}", log.err());
    }
}

#[test]
fn loopback_is_not_penalized_unless_asked_for_and_none_is_none() {
    for args in [&[][..], &["--penalty=none"]] {
        let server = Server::start(args);
        for _ in 0..20 {
            guess(knock(&server).unwrap());
        }
        exchange(&mut server.enter(), b"hello", b"HELLO");
        assert!(!server.stop().err().contains("penalized"));
    }
    let server = Server::start(&["--penalty=noauth:16s"]);
    let (mut half, _) = knock(&server).unwrap();
    half.write_all(&[0; 15]).unwrap();
    drop(half);
    server.program.wait_for_log("penalized conn=1");
    server.stop();
}

/// To connect and leave is how others look whether the server is there: 50 a second cost nothing.
#[test]
fn who_leaves_without_a_byte_is_penalized_only_beyond_50_a_second() {
    let server = Server::start(&["--penalty=noauth:16s,authfail:16s"]);
    for leave in [drop, reset] {
        for _ in 0..20 {
            leave(knock(&server).unwrap().0);
        }
    }
    exchange(&mut server.enter(), b"hello", b"HELLO");
    let mut visits = 0;
    eventually("a penalty", || {
        visits += 1;
        knock(&server).map(|(stream, _)| reset(stream)).is_none()
    });
    assert!(visits > 10, "{visits}");
    let log = server.stop();
    assert!(log.err().contains("penalized conn=") && log.err().contains("reason=penalized"));
}

/// From START on some are refused, from FULL on all. With a rate of 30 percent the chance that of 400 none
/// is refused, or all are, is below 10^-50.
#[test]
fn between_start_and_full_some_are_refused() {
    let server = Server::start(&["--max-pending=20:30:2000", "--handshake-timeout", "none"]);
    let first: Vec<_> = (0..20).map(|_| knock(&server).expect("below START")).collect();
    let beyond: Vec<_> = (0..400).filter_map(|_| knock(&server)).collect();
    assert!((1..400).contains(&beyond.len()), "{} of 400 came in", beyond.len());
    drop((first, beyond));
    // A flood of refusals is no flood of lines: at most one a second, with the count of the others.
    let refusals = server.stop().err().matches("too_many_pending").count();
    assert!((1..60).contains(&refusals), "{refusals} lines");
}

#[test]
fn a_limit_of_none_is_no_limit() {
    let args = ["--max-pending=none", "--max-pending-per-source=none", "--max-connections=none"];
    let server = Server::start(&args);
    let many: Vec<_> = (0..300).map(|_| knock(&server).unwrap()).collect();
    exchange(&mut server.enter(), b"hello", b"HELLO");
    drop(many);
    server.stop();
}

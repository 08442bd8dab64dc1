//! The limits, with sockets: what is asked and answered is tested in `answer.rs`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::*;
use crate::observe::http::{Visitor, converse, listen};
use crate::observe::{Event, Observer, Record};
use crate::session::Time;

const QUICK: Duration = Duration::from_millis(100);
const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn start(quota: Quota) -> (Admin, Seen) {
    let seen = Seen::default();
    let admin = Admin::start_with(([127, 0, 0, 1], 0).into(), seen.clone(), quota).unwrap();
    (admin, seen)
}

fn connect(admin: &Admin) -> TcpStream {
    TcpStream::connect(admin.address()).unwrap()
}

/// Everything that comes until the end.
fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    // A reset is an end, too: it comes where something of ours was not read.
    let _ = stream.read_to_string(&mut text);
    text
}

fn ask(mut stream: TcpStream, request: &[u8]) -> String {
    stream.write_all(request).unwrap();
    rest(stream)
}

#[test]
fn a_request_is_answered_once_and_the_connection_closed() {
    let (admin, _) = start(QUOTA);
    let answer = ask(connect(&admin), &HEALTH.repeat(2));
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"),
        "{answer}"
    );
    assert_eq!(answer.matches("HTTP/1.1").count(), 1);
}

#[tokio::test]
async fn who_has_ended_the_input_still_gets_the_answer() {
    let here = ([127, 0, 0, 1], 0).into();
    let listener = tokio::net::TcpListener::from_std(listen(here).unwrap()).unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let (_stop, stopped) = watch::channel(());
    let site = Shown { seen: Seen::default(), watchers: WATCHERS };
    let visitor = Visitor { stream: accepted, asked: Arc::default(), site };
    let conversation = tokio::spawn(converse(visitor, here.ip(), QUOTA, stopped));
    // It finds nothing to read. Until this task waits, it won't hear of what comes: of both at once.
    tokio::task::yield_now().await;
    stream.write_all(HEALTH).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    conversation.await.unwrap();
    let answer = rest(stream);
    assert!(answer.ends_with("ok"), "{answer}");
}

#[test]
fn who_ends_the_input_while_watching_has_left() {
    let (admin, _) = start(QUOTA);
    let mut stream = connect(&admin);
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    // Otherwise a beat would come every 15 s, without end.
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert_eq!(lines.filter(|line| line.starts_with(':')).nth(1), None);
}

#[test]
fn headers_that_do_not_come_are_not_waited_for() {
    let (admin, _) = start(Quota { header_time: QUICK, ..QUOTA });
    let (silent, mut slow) = (connect(&admin), connect(&admin));
    slow.write_all(&HEALTH[..HEALTH.len() - 2]).unwrap();
    for stream in [silent, slow] {
        assert!(!rest(stream).contains("200"));
    }
}

#[test]
fn headers_that_are_too_long_are_refused() {
    let (admin, _) = start(QUOTA);
    let mut request = HEALTH[..HEALTH.len() - 2].to_vec();
    request.extend_from_slice(b"X: ");
    request.resize(QUOTA.header_size + 1000, b'x');
    let answer = ask(connect(&admin), &request);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert!(ask(connect(&admin), HEALTH).ends_with("ok"));
}

#[test]
fn as_many_headers_are_taken_as_there_is_room_for() {
    let (admin, _) = start(QUOTA);
    let request = [&HEALTH[..HEALTH.len() - 2], &b"a:\r\n".repeat(3000), b"\r\n"].concat();
    assert!(ask(connect(&admin), &request).ends_with("ok"));
}

/// As the server's own listeners do: a restart is not kept waiting, and IPv4 stays free for others.
#[test]
fn an_address_is_taken_with_its_options_set() {
    // For any other address of IPv6 the kernel sets the option itself.
    for (address, only_v6) in [("127.0.0.1:0", None), ("[::]:0", Some(true))] {
        let listener = listen(address.parse().unwrap()).unwrap();
        let socket = socket2::SockRef::from(&listener);
        assert!(socket.reuse_address().unwrap() && socket.nonblocking().unwrap(), "{address}");
        assert_eq!(only_v6.map(|_| socket.only_v6().unwrap()), only_v6);
    }
}

const EVENTS: &[u8] = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Somebody who watches the events, and has his seat.
fn watch(admin: &Admin) -> TcpStream {
    let mut stream = connect(admin);
    stream.write_all(EVENTS).unwrap();
    stream.read_exact(&mut [0; 15]).unwrap();
    stream
}

#[test]
fn who_comes_when_all_places_are_taken_is_disconnected_and_a_place_that_is_left_is_free() {
    let (admin, _) = start(Quota { connections: 2, ..QUOTA });
    let watching = [watch(&admin), watch(&admin)];
    assert_eq!(rest(connect(&admin)), "");
    drop(watching);
    while !ask(connect(&admin), HEALTH).ends_with("ok") {}
}

/// Whoever came first and has not asked gives up his place, and nobody else.
#[test]
fn who_has_waited_longest_without_a_request_gives_his_place_to_who_comes() {
    let hour = Duration::from_secs(3600);
    let (admin, _) = start(Quota { connections: 3, header_time: hour, ..QUOTA });
    let watching = watch(&admin);
    let mut slow: Vec<_> = (0..2).map(|_| connect(&admin)).collect();
    slow.iter_mut().for_each(|stream| stream.write_all(&HEALTH[..20]).unwrap());
    for _ in 0..3 {
        // Each takes the place of one, which is then free for the next.
        assert!(ask(connect(&admin), HEALTH).ends_with("ok"));
    }
    let second = slow.pop().unwrap();
    assert_eq!(rest(slow.pop().unwrap()), "");
    // The one that came after it is still waited for.
    assert!(ask(second, &HEALTH[20..]).ends_with("ok"));
    drop(admin);
    assert!(rest(watching).ends_with("0\r\n\r\n"));
}

#[test]
fn health_and_metrics_are_told_beside_many_slow_clients() {
    let (admin, _) = start(QUOTA);
    let watching: Vec<_> = (0..WATCHERS).map(|_| watch(&admin)).collect();
    let slow: Vec<_> = (0..150)
        .map(|_| {
            let mut stream = connect(&admin);
            stream.write_all(&HEALTH[..20]).unwrap();
            stream
        })
        .collect();
    for _ in 0..50 {
        assert!(ask(connect(&admin), HEALTH).ends_with("ok"));
        let metrics = ask(connect(&admin), b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(metrics.contains("sockmodes_connections_total"), "{metrics}");
    }
    drop((watching, slow));
}

#[test]
fn one_watcher_too_many_is_told_so_and_the_events_are_not_gathered_on_the_way() {
    let (admin, _) = start(QUOTA);
    let mut watching: Vec<_> = (0..WATCHERS).map(|_| watch(&admin)).collect();
    let answer = ask(connect(&admin), EVENTS);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    drop(watching.pop());
    let mut lines = loop {
        let mut stream = connect(&admin);
        stream.write_all(EVENTS).unwrap();
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        if lines.next().unwrap().contains(" 200 ") {
            break lines;
        }
    };
    let headers: Vec<_> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    for header in ["x-accel-buffering: no", "cache-control: no-store, no-transform"] {
        assert!(headers.iter().any(|line| line == header), "{headers:?}");
    }
}

#[test]
fn every_answer_forbids_frames_guesses_and_readers_from_elsewhere() {
    let (admin, _) = start(QUOTA);
    for path in ["/", "/healthz", "/metrics", "/nothing"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = ask(connect(&admin), request.as_bytes());
        for header in [
            "x-frame-options: DENY",
            "x-content-type-options: nosniff",
            "cross-origin-resource-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(answer.contains(&format!("\r\n{header}\r\n")), "{path}: {answer}");
        }
        assert!(!answer.contains("access-control-"), "{answer}");
    }
}

#[test]
fn who_watches_is_told_where_the_server_listens_then_the_events_and_then_the_end() {
    let (admin, mut seen) = start(QUOTA);
    let event = Event::Listening { address: ([127, 0, 0, 1], 9999).into(), max_buffer: 1 };
    seen.live.observe(&Record { time: Time::START, connection: None, event });
    let mut stream = connect(&admin);
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    // The first beat comes as soon as there is nothing to tell, and says that the seat is taken.
    let mut head = Vec::new();
    while !head.ends_with(b": \n\n\r\n") {
        head.push(0);
        let at = head.len() - 1;
        stream.read_exact(&mut head[at..]).unwrap();
    }
    let head = String::from_utf8(head).unwrap();
    assert!(
        head.contains(
            "\"event\":\"listening\",\"address\":\"127.0.0.1:9999\",\"max_buffer\":1}\n\n"
        ),
        "{head}"
    );
    seen.live.observe(&Record {
        time: Time::START + QUICK,
        connection: None,
        event: Event::Turn { ready: 3 },
    });
    drop(admin);
    let told = rest(stream);
    assert!(told.contains("data: {\"time\":0.1,\"event\":\"turn\",\"ready\":3}\n\n"), "{told}");
    // The last, empty chunk.
    assert!(told.ends_with("0\r\n\r\n"), "{told}");
}

//! `serve --admin`: the page, the events, the metrics and the health of a server at work.
//!
//! What its limits are is tested beside it, in `src/observe/admin/`.

use std::collections::BTreeSet;
use std::fs;
use std::net::Shutdown;
use std::process::Command;
use std::thread;

use rustix::process::Signal;
use tempfile::NamedTempFile;

use crate::common::admin::{self, Listener, get, metric};
use crate::common::client::{self, eventually, exchange, read_rest, stuff};
use crate::common::harness::{Need, Test, missing_program};
use crate::common::process::run;
use crate::common::program::{Server, sockmodes};
use crate::common::usage::resident;

pub(crate) const TESTS: &[Test] = &[
    ("it_says_where_it_is_after_the_listeners", &[], it_says_where_it_is_after_the_listeners),
    ("a_bare_port_is_one_of_loopback", &[], a_bare_port_is_one_of_loopback),
    (
        "an_address_that_is_taken_is_one_clear_error",
        &[],
        an_address_that_is_taken_is_one_clear_error,
    ),
    ("the_page_is_whole_and_may_load_its_own_files_only", &[], the_page_is_whole),
    ("metrics_add_up", &[], metrics_add_up),
    ("metrics_are_clean", &[PROMTOOL], metrics_are_clean),
    ("lines_that_are_lost_are_counted", &[], lines_that_are_lost_are_counted),
    ("events_are_those_of_the_trace", &[], events_are_those_of_the_trace),
    ("health_is_draining_while_it_drains", &[], health_is_draining_while_it_drains),
    ("who_listens_and_does_not_read_loses_events", &[], who_listens_and_does_not_read_loses_events),
];

const PROMTOOL: Need = Need::Peer(|| missing_program("promtool"));
const ADMIN: [&str; 2] = ["--admin", "127.0.0.1:0"];

fn it_says_where_it_is_after_the_listeners() {
    let server = Server::start(&["--listen", "127.0.0.1:0", "--admin", "[::1]:0"]);
    let admin = admin::address(&server.program);
    assert!(admin.is_ipv6());
    assert_eq!(get(admin, "/healthz").body, "ok");
    let done = server.stop();
    let lines: Vec<_> = done.out().lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[..2].iter().all(|line| line.starts_with("listening on 127.0.0.1:")));
    assert_eq!(lines[2], format!("admin on http://{admin}/"));
}

fn a_bare_port_is_one_of_loopback() {
    let server = Server::start(&["--admin", "0"]);
    assert_eq!(admin::address(&server.program).ip().to_string(), "127.0.0.1");
    server.stop();
}

fn an_address_that_is_taken_is_one_clear_error() {
    let server = Server::start(&[]);
    let taken = server.address.to_string();
    let args = Server::args(&["--auth", "none", "--admin", &taken]);
    let done = run(&mut sockmodes(args), b"").expect(1);
    assert_eq!(done.out(), "");
    assert!(done.err().starts_with(&format!("sockmodes: cannot listen on {taken} for --admin: ")));
    assert_eq!(done.err().lines().count(), 1);
    for nonsense in ["here", "127.0.0.1:99999", ":80"] {
        run(&mut sockmodes(["serve", "--admin", nonsense]), b"").expect(2);
    }
    server.stop();
}

fn the_page_is_whole() {
    let server = Server::start(&ADMIN);
    let admin = admin::address(&server.program);
    let page = get(admin, "/");
    assert_eq!(page.status, 200);
    for header in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'; script-src 'self'; ",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
    ] {
        assert!(page.headers.contains(header), "{header} is not in\n{}", page.headers);
    }
    assert!(page.body.ends_with("</html>\n"));
    // What it names, and what that names in turn.
    let named =
        regex_lite::Regex::new(r##"(?:src|href)="([a-z]+(?:\.[a-z]+)?)"|from '\./([a-z_.]+)'"##)
            .unwrap();
    let (mut texts, mut seen) = (vec![page.body], BTreeSet::new());
    while let Some(text) = texts.pop() {
        for found in named.captures_iter(&text) {
            let file = found.get(1).or(found.get(2)).unwrap().as_str().to_owned();
            let answer = get(admin, &format!("/{file}"));
            assert_eq!(answer.status, 200, "{file}");
            if seen.insert(file) {
                texts.push(answer.body);
            }
        }
    }
    assert!(
        ["page.css", "page.js", "model.js", "code.js"].iter().all(|file| seen.contains(*file)),
        "{seen:?}"
    );
    server.stop();
}

fn metrics_add_up() {
    let server = Server::start(&ADMIN);
    let admin = admin::address(&server.program);
    let mut inside = server.enter();
    exchange(&mut inside, b"hello", b"HELLO");
    let mut outside = server.connect();
    assert_eq!(client::read::<32>(&mut outside).len(), 32);
    let mut wrong = server.connect();
    client::answer(&mut wrong, sockmodes::auth::Scheme::HmacMd5, b"not the secret");
    read_rest(&mut wrong);
    drop(wrong);

    // What it tells is true as soon as a turn is over.
    let is = |name: &str, value: f64| {
        eventually(name, || metric(admin, &format!("sockmodes_{name}")) == value)
    };
    is("closed_total{reason=\"wrong_digest\"}", 1.);
    is("connections_total", 3.);
    is("connections{state=\"serving\"}", 1.);
    is("connections{state=\"await_digest\"}", 1.);
    is("connections{state=\"lingering\"}", 0.);
    is("authenticated_total", 1.);
    is("received_bytes_total", 16. + 5. + 16.);
    is("sent_bytes_total", 32. + 5. + 32. + 32.);
    is("logins_total{result=\"success\"}", 0.);
    let turns = metric(admin, "sockmodes_loop_turns_total");
    assert!(turns >= 4.);
    assert!(metric(admin, "sockmodes_loop_turn_seconds_count") >= turns);
    assert!(metric(admin, "sockmodes_loop_turn_seconds_sum") > 0.);

    inside.shutdown(Shutdown::Write).unwrap();
    read_rest(&mut inside);
    drop(outside);
    is("closed_total{reason=\"done\"}", 1.);
    is("closed_total{reason=\"short_digest\"}", 1.);
    is("connections{state=\"serving\"}", 0.);
    is("connections{state=\"await_digest\"}", 0.);
    server.stop();
}

fn metrics_are_clean() {
    let server = Server::start(&ADMIN);
    let metrics = get(admin::address(&server.program), "/metrics");
    assert!(metrics.headers.contains("content-type: text/plain; version=0.0.4"));
    let mut promtool = Command::new("promtool");
    let done = run(promtool.args(["check", "metrics"]), metrics.body.as_bytes()).expect(0);
    assert_eq!((done.out(), done.err()), ("", ""));
    server.stop();
}

fn lines_that_are_lost_are_counted() {
    let server = Server::start(&["--trace", "/dev/full", ADMIN[0], ADMIN[1]]);
    let admin = admin::address(&server.program);
    let lost =
        |reader| metric(admin, &format!("sockmodes_lost_lines_total{{reader=\"{reader}\"}}"));
    exchange(&mut server.enter(), b"hello", b"HELLO");
    eventually("a line to be lost", || lost("trace") > 10.);
    assert_eq!((lost("log"), lost("events")), (0., 0.));
    server.stop();
}

fn events_are_those_of_the_trace() {
    let trace = NamedTempFile::new().unwrap();
    let file = trace.path().to_str().unwrap();
    let server = Server::start(&["--trace", file, ADMIN[0], ADMIN[1]]);
    let listener = Listener::new(admin::address(&server.program));
    let mut client = server.enter();
    exchange(&mut client, b"hello", b"HELLO");
    client.shutdown(Shutdown::Write).unwrap();
    read_rest(&mut client);
    server.stop();
    let heard = listener.rest();
    let traced = fs::read_to_string(trace.path()).unwrap();
    // The trace begins before there is anybody to listen.
    let traced: Vec<_> = traced.lines().collect();
    assert!(
        heard.len() > 15 && traced.ends_with(&heard.iter().map(|it| &**it).collect::<Vec<_>>())
    );
    assert!(heard.iter().any(|event| event.contains("\"event\":\"opened\"")));
    assert!(heard.last().unwrap().contains("\"event\":\"stopped\""));
}

fn health_is_draining_while_it_drains() {
    let server = Server::start(&["--drain-timeout", "none", ADMIN[0], ADMIN[1]]);
    let admin = admin::address(&server.program);
    let mut reader = server.enter();
    stuff(&mut reader);
    assert_eq!((get(admin, "/healthz").status, &*get(admin, "/healthz").body), (200, "ok"));
    server.program.signal(Signal::TERM);
    eventually("draining", || get(admin, "/healthz").status == 503);
    assert_eq!(get(admin, "/healthz").body, "draining");
    assert!(!read_rest(&mut reader).is_empty());
    server.program.finish().expect(0);
}

/// More than every buffer on the way holds: the server's memory is bounded, what was lost is told, and
/// who reads again hears again what happens.
fn who_listens_and_does_not_read_loses_events() {
    let server = Server::start(&ADMIN);
    let admin = admin::address(&server.program);
    let mut listener = Listener::new(admin);
    let mut client = server.enter();
    for _ in 0..1000 {
        exchange(&mut client, b"hello", b"HELLO");
    }
    let before = resident(server.program.pid());
    for _ in 0..40_000 {
        exchange(&mut client, b"hello", b"HELLO");
    }
    let grown = resident(server.program.pid()).saturating_sub(before);
    assert!(grown < 8 * 1024 * 1024, "{grown} bytes");

    let reading = thread::spawn(move || hear_news(&mut listener));
    // Before it has caught up, this is lost to it, too.
    eventually("what happens now to be heard", || {
        exchange(&mut client, b"again!", b"AGAIN!");
        reading.is_finished()
    });
    assert!(reading.join().unwrap(), "nothing was lost, or the end came first");
    assert!(metric(admin, "sockmodes_lost_lines_total{reader=\"events\"}") > 0.);
    server.stop();
}

/// Reads until something was lost and then a message of six bytes is told; whether both came. What is
/// missing is missing at a mark: everywhere else messages and their answers take turns.
fn hear_news(listener: &mut Listener) -> bool {
    let (mut lost, mut last) = (false, None);
    while let Some(event) = listener.next() {
        if event.starts_with("{\"lost\":") {
            (lost, last) = (true, None);
        } else if event.ends_with("\"bytes\":5}") || event.ends_with("\"bytes\":6}") {
            let is_answer = event.contains("\"sent\"");
            assert_ne!(last.replace(is_answer), Some(is_answer), "before {event} one is missing");
            if lost && event.ends_with("6}") {
                return true;
            }
        }
    }
    false
}

//! `play`: the page with a simulated loop, from its first line to its end.

use std::io::{Read, Write};
use std::net::SocketAddr;

use regex_lite::Regex;
use rustix::process::Signal;
use serde_json::{Value, json};
use sockmodes::play::Play;

use crate::common::admin::{Answer, get};
use crate::common::client::connect;
use crate::common::process::{Program, run};
use crate::common::program::sockmodes;

const EVENTS: &str = r#"{"ask":"events","seed":3,"scenario":"legal\nsilent","after":0}"#;

fn play() -> (Program, SocketAddr) {
    let program = Program::start(&mut sockmodes(["play", "--listen", "127.0.0.1:0"]));
    let output = program.wait_for_output("/\n");
    let address = output.strip_prefix("play on http://").and_then(|it| it.strip_suffix("/\n"));
    (program, address.unwrap_or_else(|| panic!("{output:?}")).parse().unwrap())
}

fn post(address: SocketAddr, path: &str, kind: &str, body: &str) -> Answer {
    let mut stream = connect(address);
    let len = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (headers, body) = text.split_once("\r\n\r\n").unwrap();
    let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, headers: headers.to_lowercase(), body: body.into() }
}

#[test]
fn it_serves_the_page_and_answers_its_script_until_a_signal_ends_it() {
    for signal in [Signal::TERM, Signal::INT] {
        let (program, address) = play();
        let page = get(address, "/");
        assert_eq!(page.status, 200);
        assert!(page.body.contains(r#"data-source="play""#), "{}", page.body);
        assert_eq!(get(address, "/play.js").status, 200);

        let answer = post(address, "/ask", "application/json", EVENTS);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(
            answer.body.starts_with(r#"{"first":1,"records":[{"time":1.0,"#),
            "{}",
            answer.body
        );
        assert_eq!(post(address, "/ask", "application/json", EVENTS).body, answer.body);

        program.signal(signal);
        let done = program.finish().expect(0);
        assert_eq!(done.out(), format!("play on http://{address}/\n"));
        assert_eq!(done.err(), "");
    }
}

#[test]
fn it_takes_no_question_from_a_page_elsewhere_and_none_without_end() {
    let (_program, address) = play();
    // What another page can send without asking for leave first.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        assert_eq!(post(address, "/ask", kind, EVENTS).status, 415, "{kind}");
    }
    let far = "x".repeat(70_000);
    assert_eq!(post(address, "/ask", "application/json", &far).status, 413);
    assert_eq!(get(address, "/ask").status, 405);
    assert_eq!(post(address, "/", "application/json", EVENTS).status, 405);
    assert_eq!(get(address, "/metrics").status, 404);
    let answer = post(address, "/ask", "application/json", "nonsense");
    assert!(answer.body.starts_with(r#"{"error":"this is no request: "#), "{}", answer.body);
    let answer = post(address, "/ask", "application/json", EVENTS);
    for header in ["x-frame-options: deny", "cross-origin-resource-policy: same-origin"] {
        assert!(answer.headers.contains(header), "{}", answer.headers);
    }
    assert!(!answer.headers.contains("access-control-"), "{}", answer.headers);
}

/// Each address of a simulation in the book is of a scenario that there is, and of an event in it.
#[test]
fn what_the_book_shows_can_be_played() {
    let address =
        Regex::new("#seed=([0-9]+)&(?:amp;)?scenario=([^&\"\\s)>]+)(?:&(?:amp;)?event=([0-9]+))?");
    let (address, mut play) = (address.unwrap(), Play::default());
    let mut met = 0;
    for path in ["loop.md", "loop/rules.md", "states.md", "reference/play.md"] {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/").to_owned() + path;
        let page = std::fs::read_to_string(&path).unwrap();
        for found in address.captures_iter(&page) {
            met += 1;
            let seed: u64 = found[1].parse().unwrap();
            let scenario = found[2].replace('+', " ").replace("%0A", "\n");
            let event: usize = found.get(3).map_or(1, |event| event.as_str().parse().unwrap());
            let request =
                json!({"ask": "events", "seed": seed, "scenario": scenario, "after": event - 1});
            let answer: Value = serde_json::from_str(&play.ask(&request.to_string())).unwrap();
            assert!(answer["records"][0].is_object(), "{path}: {scenario}: {answer}");
        }
    }
    assert!(met >= 10, "{met} addresses");
}

#[test]
fn an_address_that_is_taken_is_one_clear_error() {
    let (_program, address) = play();
    let done = run(&mut sockmodes(["play", "--listen", &address.to_string()]), b"").expect(1);
    assert!(
        done.err().starts_with(&format!("sockmodes: cannot listen on {address}: ")),
        "{}",
        done.err()
    );
    assert_eq!((done.err().lines().count(), done.out()), (1, ""));
}

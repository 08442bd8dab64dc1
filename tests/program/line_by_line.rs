//! The book's page "One connection, line by line": a trace of three clients in a simulated network, where time is the
//! same at each run, and what `sockmodes trace --connection` prints of it.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use regex_lite::Regex;
use sockmodes::auth::Scheme;
use sockmodes::observe::{Detail, Event, Record};
use sockmodes::session::{Protocol, Service};
use sockmodes::sim::{Answer, Faults, Finale, Pieces, Rest, Script};

use crate::common::drive::{config, script, simulate};
use crate::common::entry;
use crate::common::process::run;
use crate::common::program::sockmodes;

const MOST_TURNS: usize = 10_000;
/// Among so many worlds there is one in which the first client's bytes are cut as the page tells.
const MOST_SEEDS: u64 = 10_000;

/// It sends its digest and `hello` in one go, waits, then sends `bye` and shuts down.
fn legal() -> Script {
    let sending = Pieces { most: 24, pause: Duration::from_millis(3) };
    script(b"hellobye", |script| script.sending = sending)
}

/// In place of a digest it sends 27 bytes of its own, and waits.
fn stranger() -> Script {
    script(b"can you hear", |script| {
        (script.answer, script.finale) = (Answer::Wrong(0), Finale::Wait);
        script.stops_after = 27;
    })
}

/// It sends more than the kernels keep, and reads nothing for a second.
fn greedy() -> Script {
    let rest = Rest { after: 1 << 15, lasts: Duration::from_secs(1) };
    script(&[b'x'; 1 << 18], |script| script.rest = Some(rest))
}

/// What the loop tells of the three, one after the other, in the first world where the page's story holds.
fn play() -> Vec<Record> {
    let record = |seed| {
        let mut config = config(Some(Scheme::HmacMd5), Service::Upper);
        config.protocol = Protocol::new(entry(Some(Scheme::HmacMd5), 32), Service::Upper);
        let mut simulation = simulate(seed, config, Faults::default(), Detail::Calls);
        for (client, second) in [legal(), stranger(), greedy()].into_iter().zip(1..) {
            simulation.world().connect(client, Duration::from_secs(second));
        }
        simulation.run(MOST_TURNS);
        simulation.events()
    };
    (0..MOST_SEEDS).map(record).find(|events| is_as_told(events)).expect("one of many is as told")
}

/// Whether digest and `hello` came in one piece, and `bye` with the end, in one edge.
fn is_as_told(events: &[Record]) -> bool {
    let of_the_first = events.iter().filter(|record| record.connection == Some(1));
    let news: Vec<_> = of_the_first
        .filter_map(|record| match &record.event {
            Event::Ready { read_closed, .. } => Some((None, *read_closed)),
            Event::Received { result, .. } => Some((result.ok(), false)),
            _ => None,
        })
        .collect();
    news.starts_with(&[
        (None, false),
        (None, false),
        (Some(21), false),
        (None, true),
        (Some(3), false),
    ])
}

/// What the program prints of a connection, with a mark around each turn, by which the page shows it.
fn printed(trace: &str, connection: &str) -> String {
    let args = ["trace", "-", "--connection", connection];
    let done = run(&mut sockmodes(args), trace.as_bytes()).expect(0);
    assert_eq!(done.err(), "");
    let mut turns = 0;
    let mut printed = String::new();
    for line in done.out().lines() {
        if line.contains("  epoll_wait") {
            printed += &end(turns);
            turns += 1;
            printed += &format!("ANCHOR: turn_{turns}\n");
        }
        printed += &format!("{line}\n");
    }
    printed + &end(turns)
}

fn end(turn: usize) -> String {
    if turn == 0 { String::new() } else { format!("ANCHOR_END: turn_{turn}\n") }
}

fn book(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/loop").join(name)
}

#[test]
fn the_page_is_made_from_a_trace() {
    let lines = play().iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect();
    let trace: String = lines;
    let stories =
        ["1", "2", "3"].map(|number| (format!("connection_{number}.txt"), printed(&trace, number)));
    for (name, made) in [("trace.jsonl".to_owned(), trace)].iter().chain(&stories) {
        let path = book(name);
        if env::var_os("SOCKMODES_BLESS").is_some() {
            fs::write(&path, made).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == *made, "{}: SOCKMODES_BLESS=1 rewrites it", path.display());
    }
    is_shown(&stories);
}

/// The page shows turns that there are, in their order, and of the first connection all; and what it says of their
/// numbers stands in them.
fn is_shown(stories: &[(String, String)]) {
    let page = fs::read_to_string(book("log.md")).unwrap();
    let include = Regex::new(r"\{\{#include (\w+\.txt):turn_(\d+)\}\}").unwrap();
    for (name, story) in stories {
        let shown: Vec<usize> = include
            .captures_iter(&page)
            .filter(|include| include[1] == *name)
            .map(|include| include[2].parse().unwrap())
            .collect();
        let all = story.matches("ANCHOR:").count();
        assert!(
            shown.is_sorted() && !shown.is_empty() && *shown.last().unwrap() <= all,
            "{name}: {shown:?}"
        );
        assert!(name != "connection_1.txt" || shown.len() == all, "{name}: {shown:?} of {all}");
    }
    let all: String = stories.iter().map(|(_, story)| &**story).collect();
    for number in Regex::new(r"\d+,\d+").unwrap().find_iter(&page) {
        let number = number.as_str().replace(',', "");
        assert!(
            Regex::new(&format!(r"\b{number}\b")).unwrap().is_match(&all),
            "{number} is not shown"
        );
    }
}

//! Records of every event, as the trace and `/events` write them: `tests/needs/page/records.jsonl`, which
//! the tests of the page read. Here it is held against [`Event`]: an event that is new, or has another
//! name or another field, is in the file, or a test fails.

use std::collections::HashSet;
use std::time::Duration;

use crate::observe::{CallResult, Errno, Event, Record};
use crate::session::{Reason, State, Time, Timer, Verdict};

/// The names of all events; a new one does not compile until it is written here.
macro_rules! events {
    ($($variant:ident),+ $(,)?) => {
        const EVENTS: &[&str] = &[$(stringify!($variant)),+];
        fn variant(event: &Event) -> &'static str {
            match event {
                $(Event::$variant { .. } => stringify!($variant)),+
            }
        }
    };
}

events! {
    Listening, Accepted, Opened, Local, Refused, Penalty, LetIn, Closed, Login, VerifierFailed, UsersRead, UsersBroken, Hangup,
    State,    Waiting, Turn, TurnEnd, Ready, Stale, AcceptFailed, AcceptPaused, AcceptResumed, Received, Sent, Owed, ShutDown,
    Requeued, Submitted, Timer, Deadline, Alive, Grace, Draining, Stopped,
}

/// What happens to a connection.
fn of_connections() -> Vec<Event> {
    let (peer, via) = (([127, 0, 0, 1], 50_000).into(), ([10, 0, 0, 1], 50_001).into());
    let reason = Reason::TooManyFromSource;
    let mut events = vec![
        Event::Accepted { peer: via, state: State::AwaitHeader },
        Event::Opened { peer, state: State::SendNonce, via: None },
        Event::Opened { peer, state: State::SendNonce, via: Some(via) },
        Event::Local { peer: via },
        Event::Refused { peer, reason },
        Event::Penalty {
            source: "2001:db8::/64".into(),
            reason: Reason::WrongDigest,
            seconds: 15.,
        },
        Event::LetIn { peer },
        Event::Closed {
            peer,
            reason: Reason::Done,
            let_in: true,
            received: 21,
            sent: 37,
            cut_off: false,
        },
        Event::Login { name: "eva".into(), result: Verdict::Success },
        Event::Login { name: "eva".into(), result: Verdict::Failure },
        Event::State { from: State::AwaitDigest, to: State::Serving },
        Event::Requeued,
        Event::Submitted,
        Event::Timer { kind: None, until: None },
        Event::Deadline,
    ];
    let until = Some(Time::after_start(Duration::from_secs(10)));
    events.extend(Timer::ALL.map(|kind| Event::Timer { kind: Some(kind), until }));
    events.extend(of_their_calls());
    events
}

/// Readiness, and what the calls came to.
fn of_their_calls() -> Vec<Event> {
    let mut events = Vec::new();
    for bits in 0..8 {
        let [readable, writable, read_closed] = [1, 2, 4].map(|bit| bits & bit != 0);
        events.push(Event::Ready { readable, writable, read_closed });
    }
    let results: Vec<CallResult> = [Ok(0), Ok(5)].into_iter().chain(errnos().map(Err)).collect();
    events.extend(results.iter().map(|&result| Event::Received { room: 4096, result }));
    events.extend(results.iter().map(|&result| Event::Sent { offered: 5, result }));
    events.push(Event::Owed { bytes: 5 });
    events.push(Event::ShutDown { result: Ok(0) });
    events.extend(results.last().map(|&result| Event::ShutDown { result }));
    events
}

/// What happens to the loop.
fn of_the_loop() -> Vec<Event> {
    let errno = errnos().next().expect("some errors have names");
    vec![
        Event::Listening { address: ([127, 0, 0, 1], 9999).into(), max_buffer: 256 * 1024 },
        Event::UsersRead { users: 3 },
        Event::VerifierFailed { why: "there is no memory".into() },
        Event::UsersBroken { why: "users, line 2: no hash".into() },
        Event::Hangup,
        Event::Waiting { at_most: Some(Duration::from_secs(10)) },
        Event::Waiting { at_most: None },
        Event::Turn { ready: 1 },
        Event::TurnEnd { took: Duration::from_micros(40) },
        Event::Stale,
        Event::AcceptFailed { errno },
        Event::AcceptPaused { errno },
        Event::AcceptResumed,
        Event::Alive,
        Event::Grace { connections: 2, seconds: 10. },
        Event::Draining { connections: 2 },
        Event::Stopped { connections: 1 },
    ]
}

/// The errors that have a name.
fn errnos() -> impl Iterator<Item = Errno> {
    Errno::NAMED.iter().map(|(errno, _)| *errno)
}

fn record(connection: Option<u64>, event: Event) -> Record {
    Record { time: Time::START, connection, event }
}

fn records() -> Vec<Record> {
    let of_connections = of_connections().into_iter().map(|event| record(Some(1), event));
    of_connections.chain(of_the_loop().into_iter().map(|event| record(None, event))).collect()
}

#[test]
fn the_records_that_the_page_is_tested_with_are_of_every_event_and_as_they_are_written() {
    let records = records();
    let there: HashSet<_> = records.iter().map(|record| variant(&record.event)).collect();
    let missing: Vec<_> = EVENTS.iter().filter(|event| !there.contains(*event)).collect();
    assert!(missing.is_empty(), "no record of {missing:?}");

    let written: String =
        records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/needs/page/records.jsonl");
    if std::env::var_os("SOCKMODES_BLESS").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == written,
        "{path} is not what the trace writes: SOCKMODES_BLESS=1 cargo test --lib samples writes it anew"
    );
}

#[test]
fn the_book_has_a_row_for_every_event_and_names_every_error() {
    let book = include_str!("../../../docs/src/reference/events.md");
    for record in records() {
        let json = serde_json::to_value(&record).unwrap();
        let row = format!("| `{}` |", json["event"].as_str().unwrap());
        assert!(book.contains(&row), "events.md has no row {row}");
    }
    let (_, errors) = book.split_once("Errors are named as in").unwrap();
    for (_, name) in Errno::NAMED {
        assert!(errors.contains(name), "events.md does not name {name}");
    }
}

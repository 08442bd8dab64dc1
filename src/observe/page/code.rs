//! The code beside the events: for each, the function of the server in which it happens, cut out of the sources
//! where the book cuts it, between the lines `ANCHOR` and `ANCHOR_END`.
//!
//! Never here: what an event means, which `sentences.js` says.

use serde_json::{Value, json};

/// A file of `src/server/`, as it was when the crate was built.
struct Source {
    path: &'static str,
    text: &'static str,
}

macro_rules! sources {
    ($($name:ident = $path:literal),+ $(,)?) => {
        $(const $name: Source = Source {
            path: concat!("src/server/", $path),
            text: include_str!(concat!("../../server/", $path)),
        };)+
    };
}

sources! {
    BIND = "bind.rs",
    LOOP = "event_loop/mod.rs",
    TURNS = "event_loop/turns.rs",
    ACCEPT = "event_loop/accept.rs",
    PROXIED = "event_loop/proxied.rs",
    LOGINS = "event_loop/logins.rs",
    HEARTBEAT = "event_loop/heartbeat.rs",
    DRAIN = "event_loop/drain.rs",
    CONNECTION = "connection/mod.rs",
    BEHIND = "connection/proxied.rs",
    TRANSFER = "connection/transfer.rs",
}

/// The event, or a case of it; the file and the anchor of its passage; and what is on the line that tells it.
const PASSAGES: &[(&str, Source, &str, &str)] = &[
    ("listening", BIND, "run", "Event::Listening"),
    ("accepted", PROXIED, "await_header", "Event::Accepted"),
    ("opened", ACCEPT, "admit", "Event::Opened"),
    ("opened_behind", BEHIND, "begin_behind", "Event::Opened"),
    ("local", BEHIND, "begin_behind", "Event::Local"),
    ("refused", ACCEPT, "admit", "Event::Refused"),
    ("penalty", TURNS, "penalize", "Event::Penalty"),
    ("let_in", CONNECTION, "tell_changed", "Event::LetIn"),
    ("closed", TURNS, "close", "Event::Closed"),
    ("login", LOGINS, "take_verdict", "Event::Login"),
    ("verifier_failed", LOGINS, "take_no_verdict", "Event::VerifierFailed"),
    ("users_read", LOGINS, "take_reports", "Event::UsersRead"),
    ("users_broken", LOGINS, "take_reports", "Event::UsersBroken"),
    ("hangup", LOOP, "take_signals", "Event::Hangup"),
    ("state", CONNECTION, "tell_changed", "Event::State"),
    ("waiting", LOOP, "wait", "Event::Waiting"),
    ("turn", LOOP, "wait", "Event::Turn"),
    ("turn_end", LOOP, "tell_end", "Event::TurnEnd"),
    ("ready", LOOP, "serve_edge", "Event::Ready"),
    ("stale", TURNS, "serve", "Event::Stale"),
    ("accept_failed", ACCEPT, "accept_from", "Event::AcceptFailed"),
    ("accept_paused", ACCEPT, "pause", "Event::AcceptPaused"),
    ("accept_resumed", ACCEPT, "tell_resumed", "Event::AcceptResumed"),
    ("received", TRANSFER, "receive", "self.stream.recv"),
    ("sent", TRANSFER, "send", "self.stream.send"),
    ("owed", TRANSFER, "deliver", "self.outbox.push"),
    ("shut_down", TRANSFER, "shut_down_sending", "self.stream.shut_down_sending"),
    ("requeued", TURNS, "enqueue", "Event::Requeued"),
    ("submitted", LOGINS, "submit_logins", "Event::Submitted"),
    ("timer", TURNS, "follow_up", "Event::Timer"),
    ("deadline", LOOP, "meet_deadlines", "Event::Deadline"),
    ("alive", HEARTBEAT, "beat", "Event::Alive"),
    ("grace", DRAIN, "begin_grace", "Event::Grace"),
    ("draining", DRAIN, "begin_drain", "Event::Draining"),
    ("stopped", DRAIN, "outcome", "Event::Stopped"),
];

/// All passages as a module of the page.
pub(super) fn module() -> String {
    let passages: serde_json::Map<String, Value> = PASSAGES
        .iter()
        .filter_map(|(event, source, anchor, mark)| {
            Some(((*event).to_owned(), passage(source, anchor, mark)?))
        })
        .collect();
    let filled = format!("CODE = {:#};", Value::from(passages));
    include_str!("code.js").replace("CODE = {};", &filled)
}

/// One passage, with the line of its file on which it begins and the one of its own lines that is marked.
fn passage(source: &Source, anchor: &str, mark: &str) -> Option<Value> {
    let begin = format!("// ANCHOR: {anchor}");
    let end = format!("// ANCHOR_END: {anchor}");
    let mut lines = source.text.lines().enumerate().skip_while(|(_, line)| line.trim() != begin);
    let (first, _) = lines.next()?;
    let body: Vec<&str> =
        lines.map(|(_, line)| line).take_while(|line| line.trim() != end).collect();
    let body: Vec<&str> = body.into_iter().filter(|line| !line.contains("// ANCHOR")).collect();
    let indent = body.iter().filter(|line| !line.trim().is_empty());
    let indent = indent.map(|line| line.len() - line.trim_start().len()).min()?;
    let body: Vec<&str> = body.into_iter().map(|line| line.get(indent..).unwrap_or("")).collect();
    let marked = body.iter().position(|line| line.contains(mark))?;
    Some(json!({
        "file": source.path,
        "line": first + 2,
        "function": function(&body[..=marked])?,
        "mark": marked,
        "text": body.join("\n"),
    }))
}

/// The name of the function that the last of these lines is in.
fn function<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let (_, rest) = lines.iter().rev().find_map(|line| line.split_once("fn "))?;
    rest.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_event_has_its_passage_in_the_source() {
        for (event, source, anchor, mark) in PASSAGES {
            let passage = passage(source, anchor, mark);
            assert!(passage.is_some(), "{event}: {} has no `{mark}` at {anchor}", source.path);
        }
        let records = include_str!("../../../tests/needs/page/records.jsonl");
        let events: HashSet<String> = records
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["event"].as_str().unwrap().into()
            })
            .collect();
        let told: HashSet<String> = PASSAGES.iter().map(|(event, ..)| (*event).into()).collect();
        assert_eq!(events.difference(&told).collect::<Vec<_>>(), <[&String; 0]>::default());
        let cases = told.difference(&events).collect::<Vec<_>>();
        assert_eq!(cases, ["opened_behind"], "these are no events");
    }

    #[test]
    fn a_passage_is_whole_and_says_where_it_is() {
        let sent = passage(&TRANSFER, "send", "self.stream.send").unwrap();
        let text = sent["text"].as_str().unwrap();
        assert_eq!(sent["function"], "send");
        assert!(text.starts_with("/// One `send`") && text.ends_with("\n}"), "{text}");
        let line = TRANSFER.text.lines().nth(sent["line"].as_u64().unwrap() as usize - 1).unwrap();
        assert_eq!(line.trim(), text.lines().next().unwrap());
        let module = module();
        assert!(module.contains("\"sent\": {") && !module.contains("ANCHOR"), "{module}");
    }
}

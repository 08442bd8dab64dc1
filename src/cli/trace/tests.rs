//! What is made of a trace, line by line of what is told.

use super::record::Record;
use super::story::Story;
use super::summary::Summary;

/// The lines of a trace, without their braces.
fn trace(lines: &str) -> Vec<String> {
    lines.lines().map(|line| format!("{{{}}}", line.trim())).collect()
}

fn summary(lines: &[String]) -> String {
    let mut summary = Summary::default();
    lines.iter().for_each(|line| summary.tell(&Record::parse(line).expect(line)));
    let mut out = Vec::new();
    summary.write("a trace", 0, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn story(lines: &[String], connection: u64) -> String {
    let mut out = Vec::new();
    let mut story = Story::new(&mut out, connection);
    for line in lines {
        story.tell(&Record::parse(line).expect(line), line).unwrap();
    }
    story.end().unwrap();
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn says(text: &str, line: &str) {
    assert!(text.lines().any(|other| other.trim() == line.trim()), "{line:?} is not in:\n{text}");
}

/// Two connections in one turn, of which one is behind a proxy, and one that was there before.
const LIVES: &str = r#"
    "time":0,"event":"listening","address":"127.0.0.1:1"
    "time":1,"connection":7,"event":"opened","peer":"old:1","state":"serving"
    "time":1,"event":"waiting","at_most":null
    "time":2,"event":"turn","ready":3
    "time":2,"connection":8,"event":"accepted","peer":"proxy:1","state":"await_header"
    "time":2,"connection":9,"event":"opened","peer":"new:1","state":"serving"
    "time":2,"connection":9,"event":"received","bytes":300
    "time":2,"connection":9,"event":"sent","offered":300,"bytes":100
    "time":2,"connection":10,"event":"refused","peer":"much:1","reason":"too_many_pending"
    "time":2,"connection":7,"event":"received","bytes":5
    "time":2.1,"event":"turn_end","took":0.1
    "time":2.1,"event":"waiting","at_most":1
    "time":3,"event":"turn","ready":1
    "time":3,"connection":8,"event":"state","from":"await_header","to":"send_nonce"
    "time":3,"connection":8,"event":"opened","peer":"real:1","via":"proxy:1","state":"send_nonce"
    "time":3.2,"event":"turn_end","took":0.2
    "time":3.2,"event":"waiting","at_most":1
    "time":4,"event":"turn","ready":1
    "time":4,"connection":9,"event":"closed","peer":"new:1","reason":"reset","received":300,"sent":100
    "time":4,"connection":9,"event":"penalty","source":"new","reason":"reset","seconds":5
    "time":4,"event":"turn_end","took":0
"#;

fn lives() -> Vec<String> {
    trace(LIVES.trim())
}

#[test]
fn connections_are_counted_with_their_states_and_times() {
    let summary = summary(&lives());
    says(&summary, "a trace: 21 events in 4.00 s");
    says(&summary, "2 opened");
    says(&summary, "1 open before that");
    says(&summary, "1 refused at once: 1 too_many_pending");
    says(&summary, "1 ended: 1 reset");
    says(&summary, "2 open at the end: 1 send_nonce, 1 serving");
    let row = |number: &str| {
        let row = summary.lines().find(|line| line.trim_start().starts_with(number)).unwrap();
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("7 "), "7 old:1 before 3.00 s 5 0 serving 3.00 s, still open");
    let states = "await_header 1.00 s, send_nonce 1.00 s, still open";
    assert_eq!(row("8 "), format!("8 real:1 2.000000 s 2.00 s 0 0 {states}"));
    assert_eq!(row("9 "), "9 new:1 2.000000 s 2.00 s 300 100 serving 2.00 s, reset");
}

#[test]
fn turns_are_counted_and_the_longest_are_told_with_what_they_did() {
    let summary = summary(&lives());
    says(&summary, "3 turns, at work for 300 ms: 8 % of the time");
    says(&summary, "200 ms      3.000000 s  1 ready");
    says(
        &summary,
        "100 ms      2.000000 s  3 ready, 3 accepted, 2x recv of 305 bytes, 1x send of 100 bytes, most for connection 9",
    );
    let at = |what: &str| summary.find(what).unwrap();
    assert!(at("  200 ms ") < at("  100 ms "), "the longest is first: {summary}");
}

#[test]
fn what_is_worth_a_look_is_counted_with_the_first_of_each() {
    let summary = summary(&lives());
    says(&summary, "Worth a look: 4 events");
    says(&summary, "1  short send                         event 8, at 2.000000 s, connection 9");
    says(&summary, "1  refused at once: too_many_pending  event 9, at 2.000000 s, connection 10");
    says(&summary, "1  closed: reset                      event 19, at 4.000000 s, connection 9");
    says(&summary, "1  penalized: reset                   event 20, at 4.000000 s, connection 9");
}

#[test]
fn of_many_connections_those_with_something_to_look_at_are_listed() {
    let mut lines = trace(r#""time":0,"event":"turn","ready":1"#);
    for number in 1..=100 {
        let of = |event: &str, fields: &str| {
            let time = if event == "closed" { number } else { 0 };
            format!(r#"{{"time":{time},"connection":{number},"event":"{event}",{fields}}}"#)
        };
        lines.push(of("opened", r#""peer":"p","state":"serving""#));
        if number == 3 {
            lines.push(of("sent", r#""offered":5,"error":"EAGAIN""#));
        }
        lines.push(of("closed", r#""peer":"p","reason":"done""#));
    }
    let summary = summary(&lines);
    says(&summary, "20 of 100: those with most that is worth a look, then the longest:");
    let listed: Vec<u64> = summary
        .lines()
        .filter(|line| line.ends_with(", done"))
        .map(|line| line.split_whitespace().next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(listed, [3].into_iter().chain(82..=100).collect::<Vec<_>>());
}

#[test]
fn a_story_has_the_turns_of_its_connection_and_counts_the_others() {
    let expected = "    1.000000  epoll_wait
    2.000000  turn begins ready=3
              opened peer=new:1
              recv = 300
              send(300) = 100
              turn took 100ms, with 2 events of others
           ⋮  1 turn without it
    3.200000  epoll_wait for 1s at the most
    4.000000  turn begins ready=1
              refused peer=new:1 reason=reset received=300 sent=100
              penalized source=new reason=reset seconds=5.0
              turn took 0ns
";
    assert_eq!(story(&lives(), 9), expected);
    // How things stand is told outside of any turn.
    let seventh = story(&lives(), 7);
    assert!(
        seventh.starts_with("    1.000000  opened peer=old:1\n    1.000000  epoll_wait\n"),
        "{seventh}"
    );
    let end = "           ⋮  2 turns without it\n              the trace ends here, and the connection is open\n";
    assert!(seventh.ends_with(end), "{seventh}");
    assert_eq!(story(&lives(), 11), "");
}

#[test]
fn of_what_the_loop_did_before_a_story_has_the_beginning() {
    let mut lines = trace(r#""time":1,"event":"turn","ready":1"#);
    lines.extend(vec![r#"{"time":1,"event":"hangup"}"#.to_owned(); 100]);
    lines.extend(trace(r#""time":1,"connection":1,"event":"deadline""#));
    let story = story(&lines, 1);
    assert_eq!(story.lines().count(), 8 + 2, "its own, and that it is open:\n{story}");
}

#[test]
fn what_is_missing_in_a_story_is_said_while_the_connection_may_be_open() {
    let lines = trace(
        r#""time":1,"event":"turn","ready":1
        "event":"lost","lines":3
        "time":2,"connection":1,"event":"deadline"
        "event":"lost","lines":4
        "time":3,"connection":1,"event":"closed","peer":"p","reason":"reset"
        "event":"lost","lines":5"#,
    );
    let expected = "    2.000000  deadline
              4 lines are missing here
    3.000000  refused peer=p reason=reset
";
    assert_eq!(story(&lines, 1), expected);
}

/// A trace that was cut at its start, and one that was opened anew: how things stand is told with the time at which they
/// last changed.
#[test]
fn what_was_before_the_trace_is_counted_from_its_start() {
    let lines = trace(
        r#""time":5,"event":"waiting","at_most":null
        "time":4,"connection":1,"event":"opened","peer":"p","state":"serving"
        "time":4,"connection":1,"event":"owed","bytes":9
        "time":6,"event":"turn","ready":1
        "time":6,"connection":2,"event":"ready","readable":true,"writable":true,"read_closed":true
        "time":7,"connection":2,"event":"state","from":"serving","to":"draining"
        "time":9,"event":"waiting","at_most":null
        "time":8,"connection":1,"event":"opened","peer":"p","state":"serving""#,
    );
    let summary = summary(&lines);
    says(&summary, "a trace: 8 events in 4.00 s");
    says(&summary, "0 opened");
    says(&summary, "2 open before that");
    says(&summary, "2 open at the end: 1 serving, 1 draining");
    let states = |text: &str| assert!(summary.contains(text), "{summary}");
    states("before      5.00 s            0            0  serving 5.00 s, still open\n");
    states(
        "before      3.00 s            0            0  serving 1.00 s, draining 2.00 s, still open\n",
    );
}

/// Each in the order in which they came: of those that are alike, the first is the first.
#[test]
fn what_is_alike_stays_in_its_order() {
    let turn = |number: u32| {
        let took = if number == 7 { 2 } else { 1 };
        let begins = format!(r#"{{"time":{number},"event":"turn","ready":{number}}}"#);
        [begins, format!(r#"{{"time":{number},"event":"turn_end","took":{took}}}"#)]
    };
    let lines: Vec<_> = (1..=7).flat_map(turn).collect();
    let turns: Vec<_> = summary(&lines)
        .lines()
        .filter(|line| line.ends_with(" ready"))
        .map(|line| line.trim_end_matches(" ready").chars().last().unwrap())
        .collect();
    assert_eq!(turns, ['7', '1', '2', '3', '4'], "the longest turns");

    let mut lines = trace(r#""time":0,"event":"turn","ready":1"#);
    for number in 1..=21 {
        lines.extend(trace(&format!(
            r#""time":0,"connection":{number},"event":"opened","peer":"p","state":"serving"
            "time":1,"connection":{number},"event":"closed","peer":"p","reason":"done""#
        )));
    }
    let summary = summary(&lines);
    says(&summary, "20 of 21: those with most that is worth a look, then the longest:");
    assert!(!summary.contains("        21  p "), "{summary}");
}

#[test]
fn an_address_is_named_once_and_a_connection_has_the_bytes_that_its_end_tells() {
    let lines = trace(
        r#""time":0,"event":"listening","address":"127.0.0.1:1"
        "time":0,"event":"listening","address":"[::1]:1"
        "time":0,"event":"turn","ready":1
        "time":0,"connection":1,"event":"opened","peer":"p","state":"serving"
        "time":0,"connection":1,"event":"received","bytes":3
        "time":2,"connection":1,"event":"state","from":"serving","to":"closed"
        "time":2,"connection":1,"event":"closed","peer":"p","reason":"done","received":300,"sent":20
        "time":2,"event":"listening","address":"127.0.0.1:1""#,
    );
    let summary = summary(&lines);
    says(&summary, "listening on 127.0.0.1:1, [::1]:1");
    let row = summary.lines().find(|line| line.ends_with(", done")).unwrap();
    let row = row.split_whitespace().collect::<Vec<_>>().join(" ");
    // The loop did not tell of every call, and what is closed is in no state.
    assert_eq!(row, "1 p 0.000000 s 2.00 s 300 20 serving 2.00 s, done");
}

/// What is missing may have been the end of a turn: what is told next is in none.
#[test]
fn a_turn_of_which_the_end_may_be_missing_is_none() {
    let lines = trace(
        r#""time":1,"event":"turn","ready":1
        "event":"lost","lines":3
        "time":2,"connection":1,"event":"opened","peer":"p","state":"serving"
        "event":"lost","lines":4
        "time":2,"event":"turn_end","took":1"#,
    );
    let summary = summary(&lines);
    says(&summary, "7 lines missing: the server could not write them");
    assert!(!summary.contains("the longest turns"), "{summary}");
    says(&summary, "1 open before that");
}

/// A file may say anything.
#[test]
fn no_number_is_too_large() {
    let (most, long) = (u64::MAX, 1.8e19);
    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.extend(trace(&format!(
            r#""time":{long},"event":"turn","ready":{most}
            "time":{long},"connection":{most},"event":"opened","peer":"p","state":"serving"
            "time":0,"connection":{most},"event":"received","bytes":{most}
            "time":{long},"connection":{most},"event":"sent","offered":{most},"bytes":{most}
            "time":{long},"connection":{most},"event":"state","from":"serving","to":"draining"
            "time":0,"connection":{most},"event":"state","from":"draining","to":"serving"
            "event":"lost","lines":{most}
            "time":{long},"event":"turn","ready":{most}
            "time":{long},"event":"turn_end","took":{long}
            "time":{long},"event":"waiting","at_most":{long}
            "time":{long},"connection":{most},"event":"timer","kind":"idle","until":{long}
            "time":{long},"event":"grace","connections":{most},"seconds":{long}
            "time":{long},"event":"stopped","connections":{most}"#
        )));
    }
    let summary = summary(&lines);
    says(&summary, "18,446,744,073,709,551,615 lines missing: the server could not write them");
    let story = story(&lines, most);
    assert!(story.contains("    0.000000  recv = 18446744073709551615\n"), "{story}");
    says(&story, "the trace ends here, and the connection is open");
}

//! An event in words: those of `serve -vv`, so that whoever can read one of the two can read the other. A test
//! holds them together.
//!
//! A file may have anything in place of the words of a server, so whatever comes from it is escaped here.

use std::fmt::{Display, Write};

use serde_json::{Map, Value};
use sockmodes::observe::shown;

use super::record::Record;

/// What happened, without when and to whom. `line` is what the record was read from: of an event that this version
/// does not know, it says what there is.
pub(super) fn words(record: &Record, line: &str) -> String {
    known(record).unwrap_or_else(|| as_it_stands(record, line)).0
}

/// Whether this version has such an event.
pub(super) fn are_known(record: &Record) -> bool {
    known(record).is_some()
}

fn known(record: &Record) -> Option<Said> {
    of_the_server(record).or_else(|| of_a_connection(record)).or_else(|| of_a_call(record))
}

fn of_the_server(record: &Record) -> Option<Said> {
    let connections = record.connections;
    Some(match &*record.event {
        "listening" => Said::new("listening").text("address", &record.address),
        "verifier_failed" => {
            Said::new("logins can't be checked, and get no answer").quoted("error", &record.why)
        }
        "users_read" if record.users == Some(0) => Said::new("users read again: nobody can log in"),
        "users_read" => Said::new("users read again").field("users", record.users),
        "users_broken" => Said::new("the users have changed, but those before still hold")
            .quoted("error", &record.why),
        "hangup" => Said::new("SIGHUP"),
        "accept_paused" => Said::new("accepting pauses").quoted("error", &record.errno),
        "accept_resumed" => Said::new("accepting goes on"),
        "grace" => Said::new("told to stop; connections are still taken")
            .field("connections", connections)
            .seconds(record),
        "draining" => Said::new("stopping").field("connections", connections),
        "stopped" => Said::new("stopped").field("cut_off", connections),
        "lost" => Said(format!("{} lines are missing here", record.lines.unwrap_or_default())),
        _ => return None,
    })
}

fn of_a_connection(record: &Record) -> Option<Said> {
    let (peer, reason) = (&record.peer, &record.reason);
    Some(match &*record.event {
        "accepted" => Said::new("accepted").text("peer", peer),
        "opened" => Said::new("opened").text("peer", peer).text("via", &record.via),
        "local" => Said::new("local").text("peer", peer),
        "refused" => Said::new("refused").text("peer", peer).text("reason", reason),
        "penalty" => Said::new("penalized")
            .text("source", &record.source)
            .text("reason", reason)
            .seconds(record),
        "let_in" => Said::new("let in").text("peer", peer),
        "closed" => Said::new(ending(record))
            .text("peer", peer)
            .text("reason", reason)
            .field("received", record.received)
            .field("sent", record.sent),
        "login" => Said::new("login").quoted("name", &record.name).quoted("result", &record.result),
        "state" => Said::new("state").text("from", &record.from).text("to", &record.to),
        _ => return None,
    })
}

/// How the log calls the end of a connection.
fn ending(record: &Record) -> &'static str {
    let is_stop = record.reason.as_deref() == Some("stopped");
    match record.let_in == Some(true) || is_stop {
        _ if record.cut_off == Some(true) => "cut off",
        true => "closed",
        false => "refused",
    }
}

fn of_a_call(record: &Record) -> Option<Said> {
    Some(match &*record.event {
        "waiting" => Said(match record.at_most {
            Some(time) => format!("epoll_wait for {time:?} at the most"),
            None => "epoll_wait".to_owned(),
        }),
        "turn" => Said::new("turn begins").field("ready", record.ready),
        "turn_end" => Said(format!("turn took {:?}", record.took.unwrap_or_default())),
        "ready" => Said::new("ready")
            .field("readable", record.readable)
            .field("writable", record.writable)
            .field("read_closed", record.read_closed),
        "stale" => Said::new("too late: closed already"),
        "accept_failed" => Said::new("accept = ").then(record.errno.as_deref().map(shown)),
        "received" => Said::new("recv = ").returned(record),
        "sent" => Said(format!("send({}) = ", record.offered.unwrap_or_default())).returned(record),
        "shut_down" => Said::new("shutdown(SHUT_WR) = ").returned(record),
        "requeued" => Said::new("budget spent, queued again"),
        "submitted" => Said::new("login handed over"),
        "timer" => Said(match (&record.kind, record.until) {
            (Some(kind), Some(until)) => format!("{} deadline at {until:?}", shown(kind)),
            _ => "no deadline".to_owned(),
        }),
        "deadline" => Said::new("deadline"),
        "alive" => Said::new("alive"),
        _ => return None,
    })
}

/// Its name, and each of its fields as it was written.
fn as_it_stands(record: &Record, line: &str) -> Said {
    let fields: Map<String, Value> = serde_json::from_str(line).unwrap_or_default();
    let others =
        fields.iter().filter(|(key, _)| !["time", "connection", "event"].contains(&&***key));
    let name = Said(shown(&record.event));
    others.fold(name, |said, (key, value)| said.field(&shown(key), Some(shown(&value.to_string()))))
}

/// What is said so far.
struct Said(String);

impl Said {
    fn new(what: &str) -> Said {
        Said(what.to_owned())
    }

    fn then(mut self, value: Option<impl Display>) -> Said {
        if let Some(value) = value {
            // To write to a string never fails.
            let _ = write!(self.0, "{value}");
        }
        self
    }

    fn field(self, key: &str, value: Option<impl Display>) -> Said {
        self.then(value.map(|value| format!(" {key}={value}")))
    }

    fn text(self, key: &str, text: &Option<String>) -> Said {
        self.field(key, text.as_deref().map(shown))
    }

    /// The trace has it escaped already, but whoever makes one up may not: what `shown` escapes, this does, too.
    fn quoted(self, key: &str, text: &Option<String>) -> Said {
        self.field(key, text.as_ref().map(|text| format!("{text:?}")))
    }

    fn seconds(self, record: &Record) -> Said {
        self.field("seconds", record.seconds.map(|time| format!("{:?}", time.as_secs_f64())))
    }

    fn returned(self, record: &Record) -> Said {
        self.then(record.error.as_deref().map(shown)).then(record.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> String {
        words(&Record::parse(line).expect(line), line)
    }

    #[test]
    fn every_event_is_told_in_words_with_all_that_it_has() {
        let otherwise = [
            // In other words.
            "time",
            "connection",
            "event",
            "let_in",
            "cut_off",
            "at_most",
            "took",
            "until",
            // By the next change of state; and not at all, as in the log.
            "state",
            "room",
            "max_buffer",
        ];
        for line in include_str!("../../../tests/needs/page/records.jsonl").lines() {
            assert!(are_known(&Record::parse(line).unwrap()), "{line}");
            let said = said(line);
            let fields: Map<String, Value> = serde_json::from_str(line).unwrap();
            for (key, value) in fields.iter().filter(|(key, _)| !otherwise.contains(&&***key)) {
                let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                assert!(
                    value.is_null() || said.contains(&word),
                    "{said}: it has no {key} of {line}"
                );
            }
        }
    }

    #[test]
    fn the_words_are_those_of_the_log() {
        for (line, expected) in [
            (
                r#"{"event":"waiting","at_most":9.999784104}"#,
                "epoll_wait for 9.999784104s at the most",
            ),
            (r#"{"event":"waiting","at_most":null}"#, "epoll_wait"),
            (r#"{"event":"turn_end","took":2.524e-6}"#, "turn took 2.524µs"),
            (r#"{"event":"sent","offered":5,"error":"EAGAIN"}"#, "send(5) = EAGAIN"),
            (r#"{"event":"users_read","users":0}"#, "users read again: nobody can log in"),
            (
                r#"{"event":"closed","peer":"p","reason":"done","let_in":true,"received":1,"sent":2}"#,
                "closed peer=p reason=done received=1 sent=2",
            ),
            (
                r#"{"event":"closed","peer":"p","reason":"reset","let_in":false}"#,
                "refused peer=p reason=reset",
            ),
            (r#"{"event":"closed","reason":"stopped","let_in":false}"#, "closed reason=stopped"),
            (r#"{"event":"closed","let_in":true,"cut_off":true}"#, "cut off"),
            (r#"{"event":"timer","kind":"idle","until":301.5}"#, "idle deadline at 301.5s"),
            (r#"{"event":"timer","kind":null,"until":null}"#, "no deadline"),
            (r#"{"event":"lost","lines":249}"#, "249 lines are missing here"),
        ] {
            assert_eq!(said(line), expected);
        }
    }

    #[test]
    fn an_event_of_another_version_is_told_as_it_stands() {
        let line =
            r#"{"time":1,"connection":3,"event":"dreamt","of":["sheep",2],"deep":{"a":null}}"#;
        assert_eq!(said(line), r#"dreamt deep={"a":null} of=["sheep",2]"#);
    }

    #[test]
    fn nothing_that_could_forge_a_line_or_move_a_cursor_is_printed() {
        let bad = r"a\n\u001b[2J\u202e\u2028\u0085\u007f";
        for line in [
            format!(r#"{{"event":"login","name":"{bad}","result":"{bad}"}}"#),
            format!(r#"{{"event":"opened","peer":"{bad}","via":"{bad}"}}"#),
            format!(r#"{{"event":"state","from":"{bad}","to":"{bad}"}}"#),
            format!(r#"{{"event":"closed","peer":"{bad}","reason":"{bad}"}}"#),
            format!(r#"{{"event":"received","error":"{bad}"}}"#),
            format!(r#"{{"event":"timer","kind":"{bad}","until":1}}"#),
            format!(r#"{{"event":"accept_failed","errno":"{bad}"}}"#),
            format!(r#"{{"event":"users_broken","why":"{bad}"}}"#),
            format!(r#"{{"event":"{bad}","{bad}":"{bad}","x":{{"{bad}":["{bad}"]}}}}"#),
        ] {
            let said = said(&line);
            let is_raw = |c: char| c.is_control() || ['\u{202e}', '\u{2028}'].contains(&c);
            assert!(!said.contains(is_raw) && said.contains("u{202e}"), "{said:?}");
        }
    }
}

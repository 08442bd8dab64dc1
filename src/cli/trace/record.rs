//! One line of a trace, read back: an object with the name of an event, whatever version has written it.
//!
//! Not the events as the loop tells them: another version may have other words for states and reasons, other
//! events, and more to say of those that there are. What this one does not know is passed on as it stands.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use sockmodes::observe::is_worth_a_look;

use super::words;

/// An event, with all that any of them has.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    pub(super) event: Cow<'a, str>,
    #[serde(default, deserialize_with = "seconds")]
    pub(super) time: Option<Duration>,
    pub(super) connection: Option<u64>,
    pub(super) address: Option<String>,
    pub(super) peer: Option<String>,
    pub(super) via: Option<String>,
    pub(super) source: Option<String>,
    pub(super) state: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) let_in: Option<bool>,
    pub(super) cut_off: Option<bool>,
    pub(super) received: Option<u64>,
    pub(super) sent: Option<u64>,
    pub(super) name: Option<String>,
    pub(super) result: Option<String>,
    pub(super) why: Option<String>,
    pub(super) users: Option<u64>,
    pub(super) ready: Option<u64>,
    #[serde(default, deserialize_with = "seconds")]
    pub(super) at_most: Option<Duration>,
    #[serde(default, deserialize_with = "seconds")]
    pub(super) took: Option<Duration>,
    #[serde(default, deserialize_with = "seconds")]
    pub(super) seconds: Option<Duration>,
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "seconds")]
    pub(super) until: Option<Duration>,
    pub(super) readable: Option<bool>,
    pub(super) writable: Option<bool>,
    pub(super) read_closed: Option<bool>,
    pub(super) errno: Option<String>,
    pub(super) offered: Option<u64>,
    pub(super) bytes: Option<u64>,
    pub(super) error: Option<String>,
    pub(super) connections: Option<u64>,
    pub(super) lines: Option<u64>,
}

/// What every event has, in every version.
#[derive(Deserialize)]
struct Bare<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(default, deserialize_with = "seconds")]
    time: Option<Duration>,
    connection: Option<u64>,
}

impl<'a> Record<'a> {
    /// The event on a line; `None` if the line is broken.
    pub(super) fn parse(line: &'a str) -> Option<Record<'a>> {
        serde_json::from_str(line).ok().or_else(|| {
            // An event of another version may have another kind of value under one of these names.
            let Bare { event, time, connection } = serde_json::from_str(line).ok()?;
            let record = Record { event, time, connection, ..Record::default() };
            (!words::are_known(&record)).then_some(record)
        })
    }

    /// Whether a call has failed, or did less than it was asked for.
    pub(super) fn fell_short(&self) -> bool {
        self.error.is_some() || self.bytes < self.offered
    }

    pub(super) fn is_worth_a_look(&self) -> bool {
        is_worth_a_look(&self.event, self.reason.as_deref(), self.fell_short())
    }
}

/// A number of seconds, if it is one that could have passed.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds = Option::<f64>::deserialize(deserializer)?;
    seconds.map(Duration::try_from_secs_f64).transpose().map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_another_version_is_read_and_a_broken_one_is_not() {
        let line = r#"{"time":1,"event":"closed","reason":"bored","peer":"x","mood":[1,{"a":2}]}"#;
        assert_eq!(Record::parse(line).unwrap().reason.as_deref(), Some("bored"));
        let line = r#"{"time":2.5,"connection":7,"event":"dreamt","ready":"of sheep"}"#;
        let record = Record::parse(line).unwrap();
        assert_eq!((record.time, record.connection), (Some(Duration::from_millis(2500)), Some(7)));
        assert!(!words::are_known(&record));
        for broken in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"time":1}"#,
            r#"{"time":1,"event":"turn","rea"#,
            r#"{"time":1,"event":"turn","ready":"of sheep"}"#,
            r#"{"time":-1,"event":"turn","ready":1}"#,
            r#"{"time":1e300,"event":"turn","ready":1}"#,
            r#"{"time":1,"event":"turn","ready":1}{"#,
        ] {
            assert!(Record::parse(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn what_is_worth_a_look_is_the_unusual() {
        let is_worth = |fields: &str| {
            let line = format!("{{{fields}}}");
            Record::parse(&line).expect(fields).is_worth_a_look()
        };
        for always in [
            "refused",
            "penalty",
            "stale",
            "accept_paused",
            "accept_resumed",
            "requeued",
            "deadline",
            "lost",
        ] {
            assert!(is_worth(&format!("\"event\":\"{always}\"")), "{always}");
        }
        for fields in [
            r#""event":"sent","offered":5,"bytes":4"#,
            r#""event":"sent","offered":5,"error":"EAGAIN""#,
            r#""event":"received","error":"ECONNRESET""#,
            r#""event":"shut_down","error":"ENOTCONN""#,
            r#""event":"closed","reason":"reset""#,
            r#""event":"closed","reason":"of another version""#,
        ] {
            assert!(is_worth(fields), "{fields}");
        }
        for fields in [
            r#""event":"sent","offered":5,"bytes":5"#,
            r#""event":"received","bytes":0"#,
            r#""event":"shut_down","bytes":0"#,
            r#""event":"closed","reason":"done""#,
            r#""event":"closed","reason":"stopped""#,
            r#""event":"accept_failed","errno":"EAGAIN""#,
            r#""event":"dreamt""#,
        ] {
            assert!(!is_worth(fields), "{fields}");
        }
    }
}

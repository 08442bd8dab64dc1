//! What is worth a look in a trace: the few events that somebody who looks for a fault looks for first.
//!
//! `sockmodes trace` lists them. The page has a list of its own; `tests/needs/page.rs` hands this one to its tests.
//! Never here: what they mean; the table in the book has that.

use crate::session::Reason;

/// Whether an event is worth a look, by what a trace has of it: its name, its `reason`, if it has one, and
/// whether a call fell short: it has an `error`, or fewer `bytes` than were `offered`.
///
/// ```
/// use sockmodes::observe::is_worth_a_look;
///
/// assert!(is_worth_a_look("refused", Some("penalized"), false));
/// assert!(is_worth_a_look("sent", None, true));
/// assert!(!is_worth_a_look("closed", Some("done"), false));
/// ```
#[must_use]
pub fn is_worth_a_look(event: &str, reason: Option<&str>, fell_short: bool) -> bool {
    match event {
        "refused" | "penalty" | "stale" | "accept_paused" | "accept_resumed" | "requeued"
        | "deadline" | "lost" => true,
        "sent" | "received" | "shut_down" => fell_short,
        "closed" => {
            ![Reason::Done, Reason::Stopped].map(|usual| Some(usual.name())).contains(&reason)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn whatever_may_be_worth_a_look_is_an_event_by_its_name() {
        let records = include_str!("../../tests/needs/page/records.jsonl").lines();
        let events =
            records.filter_map(|line| line.split_once("\"event\":\"")?.1.split('"').next());
        let worth: BTreeSet<_> =
            events.filter(|event| is_worth_a_look(event, Some("reset"), true)).collect();
        let expected = "accept_paused accept_resumed closed deadline penalty received refused requeued sent \
                        shut_down stale";
        assert_eq!(worth, expected.split(' ').collect());
        // That one the trace tells by itself.
        assert!(is_worth_a_look("lost", None, false));
    }
}

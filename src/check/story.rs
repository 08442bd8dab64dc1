//! What is told of a check that fails: what the client did and when, what should have come, and what came.
//!
//! Never in it: the secret, a digest, payload. Lengths and places are told, not bytes. Read `peer.rs` next, which
//! writes most of the lines.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines that are kept from the beginning of a story, and as many from its end.
const KEPT: usize = 10;

/// What clients do in one attempt at a check, line by line; all of them write into the same one.
#[derive(Clone, Debug)]
pub(super) struct Diary(Arc<Mutex<Lines>>);

#[derive(Debug)]
struct Lines {
    begin: Instant,
    first: Vec<Line>,
    last: VecDeque<Line>,
    left_out: usize,
}

#[derive(Debug)]
struct Line {
    at: Duration,
    text: String,
}

impl Diary {
    pub(super) fn new() -> Diary {
        Diary(Arc::new(Mutex::new(Lines {
            begin: Instant::now(),
            first: Vec::new(),
            last: VecDeque::new(),
            left_out: 0,
        })))
    }

    pub(super) fn note(&self, text: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = Line { at: lines.begin.elapsed(), text };
        if lines.first.len() < KEPT {
            lines.first.push(line);
            return;
        }
        lines.last.push_back(line);
        if lines.last.len() > KEPT {
            lines.last.pop_front();
            lines.left_out += 1;
        }
    }

    /// The lines, each with its time in seconds; of a long story the beginning and the end.
    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |line: &Line| format!("{:7.3} s  {}", line.at.as_secs_f64(), line.text);
        let left_out = (lines.left_out > 0).then(|| format!("     …     {} more", lines.left_out));
        lines.first.iter().map(shown).chain(left_out).chain(lines.last.iter().map(shown)).collect()
    }
}

/// What should have come, and what came.
#[derive(Clone, Debug)]
pub(super) struct Tale {
    pub(super) expected: String,
    pub(super) came: String,
    /// The server had ended the connection; perhaps it had ended itself.
    pub(super) ended: bool,
}

/// Why an attempt at a check did not succeed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server is wrong, and no busy machine could have made it so.
    Wrong(Tale),
    /// It looks wrong, and a busy machine could look the same: it is tried again.
    Doubtful(Tale),
    /// This machine was too busy for what was to be tried: it is tried again, and else was not tried.
    Late(String),
    /// The time for this check, or for all of them, is over.
    OutOfTime,
    /// This machine, or this server, does not let it be found out.
    Untold(String),
}

pub(super) type Told<T = ()> = Result<T, Trouble>;

pub(super) fn wrong(expected: impl Into<String>, came: impl Into<String>) -> Trouble {
    Trouble::Wrong(Tale { expected: expected.into(), came: came.into(), ended: false })
}

pub(super) fn doubtful(expected: impl Into<String>, came: impl Into<String>) -> Trouble {
    Trouble::Doubtful(Tale { expected: expected.into(), came: came.into(), ended: false })
}

/// The same where a connection ended that should not have.
pub(super) fn ended(expected: impl Into<String>, came: impl Into<String>) -> Trouble {
    Trouble::Doubtful(Tale { expected: expected.into(), came: came.into(), ended: true })
}

/// `1 byte`, `2 bytes`.
pub(super) fn bytes(count: usize) -> String {
    if count == 1 { "1 byte".into() } else { format!("{count} bytes") }
}

/// A time for people: `1.50 s`.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_story_keeps_its_beginning_and_its_end() {
        let diary = Diary::new();
        (0..100).for_each(|n| diary.note(format!("line {n}")));
        let lines = diary.lines();
        assert_eq!(lines.len(), 2 * KEPT + 1);
        assert!(lines[0].ends_with("line 0") && lines[KEPT].ends_with("80 more"), "{lines:?}");
        assert!(lines[2 * KEPT].ends_with("line 99"), "{lines:?}");
    }
}

//! What can be asked of a play, and what is answered: JSON in, JSON out.
//!
//! Never here: what happens in a run (see `run.rs`).

use serde::{Deserialize, Serialize};

use super::question::Question;
use super::run::Run;
use super::{Manner, Rule, ScenarioError};
use crate::observe::Record;
use crate::sim::Buffers;

/// The most events in one answer.
pub(super) const MOST_RECORDS: usize = 2000;

/// A question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) ask: Ask,
    #[serde(default)]
    pub(super) seed: u64,
    #[serde(default)]
    pub(super) scenario: String,
    #[serde(default)]
    pub(super) after: usize,
    #[serde(default)]
    pub(super) until: usize,
}

/// What is asked.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// The events of a run behind the first `after`: those of one more turn at least, and all up to number
    /// `until`, as far as they go into an answer.
    Events,
    /// What the loop does behind the first `after` events of a run.
    Next,
    /// The words of scenarios.
    Words,
}

/// What is answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    Events {
        /// The number of the first of them.
        first: usize,
        records: Vec<Told>,
        /// Why no more will follow, once that is known.
        end: Option<Ending>,
    },
    Next {
        question: Option<Asked>,
    },
    Words {
        clients: Vec<Word>,
        rules: Vec<Word>,
    },
    Error {
        error: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        word: Option<String>,
    },
}

/// An event, with what has changed beside it.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    #[serde(flatten)]
    record: Record,
    /// The buffers that have changed since the last event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    buffers: Vec<Buffered>,
    /// What went wrong, which only the simulation knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wrong: Vec<Wrong>,
}

/// The buffers of a connection: bytes in each, and the most that it takes.
#[derive(Debug, Serialize)]
struct Buffered {
    connection: u64,
    /// In the server's kernel, not read yet.
    receive: [usize; 2],
    /// In the server's kernel, not acknowledged yet.
    send: [usize; 2],
    /// In the client's kernel, not read yet.
    client: [usize; 2],
}

#[derive(Debug, Serialize)]
struct Wrong {
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<u64>,
    what: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Ending {
    how: &'static str,
    why: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Asked {
    choices: [String; 3],
    /// The place of the right one among them, from 0.
    right: usize,
    why: &'static str,
    /// The number of the event that shows it.
    event: usize,
}

/// A word of scenarios, with what it means.
#[derive(Debug, Serialize)]
pub(super) struct Word {
    name: &'static str,
    about: &'static str,
    /// Of a rule, its number among the thirteen.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u8>,
}

impl Answer {
    /// The events of `run` behind the first `after`.
    pub(super) fn events(run: &mut Run, after: usize, until: usize) -> Answer {
        let known = run.go_on(until.min(after + MOST_RECORDS).max(after + 1));
        let records = run.tape().records();
        let from = after.min(records.len());
        let upto = known.min(from + MOST_RECORDS);
        let end = run.end().filter(|_| upto == records.len());
        let known = run.lies().known();
        let told = (from..upto).map(|at| Told {
            record: records[at].clone(),
            buffers: beside(&known.witness.buffers, at, |it| it.0).map(Buffered::of).collect(),
            wrong: beside(&known.witness.wrongs, at, |it| it.0)
                .map(|(_, wrong)| Wrong { connection: wrong.connection, what: wrong.what.clone() })
                .collect(),
        });
        let end = end.map(|end| Ending { how: end.name(), why: end.about() });
        Answer::Events { first: from + 1, records: told.collect(), end }
    }

    /// What the loop does behind the first `after` events of `run`.
    pub(super) fn next(run: &mut Run, seed: u64, after: usize) -> Answer {
        let mut question = None;
        loop {
            let known = run.tape().len();
            question = question.or_else(|| Question::new(seed, &run.tape().records(), after));
            if question.is_some() || run.end().is_some() {
                break;
            }
            run.go_on(known.max(after) + 1);
        }
        let question = question.map(|Question { choices, right, shown_by }| Asked {
            right,
            why: choices[right].why(),
            choices: choices.map(|deed| deed.text()),
            event: shown_by + 1,
        });
        Answer::Next { question }
    }

    pub(super) fn words() -> Answer {
        let client = |it: Manner| Word { name: it.name(), about: it.about(), number: None };
        let rule =
            |it: Rule| Word { name: it.name(), about: it.about(), number: Some(it.number()) };
        Answer::Words { clients: Manner::ALL.map(client).into(), rules: Rule::ALL.map(rule).into() }
    }

    pub(super) fn error(error: impl ToString) -> Answer {
        Answer::Error { error: error.to_string(), line: None, word: None }
    }
}

impl From<ScenarioError> for Answer {
    fn from(error: ScenarioError) -> Answer {
        let text = error.to_string();
        Answer::Error { error: text, line: Some(error.line), word: Some(error.word) }
    }
}

/// Those of `notes`, which are in order, that belong to the event at `at`.
fn beside<T>(notes: &[T], at: usize, place: impl Fn(&T) -> usize) -> impl Iterator<Item = &T> {
    let first = notes.partition_point(|note| place(note) < at);
    notes[first..].iter().take_while(move |note| place(note) == at)
}

impl Buffered {
    fn of((_, connection, buffers): &(usize, u64, Buffers)) -> Buffered {
        Buffered {
            connection: *connection,
            receive: [buffers.received, buffers.receive_buffer],
            send: [buffers.unsent, buffers.send_buffer],
            client: [buffers.unread, buffers.window],
        }
    }
}

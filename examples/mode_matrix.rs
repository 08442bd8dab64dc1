//! `mode_matrix`: what happens if …? Every operation, in every condition, in all three modes, measured on the spot.
//!
//! Before you run it: pick an operation and cover the columns with your hand. What does `recv` do when the peer
//! has closed; `send`, when the buffer is full; `connect`, when nobody listens; `readline`, when half a line is
//! there? In which rows do the three modes differ, and what do those have in common?
//!
//! ```text
//! cargo run --example mode_matrix                 the whole table
//! cargo run --example mode_matrix -- --op recv    one operation
//! cargo run --example mode_matrix -- --json       the cells, in the form of tests/oracle/cpython-3.11.json
//! python3 examples/python/mode_matrix.py          the same, asked of your Python
//! ```
//!
//! The conditions are those of the test that compares this library with CPython, `tests/oracle/`, and are read from
//! there: `reading.rs`, `writing.rs`, `connecting.rs` and `states.rs` say how each comes about. This file only runs
//! them and prints what came out.
//!
//! Next: `challenge_response`, the first of the servers.

mod common;

// One set of conditions for the test and for this table: two would drift apart.
#[path = "../tests/oracle/all.rs"]
mod all;
#[path = "../tests/oracle/bench.rs"]
mod bench;
#[path = "../tests/oracle/cell.rs"]
mod cell;
#[path = "../tests/oracle/connecting.rs"]
mod connecting;
#[path = "../tests/oracle/datagrams.rs"]
mod datagrams;
#[path = "../tests/oracle/rain.rs"]
mod rain;
#[path = "../tests/oracle/reading.rs"]
mod reading;
#[path = "../tests/oracle/states.rs"]
mod states;
#[path = "../tests/oracle/trial.rs"]
mod trial;
#[path = "../tests/oracle/writing.rs"]
mod writing;

use std::collections::HashMap;
use std::process::ExitCode;

use all::{run_all, trial_of};
use cell::Cell;
use common::{Lesson, complain, say};
use trial::Run;

const MODES: [&str; 3] = ["blocking", "nonblocking", "timeout"];

/// How many cells run at a time. Most of them wait, so it can be far more than there are cores.
const AT_A_TIME: usize = 64;

fn main() -> ExitCode {
    let mut cells: Vec<Cell> =
        cell::table().into_iter().filter(|cell| cell.why_inexpressible().is_none()).collect();
    let mut print: fn(&[Cell]) -> ExitCode = table;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), if argument == "--op" { arguments.next() } else { None }) {
            ("--json", _) => print = json,
            ("--op", Some(op)) if cells.iter().any(|cell| cell.op == op) => {
                cells.retain(|cell| cell.op == op);
            }
            _ => return usage(&cells),
        }
    }
    print(&cells)
}

fn usage(cells: &[Cell]) -> ExitCode {
    let mut ops: Vec<_> = cells.iter().map(|cell| cell.op.as_str()).collect();
    ops.dedup();
    complain("usage: mode_matrix [--json] [--op OPERATION], with one of the operations:");
    complain(format_args!("  {}", ops.join(", ")));
    ExitCode::from(2)
}

/// Measures the cells and prints them as a table, a condition a row, a mode a column.
fn table(cells: &[Cell]) -> ExitCode {
    let mut lesson = Lesson::begin(
        "mode_matrix: what happens if",
        &[
            "in which conditions do all three modes give the same answer?",
            "where does blocking wait for ever? What do the two others do in the same row?",
            "which operations can end with less than all of it, and in which modes?",
        ],
    );
    how_to_read_it(&mut lesson);
    let measured = measure(cells);
    let runs: Runs = cells.iter().map(key).zip(&measured).collect();
    let rows = print_rows(&mut lesson, cells, &runs);
    and_cpython(&mut lesson, cells, &measured, rows.len());
    for_ever(&mut lesson, &rows, &runs);
    lesson.end()
}

/// What came of each cell, by operation, mode and condition.
type Runs<'a> = HashMap<(&'a str, &'a str, &'a str), &'a Run>;
/// An operation, and a condition.
type Row<'a> = (&'a str, &'a str);

fn key(cell: &Cell) -> (&str, &str, &str) {
    (&cell.op, &cell.mode, &cell.condition)
}

fn how_to_read_it(lesson: &mut Lesson) {
    lesson.part("How to read it");
    lesson.note("Each cell: what came of it, how long it took, and what it waited for:");
    lesson.note("  -      nothing, it came back at once");
    lesson.note("  peer   the peer, which acts after 0.1 s");
    lesson.note("  limit  the timeout of 0.3 s, which ran out");
    lesson.note("  ever   it would wait for ever; it was given up after 1.3 s");
}

/// Prints the rows, an operation a part, and returns them.
fn print_rows<'a>(lesson: &mut Lesson, cells: &'a [Cell], runs: &Runs) -> Vec<Row<'a>> {
    let (mut op, mut rows) = ("", Vec::new());
    for cell in cells {
        let row = (cell.op.as_str(), cell.condition.as_str());
        if rows.contains(&row) {
            continue; // Another mode of a row that is printed already.
        }
        rows.push(row);
        if op != cell.op {
            op = &cell.op;
            lesson.part(&format!("{op:<51}{:<33}{:<33}timeout", MODES[0], MODES[1]));
        }
        let columns = MODES
            .map(|mode| runs.get(&(row.0, mode, row.1)).map_or(String::new(), |run| shown(run)));
        let line = format!("  {:<49}{:<33}{:<33}{}", row.1, columns[0], columns[1], columns[2]);
        say(line.trim_end());
    }
    rows
}

fn and_cpython(lesson: &mut Lesson, cells: &[Cell], measured: &[Run], rows: usize) {
    lesson.part("And CPython?");
    lesson.note(&format!("{} cells in {rows} rows were measured.", cells.len()));
    let differing: Vec<_> =
        cells.iter().zip(measured).filter(|(cell, run)| !agree(cell, run)).collect();
    for (cell, run) in &differing {
        lesson.note(&format!("differs: {cell}: {} {}", run.outcome, run.elapsed));
    }
    lesson.check("every cell is what was measured on CPython", differing.is_empty());
}

/// What the rows have in common in which blocking mode never comes back.
fn for_ever(lesson: &mut Lesson, rows: &[Row], runs: &Runs) {
    let waits = |row: &Row, mode| runs.get(&(row.0, mode, row.1)).map(|run| run.elapsed);
    let never_back: Vec<_> =
        rows.iter().filter(|row| waits(row, "blocking") == Some("forever")).collect();
    lesson.check(
        "where blocking waits for ever, non-blocking never waits at all",
        never_back.iter().all(|row| waits(row, "nonblocking") == Some("immediate")),
    );
    lesson.check(
        "and timeout mode does not wait for ever either",
        never_back.iter().all(|row| waits(row, "timeout") != Some("forever")),
    );
}

/// Measures the cells and prints each as a line of JSON, in the form of the table that it is compared with.
fn json(cells: &[Cell]) -> ExitCode {
    let measured = measure(cells);
    let lines: Vec<String> =
        cells.iter().zip(&measured).map(|(cell, run)| line(cell, run)).collect();
    say(format_args!("[\n{}\n]", lines.join(",\n")));
    let agreed = cells.iter().zip(&measured).all(|(cell, run)| agree(cell, run));
    ExitCode::from(u8::from(!agreed))
}

fn line(cell: &Cell, run: &Run) -> String {
    format!(
        r#"{{"op": "{}", "mode": "{}", "condition": "{}", "outcome": "{}", "elapsed": "{}"}}"#,
        cell.op, cell.mode, cell.condition, run.outcome, run.elapsed
    )
}

/// A cell of the table: `would-block        0.000 s -`.
fn shown(run: &Run) -> String {
    let waited_for = match run.elapsed {
        "immediate" => "-",
        "waits-for-peer" => "peer",
        "waits-timeout" => "limit",
        "forever" => "ever",
        other => other,
    };
    let outcome = run.outcome.trim_start_matches("errno:");
    format!("{outcome:<15} {:.3} s {waited_for}", run.took.as_secs_f64())
}

fn agree(cell: &Cell, run: &Run) -> bool {
    run.outcome == cell.outcome && run.elapsed == cell.elapsed
}

fn measure(cells: &[Cell]) -> Vec<Run> {
    run_all(cells, AT_A_TIME, settled)
}

/// Runs a cell, and again if a busy machine may have spoilt it: that can make anything slow, but nothing fast.
fn settled(cell: &Cell) -> Run {
    let mut run = trial_of(cell).run();
    for _ in 0..2 {
        let may_be_the_machine = [cell.outcome.as_str(), "timed-out"]
            .contains(&run.outcome.as_str())
            || run.peer_was_late;
        if agree(cell, &run) || !may_be_the_machine {
            break;
        }
        run = trial_of(cell).run();
    }
    run
}

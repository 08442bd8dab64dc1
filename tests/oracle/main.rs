//! What CPython's sockets did, cell by cell, against what `sockmodes::socket` does.
//!
//! The table, `cpython-3.11.json`, was measured on CPython: an operation, a mode, a condition, and what came of it.
//! Every cell that the API can express is set up on real sockets here, run, and compared in outcome and in kind of
//! waiting. `cell.rs` says what a cell is and lists the ones that can't be expressed; `trial.rs` runs one, and `all.rs` all
//! of them; `bench.rs` has the parts that conditions are made of; the other files hold the conditions, an area each.

mod all;
mod bench;
mod cell;
mod connecting;
mod datagrams;
mod page;
mod rain;
mod reading;
mod states;
mod trial;
mod writing;

use all::{run_all, trial_of};
use cell::Cell;

/// How many cells run at a time. They mostly wait, so it has little to do with the number of cores.
const POOL: usize = 48;

#[test]
fn every_cell_agrees_with_cpython() {
    let cells = cell::table();
    assert_eq!(cells.len(), 1146);
    let (expressible, other): (Vec<_>, Vec<_>) =
        cells.into_iter().partition(|cell| cell.why_inexpressible().is_none());
    for cell in &other {
        println!("not expressible: {cell}: {}", cell.why_inexpressible().unwrap_or_default());
    }
    let failed: Vec<_> = run_all(&expressible, POOL, disagreement).into_iter().flatten().collect();
    println!(
        "{} cells: {} expressible, {} agree; {} not expressible",
        expressible.len() + other.len(),
        expressible.len(),
        expressible.len() - failed.len(),
        other.len()
    );
    assert!(failed.is_empty(), "{} cells disagree:\n{}", failed.len(), failed.join("\n"));
    assert_eq!(expressible.len() + other.len(), 1146);
}

/// Nothing if the cell agrees, else what was different.
///
/// An outcome gets one chance. A kind of waiting gets three, and so does a trial whose peer was late, because a
/// busy machine can make anything slow: it can't make anything fast, nor change what a call answers.
fn disagreement(cell: &Cell) -> Option<String> {
    let mut told = String::new();
    for _ in 0..3 {
        let run = trial_of(cell).run();
        if run.outcome == cell.outcome && run.elapsed == cell.elapsed {
            return None;
        }
        told = format!("{cell}: got {} {} after {:?}", run.outcome, run.elapsed, run.took);
        let may_be_the_machine = run.outcome == cell.outcome || run.peer_was_late;
        if !may_be_the_machine {
            break;
        }
    }
    Some(told)
}

//! All cells of the table: which trial each is, and many of them at a time.
//!
//! What is made of a trial that went another way says who calls this: the test, and the lesson `mode_matrix`.

use std::sync::Mutex;
use std::thread;

use crate::cell::Cell;
use crate::trial::Trial;
use crate::{connecting, reading, states, writing};

/// Has every cell run, so many at a time; what came of each is in their order.
pub(crate) fn run_all<T: Send>(
    cells: &[Cell],
    at_a_time: usize,
    run: impl Fn(&Cell) -> T + Sync,
) -> Vec<T> {
    let results: Vec<Mutex<Option<T>>> = cells.iter().map(|_| Mutex::new(None)).collect();
    let run = |at: usize| *results[at].lock().unwrap() = Some(run(&cells[at]));
    // The default mode is the whole process's: nothing else may make a socket meanwhile.
    let (alone, together): (Vec<_>, Vec<_>) =
        (0..cells.len()).partition(|&at| cells[at].condition.contains("default"));
    alone.into_iter().for_each(run);
    let queue = Mutex::new(together.into_iter());
    thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                loop {
                    let Some(at) = queue.lock().unwrap().next() else { return };
                    run(at);
                }
            });
        }
    });
    let done = results.into_iter().map(|result| result.into_inner().unwrap());
    done.map(|result| result.expect("every cell was run")).collect()
}

pub(crate) fn trial_of(cell: &Cell) -> Trial {
    reading::trial(cell)
        .or_else(|| writing::trial(cell))
        .or_else(|| connecting::trial(cell))
        .or_else(|| states::trial(cell))
        .unwrap_or_else(|| panic!("no condition is written for {cell}"))
}

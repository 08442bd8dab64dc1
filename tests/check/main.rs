//! `sockmodes check` and its proof: every check fails on a server that has just the fault which it is for, and passes on
//! the same server without it.
//!
//! The faulty server (`faulty/`) is this program, too: started with `faulty-server`, it serves and tests nothing.

#[path = "../common/mod.rs"]
mod common;

mod checked;
mod command;
mod faults;
mod faulty;
mod ours;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// How many tests run at a time: nearly all of what they do is waiting.
const AT_A_TIME: usize = 24;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && first == faulty::ARGUMENT
    {
        return faulty::serve(rest);
    }
    // Those that take longest begin first.
    let mut trials: Vec<Trial> = ours::trials();
    trials.extend(faults::trials());
    trials.extend(command::trials());
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    libtest_mimic::run(&arguments, trials).exit_code()
}

//! `sockmodes check` and its proof: every check fails on a server that has just the fault which it is for, and passes on
//! the same server without it.
//!
//! The faulty server (`check/faulty/`) is this program, too: started with `faulty-server`, it serves and tests nothing.
//! They need nothing that a machine may lack; they are here since they share a harness with those that do.

mod checked;
mod command;
mod faults;
pub(crate) mod faulty;
mod ours;

use libtest_mimic::Trial;

/// Those that take longest begin first.
pub(crate) fn trials() -> Vec<Trial> {
    ours::trials().into_iter().chain(faults::trials()).chain(command::trials()).collect()
}

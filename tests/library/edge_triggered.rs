//! What an edge-triggered loop has to get right: a test for each of its rules, named after the rule.
//!
//! Most play in a simulated network whose edges are as sparing as the contract allows, and count
//! calls; where a real kernel adds to the truth, the rule is shown on real sockets too.

mod accepting;
mod back_pressure;
mod ending;
mod readiness;
mod real_server;

use sockmodes::observe::{Detail, Event, Record};
use sockmodes::session::Service;
use sockmodes::sim::{Faults, Simulation};

use crate::common::drive::{config, simulate};

/// The seed of the simulated network here; with no faults it only decides how segments are cut.
const SEED: u64 = 7;
/// Turns that no schedule here needs.
const MOST_TURNS: usize = 100_000;

/// Edges as sparing as the contract allows, and nothing else that goes wrong but what `change` adds.
fn sparing(change: impl FnOnce(&mut Faults)) -> Faults {
    let mut faults = Faults::default();
    faults.sparing = true;
    change(&mut faults);
    faults
}

fn drive(service: Service, faults: Faults) -> Simulation {
    println!("seed {SEED}");
    simulate(SEED, config(None, service), faults, Detail::Calls)
}

fn letters(len: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(len).collect()
}

/// What was told of connection `number`.
fn told_of(drive: &Simulation, number: u64) -> Vec<Event> {
    let of = |record: Record| (record.connection == Some(number)).then_some(record.event);
    drive.events().into_iter().filter_map(of).collect()
}

fn received(event: &Event) -> Option<usize> {
    match event {
        Event::Received { result: Ok(bytes), .. } => Some(*bytes),
        _ => None,
    }
}

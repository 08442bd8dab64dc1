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

use crate::common::drive::{Drive, config};
use crate::common::sim::Faults;

/// The seed of the simulated network here; with no faults it only decides how segments are cut.
const SEED: u64 = 7;
const SPARING: Faults = Faults {
    sparing: true,
    interrupted: 0,
    pressure: 0,
    hurry: 0,
    spurious: 0,
    stale: 0,
    urgent: 0,
    aborted: 0,
    few_events: 0,
    descriptors: None,
};
/// Turns that no schedule here needs.
const MOST_TURNS: usize = 100_000;

fn drive(service: Service, faults: Faults) -> Drive {
    println!("seed {SEED}");
    Drive::new(SEED, config(None, service), faults, Detail::Calls)
}

fn letters(len: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(len).collect()
}

/// What was told of connection `number`.
fn told_of(drive: &Drive, number: u64) -> Vec<Event> {
    let of = |record: Record| (record.connection == Some(number)).then_some(record.event);
    drive.told().into_iter().filter_map(of).collect()
}

fn received(event: &Event) -> Option<usize> {
    match event {
        Event::Received { result: Ok(bytes) } => Some(*bytes),
        _ => None,
    }
}

//! `cargo bench --bench costs`: what a message, a connection and an idle connection cost, beside the same server on
//! tokio and with a thread each.
//!
//! Rounds are interleaved (A B C, A B C, …), so that a machine whose mood changes hurts all alike, and a ratio
//! is the median of the ratios within the rounds. Absolute figures are this machine's. With
//! `-- --plots FOLDER` it draws the pictures of the book instead; with `-- --rounds N` it takes N
//! rounds. Read `measure.rs` next.

mod calls;
mod load;
mod measure;
mod peers;
#[path = "../../examples/common/plot.rs"]
mod plot;
mod plots;
mod server;
mod table;

use std::path::Path;
use std::process::ExitCode;
use std::{env, io};

use measure::{Work, measure, rows};
use peers::{Peer, be};

const ROUNDS: usize = 9;

fn main() -> ExitCode {
    // `cargo bench` adds one of its own.
    let arguments: Vec<String> = env::args().skip(1).filter(|it| it != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["--be", name] => be(name),
        ["--plots", folder] => plots::draw(Path::new(folder)),
        ["--rounds", rounds] => compare(rounds.parse().unwrap_or(ROUNDS)),
        // A filter meant for the other benchmarks.
        [_, ..] => Ok(()),
        [] => compare(ROUNDS),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("costs: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(rounds: usize) -> io::Result<()> {
    println!(
        "{rounds} rounds; CPU of the server; (×): median of the ratios within the rounds, best to best\n"
    );
    table::head(&Peer::ALL);
    for row in rows() {
        // What no noise can touch needs no second time.
        let rounds = if let Work::Idle { .. } | Work::Calls(_) = row.work { 1 } else { rounds };
        let mut costs = Peer::ALL.map(|_| Vec::new());
        for _ in 0..rounds {
            for (costs, peer) in costs.iter_mut().zip(Peer::ALL) {
                costs.push(measure(row.work, peer)?);
            }
        }
        table::row(&row, &costs);
    }
    Ok(())
}

//! `cargo bench --bench instructions`: how many instructions of its own the server spends on a message, counted by
//! callgrind, and whether that is within the bound in `instructions.txt`.
//!
//! Noise can't touch this number: a machine that is busy counts the same. What one message costs is
//! the difference between a long run and a short one, so that the start and the handshakes cancel
//! out. Without valgrind it says so and does nothing, or fails with `SOCKMODES_REQUIRE_PEERS=1`.

#[path = "costs/load.rs"]
#[allow(dead_code)]
mod load;
#[path = "costs/peers.rs"]
#[allow(dead_code)]
mod peers;
#[path = "costs/server.rs"]
#[allow(dead_code)]
mod server;

use std::process::{Command, ExitCode};
use std::{env, fs, io};

use load::Until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use peers::{Peer, under};
use server::Server;

const CLIENTS: usize = 50;
const SHORT: usize = 20_000;
const LONG: usize = 60_000;
/// How far the count may be from the bound, as a factor: how many connections are ready at once
/// varies a little.
const AIR: f64 = 1.05;

fn main() -> ExitCode {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: instructions, because valgrind is not installed");
        let required = env::var_os("SOCKMODES_REQUIRE_PEERS").is_some_and(|value| value == "1");
        return if required { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    match compare() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the count is within the bound.
fn compare() -> io::Result<bool> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");
    let text = fs::read_to_string(file)?;
    let bound: f64 = text
        .lines()
        .find(|line| !line.starts_with('#'))
        .and_then(|line| line.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("{file} has no number")))?;
    let (short, long) = (count(SHORT)?, count(LONG)?);
    let each = (long.0 - short.0) / (long.1 - short.1);
    println!("{each:.1} instructions a message; the bound is {bound:.0}, and 5 % of air");
    #[cfg(target_arch = "x86_64")]
    if !is_x86_feature_detected!("avx2") {
        println!("this processor has no AVX2, and the bound was taken with it");
    }
    if each < bound / AIR {
        println!(
            "that is less than the bound by more than the air: write the new number into {file}"
        );
    }
    Ok(each <= bound * AIR)
}

/// The instructions of a run with about so many messages, and how many messages it was.
fn count(messages: usize) -> io::Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("callgrind");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]);
    command.arg(format!("--callgrind-out-file={}", file.display()));
    let mut server = Server::start(&mut under(command, &Peer::Ours(None).command()))?;
    let done = load::talk(load::connect(server.address, CLIENTS)?, 1, Until::Count(messages))?;
    // It stops in its own time, and callgrind writes down what it has counted.
    kill(Pid::from_raw(server.process().id() as i32), Signal::SIGTERM)?;
    server.process().wait()?;
    let counts = fs::read_to_string(file)?;
    let total = counts
        .lines()
        .find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")))
        .and_then(|total| total.trim().parse().ok());
    let total = total.ok_or_else(|| io::Error::other("callgrind wrote no total"))?;
    Ok((total, done.count))
}

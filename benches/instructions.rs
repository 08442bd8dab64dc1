//! `cargo bench --bench instructions`: how many instructions of its own the server spends on a message, on a
//! connection that comes and goes, and on a mebibyte, counted by callgrind, and whether that is within the bounds in
//! `instructions.txt`.
//!
//! Noise can't touch these numbers: a machine that is busy counts the same. What one costs is the
//! difference between a long run and a short one, so that the start cancels out, and for a message the
//! handshakes. Without valgrind it says so and does nothing, or fails with
//! `SOCKMODES_REQUIRE_PEERS=1`.

#[path = "costs/load.rs"]
#[allow(dead_code)]
mod load;
#[path = "costs/peers.rs"]
#[allow(dead_code)]
mod peers;
#[path = "costs/server.rs"]
#[allow(dead_code)]
mod server;

use std::net::SocketAddr;
use std::process::{Command, ExitCode};
use std::{env, fs, io};

use load::{Done, Until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use peers::{Peer, under};
use server::Server;

const CLIENTS: usize = 50;
/// How far a count may be from its bound, as a factor: how many connections are ready at once
/// varies a little.
const AIR: f64 = 1.05;
/// How often it is counted before it is said to be over its bound: on a machine that runs the clients late, what
/// comes is in smaller pieces, and each piece costs a turn. The least is what the code costs.
const TRIES: usize = 3;
const BOUNDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");

/// What is counted.
struct Work {
    /// One of it; the word before its bound.
    name: &'static str,
    /// How many a short run and a long one do.
    times: [usize; 2],
    /// Does so many, and says how many it was.
    load: fn(SocketAddr, usize) -> io::Result<Done>,
}

const WORKS: [Work; 3] = [
    Work { name: "message", times: [20_000, 60_000], load: messages },
    Work { name: "connection", times: [1000, 4000], load: connections },
    Work { name: "mebibyte", times: [64 << 20, 256 << 20], load: bulk },
];

fn messages(server: SocketAddr, times: usize) -> io::Result<Done> {
    load::talk(load::connect(server, CLIENTS)?, 1, Until::Count(times))
}

/// Accepted, let in, one message echoed, closed.
fn connections(server: SocketAddr, times: usize) -> io::Result<Done> {
    load::come_and_go(server, CLIENTS, Until::Count(times))
}

/// Bytes that come as fast as they can and go back.
fn bulk(server: SocketAddr, bytes: usize) -> io::Result<Done> {
    load::flood(load::connect(server, 4)?, Until::Count(bytes))
}

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

/// Whether every count is within its bound.
fn compare() -> io::Result<bool> {
    #[cfg(target_arch = "x86_64")]
    if !is_x86_feature_detected!("avx2") {
        println!("this processor has no AVX2, and the bounds were taken with it");
    }
    let mut all_within = true;
    for work in &WORKS {
        let (name, bound) = (work.name, bound(work.name)?);
        let each = least(work, bound * AIR)?;
        println!("{each:.1} instructions a {name}; the bound is {bound:.0}, and 5 % of air");
        if each < bound / AIR {
            println!("that is less by more than the air: write the new number into {BOUNDS}");
        }
        all_within &= each <= bound * AIR;
    }
    Ok(all_within)
}

/// The number behind `name`.
fn bound(name: &str) -> io::Result<f64> {
    fs::read_to_string(BOUNDS)?
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("{BOUNDS} has no number for a {name}")))
}

/// The least that one costs in some tries; one that is within `limit` is enough.
fn least(work: &Work, limit: f64) -> io::Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..TRIES {
        let [short, long] = work.times.map(|times| count(work, times));
        let (short, long) = (short?, long?);
        least = least.min((long.0 - short.0) / (long.1 - short.1));
        if least <= limit {
            break;
        }
    }
    Ok(least)
}

/// The instructions of a run that does `work` about so many times, and how many times it was.
fn count(work: &Work, times: usize) -> io::Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("callgrind");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]);
    command.arg(format!("--callgrind-out-file={}", file.display()));
    let mut server = Server::start(&mut under(command, &Peer::Ours(None).command()))?;
    let done = (work.load)(server.address, times)?;
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

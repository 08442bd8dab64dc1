//! System calls of a server, counted by strace(1): like instructions, a number that noise can't touch.
//!
//! What a message or a connection costs is the difference between a run with many and one with few. A server under strace
//! is so slow that the next message has always come already, and a needless second read would find it and go
//! unnoticed; so the clients pause.

use std::process::{Command, Stdio};
use std::time::Duration;
use std::{fs, io};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::load;
use super::peers::{Peer, under};
use super::server::Server;

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Per {
    /// A message of one of `clients` clients that send together.
    Message { clients: usize },
    /// A connection: accept, handshake, one echo, close; one after the other.
    Connection,
}

const FEW: usize = 10;
const MANY: usize = 210;
const PAUSE: Duration = Duration::from_millis(5);

/// Whether strace is installed.
pub(crate) fn can_be_counted() -> bool {
    Command::new("strace").arg("--version").stdout(Stdio::null()).status().is_ok()
}

/// System calls of `peer` for each of what is counted.
pub(crate) fn each(peer: Peer, per: Per) -> io::Result<f64> {
    let clients = match per {
        Per::Message { clients } => clients,
        Per::Connection => 1,
    };
    let more = count(peer, per, MANY)? - count(peer, per, FEW)?;
    Ok(more / ((MANY - FEW) * clients) as f64)
}

fn count(peer: Peer, per: Per, times: usize) -> io::Result<f64> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("strace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-c", "-o"]).arg(&file);
    let mut server = Server::start(&mut under(strace, &peer.command()))?;
    match per {
        Per::Message { clients } => {
            load::in_step(load::connect(server.address, clients)?, times, PAUSE)?;
        }
        Per::Connection => {
            load::come_and_go(server.address, 1, load::Until::Count(times))?;
        }
    }
    kill(child_of(server.process().id())?, Signal::SIGTERM)?;
    server.process().wait()?;
    total(&fs::read_to_string(file)?).ok_or_else(|| io::Error::other("strace wrote no total"))
}

/// The server: the only child of its strace.
fn child_of(process: u32) -> io::Result<Pid> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    let child = children.split_whitespace().next().and_then(|pid| pid.parse().ok());
    child.map(Pid::from_raw).ok_or_else(|| io::Error::other("strace has no child"))
}

/// The number of calls in the last line of a summary: share, seconds, microseconds a call, calls.
fn total(summary: &str) -> Option<f64> {
    let line = summary.lines().rfind(|line| line.trim_end().ends_with("total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

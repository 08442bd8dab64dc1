//! A server under load, in a process of its own on a core of its own, and what it has cost so far.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, io};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

/// A running server; dropping it kills it.
pub(crate) struct Server {
    process: Child,
    clock: ClockId,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts `command`, which has to print `listening on ADDRESS`, on the first core; the caller
    /// runs on the second, if there is one.
    pub(crate) fn start(command: &mut Command) -> io::Result<Server> {
        run_on_core(0);
        let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        run_on_core(1);
        let mut process = process?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").and_then(|it| it.parse().ok());
        let address = address.ok_or_else(|| io::Error::other(format!("it printed {line:?}")))?;
        let clock = clock_getcpuclockid(Pid::from_raw(process.id() as i32))?;
        Ok(Server { process, clock, address })
    }

    /// The time that its threads have run on a core, those that are gone included.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        Ok(Duration::from(self.clock.now()?))
    }

    /// Its resident memory, in bytes.
    pub(crate) fn memory(&self) -> io::Result<usize> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.process.id()))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        number
            .map(|kib: usize| kib * 1024)
            .ok_or_else(|| io::Error::other("no Rss in smaps_rollup"))
    }

    /// Its process, for a caller that wants it to end by itself.
    #[allow(dead_code)]
    pub(crate) fn process(&mut self) -> &mut Child {
        &mut self.process
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Best effort: on one core, or where it is not allowed, the kernel decides.
fn run_on_core(core: usize) {
    let mut set = CpuSet::new();
    if set.set(core).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

//! What the server's processes use: memory, processor time, descriptors; of its whole process group, since a command
//! may be a shell that starts the server.
//!
//! Only Linux tells, in /proc; elsewhere the checks that need it are skipped. Read `process.rs` for the group.

use std::time::Duration;

use rustix::process::Pid;

use super::story::{Told, Trouble};

/// At one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Resident, in bytes.
    pub(super) memory: u64,
    /// Processor time, of user and system together.
    pub(super) cpu: Duration,
    /// Time in which it wanted a processor and others had it.
    pub(super) waiting: Duration,
    /// Open descriptors.
    pub(super) descriptors: usize,
}

/// Why nothing can be told; `None` where it can.
pub(super) fn untold() -> Option<String> {
    imp::untold()
}

/// Whether a process, or any that it has started, wants a processor, and how much time they have had so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glance {
    /// One of them runs or wants to; none only waits for others.
    pub(super) awake: bool,
    pub(super) spent: Duration,
}

/// At `leader` and its descendants; nothing where nobody tells.
pub(super) fn glance(leader: Pid) -> Option<Glance> {
    imp::glance(leader)
}

/// Of all processes in `group`.
pub(super) fn of(group: Pid) -> Told<Usage> {
    imp::of(group).map_err(Trouble::Untold)
}

#[cfg(target_os = "linux")]
mod imp {
    use procfs::process::{Process, Stat, all_processes};

    use super::{Duration, Glance, Pid, Usage};

    pub(super) fn untold() -> Option<String> {
        Process::myself().and_then(|process| process.stat()).err().map(|error| error.to_string())
    }

    pub(super) fn of(group: Pid) -> Result<Usage, String> {
        let processes = all_processes().map_err(|error| format!("/proc can't be read: {error}"))?;
        let mut usage = Usage::default();
        // A process may end while it is looked at.
        for process in processes.flatten() {
            let Ok(stat) = process.stat() else { continue };
            if stat.pgrp == group.as_raw_nonzero().get() {
                usage.memory += stat.rss * procfs::page_size();
                usage.cpu += cpu(&stat);
                usage.waiting += waiting(&process);
                usage.descriptors += process.fd_count().unwrap_or(0);
            }
        }
        Ok(usage)
    }

    pub(super) fn glance(leader: Pid) -> Option<Glance> {
        let mut all = vec![leader.as_raw_nonzero().get()];
        let mut glance = Glance { awake: false, spent: Duration::ZERO };
        let mut told = false;
        while let Some(process) = all.pop() {
            // One that has ended meanwhile wants nothing.
            let tasks = Process::new(process).and_then(|process| process.tasks());
            for task in tasks.into_iter().flatten().flatten() {
                let Ok(stat) = task.stat() else { continue };
                told = true;
                // Running, or wanting to, and waiting for a disk.
                glance.awake |= matches!(stat.state, 'R' | 'D');
                let spent = task.schedstat().map(|stat| stat.sum_exec_runtime);
                glance.spent += Duration::from_nanos(spent.unwrap_or(0));
                let children = task.children().into_iter().flatten();
                all.extend(children.filter_map(|child| i32::try_from(child).ok()));
            }
        }
        told.then_some(glance)
    }

    /// Of all its threads; none where the kernel does not keep account of it.
    fn waiting(process: &Process) -> Duration {
        let tasks = process.tasks().into_iter().flatten().flatten();
        let delays = tasks.filter_map(|task| Some(task.schedstat().ok()?.run_delay));
        Duration::from_nanos(delays.sum())
    }

    fn cpu(stat: &Stat) -> Duration {
        Duration::from_millis((stat.utime + stat.stime) * 1000 / procfs::ticks_per_second())
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use super::{Glance, Pid, Usage};

    const WHY: &str = "memory, processor time and descriptors are read from /proc, which Linux has";

    pub(super) fn untold() -> Option<String> {
        Some(WHY.into())
    }

    pub(super) fn glance(_: Pid) -> Option<Glance> {
        None
    }

    pub(super) fn of(_: Pid) -> Result<Usage, String> {
        Err(WHY.into())
    }
}

//! A network of a test's own: only what the test starts is in it, and it is gone with the last of that.
//!
//! Making one takes root. A thread that has entered a network never leaves it, so each has a thread of its own.
#![allow(dead_code)]

use std::process::{Command, id};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;

use super::harness::{Need, missing_program};

/// What [`alone`] needs.
pub(crate) const NEEDS: [Need; 2] =
    [Need::Peer(|| missing_program("ip")), Need::Machine(missing_namespace)];

/// Why no network can be made, if none can.
pub(crate) fn missing_namespace() -> Option<String> {
    let made = thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET)).join().unwrap();
    made.err().map(|error| format!("no network namespace can be made: {error}"))
}

/// Moves this thread, and all that it starts, into a new network; where that can be found.
pub(crate) fn enter() -> String {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    format!("/proc/{}/task/{}/ns/net", id(), gettid())
}

/// Runs `test` in a network that has loopback and nothing else: every port is free there.
pub(crate) fn alone(test: impl FnOnce() + Send) {
    let inside = || {
        enter();
        ip("link set lo up");
        test();
    };
    thread::scope(|scope| scope.spawn(inside).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

pub(crate) fn ip(args: &str) {
    let done = Command::new("ip").args(args.split(' ')).output().unwrap();
    assert!(done.status.success(), "ip {args}: {}", String::from_utf8_lossy(&done.stderr));
}

//! The signals that end a program, where something has to be put right first.
//!
//! Never here: what that is. The server has its own (`serve.rs`): they are events of its loop.

use std::fs;

use signal_hook::consts::{
    SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU,
    SIGXFSZ,
};

/// All that end a program unless it catches them, but for those that tell of a fault in it, and for SIGPIPE,
/// which is an error of the write here.
const ENDING: [i32; 11] = [
    SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU,
    SIGXFSZ,
];

/// Of these and the ones that would end the program, those that nobody wants it to ignore.
pub(super) fn ending(others: &[i32]) -> Vec<i32> {
    let ignored = ignored();
    let all = ENDING.iter().chain(others);
    all.copied().filter(|signal| ignored & (1 << (signal - 1)) == 0).collect()
}

/// The signals that whoever started this program wants it to ignore, as `nohup` does; a bit for each.
fn ignored() -> u64 {
    // proc(5). Other systems tell it only to `unsafe` code: there, what is caught here ends the program.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

//! `levels_and_edges`: what epoll tells, how often, and how a loop comes to use all of a core for nothing.
//!
//! *Level-triggered*, which is what epoll does unless it is asked otherwise, tells a state: as long as it is so, every
//! wait returns at once. *Edge-triggered* tells a change, once. `edge_trap` is about what goes wrong with the second;
//! here is what goes wrong with the first, what is told without having been asked for, and the trap once more, with
//! datagrams.
//!
//! Before you run it: a loop waits for EPOLLIN and EPOLLOUT, and has nothing to send. How often is it woken in 0.1 s?
//! How often with edges? And if it asks for nothing at all?
//!
//! ```text
//! cargo run --example levels_and_edges
//! python3 examples/python/levels_and_edges.py
//! ```
//!
//! Next: `ready_but_blocks`, where what is told is not so.
//!
//! The lesson itself is in `lesson.rs`. It is about epoll, which Linux alone has; on another system this program says so,
//! and no more.

#[path = "../common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
mod lesson;

use std::error::Error;
use std::process::ExitCode;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    #[cfg(target_os = "linux")]
    return lesson::run();
    #[cfg(not(target_os = "linux"))]
    return Ok(common::needs_linux("levels_and_edges"));
}

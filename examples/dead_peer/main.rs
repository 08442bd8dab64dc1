//! `dead_peer`: who notices that the other side is gone, when, and what each call says then.
//!
//! A connection is a memory at each end, and nothing else. If one end goes, the other finds out by what arrives, and
//! if nothing arrives it does not find out. So the first `send` to a dead peer succeeds; and on a connection that is
//! quiet, a machine that has lost its power looks like one that has nothing to say.
//!
//! Before you run it: the peer has closed. What does the first `send` return, what the second, what `recv`? Then the
//! peer's cable is cut instead. Which call tells you, and after how long?
//!
//! ```text
//! cargo run --example dead_peer
//! python3 examples/python/dead_peer.py
//! ```
//!
//! Next: `levels_and_edges`, where the same news comes by epoll.
//!
//! The lesson itself is in `lesson.rs`. It uses what Linux alone has (a filter that drops what comes, TCP_USER_TIMEOUT);
//! on another system this program says so, and no more.

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
    return Ok(common::needs_linux("dead_peer"));
}

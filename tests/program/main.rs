//! The program `sockmodes` at work, started and talked to by these tests alone.
//!
//! Nothing here needs a program of others, or a particular kind of machine: such a test is in
//! `tests/needs/`, whose harness can skip it.

#[path = "../common/mod.rs"]
mod common;

mod drain;
mod entry;
mod grace;
mod limits;
mod line_by_line;
mod login;
mod login_load;
mod login_memory;
mod on_call;
mod outputs;
mod passed_sockets;
mod play;
mod proxied;
mod recorded;
mod resets;
mod secrecy;
mod signals;
mod streams;
mod supervisor;
mod trace;
mod trace_page;
mod urgent;
mod user_command;

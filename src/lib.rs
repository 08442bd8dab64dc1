//! A non-blocking server and Python's socket modes, to run, read and learn from.
#![forbid(unsafe_code)]

#[cfg(not(unix))]
compile_error!("sockmodes needs a Unix: it is about the sockets of Unix and their modes");

pub mod auth;
pub mod client;
pub mod observe;
pub mod server;
pub mod session;
pub mod socket;

//! What the library promises, called in this process: sessions, the loop in a simulated network, sockets.
//!
//! Nothing here needs another program. Read `transitions.rs` first: it has the table of states that the
//! others build on. Where the program `sockmodes` is started, the test is in `tests/program/`; where it
//! can do without something that the machine may lack, nowhere but in `tests/needs/`.

#[path = "../common/mod.rs"]
mod common;

mod deadlines;
mod edge_triggered;
#[cfg(feature = "log")]
mod health_checks;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod kernel_limits;
mod login_pool;
mod login_session;
mod simulation;
mod socket_calls;
mod socket_modes;
mod splits;
mod standing_still;
mod transitions;

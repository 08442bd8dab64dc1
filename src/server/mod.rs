//! The server: one thread, one `mio::Poll`, a state machine for each connection.
//!
//! [`Server`] is the way in. Inside, [`EventLoop`] goes round, and in each of its turns every
//! connection that is ready gets one of its own; what a connection says is its
//! [`Session`](crate::session::Session)'s business. Read `event_loop/mod.rs` first,
//! then `connection/mod.rs`, where edge-triggered readiness is handled. What only an operating system
//! can give is in `bind.rs`, `network/mio.rs` and `verify/pool.rs`.

#[cfg(unix)]
mod bind;
mod config;
mod connection;
mod event_loop;
mod gate;
pub mod network;
mod verify;

#[cfg(unix)]
pub use bind::{BindError, Handle, Server};
pub use config::Config;
pub use event_loop::{EventLoop, Outcome};
pub use gate::{Limits, MaxPending, MaxPendingError, Penalties, Subnet, SubnetError};
pub use verify::{Report, Room, Verifier};

//! The mode that new sockets get, for the whole process. It never changes an existing socket.
//!
//! Read `mod.rs` next for the sockets that take it.

use std::sync::{Mutex, PoisonError};

use super::Mode;

/// CPython's `defaulttimeout` (Modules/socketmodule.c).
static DEFAULT: Mutex<Mode> = Mutex::new(Mode::Blocking);

/// Sets the mode that every socket made or accepted from now on starts in, in the whole process.
///
/// It is a global, with the cost of one: a library that sets it changes the sockets of its host.
#[doc(alias = "setdefaulttimeout")]
pub fn set_default_mode(mode: Mode) {
    *DEFAULT.lock().unwrap_or_else(PoisonError::into_inner) = mode.normal();
}

/// The mode that new sockets start in; [`Mode::Blocking`] until [`set_default_mode`] was called.
#[doc(alias = "getdefaulttimeout")]
pub fn default_mode() -> Mode {
    *DEFAULT.lock().unwrap_or_else(PoisonError::into_inner)
}

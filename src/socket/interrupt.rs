//! What happens when a signal interrupts a call: a hook that may end it. Without one, the call goes on.
//!
//! It runs nothing by itself; `call.rs` and `wait.rs`, to read next, do.

use std::error;
use std::fmt;
use std::sync::Arc;

use super::Socket;
use super::error::{Error, Result};

/// Why a call that a signal interrupted was ended.
pub type Interruption = Box<dyn error::Error + Send + Sync>;

type Function = dyn Fn() -> Result<(), Interruption> + Send + Sync;

/// The function to call, if there is one.
#[derive(Clone, Default)]
pub(super) struct Hook(Option<Arc<Function>>);

impl Hook {
    /// What a call does after EINTR: `Ok` is to go on.
    pub(super) fn interrupted(&self) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |hook| hook().map_err(Error::Interrupted))
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Hook(set)" } else { "Hook(none)" })
    }
}

impl Socket {
    /// Calls `hook` whenever a signal has interrupted an operation of this socket, of its files or of a socket
    /// that it accepts from now on. If it returns an error, the operation ends with
    /// [`Error::Interrupted`]; else it goes on, its deadline where it was (PEP 475).
    ///
    /// It is how a program with signal handlers of its own gets its word in: CPython runs Python's handlers at
    /// this place, and one that raises ends the call. Without a hook, no signal ends any operation.
    ///
    /// The hook runs in the thread of the operation, in none of our locks, and not in the signal handler; also between
    /// two parts of [`send_all`](Socket::send_all), where a signal may have come that interrupted nothing.
    #[doc(alias = "PyErr_CheckSignals")]
    #[doc(alias = "EINTR")]
    pub fn on_interrupt(
        &self,
        hook: impl Fn() -> Result<(), Interruption> + Send + Sync + 'static,
    ) {
        self.handle.set_hook(Hook(Some(Arc::new(hook))));
    }
}

//! Who holds the descriptor: the socket and the files made from it, and when it is really closed.
//!
//! Its only system calls set O_NONBLOCK, duplicate the descriptor or close it. Read `mod.rs` for
//! the socket, `file.rs` for the files.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::Mode;
use super::call::Io;
use super::error::{Error, Result};
use super::interrupt::Hook;

/// A socket's descriptor, open for as long as this is held, as it is during a call.
///
/// For what has no method here: fcntl(2), or a poll of one's own.
#[derive(Debug, Clone)]
pub struct Descriptor(pub(super) Arc<socket2::Socket>);

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// One holder's hold on a descriptor: the socket has one, and each of its files.
#[derive(Debug)]
pub(super) struct Handle {
    shared: Arc<Shared>,
    /// Whether this holder has let go. Until the others have, too, it goes on working.
    released: AtomicBool,
}

/// What a socket and its files have in common. The descriptor is in one place, so that it can be given away
/// under all of them.
#[derive(Debug)]
struct Shared {
    held: Mutex<Held>,
    mode: Mutex<Mode>,
    hook: Mutex<Hook>,
}

#[derive(Debug)]
struct Held {
    /// Calls that are under way have it, too, so that it can't be closed under them.
    descriptor: Option<Arc<socket2::Socket>>,
    /// CPython's `_io_refs`, and one for the socket itself.
    holders: usize,
}

impl Handle {
    /// Takes the descriptor as it is: `mode` says what O_NONBLOCK has been set to.
    pub(super) fn new(socket: socket2::Socket, mode: Mode) -> Self {
        let held = Held { descriptor: Some(Arc::new(socket)), holders: 1 };
        let shared = Shared {
            held: Mutex::new(held),
            mode: Mutex::new(mode),
            hook: Mutex::new(Hook::default()),
        };
        Handle { shared: Arc::new(shared), released: AtomicBool::new(false) }
    }

    /// Another holder, for a file.
    pub(super) fn share(&self) -> Self {
        self.held().holders += 1;
        Handle { shared: Arc::clone(&self.shared), released: AtomicBool::new(false) }
    }

    /// What an operation needs; EBADF once the descriptor is gone.
    pub(super) fn io(&self) -> Result<Io> {
        let socket = self.descriptor().ok_or_else(closed)?;
        Ok(Io { socket, mode: self.mode(), hook: self.hook() })
    }

    pub(super) fn fileno(&self) -> Option<RawFd> {
        self.descriptor().map(|socket| socket.as_raw_fd())
    }

    pub(super) fn mode(&self) -> Mode {
        *locked(&self.shared.mode)
    }

    /// Remembers the mode even if the descriptor is gone, as CPython does, and then fails.
    pub(super) fn set_mode(&self, mode: Mode) -> Result<()> {
        // The lock covers both halves, so that two threads can't leave mode and flag at odds.
        let mut current = locked(&self.shared.mode);
        *current = mode.normal();
        let socket = self.descriptor().ok_or_else(closed)?;
        Ok(socket.set_nonblocking(current.wants_nonblocking_fd())?)
    }

    pub(super) fn hook(&self) -> Hook {
        locked(&self.shared.hook).clone()
    }

    pub(super) fn set_hook(&self, hook: Hook) {
        *locked(&self.shared.hook) = hook;
    }

    /// Lets go; the last holder closes the descriptor, and hears what the kernel says to that.
    pub(super) fn close(&self) -> Result<()> {
        if self.released.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let mut held = self.held();
        held.holders -= 1;
        let last = if held.holders == 0 { held.descriptor.take() } else { None };
        drop(held);
        match last.map(Arc::try_unwrap) {
            Some(Ok(socket)) => close(socket),
            // A call is under way, or somebody has a `Descriptor`: whoever is last closes it.
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// Gives the descriptor away; the other holders get EBADF from now on.
    pub(super) fn detach(&self) -> Result<Option<OwnedFd>> {
        let Some(socket) = self.held().descriptor.take() else {
            return Ok(None);
        };
        match Arc::try_unwrap(socket) {
            Ok(socket) => Ok(Some(socket.into())),
            // Somebody is in a call with it, or has a `Descriptor`, and can't be robbed of it.
            Err(socket) => Ok(Some(socket.try_clone()?.into())),
        }
    }

    fn descriptor(&self) -> Option<Arc<socket2::Socket>> {
        self.held().descriptor.clone()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        locked(&self.shared.held)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Nobody is there to be told: `close` is for those who want to know.
        let _ = self.close();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes, and tells what dropping hides: EBADF if somebody else has closed the descriptor.
fn close(socket: socket2::Socket) -> Result<()> {
    match nix::unistd::close(OwnedFd::from(socket)) {
        // The peer was faster, and what is closed is closed: CPython ignores it as well.
        Ok(()) | Err(nix::errno::Errno::ECONNRESET) => Ok(()),
        Err(errno) => Err(Error::Os(io::Error::from(errno))),
    }
}

fn closed() -> Error {
    Error::from_errno(Errno::BADF)
}

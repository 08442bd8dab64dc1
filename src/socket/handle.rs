//! Who holds the descriptor: the socket and the files made from it, and when it is really closed.
//!
//! Its only system calls set O_NONBLOCK, duplicate the descriptor or close it. Read `mod.rs` for
//! the socket, `file.rs` for the files.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::io::Errno;

use super::Mode;
use super::call::Io;
use super::error::Result;

/// One holder's view of a descriptor. CPython counts the files in `_io_refs`; here the `Arc` counts.
#[derive(Debug)]
pub(super) struct Handle {
    link: Link,
    shared: Arc<Shared>,
}

#[derive(Debug)]
enum Link {
    Open(Arc<socket2::Socket>),
    /// Closed, but files keep it alive: it goes on working until the last of them is closed.
    Lent(Weak<socket2::Socket>),
    Closed,
}

/// What a socket and its files have in common, and keep when the descriptor is gone.
#[derive(Debug)]
struct Shared {
    mode: Mutex<Mode>,
    detached: AtomicBool,
}

impl Handle {
    /// Takes the descriptor as it is: `mode` says what O_NONBLOCK has been set to.
    pub(super) fn new(socket: socket2::Socket, mode: Mode) -> Self {
        let shared = Shared { mode: Mutex::new(mode), detached: AtomicBool::new(false) };
        Handle { link: Link::Open(Arc::new(socket)), shared: Arc::new(shared) }
    }

    /// Another holder, for a file.
    pub(super) fn share(&self) -> Self {
        let link = self.descriptor().map_or(Link::Closed, Link::Open);
        Handle { link, shared: Arc::clone(&self.shared) }
    }

    /// What an operation needs; EBADF once the descriptor is gone.
    pub(super) fn io(&self) -> Result<Io> {
        let socket = self.descriptor().ok_or(Errno::BADF)?;
        Ok(Io { socket, mode: self.mode() })
    }

    pub(super) fn fileno(&self) -> Option<RawFd> {
        self.descriptor().map(|socket| socket.as_raw_fd())
    }

    pub(super) fn mode(&self) -> Mode {
        *self.shared.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers the mode even if the descriptor is gone, as CPython does, and then fails.
    pub(super) fn set_mode(&self, mode: Mode) -> Result<()> {
        // The lock covers both halves, so that two threads can't leave mode and flag at odds.
        let mut current = self.shared.mode.lock().unwrap_or_else(PoisonError::into_inner);
        *current = mode.normal();
        let socket = self.descriptor().ok_or(Errno::BADF)?;
        Ok(socket.set_nonblocking(current.wants_nonblocking_fd())?)
    }

    /// The descriptor, if this holder owns it right now.
    pub(super) fn open(&self) -> Option<&socket2::Socket> {
        match &self.link {
            Link::Open(socket) => Some(socket),
            Link::Lent(_) | Link::Closed => None,
        }
    }

    pub(super) fn close(&mut self) {
        self.link = match std::mem::replace(&mut self.link, Link::Closed) {
            Link::Open(socket) => Link::Lent(Arc::downgrade(&socket)),
            other => other,
        };
    }

    /// Gives the descriptor away; the other holders get EBADF from now on.
    pub(super) fn detach(&mut self) -> Result<Option<OwnedFd>> {
        let Some(socket) = self.descriptor() else {
            return Ok(None);
        };
        self.link = Link::Closed;
        let socket = match Arc::try_unwrap(socket) {
            Ok(socket) => socket,
            // A file holds it too, and can't be robbed of it: the caller gets a duplicate.
            Err(held) => held.try_clone()?,
        };
        self.shared.detached.store(true, Ordering::Release);
        Ok(Some(socket.into()))
    }

    fn descriptor(&self) -> Option<Arc<socket2::Socket>> {
        if self.shared.detached.load(Ordering::Acquire) {
            return None;
        }
        match &self.link {
            Link::Open(socket) => Some(Arc::clone(socket)),
            Link::Lent(socket) => socket.upgrade(),
            Link::Closed => None,
        }
    }
}

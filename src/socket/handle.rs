//! Who holds the descriptor: the socket and the files made from it, and when it is really closed.
//!
//! Its only system calls set O_NONBLOCK, duplicate the descriptor or close it. Read `mod.rs` for
//! the socket, `file.rs` for the files.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::io::Errno;

use super::Mode;
use super::call::Io;
use super::error::{Error, Result};

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

/// One holder's view of a descriptor. CPython counts the files in `_io_refs`; here the outer `Arc` counts
/// them and the socket, and the one inside also the calls that are under way.
#[derive(Debug)]
pub(super) struct Handle {
    link: Link,
    shared: Arc<Shared>,
}

#[derive(Debug)]
enum Link {
    Open(Arc<Descriptor>),
    /// Closed, but files keep it alive: it goes on working until the last of them is closed.
    Lent(Weak<Descriptor>),
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
        let descriptor = Descriptor(Arc::new(socket));
        Handle { link: Link::Open(Arc::new(descriptor)), shared: Arc::new(shared) }
    }

    /// Another holder, for a file.
    pub(super) fn share(&self) -> Self {
        let link = self.held().map_or(Link::Closed, Link::Open);
        Handle { link, shared: Arc::clone(&self.shared) }
    }

    /// What an operation needs; EBADF once the descriptor is gone.
    pub(super) fn io(&self) -> Result<Io> {
        let socket = self.descriptor().ok_or_else(closed)?;
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
        let socket = self.descriptor().ok_or_else(closed)?;
        Ok(socket.set_nonblocking(current.wants_nonblocking_fd())?)
    }

    pub(super) fn close(&mut self) {
        self.link = match std::mem::replace(&mut self.link, Link::Closed) {
            Link::Open(held) => Link::Lent(Arc::downgrade(&held)),
            other => other,
        };
    }

    /// Gives the descriptor away; the other holders get EBADF from now on.
    pub(super) fn detach(&mut self) -> Result<Option<OwnedFd>> {
        let Some(held) = self.held() else {
            return Ok(None);
        };
        self.link = Link::Closed;
        let ours_alone = Arc::try_unwrap(held)
            .map_err(|held| Arc::clone(&held.0))
            .and_then(|Descriptor(socket)| Arc::try_unwrap(socket));
        let socket = match ours_alone {
            Ok(socket) => socket,
            // Somebody else has it too, and can't be robbed of it: the caller gets a duplicate.
            Err(socket) => socket.try_clone()?,
        };
        self.shared.detached.store(true, Ordering::Release);
        Ok(Some(socket.into()))
    }

    fn descriptor(&self) -> Option<Arc<socket2::Socket>> {
        self.held().map(|held| Arc::clone(&held.0))
    }

    /// The descriptor as those who hold it share it.
    fn held(&self) -> Option<Arc<Descriptor>> {
        if self.shared.detached.load(Ordering::Acquire) {
            return None;
        }
        match &self.link {
            Link::Open(held) => Some(Arc::clone(held)),
            Link::Lent(held) => held.upgrade(),
            Link::Closed => None,
        }
    }
}

fn closed() -> Error {
    Error::from_errno(Errno::BADF)
}

//! Python's three socket modes on a real socket: what CPython's `socket` does, call by call;
//! [As Python does it] says how that is known.
//!
//! | | [`Mode::Blocking`] | [`Mode::NonBlocking`] | [`Mode::Timeout`] |
//! | --- | --- | --- | --- |
//! | Python | `settimeout(None)` | `settimeout(0)` | `settimeout(seconds)` |
//! | [`timeout`](Socket::timeout) | `None` | `Some(0)` | `Some(limit)` |
//! | [`is_blocking`](Socket::is_blocking) | true | false | true |
//! | O_NONBLOCK | clear | set | set |
//! | who waits | the kernel, in the call | nobody | `poll(2)`, before the call |
//! | `recv`, nothing there | waits | EAGAIN | waits, then [`Error::TimedOut`] |
//! | `send`, buffer full | waits | EAGAIN | waits, then [`Error::TimedOut`] |
//! | `send`, part fits | waits, sends all | sends the part | sends the part |
//! | [`send_all`](Socket::send_all), part fits | waits, sends all | sends the part, EAGAIN | sends all, or [`Error::TimedOut`] |
//! | `accept`, nobody there | waits | EAGAIN | waits, then [`Error::TimedOut`] |
//! | `connect` | waits | EINPROGRESS | waits, then [`Error::TimedOut`] |
//!
//! [As Python does it]: https://github.com/sockmodes/sockmodes/blob/HEAD/docs/src/as_python.md
//!
//! Three rules make the table. Outside `Blocking` the descriptor is non-blocking. A timeout is a
//! deadline on the clock: signals, false alarms and, in `send_all`, progress do not move it. A
//! timeout is not an error of the connection: the same call can be made again.
//!
//! ```
//! use std::time::Duration;
//! use sockmodes::socket::{Mode, Socket};
//!
//! let (a, b) = Socket::pair()?;
//! assert_eq!(a.mode(), Mode::Blocking);
//!
//! a.set_blocking(false)?;
//! assert!(a.recv(16).unwrap_err().is_would_block());
//!
//! a.set_timeout(Some(Duration::from_millis(10)))?;
//! assert!(a.recv(16).unwrap_err().is_timed_out());
//!
//! b.send_all(b"hello")?;
//! assert_eq!(a.recv(16)?, b"hello");
//! # Ok::<(), sockmodes::socket::Error>(())
//! ```
//!
//! This module never uses SO_RCVTIMEO, which is what std's `set_read_timeout` sets and which differs in dozens
//! of cases, and never starts a thread. Read `mode.rs`, `call.rs` (the loop that makes the modes),
//! `make.rs`, `connect.rs` and `transfer.rs`, then `message.rs` and `file.rs`, in that order.

mod address;
mod ancillary;
mod buffered;
mod call;
mod connect;
mod create;
mod default;
mod error;
mod file;
mod flags;
mod handle;
mod interrupt;
mod kind;
mod make;
mod message;
mod mode;
mod options;
mod reader;
mod resolve;
mod send_file;
mod std_io;
mod text;
mod transfer;
mod wait;
mod writer;

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

pub use std::net::Shutdown;

pub use self::address::{Address, UnixAddress};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use self::ancillary::Credentials;
pub use self::ancillary::{Ancillary, Outgoing, ancillary_room};
pub use self::buffered::File;
pub use self::create::ServerOptions;
pub use self::default::{default_mode, set_default_mode};
pub use self::error::{Error, Result, SendAllError};
pub use self::file::{Access, RawFile};
pub use self::flags::Flags;
pub use self::handle::Descriptor;
pub use self::interrupt::Interruption;
pub use self::kind::{Domain, Protocol, Type};
pub use self::message::{Message, MessageInto};
pub use self::mode::Mode;
pub use self::options::*;
pub use self::resolve::{ResolveError, ToAddress};
pub use self::std_io::Lines;
pub use self::text::TextFile;

pub(crate) use self::wait::{Deadline, Ready};

use self::call::Io;
use self::handle::Handle;
use self::kind::Nature;

/// A socket in one of three modes: Python's `socket.socket`.
///
/// Every method takes `&self`, so one thread can send while another receives. On a closed socket every operation
/// fails with EBADF; one that was under way when another thread closed it goes on. Dropping it closes it.
#[derive(Debug)]
#[doc(alias = "socket")]
pub struct Socket {
    handle: Handle,
    nature: Nature,
}

impl Socket {
    /// The mode.
    pub fn mode(&self) -> Mode {
        self.handle.mode()
    }

    /// Sets the mode, for every operation that begins after it, here and in the files made from this socket.
    ///
    /// # Errors
    ///
    /// EBADF on a closed socket, which remembers the mode nevertheless, as in Python.
    pub fn set_mode(&self, mode: Mode) -> Result<()> {
        self.handle.set_mode(mode)
    }

    /// Whether operations may wait: true in timeout mode too.
    #[doc(alias = "getblocking")]
    pub fn is_blocking(&self) -> bool {
        self.mode().is_blocking()
    }

    /// [`Mode::Blocking`] or [`Mode::NonBlocking`]. Either ends timeout mode.
    #[doc(alias = "setblocking")]
    pub fn set_blocking(&self, blocking: bool) -> Result<()> {
        self.set_mode(if blocking { Mode::Blocking } else { Mode::NonBlocking })
    }

    /// How long an operation may wait: `None` for ever, zero not at all.
    #[doc(alias = "gettimeout")]
    pub fn timeout(&self) -> Option<Duration> {
        self.mode().timeout()
    }

    /// Sets the mode by its timeout: `None` is [`Mode::Blocking`], zero is [`Mode::NonBlocking`].
    #[doc(alias = "settimeout")]
    pub fn set_timeout(&self, timeout: Option<Duration>) -> Result<()> {
        self.set_mode(timeout.into())
    }

    /// Ends one direction or both, for every holder of the connection. See shutdown(2).
    pub fn shutdown(&self, how: Shutdown) -> Result<()> {
        Ok(self.io()?.socket.shutdown(how)?)
    }

    /// Closes the socket. Closing a closed socket does nothing.
    ///
    /// While files made from it are open, the descriptor and this socket go on working; closing the last
    /// file then closes the descriptor. Bytes that were sent still reach the peer.
    ///
    /// # Errors
    ///
    /// EBADF if somebody else has closed the descriptor, and what else close(2) says, but ECONNRESET, which
    /// Python ignores as well. Whatever it says, the socket is closed.
    pub fn close(&self) -> Result<()> {
        self.handle.close()
    }

    /// Closes the socket without closing the descriptor, and returns the descriptor; `None` if
    /// there is none. The files made from it fail with EBADF from now on.
    ///
    /// While somebody holds a [`Descriptor`], or is in a call in another thread, what is returned is a
    /// duplicate, and the peer sees no end before both are closed. Fails only if the duplicate can't be made,
    /// and then the socket is closed.
    pub fn detach(&self) -> Result<Option<OwnedFd>> {
        self.handle.detach()
    }

    /// The family of its addresses.
    #[doc(alias = "SO_DOMAIN")]
    pub fn family(&self) -> Domain {
        self.nature.domain
    }

    /// How its bytes hang together: Python's `type`.
    #[doc(alias = "type")]
    pub fn kind(&self) -> Type {
        self.nature.kind
    }

    /// The protocol that it was made with, where 0 leaves the choice to the kernel: Python's `proto`.
    #[doc(alias = "proto")]
    #[doc(alias = "SO_PROTOCOL")]
    pub fn protocol(&self) -> Protocol {
        self.nature.protocol
    }

    /// The number of the descriptor; `None` where Python's is -1, on a closed socket.
    pub fn fileno(&self) -> Option<RawFd> {
        self.handle.fileno()
    }

    /// The descriptor itself, for calls that have no method here.
    ///
    /// There is no `AsFd`, which can't fail: a socket can be closed, and once it is, the last of its files to be
    /// closed takes the descriptor with it.
    ///
    /// # Errors
    ///
    /// EBADF where [`fileno`](Socket::fileno) is `None`.
    #[doc(alias = "as_fd")]
    pub fn descriptor(&self) -> Result<Descriptor> {
        Ok(Descriptor(self.io()?.socket))
    }

    /// A buffered file that reads from or writes to this socket: Python's `makefile("rb")` and the like.
    #[must_use]
    pub fn makefile(&self, access: Access) -> File {
        File::new(self.makefile_raw(access), access, file::DEFAULT_BUFFER_SIZE)
    }

    /// [`makefile`](Socket::makefile) with buffers of `capacity` bytes, instead of 8192.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] for 0: see [`makefile_raw`](Socket::makefile_raw) for a file without a buffer.
    pub fn makefile_with_capacity(&self, access: Access, capacity: usize) -> Result<File> {
        if capacity == 0 {
            return Err(Error::InvalidValue("the buffer size must be strictly positive"));
        }
        Ok(File::new(self.makefile_raw(access), access, capacity))
    }

    /// A file without a buffer: Python's `makefile("rb", buffering=0)` and the like.
    #[doc(alias = "makefile")]
    #[must_use]
    pub fn makefile_raw(&self, access: Access) -> RawFile {
        RawFile::new(self.handle.share(), access)
    }

    fn io(&self) -> Result<Io> {
        self.handle.io()
    }
}

impl AsRawFd for Socket {
    /// -1 on a closed socket, as Python's `fileno()`.
    fn as_raw_fd(&self) -> RawFd {
        self.fileno().unwrap_or(-1)
    }
}

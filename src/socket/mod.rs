//! Python's three socket modes on a real socket: what CPython's `socket` does, call by call.
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
//! `connect.rs` and `transfer.rs`, then `file.rs`, in that order.

mod buffered;
mod call;
mod connect;
mod default;
mod error;
mod file;
mod handle;
mod kind;
mod mode;
mod options;
mod reader;
mod transfer;
mod wait;
mod writer;

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

pub use std::net::Shutdown;

pub use self::buffered::File;
pub use self::default::{default_mode, set_default_mode};
pub use self::error::{Error, Result, SendAllError};
pub use self::file::{Access, RawFile};
pub use self::handle::Descriptor;
pub use self::kind::{Domain, Protocol, Type};
pub use self::mode::Mode;
pub use self::options::{
    Broadcast, KeepAlive, Linger, NoDelay, OnlyV6, RecvBuffer, ReuseAddr, SendBuffer,
    SettableOption, SocketError, SocketOption, SocketType, Ttl,
};

pub(crate) use self::wait::{Deadline, Ready};

use self::call::Io;
use self::handle::Handle;

/// A socket in one of three modes: Python's `socket.socket`.
///
/// Every method but [`close`](Socket::close) and [`detach`](Socket::detach) takes `&self`, so one thread can send
/// while another receives. On a closed socket every operation fails with EBADF. Dropping it closes it.
#[derive(Debug)]
#[doc(alias = "socket")]
pub struct Socket {
    handle: Handle,
}

impl Socket {
    /// Makes a socket, close-on-exec, in the [default mode](default_mode). See socket(2).
    pub fn new(domain: Domain, kind: Type, protocol: Option<Protocol>) -> Result<Self> {
        let protocol = protocol.map(|protocol| protocol.0);
        Self::from_socket2(socket2::Socket::new(domain.0, kind.0, protocol)?)
    }

    /// An IPv4 TCP socket: Python's `socket.socket()`.
    #[doc(alias = "SOCK_STREAM")]
    pub fn tcp() -> Result<Self> {
        Self::new(Domain::IPV4, Type::STREAM, None)
    }

    /// An IPv4 UDP socket: Python's `socket.socket(type=SOCK_DGRAM)`.
    #[doc(alias = "SOCK_DGRAM")]
    pub fn udp() -> Result<Self> {
        Self::new(Domain::IPV4, Type::DGRAM, None)
    }

    /// Two Unix stream sockets, connected to each other. See socketpair(2).
    #[doc(alias = "socketpair")]
    pub fn pair() -> Result<(Self, Self)> {
        let (a, b) = socket2::Socket::pair(Domain::UNIX.0, Type::STREAM.0, None)?;
        Ok((Self::from_socket2(a)?, Self::from_socket2(b)?))
    }

    /// Takes over a descriptor: Python's `socket.socket(fileno=fd)`.
    ///
    /// The mode is the [default mode](default_mode). If that is `Blocking`, O_NONBLOCK is left as
    /// it is, as in Python: call [`set_mode`](Socket::set_mode) if the flag may be set.
    #[doc(alias = "fromfd")]
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        Self::from_socket2(fd.into())
    }

    fn from_socket2(socket: socket2::Socket) -> Result<Self> {
        let mode = default_mode();
        if mode.wants_nonblocking_fd() {
            socket.set_nonblocking(true)?;
        }
        Ok(Socket { handle: Handle::new(socket, mode) })
    }

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
    pub fn close(&mut self) {
        self.handle.close();
    }

    /// Closes the socket without closing the descriptor, and returns the descriptor; `None` if
    /// there is none.
    ///
    /// If files made from it are open, they fail with EBADF from now on, and what is returned is a
    /// duplicate of the descriptor, as it is if somebody holds a [`Descriptor`]. Fails only if the
    /// duplicate can't be made, and then the socket is closed.
    pub fn detach(&mut self) -> Result<Option<OwnedFd>> {
        self.handle.detach()
    }

    /// A second socket on the same connection, in the same mode. See dup(2).
    ///
    /// O_NONBLOCK belongs to the open socket that both share: setting the mode of one changes the
    /// flag under the other.
    #[doc(alias = "dup")]
    pub fn try_clone(&self) -> Result<Self> {
        let io = self.io()?;
        let clone = Self::from_socket2(io.socket.try_clone()?)?;
        clone.set_mode(io.mode)?;
        Ok(clone)
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

//! How sockets come about: made, in pairs, taken over, cloned; and who inherits them. None is connected here.
//!
//! Read `connect.rs` next for connections, `create.rs` for both in one call.

use std::os::fd::OwnedFd;

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

use super::error::Result;
use super::handle::Handle;
use super::kind::Nature;
use super::{Domain, Mode, Protocol, Socket, Type, default_mode};

impl Socket {
    /// Makes a socket, close-on-exec, in the [default mode](default_mode), or non-blocking if `kind`
    /// [says so](Type::nonblocking). See socket(2).
    pub fn new(domain: Domain, kind: Type, protocol: Option<Protocol>) -> Result<Self> {
        let (kind, nonblocking) = kind.without_flags();
        let socket = socket2::Socket::new(domain.0, kind.0, protocol.map(|protocol| protocol.0))?;
        let protocol = protocol.unwrap_or(Protocol::from(0));
        let mode = if nonblocking { Mode::NonBlocking } else { default_mode() };
        Self::in_mode(socket, Nature { domain, kind, protocol }, mode)
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
        Self::pair_of(Domain::UNIX, Type::STREAM, None)
    }

    /// Two sockets, connected to each other, of a family that can do it: Unix, on most systems.
    #[doc(alias = "socketpair")]
    pub fn pair_of(domain: Domain, kind: Type, protocol: Option<Protocol>) -> Result<(Self, Self)> {
        let (kind, nonblocking) = kind.without_flags();
        let mode = if nonblocking { Mode::NonBlocking } else { default_mode() };
        let (a, b) = socket2::Socket::pair(domain.0, kind.0, protocol.map(|protocol| protocol.0))?;
        let nature = Nature { domain, kind, protocol: protocol.unwrap_or(Protocol::from(0)) };
        Ok((Self::in_mode(a, nature, mode)?, Self::in_mode(b, nature, mode)?))
    }

    /// Takes over a descriptor: Python's `socket.socket(fileno=fd)`. Family, type and protocol are the kernel's.
    ///
    /// The mode is the [default mode](default_mode). If that is `Blocking`, O_NONBLOCK is left as
    /// it is, as in Python: call [`set_mode`](Socket::set_mode) if the flag may be set.
    ///
    /// # Errors
    ///
    /// ENOTSOCK if it is no socket. Then the descriptor is closed, like all that this function took and can't
    /// give back.
    #[doc(alias = "fromfd")]
    #[doc(alias = "fileno")]
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        let socket = socket2::Socket::from(fd);
        let nature = Nature::of(&socket)?;
        Self::in_mode(socket, nature, default_mode())
    }

    /// A second socket on the same connection, in the same mode. See dup(2).
    ///
    /// O_NONBLOCK belongs to the open socket that both share: setting the mode of one changes the
    /// flag under the other.
    #[doc(alias = "dup")]
    pub fn try_clone(&self) -> Result<Self> {
        let io = self.io()?;
        let clone = Self::in_mode(io.socket.try_clone()?, self.nature, default_mode())?;
        clone.set_mode(io.mode)?;
        clone.handle.set_hook(io.hook);
        Ok(clone)
    }

    /// Whether programs that this process starts get the descriptor, too; no new socket is inheritable.
    #[doc(alias = "get_inheritable")]
    pub fn is_inheritable(&self) -> Result<bool> {
        let flags = fcntl_getfd(&*self.io()?.socket).map_err(std::io::Error::from)?;
        Ok(!flags.contains(FdFlags::CLOEXEC))
    }

    /// Sets whether programs that this process starts get the descriptor, too (FD_CLOEXEC is the contrary).
    ///
    /// It counts from the next start on, in any thread.
    #[doc(alias = "FD_CLOEXEC")]
    pub fn set_inheritable(&self, inheritable: bool) -> Result<()> {
        let io = self.io()?;
        let mut flags = fcntl_getfd(&*io.socket).map_err(std::io::Error::from)?;
        flags.set(FdFlags::CLOEXEC, !inheritable);
        Ok(fcntl_setfd(&*io.socket, flags).map_err(std::io::Error::from)?)
    }

    /// `socket` has been made and its O_NONBLOCK not touched; if the mode doesn't want it, it stays as it is.
    pub(super) fn in_mode(socket: socket2::Socket, nature: Nature, mode: Mode) -> Result<Self> {
        if mode.wants_nonblocking_fd() {
            socket.set_nonblocking(true)?;
        }
        Ok(Socket { handle: Handle::new(socket, mode), nature })
    }
}

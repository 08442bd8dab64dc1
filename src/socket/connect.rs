//! Making connections: bind, listen, accept, connect and connect_ex. It never sends or receives.
//!
//! Read `transfer.rs` next for what a connection is good for.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use rustix::io::Errno;
use socket2::SockAddr;

use super::call::Io;
use super::default::default_mode;
use super::error::{Error, Result};
use super::wait::{Deadline, Ready};
use super::{Domain, Mode, Socket};

impl Socket {
    /// Gives the socket its local address; port 0 lets the kernel pick one. See bind(2).
    ///
    /// A name or text is resolved first, to the first address of the socket's family.
    pub fn bind(&self, address: impl ToSocketAddrs) -> Result<()> {
        let address = self.resolve(address)?;
        Ok(self.io()?.socket.bind(&address.into())?)
    }

    /// Starts to take connections; `backlog` is how many may wait for [`accept`](Socket::accept).
    ///
    /// Negative counts as 0, as in Python, and Linux allows one more than asked. See listen(2).
    pub fn listen(&self, backlog: i32) -> Result<()> {
        Ok(self.io()?.socket.listen(backlog.max(0))?)
    }

    /// Takes the next connection, waiting for one as the mode says; returns it and the peer's address.
    ///
    /// The new socket's mode is not the listener's: it is the [default mode](default_mode). See
    /// accept(2), and `socket.accept` of Lib/socket.py.
    pub fn accept(&self) -> Result<(Socket, SocketAddr)> {
        let io = self.io()?;
        let (accepted, address) = io.call(Ready::Reading, socket2::Socket::accept)?;
        let accepted = Socket::from_socket2(accepted)?;
        // Where a listener hands its O_NONBLOCK down (not on Linux), the flag has to be cleared.
        if default_mode() == Mode::Blocking && matches!(io.mode, Mode::Timeout(_)) {
            accepted.set_mode(Mode::Blocking)?;
        }
        Ok((accepted, ip(&address)?))
    }

    /// Connects to `address`; for UDP, makes it the only peer. See connect(2).
    ///
    /// # Errors
    ///
    /// In non-blocking mode TCP all but always fails with EINPROGRESS: the connection is being made, and
    /// [`SocketError`](super::SocketError) tells how it ended once the socket is writable. In timeout mode
    /// [`Error::TimedOut`] leaves the attempt running in the background.
    pub fn connect(&self, address: impl ToSocketAddrs) -> Result<()> {
        let address = self.resolve(address)?;
        self.io()?.connect(address)
    }

    /// Like [`connect`](Socket::connect), but returns the errno, or 0 for success.
    ///
    /// A timeout returns EAGAIN, as in Python. It takes no name, because failing to resolve one has no errno.
    #[must_use = "it is how an error is told"]
    pub fn connect_ex(&self, address: SocketAddr) -> i32 {
        match self.io().and_then(|io| io.connect(address)) {
            Ok(()) => 0,
            Err(error) => error.raw_os_error().unwrap_or(Errno::AGAIN.raw_os_error()),
        }
    }

    /// The address that this socket has, or 0.0.0.0:0 before it has one. See getsockname(2).
    #[doc(alias = "getsockname")]
    pub fn local_addr(&self) -> Result<SocketAddr> {
        ip(&self.io()?.socket.local_addr()?)
    }

    /// The address of the peer; ENOTCONN if there is none. See getpeername(2).
    #[doc(alias = "getpeername")]
    pub fn peer_addr(&self) -> Result<SocketAddr> {
        ip(&self.io()?.socket.peer_addr()?)
    }

    /// The first address of the socket's own family, else the first, for the kernel to refuse.
    fn resolve(&self, address: impl ToSocketAddrs) -> Result<SocketAddr> {
        let found: Vec<_> = address.to_socket_addrs().map_err(Error::Resolve)?.collect();
        let first = found.first().copied().ok_or_else(nothing_found)?;
        if found.len() == 1 {
            return Ok(first);
        }
        let family = Domain(self.io()?.socket.local_addr()?.domain());
        let same = found.into_iter().find(|address| Domain::for_address(*address) == family);
        Ok(same.unwrap_or(first))
    }
}

impl Io {
    /// `internal_connect` of Modules/socketmodule.c.
    fn connect(&self, address: SocketAddr) -> Result<()> {
        let Err(error) = self.socket.connect(&SockAddr::from(address)) else {
            return Ok(());
        };
        let goes_on = match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::INTR) => self.mode != Mode::NonBlocking,
            Some(Errno::INPROGRESS) => matches!(self.mode, Mode::Timeout(_)),
            _ => false,
        };
        if !goes_on {
            return Err(error.into());
        }
        // The kernel connects in the background, whatever the signal or the flag made of the call.
        // Calling again gets EALREADY; being writable is the news, and SO_ERROR is what it says.
        let deadline = self.deadline().unwrap_or_else(Deadline::never);
        self.call_until(Some(deadline), Ready::Writing, |socket| match socket.take_error()? {
            Some(error) if error.raw_os_error() == Some(Errno::ISCONN.raw_os_error()) => Ok(()),
            Some(error) => Err(error),
            None => Ok(()),
        })
    }
}

/// An address of the internet; EAFNOSUPPORT for those of other families, such as a socket pair's.
fn ip(address: &SockAddr) -> Result<SocketAddr> {
    address.as_socket().ok_or_else(|| Error::from_errno(Errno::AFNOSUPPORT))
}

fn nothing_found() -> Error {
    Error::Resolve(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
}

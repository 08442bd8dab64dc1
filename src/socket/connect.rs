//! Making connections: bind, listen, accept, connect and connect_ex. It never sends or receives.
//!
//! Read `transfer.rs` next for what a connection is good for.

use std::net::SocketAddr;

use rustix::io::Errno;
use socket2::SockAddr;

use super::call::Io;
use super::default::default_mode;
use super::error::{Error, Result};
use super::wait::{Deadline, Ready};
use super::{Address, Domain, Mode, Socket, ToAddress};

impl Socket {
    /// Gives the socket its local address; port 0 lets the kernel pick one. See bind(2).
    ///
    /// A name or text is resolved first, to the first address of the socket's family; the empty host is every
    /// address of this machine.
    pub fn bind(&self, address: impl ToAddress) -> Result<()> {
        let address = self.resolve(address)?.to_kernel()?;
        Ok(self.io()?.socket.bind(&address)?)
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
    ///
    /// # Errors
    ///
    /// EAFNOSUPPORT for families other than the internet's, which takes no connection: see
    /// [`accept_any`](Socket::accept_any).
    pub fn accept(&self) -> Result<(Socket, SocketAddr)> {
        self.internet_only()?;
        let (accepted, address) = self.accept_any()?;
        Ok((accepted, ip(address)?))
    }

    /// [`accept`](Socket::accept) for every family of [`Address`]; EAFNOSUPPORT for others.
    #[doc(alias = "accept")]
    pub fn accept_any(&self) -> Result<(Socket, Address)> {
        let io = self.io()?;
        if !self.nature.is_internet() && self.nature.domain != Domain::UNIX {
            return Err(Error::from_errno(Errno::AFNOSUPPORT));
        }
        let (accepted, address) = io.call(Ready::Reading, socket2::Socket::accept)?;
        let accepted = Socket::in_mode(accepted, self.nature, default_mode())?;
        accepted.handle.set_hook(io.hook);
        // Where a listener hands its O_NONBLOCK down (not on Linux), the flag has to be cleared.
        if default_mode() == Mode::Blocking && matches!(io.mode, Mode::Timeout(_)) {
            accepted.set_mode(Mode::Blocking)?;
        }
        Ok((accepted, Address::from_kernel(&address)?))
    }

    /// Connects to `address`; for UDP, makes it the only peer. See connect(2).
    ///
    /// # Errors
    ///
    /// In non-blocking mode TCP all but always fails with EINPROGRESS: the connection is being made, and
    /// [`SocketError`](super::SocketError) tells how it ended once the socket is writable. In timeout mode
    /// [`Error::TimedOut`] leaves the attempt running in the background.
    pub fn connect(&self, address: impl ToAddress) -> Result<()> {
        let address = self.resolve(address)?.to_kernel()?;
        self.io()?.connect(&address)
    }

    /// Like [`connect`](Socket::connect), but returns the errno, or 0 for success.
    ///
    /// A timeout returns EAGAIN, as in Python. It takes no name, because failing to resolve one has no errno; an
    /// address that Python refuses without an errno is EAFNOSUPPORT, or EINVAL.
    #[must_use = "it is how an error is told"]
    pub fn connect_ex(&self, address: impl Into<Address>) -> i32 {
        let connected = self
            .resolve(address.into())
            .and_then(|address| self.io()?.connect(&address.to_kernel()?));
        let errno = match connected {
            Ok(()) => return 0,
            Err(Error::TimedOut) => Errno::AGAIN,
            Err(Error::Resolve(_)) => Errno::AFNOSUPPORT,
            Err(Error::Interrupted(_)) => Errno::INTR,
            Err(error) => return error.raw_os_error().unwrap_or(Errno::INVAL.raw_os_error()),
        };
        errno.raw_os_error()
    }

    /// The address that this socket has, or 0.0.0.0:0 before it has one. See getsockname(2).
    ///
    /// # Errors
    ///
    /// EAFNOSUPPORT for families other than the internet's: see [`local_any`](Socket::local_any).
    #[doc(alias = "getsockname")]
    pub fn local_addr(&self) -> Result<SocketAddr> {
        ip(self.local_any()?)
    }

    /// [`local_addr`](Socket::local_addr) for every family of [`Address`].
    #[doc(alias = "getsockname")]
    pub fn local_any(&self) -> Result<Address> {
        Address::from_kernel(&self.io()?.socket.local_addr()?)
    }

    /// The address of the peer; ENOTCONN if there is none. See getpeername(2).
    ///
    /// # Errors
    ///
    /// EAFNOSUPPORT for families other than the internet's: see [`peer_any`](Socket::peer_any).
    #[doc(alias = "getpeername")]
    pub fn peer_addr(&self) -> Result<SocketAddr> {
        ip(self.peer_any()?)
    }

    /// [`peer_addr`](Socket::peer_addr) for every family of [`Address`].
    #[doc(alias = "getpeername")]
    pub fn peer_any(&self) -> Result<Address> {
        Address::from_kernel(&self.io()?.socket.peer_addr()?)
    }

    /// Before anything is taken that would have to be thrown away.
    fn internet_only(&self) -> Result<()> {
        match self.nature.is_internet() {
            true => Ok(()),
            false => self.io().and(Err(Error::from_errno(Errno::AFNOSUPPORT))),
        }
    }
}

impl Io {
    /// `internal_connect` of Modules/socketmodule.c.
    fn connect(&self, address: &SockAddr) -> Result<()> {
        let Err(error) = self.socket.connect(address) else {
            return Ok(());
        };
        let goes_on = match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::INTR) => {
                self.hook.interrupted()?;
                self.mode != Mode::NonBlocking
            }
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
fn ip(address: Address) -> Result<SocketAddr> {
    address.ip().ok_or_else(|| Error::from_errno(Errno::AFNOSUPPORT))
}

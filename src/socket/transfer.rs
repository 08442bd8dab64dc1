//! Sending and receiving. It never waits by itself: `call.rs` does, as the mode says.
//!
//! Read `file.rs` next for the same bytes through a file object.

use std::net::SocketAddr;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use super::Socket;
use super::call::Io;
use super::error::{Error, Result, SendAllError};
use super::wait::{Deadline, Ready};

/// A send to a closed peer gives EPIPE and no signal, as in CPython, whose process ignores SIGPIPE. Where there
/// is no such flag, Rust's runtime ignores it too.
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: SendFlags = SendFlags::empty();
#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: SendFlags = SendFlags::NOSIGNAL;

impl Socket {
    /// Receives at most `max` bytes; nothing at all means end of input. See recv(2).
    ///
    /// Of a datagram, what does not fit is lost. A `max` of 0 returns at once, even on a closed socket.
    pub fn recv(&self, max: usize) -> Result<Vec<u8>> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = room_for(max)?;
        let count = self.io()?.recv_into(&mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// [`recv`](Socket::recv) into a buffer; returns how many bytes came, 0 at end of input.
    ///
    /// An empty buffer returns at once, even on a closed socket.
    pub fn recv_into(&self, buffer: &mut [u8]) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.io()?.recv_into(buffer)
    }

    /// Receives at most `max` bytes and the sender's address. See recvfrom(2).
    ///
    /// The address is missing where Python's is `None`: on a connected TCP socket, and for families
    /// other than the internet's. A `max` of 0 waits for a datagram and throws it away.
    #[doc(alias = "recvfrom")]
    pub fn recv_from(&self, max: usize) -> Result<(Vec<u8>, Option<SocketAddr>)> {
        let mut bytes = room_for(max)?;
        let (count, from) = self.recv_from_into(&mut bytes)?;
        bytes.truncate(count);
        Ok((bytes, from))
    }

    /// [`recv_from`](Socket::recv_from) into a buffer; returns how many bytes came, and from whom.
    #[doc(alias = "recvfrom_into")]
    pub fn recv_from_into(&self, buffer: &mut [u8]) -> Result<(usize, Option<SocketAddr>)> {
        let (count, from) = self.io()?.call(Ready::Reading, |socket| {
            let (_, count, from) = rustix::net::recvfrom(socket, &mut *buffer, RecvFlags::empty())?;
            Ok((count, from))
        })?;
        Ok((count, from.and_then(|from| from.try_into().ok())))
    }

    /// Sends what the kernel takes and returns how much that was, which can be less than all of it.
    ///
    /// In blocking mode it waits until the kernel has taken all of it. See send(2).
    pub fn send(&self, bytes: &[u8]) -> Result<usize> {
        self.io()?.send(bytes, None)
    }

    /// Sends everything, in as many calls as it needs; a timeout is for all of them together.
    ///
    /// # Errors
    ///
    /// [`SendAllError`] tells how much was sent before it failed. A non-blocking socket fails at
    /// the first byte that it would have to wait for.
    #[doc(alias = "sendall")]
    pub fn send_all(&self, bytes: &[u8]) -> Result<(), SendAllError> {
        let mut sent = 0;
        self.io()
            .and_then(|io| io.send_all(bytes, &mut sent))
            .map_err(|source| SendAllError { sent, source })
    }

    /// Sends one datagram to `address`. On a connected TCP socket the address is ignored. See sendto(2).
    #[doc(alias = "sendto")]
    pub fn send_to(&self, bytes: &[u8], address: SocketAddr) -> Result<usize> {
        self.io()?.call(Ready::Writing, |socket| {
            Ok(rustix::net::sendto(socket, bytes, SEND_FLAGS, &address)?)
        })
    }
}

impl Io {
    pub(super) fn recv_into(&self, buffer: &mut [u8]) -> Result<usize> {
        self.call(Ready::Reading, |socket| {
            Ok(rustix::net::recv(socket, &mut *buffer, RecvFlags::empty())?.1)
        })
    }

    /// One send; `until` is a deadline that is running already; without one, the mode's own begins.
    ///
    /// NOSIGNAL: a peer that went away is an EPIPE, not the end of the process.
    pub(super) fn send(&self, bytes: &[u8], until: Option<Deadline>) -> Result<usize> {
        self.call_until(until.or_else(|| self.deadline()), Ready::Writing, |socket| {
            Ok(rustix::net::send(socket, bytes, SEND_FLAGS)?)
        })
    }

    /// `sock_sendall` of Modules/socketmodule.c: at least one call, even for no bytes.
    fn send_all(&self, bytes: &[u8], sent: &mut usize) -> Result<()> {
        let deadline = self.deadline();
        loop {
            *sent += self.send(&bytes[*sent..], deadline)?;
            if *sent == bytes.len() {
                return Ok(());
            }
            if deadline.is_some_and(|deadline| deadline.has_passed()) {
                return Err(Error::TimedOut);
            }
        }
    }
}

/// `max` zero bytes; ENOMEM where Python raises MemoryError.
pub(super) fn room_for(max: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(max).map_err(|_| Error::from_errno(Errno::NOMEM))?;
    bytes.resize(max, 0);
    Ok(bytes)
}

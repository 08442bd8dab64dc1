//! Sending and receiving. It never waits by itself: `call.rs` does, as the mode says.
//!
//! Read `message.rs` next for whole messages, `file.rs` for the same bytes through a file object.

use std::net::SocketAddr;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;

use super::address::Address;
use super::call::Io;
use super::error::{Error, Result, SendAllError};
use super::wait::{Deadline, Ready};
use super::{Flags, Socket, ToAddress};

impl Socket {
    /// Receives at most `max` bytes; nothing at all means end of input. See recv(2).
    ///
    /// Of a datagram, what does not fit is lost. A `max` of 0 returns at once, even on a closed socket. Memory is
    /// used for what comes, not for `max`.
    pub fn recv(&self, max: usize) -> Result<Vec<u8>> {
        self.recv_with(max, Flags::empty())
    }

    /// [`recv`](Socket::recv) with flags, such as [`Flags::PEEK`].
    ///
    /// Where CPython fills up with what was in memory, after [`Flags::TRUNC`], there are only the bytes that came.
    pub fn recv_with(&self, max: usize, flags: Flags) -> Result<Vec<u8>> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = room_for(max)?;
        self.io()?.recv_more(&mut bytes, flags)?;
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    /// [`recv`](Socket::recv) into a buffer; returns how many bytes came, 0 at end of input.
    ///
    /// An empty buffer returns at once, even on a closed socket.
    pub fn recv_into(&self, buffer: &mut [u8]) -> Result<usize> {
        self.recv_into_with(buffer, Flags::empty())
    }

    /// [`recv_into`](Socket::recv_into) with flags. With [`Flags::TRUNC`] it returns how long the datagram was,
    /// which can be more than the buffer.
    pub fn recv_into_with(&self, buffer: &mut [u8], flags: Flags) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.io()?.recv_into(buffer, flags)
    }

    /// Receives at most `max` bytes and the sender's address. See recvfrom(2).
    ///
    /// The address is missing where Python's is `None`, on a connected TCP socket, and for families other than
    /// the internet's, where [`recv_msg`](Socket::recv_msg) has it. A `max` of 0 waits for a datagram and throws
    /// it away.
    #[doc(alias = "recvfrom")]
    pub fn recv_from(&self, max: usize) -> Result<(Vec<u8>, Option<SocketAddr>)> {
        self.recv_from_with(max, Flags::empty())
    }

    /// [`recv_from`](Socket::recv_from) with flags.
    pub fn recv_from_with(
        &self,
        max: usize,
        flags: Flags,
    ) -> Result<(Vec<u8>, Option<SocketAddr>)> {
        let mut bytes = room_for(max.max(1))?;
        if max == 0 {
            let (_, from) = self.recv_from_into_with(&mut [], flags)?;
            return Ok((bytes, from));
        }
        let from = self.io()?.call(Ready::Reading, |socket| {
            let room = spare_capacity(&mut bytes);
            Ok(rustix::net::recvfrom(socket, room, flags.to_recv())?.2)
        })?;
        bytes.shrink_to_fit();
        Ok((bytes, from.and_then(|from| from.try_into().ok())))
    }

    /// [`recv_from`](Socket::recv_from) into a buffer; returns how many bytes came, and from whom.
    #[doc(alias = "recvfrom_into")]
    pub fn recv_from_into(&self, buffer: &mut [u8]) -> Result<(usize, Option<SocketAddr>)> {
        self.recv_from_into_with(buffer, Flags::empty())
    }

    /// [`recv_from_into`](Socket::recv_from_into) with flags.
    pub fn recv_from_into_with(
        &self,
        buffer: &mut [u8],
        flags: Flags,
    ) -> Result<(usize, Option<SocketAddr>)> {
        let (count, from) = self.io()?.call(Ready::Reading, |socket| {
            let (_, count, from) = rustix::net::recvfrom(socket, &mut *buffer, flags.to_recv())?;
            Ok((count, from))
        })?;
        Ok((count, from.and_then(|from| from.try_into().ok())))
    }

    /// Sends what the kernel takes and returns how much that was, which can be less than all of it.
    ///
    /// In blocking mode it waits until the kernel has taken all of it. See send(2).
    pub fn send(&self, bytes: &[u8]) -> Result<usize> {
        self.send_with(bytes, Flags::empty())
    }

    /// [`send`](Socket::send) with flags.
    pub fn send_with(&self, bytes: &[u8], flags: Flags) -> Result<usize> {
        self.io()?.send(bytes, flags, None)
    }

    /// Sends everything, in as many calls as it needs; a timeout is for all of them together.
    ///
    /// # Errors
    ///
    /// [`SendAllError`] tells how much was sent before it failed. A non-blocking socket fails at
    /// the first byte that it would have to wait for.
    #[doc(alias = "sendall")]
    pub fn send_all(&self, bytes: &[u8]) -> Result<(), SendAllError> {
        self.send_all_with(bytes, Flags::empty())
    }

    /// [`send_all`](Socket::send_all) with flags, in each of its calls.
    pub fn send_all_with(&self, bytes: &[u8], flags: Flags) -> Result<(), SendAllError> {
        let mut sent = 0;
        self.io()
            .and_then(|io| io.send_all(bytes, flags, &mut sent))
            .map_err(|source| SendAllError { sent, source })
    }

    /// Sends one datagram to `address`, whose name is looked up first. On a connected TCP socket the address is
    /// ignored, but not that it is none. See sendto(2).
    #[doc(alias = "sendto")]
    pub fn send_to(&self, bytes: &[u8], address: impl ToAddress) -> Result<usize> {
        self.send_to_with(bytes, Flags::empty(), address)
    }

    /// [`send_to`](Socket::send_to) with flags.
    pub fn send_to_with(
        &self,
        bytes: &[u8],
        flags: Flags,
        address: impl ToAddress,
    ) -> Result<usize> {
        let address: Address = self.resolve(address)?;
        let address = address.to_kernel()?;
        let flags = flags.to_send().bits().cast_signed();
        self.io()?.call(Ready::Writing, |socket| socket.send_to_with_flags(bytes, &address, flags))
    }
}

impl Io {
    pub(super) fn recv_into(&self, buffer: &mut [u8], flags: Flags) -> Result<usize> {
        self.call(Ready::Reading, |socket| {
            Ok(rustix::net::recv(socket, &mut *buffer, flags.to_recv())?.1)
        })
    }

    /// Receives into the room that is left in `bytes`, behind what is there. There has to be some.
    pub(super) fn recv_more(&self, bytes: &mut Vec<u8>, flags: Flags) -> Result<()> {
        self.call(Ready::Reading, |socket| {
            rustix::net::recv(socket, spare_capacity(bytes), flags.to_recv())?;
            Ok(())
        })
    }

    /// One send; `until` is a deadline that is running already; without one, the mode's own begins.
    pub(super) fn send(
        &self,
        bytes: &[u8],
        flags: Flags,
        until: Option<Deadline>,
    ) -> Result<usize> {
        self.call_until(until.or_else(|| self.deadline()), Ready::Writing, |socket| {
            Ok(rustix::net::send(socket, bytes, flags.to_send())?)
        })
    }

    /// `sock_sendall` of Modules/socketmodule.c: at least one call, even for no bytes.
    fn send_all(&self, bytes: &[u8], flags: Flags, sent: &mut usize) -> Result<()> {
        let deadline = self.deadline();
        loop {
            *sent += self.send(&bytes[*sent..], flags, deadline)?;
            if *sent == bytes.len() {
                return Ok(());
            }
            if deadline.is_some_and(|deadline| deadline.has_passed()) {
                return Err(Error::TimedOut);
            }
            // CPython runs the handlers of signals here, which may have come without interrupting anything.
            self.hook.interrupted()?;
        }
    }
}

/// Room for `max` bytes, of which none is touched; ENOMEM where Python raises MemoryError.
pub(super) fn room_for(max: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(max).map_err(|_| Error::from_errno(Errno::NOMEM))?;
    Ok(bytes)
}

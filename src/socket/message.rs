//! Whole messages: bytes from and to several buffers, with an address, flags and ancillary data.
//!
//! It never waits by itself: `call.rs` does, as the mode says. Read `ancillary.rs` next for what travels beside
//! the bytes.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;

use rustix::net::{RecvAncillaryBuffer, RecvFlags};
use socket2::{MsgHdr, SockAddr};

use super::ancillary::{Ancillary, Outgoing, drained, encoded};
use super::call::Io;
use super::error::{Error, Result};
use super::transfer::room_for;
use super::wait::Ready;
use super::{Address, Flags, Socket};

/// A message and what came with it: what Python's `recvmsg` returns.
#[derive(Debug)]
#[non_exhaustive]
pub struct Message {
    /// The bytes; none at end of input.
    pub bytes: Vec<u8>,
    /// What came beside them.
    pub ancillary: Vec<Ancillary>,
    /// What the kernel says of it: [`Flags::TRUNC`] if bytes were cut off, [`Flags::CTRUNC`] if ancillary data was.
    pub flags: Flags,
    /// Who sent it; nothing where Python's is `None`, for a peer without a name, and for families other than those
    /// of [`Address`].
    pub from: Option<Address>,
}

/// A message that went into buffers, and what came with it: what Python's `recvmsg_into` returns.
#[derive(Debug)]
#[non_exhaustive]
pub struct MessageInto {
    /// How many bytes came; with [`Flags::TRUNC`] given, how many there were.
    pub count: usize,
    /// As in [`Message`].
    pub ancillary: Vec<Ancillary>,
    /// As in [`Message`].
    pub flags: Flags,
    /// As in [`Message`].
    pub from: Option<Address>,
}

impl Socket {
    /// Receives at most `max` bytes, and as much ancillary data as there is `room` for; see
    /// [`ancillary_room`](super::ancillary_room). See recvmsg(2).
    ///
    /// Descriptors for which there is no room are lost, and the kernel closes them.
    ///
    /// ```
    /// use std::os::fd::AsFd;
    /// use sockmodes::socket::{Ancillary, Flags, Outgoing, Socket, ancillary_room};
    /// use std::io::IoSlice;
    ///
    /// let (a, b) = Socket::pair()?;
    /// let (given, other_end) = Socket::pair()?;
    /// let rights = [given.descriptor()?];
    /// let rights = rights.each_ref().map(|fd| fd.as_fd());
    /// a.send_msg(&[IoSlice::new(b"take this")], &[Outgoing::Rights(&rights)], Flags::empty(), None)?;
    ///
    /// let mut message = b.recv_msg(64, ancillary_room(4), Flags::empty())?;
    /// assert_eq!(message.bytes, b"take this");
    /// let Some(Ancillary::Rights(mut fds)) = message.ancillary.pop() else { panic!("it is lost") };
    /// Socket::from_fd(fds.remove(0))?.send_all(b"thank you")?;
    /// assert_eq!(other_end.recv(64)?, b"thank you");
    /// # Ok::<(), sockmodes::socket::Error>(())
    /// ```
    #[doc(alias = "recvmsg")]
    pub fn recv_msg(&self, max: usize, room: usize, flags: Flags) -> Result<Message> {
        // Asked first, since the next line would end the process where there is not enough. The kernel gives zeros
        // without touching the memory.
        drop(room_for(max)?);
        let mut bytes = vec![0; max];
        let message = self.recv_msg_into(&mut [IoSliceMut::new(&mut bytes)], room, flags)?;
        bytes.truncate(message.count);
        bytes.shrink_to_fit();
        let MessageInto { ancillary, flags, from, .. } = message;
        Ok(Message { bytes, ancillary, flags, from })
    }

    /// [`recv_msg`](Socket::recv_msg) into buffers, which are filled one after the other.
    #[doc(alias = "recvmsg_into")]
    #[doc(alias = "readv")]
    pub fn recv_msg_into(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        room: usize,
        flags: Flags,
    ) -> Result<MessageInto> {
        // The kernel counts it in an `int`.
        if i32::try_from(room).is_err() {
            return Err(Error::InvalidValue("the room for ancillary data is too large"));
        }
        drop(room_for(room)?);
        let io = self.io()?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if room > 0 && self.nature.is_internet() {
            return io.recv_msg_any(buffers, room, flags, self.nature.kind);
        }
        io.recv_msg(buffers, room, flags)
    }

    /// Sends the bytes of all buffers as one message, with ancillary data, to the peer or to `to`; returns how many
    /// bytes the kernel took. See sendmsg(2).
    ///
    /// Of a stream that may be less than all, as with [`send`](Socket::send); the ancillary data goes with the first
    /// byte.
    #[doc(alias = "sendmsg")]
    #[doc(alias = "writev")]
    pub fn send_msg(
        &self,
        buffers: &[IoSlice<'_>],
        ancillary: &[Outgoing<'_>],
        flags: Flags,
        to: Option<&Address>,
    ) -> Result<usize> {
        let to = to.map(|to| self.resolve(to)?.to_kernel()).transpose()?;
        self.io()?.send_msg(buffers, ancillary, flags, to.as_ref())
    }
}

impl Io {
    fn recv_msg(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        room: usize,
        flags: Flags,
    ) -> Result<MessageInto> {
        let mut space = vec![MaybeUninit::uninit(); room + size_of::<usize>()];
        // The kernel counts the bytes from where they begin, so the beginning has to be an even place.
        let start = space.as_ptr().align_offset(size_of::<usize>());
        let mut control = RecvAncillaryBuffer::new(&mut space[start..start + room]);
        let flags = flags.to_recv() | close_on_exec();
        let received = self.call(Ready::Reading, |socket| {
            Ok(rustix::net::recvmsg(socket, buffers, &mut control, flags)?)
        })?;
        Ok(MessageInto {
            count: received.bytes,
            ancillary: drained(&mut control),
            flags: returned(received.flags.bits()),
            from: received.address.and_then(Address::of_sender),
        })
    }

    fn send_msg(
        &self,
        buffers: &[IoSlice<'_>],
        ancillary: &[Outgoing<'_>],
        flags: Flags,
        to: Option<&SockAddr>,
    ) -> Result<usize> {
        let control = encoded(ancillary);
        let flags = flags.to_send().bits().cast_signed();
        self.call(Ready::Writing, |socket| {
            let mut message = MsgHdr::new().with_buffers(buffers);
            if !control.is_empty() {
                message = message.with_control(&control);
            }
            if let Some(to) = to {
                message = message.with_addr(to);
            }
            socket.sendmsg(&message, flags)
        })
    }
}

/// Descriptors that arrive are nobody else's, from the beginning where the system can do that.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn close_on_exec() -> RecvFlags {
    RecvFlags::CMSG_CLOEXEC
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn close_on_exec() -> RecvFlags {
    RecvFlags::empty()
}

/// Without the flag that is set above, which the kernel hands back.
fn returned(flags: u32) -> Flags {
    Flags::from((flags & !close_on_exec().bits()).cast_signed())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    //! Receiving ancillary data of any kind, which of all safe crates only nix can do.

    use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
    use std::os::fd::{AsRawFd, RawFd};

    use nix::sys::socket::{MsgFlags, SockaddrLike, SockaddrStorage, recvmsg};
    use rustix::io::Errno;

    use super::super::Type;
    use super::super::address::turned;
    use super::super::ancillary::parsed;
    use super::super::wait::is_shut_down;
    use super::*;

    impl Io {
        pub(super) fn recv_msg_any(
            &self,
            buffers: &mut [IoSliceMut<'_>],
            room: usize,
            flags: Flags,
            kind: Type,
        ) -> Result<MessageInto> {
            let mut space = vec![0; room + size_of::<usize>()];
            let start = space.as_ptr().align_offset(size_of::<usize>());
            let control = &mut space[start..start + room];
            let wanted = MsgFlags::from_bits_retain(i32::from(flags));
            let has_sender = kind == Type::DGRAM || kind == Type::RAW;
            let (count, flags, from) = self.call(Ready::Reading, |socket| {
                let fd = socket.as_raw_fd();
                if !has_sender {
                    let (count, flags, _) = received::<()>(fd, buffers, control, wanted)?;
                    return Ok((count, flags, None));
                }
                let next = next_is_end(socket)?;
                let (count, flags, from) =
                    received::<SockaddrStorage>(fd, buffers, control, wanted)?;
                // The end of input has no sender, and what nix has of one then is nobody's.
                let is_end = next.map_or(count == 0 && is_shut_down(socket)?, |is_end| is_end);
                Ok((count, flags, if is_end { None } else { from.and_then(sender) }))
            })?;
            Ok(MessageInto {
                count,
                ancillary: parsed(control),
                flags: returned(flags.bits().cast_unsigned()),
                from,
            })
        }
    }

    /// Whether the end of input comes next, where it can: an empty datagram may still be before it.
    fn next_is_end(socket: &socket2::Socket) -> std::io::Result<Option<bool>> {
        if !is_shut_down(socket)? {
            return Ok(None);
        }
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match rustix::net::recvfrom(socket, &mut [0_u8; 1][..], flags) {
            Ok((_, _, from)) => Ok(Some(from.is_none())),
            // Nothing is before it. (That there is an end, the kernel says only to who waits.)
            Err(Errno::AGAIN) => Ok(Some(true)),
            Err(errno) => Err(errno.into()),
        }
    }

    fn received<S: SockaddrLike>(
        fd: RawFd,
        buffers: &mut [IoSliceMut<'_>],
        control: &mut [u8],
        flags: MsgFlags,
    ) -> nix::Result<(usize, MsgFlags, Option<S>)> {
        let message = recvmsg::<S>(fd, buffers, Some(control), flags)?;
        Ok((message.bytes, message.flags, message.address))
    }

    fn sender(address: SockaddrStorage) -> Option<Address> {
        let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::from(SocketAddrV4::from(*v4)));
        let v6 = || address.as_sockaddr_in6().map(|v6| turned(SocketAddrV6::from(*v6).into()));
        v4.or_else(v6).map(Address::Ip)
    }
}

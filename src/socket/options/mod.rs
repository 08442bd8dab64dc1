//! Socket options, each with the type of its value. It keeps no state: the kernel does.
//!
//! Every option is a unit struct; `options!` is the list of them: here those of every socket, in `internet.rs` and
//! `linux.rs` the others. `values.rs` refuses what the kernel can't hold. Read socket(7), tcp(7) and ip(7) for what
//! they mean.

mod internet;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
mod multicast;
mod values;

use std::io;
use std::time::Duration;

pub use self::internet::*;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use self::linux::*;
pub use self::multicast::*;

use super::error::Result;
use super::{Descriptor, Socket, Type};

/// An option that can be read with [`Socket::option`].
pub trait SocketOption: sealed::Sealed {
    /// What the option holds.
    type Value;
    /// Asks the kernel.
    #[doc(hidden)]
    fn get(descriptor: &Descriptor) -> Result<Self::Value>;
}

/// An option that can also be set, with [`Socket::set_option`].
pub trait SettableOption: SocketOption {
    /// Tells the kernel.
    #[doc(hidden)]
    fn set(descriptor: &Descriptor, value: Self::Value) -> Result<()>;
}

pub(in crate::socket) mod sealed {
    pub trait Sealed {}
}

impl Socket {
    /// What the option is now: `socket.option(ReuseAddr)?`. See getsockopt(2).
    #[doc(alias = "getsockopt")]
    pub fn option<O: SocketOption>(&self, _option: O) -> Result<O::Value> {
        O::get(&self.descriptor()?)
    }

    /// Sets the option: `socket.set_option(ReuseAddr, true)?`. See setsockopt(2).
    #[doc(alias = "setsockopt")]
    pub fn set_option<O: SettableOption>(&self, _option: O, value: O::Value) -> Result<()> {
        O::set(&self.descriptor()?, value)
    }
}

macro_rules! options {
    ($($(#[$meta:meta])* $name:ident, $alias:literal: $value:ty = $get:expr $(, $set:expr)?;)*) => {$(
        $(#[$meta])*
        #[doc(alias = $alias)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name;

        impl $crate::socket::options::sealed::Sealed for $name {}

        impl SocketOption for $name {
            type Value = $value;
            fn get(descriptor: &Descriptor) -> Result<$value> {
                Ok($get(&descriptor.0)?)
            }
        }

        $(impl SettableOption for $name {
            fn set(descriptor: &Descriptor, value: $value) -> Result<()> {
                values::told($set(&descriptor.0, value))
            }
        })?
    )*};
}

use options;

options! {
    /// SO_REUSEADDR: bind to an address whose last connections still sit in TIME_WAIT.
    ReuseAddr, "SO_REUSEADDR": bool = socket2::Socket::reuse_address, socket2::Socket::set_reuse_address;
    /// SO_REUSEPORT: bind several sockets of one user to the same port. Linux shares the connections out among them.
    ReusePort, "SO_REUSEPORT": bool = socket2::Socket::reuse_port, socket2::Socket::set_reuse_port;
    /// SO_KEEPALIVE: probe a silent peer from time to time; [`KeepIdle`] and the next two say when.
    KeepAlive, "SO_KEEPALIVE": bool = socket2::Socket::keepalive, socket2::Socket::set_keepalive;
    /// SO_BROADCAST: allow datagrams to a broadcast address.
    Broadcast, "SO_BROADCAST": bool = socket2::Socket::broadcast, socket2::Socket::set_broadcast;
    /// SO_OOBINLINE: leave the urgent byte in its place in the stream.
    OobInline, "SO_OOBINLINE": bool = socket2::Socket::out_of_band_inline, socket2::Socket::set_out_of_band_inline;
    /// SO_SNDBUF, in bytes. Linux doubles what is set, for its own book-keeping, and returns the double.
    SendBuffer, "SO_SNDBUF": usize = socket2::Socket::send_buffer_size, values::set_send_buffer;
    /// SO_RCVBUF, in bytes. Linux doubles it as it does SO_SNDBUF.
    RecvBuffer, "SO_RCVBUF": usize = socket2::Socket::recv_buffer_size, values::set_recv_buffer;
    /// SO_LINGER: how long close waits for what is unsent, in whole seconds; zero resets the connection.
    Linger, "SO_LINGER": Option<Duration> = socket2::Socket::linger, values::set_linger;
    /// SO_RCVTIMEO: how long the kernel waits in a receive, in blocking mode; `None` for ever. Not what timeout mode
    /// uses, which differs in dozens of cases: this one gives EAGAIN, starts anew in every call, and is inherited by
    /// accepted sockets.
    RecvTimeout, "SO_RCVTIMEO": Option<Duration> = socket2::Socket::read_timeout, values::set_recv_timeout;
    /// SO_SNDTIMEO: the same for sending.
    SendTimeout, "SO_SNDTIMEO": Option<Duration> = socket2::Socket::write_timeout, values::set_send_timeout;
    /// SO_TYPE: what the socket was made as.
    SocketType, "SO_TYPE": Type = socket_type;
    /// SO_ERROR: the errno that is pending, 0 for none. Reading it clears it.
    SocketError, "SO_ERROR": i32 = take_errno;
}

fn socket_type(socket: &socket2::Socket) -> io::Result<Type> {
    socket.r#type().map(Type)
}

fn take_errno(socket: &socket2::Socket) -> io::Result<i32> {
    Ok(socket.take_error()?.and_then(|error| error.raw_os_error()).unwrap_or(0))
}

//! Socket options, each with the type of its value. It keeps no state: the kernel does.
//!
//! Every option is a unit struct; `options!` below is the whole list. Read socket(7), tcp(7) and ip(7)
//! for what they mean.

use std::io;
use std::time::Duration;

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

mod sealed {
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

        impl sealed::Sealed for $name {}

        impl SocketOption for $name {
            type Value = $value;
            fn get(descriptor: &Descriptor) -> Result<$value> {
                Ok($get(&descriptor.0)?)
            }
        }

        $(impl SettableOption for $name {
            fn set(descriptor: &Descriptor, value: $value) -> Result<()> {
                Ok($set(&descriptor.0, value)?)
            }
        })?
    )*};
}

options! {
    /// SO_REUSEADDR: bind to an address whose last connections still sit in TIME_WAIT.
    ReuseAddr, "SO_REUSEADDR": bool = socket2::Socket::reuse_address, socket2::Socket::set_reuse_address;
    /// SO_KEEPALIVE: probe a silent peer from time to time.
    KeepAlive, "SO_KEEPALIVE": bool = socket2::Socket::keepalive, socket2::Socket::set_keepalive;
    /// SO_BROADCAST: allow datagrams to a broadcast address.
    Broadcast, "SO_BROADCAST": bool = socket2::Socket::broadcast, socket2::Socket::set_broadcast;
    /// TCP_NODELAY: send small segments at once, without Nagle's algorithm.
    NoDelay, "TCP_NODELAY": bool = socket2::Socket::tcp_nodelay, socket2::Socket::set_tcp_nodelay;
    /// SO_SNDBUF, in bytes. Linux doubles what is set, for its own book-keeping, and returns the double.
    SendBuffer, "SO_SNDBUF": usize = socket2::Socket::send_buffer_size, socket2::Socket::set_send_buffer_size;
    /// SO_RCVBUF, in bytes. Linux doubles it as it does SO_SNDBUF.
    RecvBuffer, "SO_RCVBUF": usize = socket2::Socket::recv_buffer_size, socket2::Socket::set_recv_buffer_size;
    /// SO_LINGER: how long close waits for what is unsent, in whole seconds; zero resets the connection.
    Linger, "SO_LINGER": Option<Duration> = socket2::Socket::linger, socket2::Socket::set_linger;
    /// SO_TYPE: what the socket was made as.
    SocketType, "SO_TYPE": Type = socket_type;
    /// SO_ERROR: the errno that is pending, 0 for none. Reading it clears it.
    SocketError, "SO_ERROR": i32 = take_errno;
    /// IP_TTL: how many routers a packet may pass.
    Ttl, "IP_TTL": u32 = socket2::Socket::ttl_v4, socket2::Socket::set_ttl_v4;
    /// IPV6_V6ONLY: an IPv6 socket takes no IPv4 connections.
    OnlyV6, "IPV6_V6ONLY": bool = socket2::Socket::only_v6, socket2::Socket::set_only_v6;
}

fn socket_type(socket: &socket2::Socket) -> io::Result<Type> {
    socket.r#type().map(Type)
}

fn take_errno(socket: &socket2::Socket) -> io::Result<i32> {
    Ok(socket.take_error()?.and_then(|error| error.raw_os_error()).unwrap_or(0))
}

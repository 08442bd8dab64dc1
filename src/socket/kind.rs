//! What a socket is made as: the numbers that socket(2) takes, under the names that it gives them, and how a
//! descriptor is asked for them.
//!
//! Read `mod.rs` next for the sockets that are made.

use std::io;
use std::net::SocketAddr;

macro_rules! numbers {
    ($(
        $(#[$meta:meta])*
        $name:ident { $($(#[$constant_meta:meta])* $constant:ident, $alias:literal;)* }
    )*) => {$(
        $(#[$meta])*
        ///
        /// Others than these are made from their number.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name(pub(super) socket2::$name);

        impl $name {$(
            $(#[$constant_meta])*
            #[doc(alias = $alias)]
            pub const $constant: $name = $name(socket2::$name::$constant);
        )*}

        impl From<i32> for $name {
            fn from(number: i32) -> Self {
                $name(number.into())
            }
        }

        impl From<$name> for i32 {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }
    )*};
}

numbers! {
    /// The family of a socket's addresses: Python's `family`.
    Domain {
        /// The internet, with addresses of four bytes.
        IPV4, "AF_INET";
        /// The internet, with addresses of sixteen bytes.
        IPV6, "AF_INET6";
        /// This machine alone. See unix(7).
        UNIX, "AF_UNIX";
    }

    /// How a socket's bytes hang together: Python's `type`.
    Type {
        /// As one stream, in order and without loss.
        STREAM, "SOCK_STREAM";
        /// As datagrams, each by itself.
        DGRAM, "SOCK_DGRAM";
        /// As messages, each by itself, in order and without loss. Unix sockets have it.
        SEQPACKET, "SOCK_SEQPACKET";
        /// As packets, with what lower layers wrote into them. Needs privileges.
        RAW, "SOCK_RAW";
    }

    /// The protocol, where the family and the type leave a choice: Python's `proto`.
    Protocol {
        /// See tcp(7).
        TCP, "IPPROTO_TCP";
        /// See udp(7).
        UDP, "IPPROTO_UDP";
    }
}

impl Domain {
    /// The family that `address` belongs to.
    pub const fn for_address(address: SocketAddr) -> Domain {
        Domain(socket2::Domain::for_address(address))
    }
}

impl Type {
    /// The same, for a socket that is non-blocking from the start: Python's `type | SOCK_NONBLOCK`.
    ///
    /// It says how to make a socket. One that exists never has it in its [`kind`](super::Socket::kind).
    #[cfg(not(target_vendor = "apple"))]
    #[doc(alias = "SOCK_NONBLOCK")]
    #[must_use]
    pub const fn nonblocking(self) -> Type {
        Type(self.0.nonblocking())
    }

    /// Parts the flags that the kernel takes together with a type from the type itself; true is SOCK_NONBLOCK.
    #[cfg(not(target_vendor = "apple"))]
    pub(super) fn without_flags(self) -> (Type, bool) {
        let none = socket2::Type::from(0);
        let (nonblocking, cloexec) = (i32::from(none.nonblocking()), i32::from(none.cloexec()));
        let number = i32::from(self);
        (Type::from(number & !(nonblocking | cloexec)), number & nonblocking != 0)
    }

    /// There are no such flags.
    #[cfg(target_vendor = "apple")]
    pub(super) fn without_flags(self) -> (Type, bool) {
        (self, false)
    }
}

/// What a socket is, once and for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nature {
    pub(super) domain: Domain,
    pub(super) kind: Type,
    pub(super) protocol: Protocol,
}

impl Nature {
    /// Asks the kernel; ENOTSOCK of a descriptor that is no socket.
    pub(super) fn of(socket: &socket2::Socket) -> io::Result<Self> {
        Ok(Nature {
            domain: Domain(socket.local_addr()?.domain()),
            kind: Type(socket.r#type()?),
            protocol: protocol_of(socket)?,
        })
    }

    pub(super) fn is_internet(&self) -> bool {
        self.domain == Domain::IPV4 || self.domain == Domain::IPV6
    }
}

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
fn protocol_of(socket: &socket2::Socket) -> io::Result<Protocol> {
    Ok(socket.protocol()?.map_or(Protocol::from(0), Protocol))
}

/// Nobody can say. Zero is what the others say of a socket pair, too.
#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
fn protocol_of(_: &socket2::Socket) -> io::Result<Protocol> {
    Ok(Protocol::from(0))
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SocketType, ipproto};

    use super::*;
    use crate::socket::{self, Socket};

    #[test]
    fn a_number_of_the_systems_is_as_good_as_a_name() {
        let family = Domain::from(i32::from(AddressFamily::INET6.as_raw()));
        assert_eq!(family, Domain::IPV6);
        let kind = Type::from(SocketType::DGRAM.as_raw() as i32);
        let protocol = Protocol::from(ipproto::UDP.as_raw().get() as i32);
        let socket = Socket::new(family, kind, Some(protocol)).unwrap();
        assert_eq!(socket.option(socket::SocketType).unwrap(), Type::DGRAM);
        assert_eq!(i32::from(Protocol::UDP), i32::from(protocol));
    }
}

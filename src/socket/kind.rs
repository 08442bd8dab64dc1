//! What a socket is made as: the numbers that socket(2) takes, under the names that it gives them. Nothing is
//! done with them here.
//!
//! Read `mod.rs` next for the sockets that are made.

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

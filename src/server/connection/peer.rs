//! Who is at the other end, in three quarters of a `SocketAddr`'s size: there is one for every connection.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// An address without the flow label, which nobody asks for.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    ip: IpAddr,
    port: u16,
    /// Of an IPv6 address: which link `fe80::…` is on.
    scope: u32,
}

impl Peer {
    pub(super) fn ip(self) -> IpAddr {
        self.ip
    }

    pub(super) fn address(self) -> SocketAddr {
        match self.ip {
            IpAddr::V4(ip) => (ip, self.port).into(),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, self.port, 0, self.scope).into(),
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Peer {
        let scope = match address {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(address) => address.scope_id(),
        };
        Peer { ip: address.ip(), port: address.port(), scope }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_as_it_went_in() {
        for text in ["127.0.0.1:9999", "[::1]:9999", "[fe80::1%3]:80"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(Peer::from(address).address(), address);
        }
        assert_eq!(size_of::<Peer>(), 24);
    }
}

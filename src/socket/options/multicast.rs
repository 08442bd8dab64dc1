//! Groups: who hears what is sent to them, and how far that goes.
//!
//! `internet.rs` has the other options of IP, `mod.rs` what an option is.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{SettableOption, SocketOption, options, values};
use crate::socket::error::Result;
use crate::socket::{Descriptor, Socket};

options! {
    /// IP_MULTICAST_TTL: how many routers a datagram to a group may pass; 1 stays in the local network.
    MulticastTtl, "IP_MULTICAST_TTL": u32 = socket2::Socket::multicast_ttl_v4, set_ttl;
    /// IP_MULTICAST_LOOP: whether this machine hears what it sends to a group.
    MulticastLoop, "IP_MULTICAST_LOOP": bool = socket2::Socket::multicast_loop_v4, socket2::Socket::set_multicast_loop_v4;
    /// IP_MULTICAST_IF: the address of the interface through which groups are sent to.
    MulticastInterface, "IP_MULTICAST_IF": Ipv4Addr = socket2::Socket::multicast_if_v4, set_interface;
    /// IPV6_MULTICAST_HOPS: how many routers a datagram to a group may pass.
    MulticastHops, "IPV6_MULTICAST_HOPS": u32 = socket2::Socket::multicast_hops_v6, set_hops;
    /// IPV6_MULTICAST_LOOP: whether this machine hears what it sends to a group.
    MulticastLoopV6, "IPV6_MULTICAST_LOOP": bool = socket2::Socket::multicast_loop_v6, socket2::Socket::set_multicast_loop_v6;
    /// IPV6_MULTICAST_IF: the number of the interface through which groups are sent to, 0 for the system's choice.
    MulticastInterfaceV6, "IPV6_MULTICAST_IF": u32 = socket2::Socket::multicast_if_v6, socket2::Socket::set_multicast_if_v6;
}

fn set_ttl(socket: &socket2::Socket, ttl: u32) -> Result<()> {
    values::checked(ttl, |ttl| socket.set_multicast_ttl_v4(ttl))
}

fn set_hops(socket: &socket2::Socket, hops: u32) -> Result<()> {
    values::checked(hops, |hops| socket.set_multicast_hops_v6(hops))
}

fn set_interface(socket: &socket2::Socket, interface: Ipv4Addr) -> Result<()> {
    Ok(socket.set_multicast_if_v4(&interface)?)
}

impl Socket {
    /// Hears what is sent to an IPv4 group from now on, through the interface with this address; 0.0.0.0 is the
    /// system's choice. The port is that of [`bind`](Socket::bind).
    #[doc(alias = "IP_ADD_MEMBERSHIP")]
    pub fn join_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> Result<()> {
        Ok(self.io()?.socket.join_multicast_v4(&group, &interface)?)
    }

    /// Undoes [`join_multicast_v4`](Socket::join_multicast_v4).
    #[doc(alias = "IP_DROP_MEMBERSHIP")]
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> Result<()> {
        Ok(self.io()?.socket.leave_multicast_v4(&group, &interface)?)
    }

    /// Hears what is sent to an IPv6 group from now on, through the interface with this number; 0 is the system's
    /// choice.
    #[doc(alias = "IPV6_JOIN_GROUP")]
    pub fn join_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> Result<()> {
        Ok(self.io()?.socket.join_multicast_v6(&group, interface)?)
    }

    /// Undoes [`join_multicast_v6`](Socket::join_multicast_v6).
    #[doc(alias = "IPV6_LEAVE_GROUP")]
    pub fn leave_multicast_v6(&self, group: Ipv6Addr, interface: u32) -> Result<()> {
        Ok(self.io()?.socket.leave_multicast_v6(&group, interface)?)
    }
}

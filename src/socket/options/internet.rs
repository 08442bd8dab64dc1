//! The options of TCP and of both versions of IP that every system has.
//!
//! `multicast.rs` has those of groups, `mod.rs` what an option is.

use std::time::Duration;

use socket2::TcpKeepalive;

use super::{SettableOption, SocketOption, options, values};
use crate::socket::Descriptor;
use crate::socket::error::Result;

options! {
    /// TCP_NODELAY: send small segments at once, without Nagle's algorithm.
    NoDelay, "TCP_NODELAY": bool = socket2::Socket::tcp_nodelay, socket2::Socket::set_tcp_nodelay;
    /// TCP_KEEPIDLE: how long a peer is silent before the first probe, in whole seconds. See [`KeepAlive`](super::KeepAlive).
    KeepIdle, "TCP_KEEPIDLE": Duration = socket2::Socket::tcp_keepalive_time, set_keep_idle;
    /// TCP_KEEPINTVL: how long from one probe to the next, in whole seconds.
    KeepInterval, "TCP_KEEPINTVL": Duration = socket2::Socket::tcp_keepalive_interval, set_keep_interval;
    /// TCP_KEEPCNT: after how many probes without an answer the connection is over.
    KeepCount, "TCP_KEEPCNT": u32 = socket2::Socket::tcp_keepalive_retries, set_keep_count;
    /// IP_TTL: how many routers a packet may pass.
    Ttl, "IP_TTL": u32 = socket2::Socket::ttl_v4, set_ttl;
    /// IP_TOS: which kind of service packets ask for.
    Tos, "IP_TOS": u32 = socket2::Socket::tos_v4, set_tos;
    /// IPV6_V6ONLY: an IPv6 socket takes no IPv4 connections.
    OnlyV6, "IPV6_V6ONLY": bool = socket2::Socket::only_v6, socket2::Socket::set_only_v6;
    /// IPV6_UNICAST_HOPS: how many routers a packet may pass.
    HopLimit, "IPV6_UNICAST_HOPS": u32 = socket2::Socket::unicast_hops_v6, set_hop_limit;
    /// IPV6_RECVHOPLIMIT: tell the hop limit of every datagram, as ancillary data.
    RecvHopLimit, "IPV6_RECVHOPLIMIT": bool = socket2::Socket::recv_hoplimit_v6, socket2::Socket::set_recv_hoplimit_v6;
    /// IPV6_RECVTCLASS: tell the traffic class of every datagram, as ancillary data.
    RecvTrafficClass, "IPV6_RECVTCLASS": bool = socket2::Socket::recv_tclass_v6, socket2::Socket::set_recv_tclass_v6;
}

fn set_keep_idle(socket: &socket2::Socket, idle: Duration) -> Result<()> {
    values::whole_seconds(idle)?;
    Ok(keep(socket, TcpKeepalive::new().with_time(idle))?)
}

fn set_keep_interval(socket: &socket2::Socket, interval: Duration) -> Result<()> {
    values::whole_seconds(interval)?;
    Ok(keep(socket, TcpKeepalive::new().with_interval(interval))?)
}

fn set_keep_count(socket: &socket2::Socket, count: u32) -> Result<()> {
    values::checked(count, |count| keep(socket, TcpKeepalive::new().with_retries(count)))
}

/// socket2 switches probing on with their times; here that is an option of its own, as in Python.
fn keep(socket: &socket2::Socket, times: TcpKeepalive) -> std::io::Result<()> {
    let on = socket.keepalive()?;
    socket.set_tcp_keepalive(&times)?;
    socket.set_keepalive(on)
}

fn set_ttl(socket: &socket2::Socket, ttl: u32) -> Result<()> {
    values::checked(ttl, |ttl| socket.set_ttl_v4(ttl))
}

fn set_tos(socket: &socket2::Socket, tos: u32) -> Result<()> {
    values::checked(tos, |tos| socket.set_tos_v4(tos))
}

fn set_hop_limit(socket: &socket2::Socket, hops: u32) -> Result<()> {
    values::checked(hops, |hops| socket.set_unicast_hops_v6(hops))
}

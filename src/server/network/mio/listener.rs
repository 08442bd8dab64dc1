//! Sockets that listen, with the options that connections inherit. Never here: accepting.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::raw::c_int;
#[cfg(target_os = "linux")]
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::server::Config;

/// How many connections the kernel may keep waiting for accept(2); fewer where somaxconn is lower.
const BACKLOG: c_int = 4096;
/// TCP_USER_TIMEOUT is a C `int` of milliseconds.
#[cfg(target_os = "linux")]
const LONGEST_USER_TIMEOUT: Duration = Duration::from_millis(c_int::MAX as u64);

/// A socket that listens at `address`.
pub(super) fn bind(address: SocketAddr, config: &Config) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    // Who binds without it keeps the address for themselves.
    if config.reuse_port {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// On Linux an accepted socket inherits TCP_NODELAY and TCP_USER_TIMEOUT from the one that listens, which
/// saves two system calls per connection.
pub(super) fn set_options(listener: &TcpListener, config: &Config) -> io::Result<()> {
    let socket = SockRef::from(listener);
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let timeout = config.write_timeout.duration();
        socket.set_tcp_user_timeout(timeout.map(|timeout| timeout.min(LONGEST_USER_TIMEOUT)))?;
    }
    #[cfg(not(target_os = "linux"))]
    let _the_kernels_own_holds = config.write_timeout;
    Ok(())
}

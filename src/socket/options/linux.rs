//! The options that of our systems Linux alone has.
//!
//! `mod.rs` has what an option is.

use std::io;
use std::time::Duration;

use rustix::net::sockopt;

use super::{SettableOption, SocketOption, options, values};
use crate::socket::error::Result;
use crate::socket::{Credentials, Descriptor};

options! {
    /// TCP_USER_TIMEOUT: how long what was sent may stay unacknowledged before the connection is over, in whole
    /// milliseconds; `None` is the system's choice.
    UserTimeout, "TCP_USER_TIMEOUT": Option<Duration> = socket2::Socket::tcp_user_timeout, set_user_timeout;
    /// TCP_CORK: hold back segments that are not full, until it is taken out.
    Cork, "TCP_CORK": bool = socket2::Socket::tcp_cork, socket2::Socket::set_tcp_cork;
    /// SO_PASSCRED: tell with every message who sent it, as ancillary data. Unix sockets have it.
    PassCredentials, "SO_PASSCRED": bool = socket2::Socket::passcred, socket2::Socket::set_passcred;
    /// SO_PEERCRED: who connected, of a Unix socket.
    PeerCredentials, "SO_PEERCRED": Credentials = peer_credentials;
    /// SO_ACCEPTCONN: whether the socket listens.
    IsListener, "SO_ACCEPTCONN": bool = socket2::Socket::is_listener;
}

fn set_user_timeout(socket: &socket2::Socket, timeout: Option<Duration>) -> Result<()> {
    let unit = Duration::from_millis(1);
    values::whole_units(timeout, unit, "the kernel counts whole milliseconds here")?;
    let millis = u32::try_from(timeout.unwrap_or_default().as_millis()).unwrap_or(u32::MAX);
    values::checked(millis, |_| socket.set_tcp_user_timeout(timeout))
}

fn peer_credentials(socket: &socket2::Socket) -> io::Result<Credentials> {
    let who = sockopt::socket_peercred(socket)?;
    let (pid, uid, gid) = (who.pid.as_raw_nonzero().get(), who.uid.as_raw(), who.gid.as_raw());
    Ok(Credentials { pid, uid, gid })
}

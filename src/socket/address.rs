//! Addresses of every family that is known here, as values. Nothing is resolved: `resolve.rs`, to read next, does.

use std::ffi::OsStr;
use std::fmt;
use std::net::{SocketAddr, SocketAddrV6};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketAddrUnix};
use socket2::SockAddr;

use super::Domain;
use super::error::{Error, Result};

/// The address of a socket, of the internet or of this machine alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[doc(alias = "sockaddr")]
pub enum Address {
    /// Of the internet, with a port. Python's `(host, port)`, and `(host, port, flowinfo, scope_id)`.
    Ip(SocketAddr),
    /// Of this machine: Python's text or bytes.
    Unix(UnixAddress),
}

/// The address of a Unix socket. See unix(7).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[doc(alias = "AF_UNIX")]
pub enum UnixAddress {
    /// None: of a socket that was never bound, such as one of a pair. Python's `''`.
    ///
    /// Bound to it, a socket gets an abstract name that the kernel picks, on Linux.
    Unnamed,
    /// A file of the kind "socket", which stays when the socket is closed.
    Path(PathBuf),
    /// A name that is in no file system and goes with the socket: Python's bytes after the zero. Linux has it.
    Abstract(Vec<u8>),
}

impl Address {
    /// The family that it belongs to.
    pub fn family(&self) -> Domain {
        match self {
            Address::Ip(address) => Domain::for_address(*address),
            Address::Unix(_) => Domain::UNIX,
        }
    }

    /// The address on the internet, if it is one.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Address::Ip(address) => Some(*address),
            Address::Unix(_) => None,
        }
    }

    /// As the kernel takes it.
    pub(super) fn to_kernel(&self) -> Result<SockAddr> {
        match self {
            Address::Ip(address) => Ok(turned(*address).into()),
            Address::Unix(address) => address.to_kernel(),
        }
    }

    /// EAFNOSUPPORT for families that are not known here.
    pub(super) fn from_kernel(address: &SockAddr) -> Result<Self> {
        if let Some(ip) = address.as_socket() {
            return Ok(Address::Ip(turned(ip)));
        }
        if !address.is_unix() {
            return Err(Error::from_errno(Errno::AFNOSUPPORT));
        }
        let name = address.as_abstract_namespace().map(|name| UnixAddress::Abstract(name.into()));
        let path = || address.as_pathname().map(|path| UnixAddress::Path(path.into()));
        Ok(Address::Unix(name.or_else(path).unwrap_or(UnixAddress::Unnamed)))
    }

    /// The sender of a message; nothing for one without a name, and for families that are not known here.
    pub(super) fn of_sender(address: SocketAddrAny) -> Option<Self> {
        if let Ok(ip) = SocketAddr::try_from(address.clone()) {
            return Some(Address::Ip(ip));
        }
        let unix = SocketAddrUnix::try_from(address).ok()?;
        let path = unix.path_bytes().map(|path| Path::new(OsStr::from_bytes(path)).into());
        path.map(UnixAddress::Path).or_else(|| abstract_name(&unix)).map(Address::Unix)
    }
}

impl UnixAddress {
    fn to_kernel(&self) -> Result<SockAddr> {
        let too_long = |_| Error::from_errno(Errno::NAMETOOLONG);
        match self {
            UnixAddress::Unnamed => SockAddr::unix(""),
            // A path that begins with a zero would be a name.
            UnixAddress::Path(path) if path.as_os_str().as_bytes().starts_with(b"\0") => {
                return Err(Error::InvalidValue("the path of a Unix socket begins with a zero"));
            }
            UnixAddress::Path(path) => SockAddr::unix(path),
            UnixAddress::Abstract(name) => {
                SockAddr::unix(OsStr::from_bytes(&[b"\0", name.as_slice()].concat()))
            }
        }
        .map_err(too_long)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_name(address: &SocketAddrUnix) -> Option<UnixAddress> {
    address.abstract_name().map(|name| UnixAddress::Abstract(name.into()))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_name(_: &SocketAddrUnix) -> Option<UnixAddress> {
    None
}

/// Between the flow information that is meant and the one in the order of the network, which is what std and
/// socket2 hand to the kernel as it is.
pub(super) fn turned(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => {
            SocketAddrV6::new(*v6.ip(), v6.port(), v6.flowinfo().to_be(), v6.scope_id()).into()
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(address) => address.fmt(f),
            Address::Unix(address) => address.fmt(f),
        }
    }
}

/// A path as it is written, a name behind `@` as ss(8) and lsof(8) write it; what can't be shown is escaped.
impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnixAddress::Unnamed => f.write_str("(unnamed)"),
            UnixAddress::Path(path) => path.as_os_str().as_bytes().escape_ascii().fmt(f),
            UnixAddress::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Address::Ip(address)
    }
}

impl From<UnixAddress> for Address {
    fn from(address: UnixAddress) -> Self {
        Address::Unix(address)
    }
}

/// So that an address can be compared with one of std's.
impl PartialEq<SocketAddr> for Address {
    fn eq(&self, other: &SocketAddr) -> bool {
        self.ip().as_ref() == Some(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flow_information_is_in_the_order_of_the_network() {
        // No socket shows it without options by number: what the kernel is handed has to do.
        let flow = 0x0a_bcde;
        let address = SocketAddrV6::new(std::net::Ipv6Addr::LOCALHOST, 80, flow, 7);
        let address = Address::Ip(address.into());
        let kernels = address.to_kernel().unwrap();
        let held = kernels.as_socket_ipv6().expect("of IPv6").flowinfo();
        assert_eq!(held.to_ne_bytes(), [0, 0x0a, 0xbc, 0xde]);
        assert_eq!(Address::from_kernel(&kernels).unwrap(), address);
        let by_rustix = SocketAddrAny::from(address.ip().expect("of the internet"));
        assert_eq!(Address::of_sender(by_rustix), Some(address));
    }
}

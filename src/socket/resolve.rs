//! From what names an address to the addresses: text, a host and a port, or the address itself.
//!
//! It is the only file that asks the resolver, getaddrinfo(3). Read `connect.rs` next for who asks.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use dns_lookup::{AddrInfoHints, LookupError};

use super::address::{Address, UnixAddress};
use super::error::{Error, Result};
use super::{Domain, Socket};

/// Why a name has no address: Python's `socket.gaierror`.
#[derive(Debug)]
pub struct ResolveError {
    code: Option<i32>,
    text: String,
}

impl ResolveError {
    /// The number that getaddrinfo(3) gave (EAI_NONAME and its kin), which is `gaierror.errno`; `None` for text
    /// that it was never asked about.
    #[doc(alias = "EAI_NONAME")]
    pub fn code(&self) -> Option<i32> {
        self.code
    }

    fn unasked(text: impl Into<String>) -> Error {
        Error::Resolve(ResolveError { code: None, text: text.into() })
    }

    fn asked(error: LookupError) -> Error {
        let code = error.error_num();
        let inner = io::Error::from(error);
        match inner.raw_os_error() {
            // EAI_SYSTEM: the resolver itself got an errno.
            Some(_) => Error::Os(inner),
            None => {
                let text = inner.to_string();
                let text = text.rsplit(": ").next().unwrap_or_default().to_owned();
                Error::Resolve(ResolveError { code: (code != 0).then_some(code), text })
            }
        }
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ResolveError {}

/// What names an address: an address, a host and a port, or both in one text (`"localhost:80"`, `"[::1]:80"`).
///
/// As in Python, the empty host is every address of this machine, and `<broadcast>` is 255.255.255.255.
#[doc(alias = "getaddrinfo")]
pub trait ToAddress {
    /// The addresses, best first. A name is looked up in the family `domain`; an address comes as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Resolve`] for a name that has none.
    fn to_addresses(&self, domain: Domain) -> Result<Vec<Address>>;
}

macro_rules! addresses {
    ($($type:ty, $self:ident => $address:expr;)*) => {$(
        impl ToAddress for $type {
            fn to_addresses(&self, _: Domain) -> Result<Vec<Address>> {
                let $self = self.clone();
                Ok(vec![$address])
            }
        }
    )*};
}

addresses! {
    Address, address => address;
    UnixAddress, address => address.into();
    SocketAddr, address => address.into();
    SocketAddrV4, address => SocketAddr::from(address).into();
    SocketAddrV6, address => SocketAddr::from(address).into();
    (IpAddr, u16), address => SocketAddr::from(address).into();
    (Ipv4Addr, u16), address => SocketAddr::from(address).into();
    (Ipv6Addr, u16), address => SocketAddr::from(address).into();
}

impl ToAddress for [SocketAddr] {
    fn to_addresses(&self, _: Domain) -> Result<Vec<Address>> {
        Ok(self.iter().copied().map(Address::from).collect())
    }
}

impl ToAddress for (&str, u16) {
    fn to_addresses(&self, domain: Domain) -> Result<Vec<Address>> {
        lookup(self.0, self.1, domain)
    }
}

impl ToAddress for (String, u16) {
    fn to_addresses(&self, domain: Domain) -> Result<Vec<Address>> {
        lookup(&self.0, self.1, domain)
    }
}

impl ToAddress for str {
    fn to_addresses(&self, domain: Domain) -> Result<Vec<Address>> {
        if let Ok(address) = self.parse::<SocketAddr>() {
            return Ok(vec![address.into()]);
        }
        let (host, port) = self
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse().ok()?)))
            .ok_or_else(|| ResolveError::unasked("an address is a host, a colon and a port"))?;
        lookup(host, port, domain)
    }
}

impl ToAddress for String {
    fn to_addresses(&self, domain: Domain) -> Result<Vec<Address>> {
        self.as_str().to_addresses(domain)
    }
}

impl<T: ToAddress + ?Sized> ToAddress for &T {
    fn to_addresses(&self, domain: Domain) -> Result<Vec<Address>> {
        (**self).to_addresses(domain)
    }
}

impl Socket {
    /// The first address; it has to be of this socket's family, which the kernel is not asked to judge, as in Python.
    pub(super) fn resolve(&self, address: impl ToAddress) -> Result<Address> {
        let domain = self.family();
        let found = address.to_addresses(domain)?;
        let first = found.first().ok_or_else(|| ResolveError::unasked("no address is given"))?;
        match found.iter().find(|address| address.family() == domain) {
            Some(address) => Ok(address.clone()),
            None => Err(wrong_family(first, domain)),
        }
    }
}

/// `setipaddr` of Modules/socketmodule.c.
fn lookup(host: &str, port: u16, domain: Domain) -> Result<Vec<Address>> {
    let everywhere = match host {
        "" if domain == Domain::IPV6 => Some(IpAddr::from(Ipv6Addr::UNSPECIFIED)),
        "" => Some(Ipv4Addr::UNSPECIFIED.into()),
        "<broadcast>" if domain == Domain::IPV6 => {
            return Err(ResolveError::unasked("only IPv4 has a broadcast address"));
        }
        "<broadcast>" => Some(Ipv4Addr::BROADCAST.into()),
        _ => None,
    };
    match everywhere {
        Some(ip) => Ok(vec![SocketAddr::from((ip, port)).into()]),
        None => ask(host, port, i32::from(domain)),
    }
}

/// Asks getaddrinfo(3); a family of 0 is any.
fn ask(host: &str, port: u16, family: i32) -> Result<Vec<Address>> {
    if host.contains('\0') {
        return Err(Error::InvalidValue("a host name contains a zero"));
    }
    let hints = AddrInfoHints { address: family, ..AddrInfoHints::default() };
    let found =
        dns_lookup::getaddrinfo(Some(host), None, Some(hints)).map_err(ResolveError::asked)?;
    let mut addresses = Vec::new();
    for info in found {
        let info = info.map_err(|error| ResolveError::unasked(error.to_string()))?;
        let mut address = info.sockaddr;
        address.set_port(port);
        // Each comes once for every type of socket.
        if !addresses.contains(&Address::Ip(address)) {
            addresses.push(address.into());
        }
    }
    Ok(addresses)
}

/// The error of getaddrinfo(3) for an address of another family than it was asked for.
fn wrong_family(address: &Address, domain: Domain) -> Error {
    let is_internet = domain == Domain::IPV4 || domain == Domain::IPV6;
    match address {
        Address::Ip(ip) if is_internet => match ask(&ip.ip().to_string(), 0, i32::from(domain)) {
            Err(error) => error,
            // An IPv4 address is none of IPv6, whatever a resolver makes of it.
            Ok(_) => ResolveError::unasked("the address is of another family than the socket"),
        },
        _ => Error::InvalidValue("the address is of another family than the socket"),
    }
}

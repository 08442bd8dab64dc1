//! The values of options: what they look like, and what is said of one that doesn't look like that.

mod number;
mod penalty;
mod time;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::str::FromStr;

use bytesize::ByteSize;
use clap::ValueEnum;
use sockmodes::auth::Scheme;
use sockmodes::server::MaxPending;
use sockmodes::session::Service;

pub(super) use number::number;
use number::whole;
pub(super) use penalty::Penalty;
pub(super) use time::{say_back, timeout};

/// A number from 1, or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit(pub(super) Option<usize>);

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Limit, String> {
        if text == "none" {
            return Ok(Limit(None));
        }
        let limit: NonZeroUsize =
            whole(text).ok_or_else(|| "expected a whole number from 1, or none".to_owned())?;
        Ok(Limit(Some(limit.get())))
    }
}

/// `START:RATE:FULL`, or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending(pub(super) Option<MaxPending>);

impl FromStr for Pending {
    type Err = String;

    fn from_str(text: &str) -> Result<Pending, String> {
        if text == "none" {
            return Ok(Pending(None));
        }
        text.parse().map(|limit| Pending(Some(limit))).map_err(|error| format!("{error}, or none"))
    }
}

/// A size in bytes, such as `65536`, `256KiB` or `1MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BufferSize(pub(super) NonZeroUsize);

/// With less, what a read brings is hardly worth its system call.
const LEAST_BUFFER: ByteSize = ByteSize::kib(4);
/// No answer comes near it.
const MOST_BUFFER: ByteSize = ByteSize::gib(1);

impl FromStr for BufferSize {
    type Err = String;

    fn from_str(text: &str) -> Result<BufferSize, String> {
        let expected = || "expected a size such as 256KiB or 1MiB".to_owned();
        // What reads sizes takes a plus sign in front, too.
        if text.starts_with('+') {
            return Err(expected());
        }
        let size: ByteSize = text.parse().map_err(|_| expected())?;
        if size < LEAST_BUFFER {
            Err(format!("it must be at least {LEAST_BUFFER}"))
        } else if size > MOST_BUFFER {
            Err(format!("it must be at most {MOST_BUFFER}"))
        } else {
            let size = usize::try_from(size.as_u64()).ok().and_then(NonZeroUsize::new);
            size.map(BufferSize).ok_or_else(expected)
        }
    }
}

/// `HOST:PORT`, an IPv6 host in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// As usual, or a bare port, which is one that only this machine can reach.
    pub(super) fn on_loopback(text: &str) -> Result<Address, String> {
        match whole(text) {
            Some(port) => Ok(Address { host: "127.0.0.1".into(), port }),
            None => text.parse().map_err(|error| format!("{error}, or a port")),
        }
    }

    /// The addresses that the name stands for, at least one. An IPv4 address that is written as an IPv6 one is IPv4:
    /// a socket of IPv6 alone can't be bound to it.
    pub(super) fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let plain = |address: SocketAddr| match address.ip().to_canonical() {
            ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
            IpAddr::V6(_) => address,
        };
        let found = (self.host.as_str(), self.port).to_socket_addrs()?;
        let found: Vec<_> = found.map(plain).collect();
        if found.is_empty() { Err(io::Error::other("the name has no address")) } else { Ok(found) }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let expected = || "expected HOST:PORT, an IPv6 host in brackets".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bare {
            Some(host) if host.contains(':') => host,
            Some(_) => return Err(expected()),
            None if host.contains([':', '[', ']']) => return Err(expected()),
            None => host,
        };
        let port = whole(port).ok_or_else(|| "the port must be 0 to 65535".to_owned())?;
        if host.is_empty() {
            return Err(expected());
        }
        Ok(Address { host: host.into(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// `--auth`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Auth {
    /// HMAC-MD5: for the Python programs that this grew out of
    HmacMd5,
    /// HMAC-SHA-256: the one for anything new
    HmacSha256,
    /// MD5 of secret and nonce, in hexadecimal: for the oldest of those programs
    Md5,
    /// Whoever connects is let in
    None,
}

impl Auth {
    /// How a client proves itself; `None`, if it need not.
    pub(super) fn scheme(self) -> Option<Scheme> {
        match self {
            Auth::HmacMd5 => Some(Scheme::HmacMd5),
            Auth::HmacSha256 => Some(Scheme::HmacSha256),
            Auth::Md5 => Some(Scheme::Md5),
            Auth::None => None,
        }
    }
}

/// `--service`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Offer {
    /// Send back every byte, ASCII letters in upper case
    Upper,
    /// Send back every byte unchanged
    Echo,
    /// Answer one line in upper case, then close
    UpperOnce,
    /// Check names and passwords, sent as JSON, against --users
    Login,
}

impl From<Offer> for Service {
    fn from(offer: Offer) -> Service {
        match offer {
            Offer::Upper => Service::Upper,
            Offer::Echo => Service::Echo,
            Offer::UpperOnce => Service::UpperOnce,
            Offer::Login => Service::Login,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["127.0.0.1:9999", "localhost:0", "[::1]:80"] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        let no_port = ["", ":", "9999", ":9999", "localhost", "localhost:"];
        let no_number = ["a:65536", "a:+9999", "a:-1", "a: 80", "a:８０", "[::1]:+80"];
        let no_host = ["::1:80", "[]:1", "[127.0.0.1]:80", "[localhost]:80"];
        for bad in [&no_port[..], &no_number, &no_host].concat() {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
        let mapped = "[::ffff:127.0.0.1]:80".parse::<Address>().unwrap().resolve().unwrap();
        assert_eq!(mapped, ["127.0.0.1:80".parse().unwrap()]);
        assert!(Address::on_loopback("9998").is_ok());
        assert!(Address::on_loopback("+9998").is_err());
    }

    #[test]
    fn limits_and_sizes() {
        assert_eq!("none".parse(), Ok(Limit(None)));
        assert_eq!("7".parse(), Ok(Limit(Some(7))));
        for bad in ["0", "+7", "-7", " 7", "7.0", "7e3", "0x7"] {
            assert!(bad.parse::<Limit>().is_err(), "{bad}");
            assert!(number::<usize>(bad).is_err() || bad == "0", "{bad}");
        }
        assert_eq!("4KiB".parse(), Ok(BufferSize(NonZeroUsize::new(4096).unwrap())));
        assert_eq!("1MiB".parse(), Ok(BufferSize(NonZeroUsize::new(1 << 20).unwrap())));
        assert_eq!("4.5KiB".parse(), Ok(BufferSize(NonZeroUsize::new(4608).unwrap())));
        assert_eq!("1GiB".parse(), Ok(BufferSize(NonZeroUsize::new(1 << 30).unwrap())));
        let odd = ["+65536", "+64KiB", "65536.5", "17EiB", "18446744073709551616", "1025MiB"];
        for bad in [&odd[..], &["none", "4095", "4KB", "-1", "lots", ""]].concat() {
            assert!(bad.parse::<BufferSize>().is_err(), "{bad}");
        }
        assert!("10:30:100".parse::<Pending>().unwrap().0.is_some());
        assert_eq!("none".parse(), Ok(Pending(None)));
        for bad in ["", "1", "1:2", "1:2:3:4", "5:30:4", "1:101:5", "a:b:c", "-1:0:1", "+1:2:3"] {
            assert!(bad.parse::<Pending>().is_err(), "{bad}");
        }
    }
}

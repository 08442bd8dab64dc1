//! The values of options: what they look like, and what is said of one that doesn't look like that.

mod penalty;

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::ValueEnum;
use sockmodes::auth::Scheme;
use sockmodes::server::MaxPending;
use sockmodes::session::{Service, Timeout};

pub(super) use penalty::Penalty;

/// Longer than anything waits for; beyond it clocks and kernels disagree on what fits.
const LONGEST: Duration = Duration::from_secs(100 * YEAR);
/// Seconds of a year of 365.25 days, as `1y` has it.
const YEAR: u64 = 31_557_600;

/// A time, such as `10s`, `5m` or `1m 30s`, a bare number being seconds; or `none`.
pub(super) fn timeout(text: &str) -> Result<Timeout, String> {
    if text == "none" {
        return Ok(Timeout::NEVER);
    }
    let time = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text)
            .map_err(|error| format!("expected a time such as 10s or 5m, or none: {error}"))?,
    };
    if time.is_zero() {
        Err("no time at all; to turn it off, say none".into())
    } else if time > LONGEST {
        Err("more than 100 years; to turn it off, say none".into())
    } else {
        Ok(time.into())
    }
}

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
            text.parse().map_err(|_| "expected a whole number from 1, or none".to_owned())?;
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
const LEAST_BUFFER: NonZeroUsize = NonZeroUsize::new(4 * 1024).expect("it is not zero");

impl FromStr for BufferSize {
    type Err = String;

    fn from_str(text: &str) -> Result<BufferSize, String> {
        let size: ByteSize =
            text.parse().map_err(|_| "expected a size such as 256KiB or 1MiB".to_owned())?;
        let size = usize::try_from(size.as_u64())
            .map_err(|_| "more than this machine can address".to_owned())?;
        match NonZeroUsize::new(size).filter(|size| *size >= LEAST_BUFFER) {
            Some(size) => Ok(BufferSize(size)),
            None => Err(format!("it must be at least {}", ByteSize(LEAST_BUFFER.get() as u64))),
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
        match text.parse() {
            Ok(port) => Ok(Address { host: "127.0.0.1".into(), port }),
            Err(_) => text.parse().map_err(|error| format!("{error}, or a port")),
        }
    }

    /// The addresses that the name stands for, at least one.
    pub(super) fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let found: Vec<_> = (self.host.as_str(), self.port).to_socket_addrs()?.collect();
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
            Some(host) => host,
            None if host.contains([':', '[', ']']) => return Err(expected()),
            None => host,
        };
        let port = port.parse().map_err(|_| "the port must be 0 to 65535".to_owned())?;
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
    fn times() {
        let time = |text: &str| timeout(text).ok().map(Timeout::duration);
        assert_eq!(time("none"), Some(None));
        assert_eq!(time("10s"), Some(Some(Duration::from_secs(10))));
        assert_eq!(time("2.5"), None);
        assert_eq!(time("3"), Some(Some(Duration::from_secs(3))));
        assert_eq!(time("1m 30s"), Some(Some(Duration::from_secs(90))));
        for bad in ["", "0s", "0", "-1s", "ten", "200years", "99999999999999999999"] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses() {
        for good in ["127.0.0.1:9999", "localhost:0", "[::1]:80"] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        for bad in
            ["", ":", "9999", ":9999", "localhost", "localhost:", "a:65536", "::1:80", "[]:1"]
        {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_and_sizes() {
        assert_eq!("none".parse(), Ok(Limit(None)));
        assert_eq!("7".parse(), Ok(Limit(Some(7))));
        assert!("0".parse::<Limit>().is_err());
        assert_eq!("4KiB".parse(), Ok(BufferSize(NonZeroUsize::new(4096).unwrap())));
        assert_eq!("1MiB".parse(), Ok(BufferSize(NonZeroUsize::new(1 << 20).unwrap())));
        for bad in ["none", "4095", "4KB", "-1", "lots", ""] {
            assert!(bad.parse::<BufferSize>().is_err(), "{bad}");
        }
        assert!("10:30:100".parse::<Pending>().unwrap().0.is_some());
        assert_eq!("none".parse(), Ok(Pending(None)));
        for bad in ["", "1", "1:2", "1:2:3:4", "5:30:4", "1:101:5", "a:b:c", "-1:0:1"] {
            assert!(bad.parse::<Pending>().is_err(), "{bad}");
        }
    }
}

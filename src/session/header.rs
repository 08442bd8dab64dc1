//! The header that a proxy sends first, of the PROXY protocol in version 1 or 2, and as much of it as
//! has come.
//!
//! Where it ends is found here, so that it may come in any pieces and what follows is not touched; the
//! addresses in it are read by the crate `proxy-header`, once it is whole. Never here: who may send one,
//! and what becomes of whoever it names (see `beginning.rs`).

use std::net::SocketAddr;

use proxy_header::{ParseConfig, ProxyHeader};

/// The most bytes of a header of version 1, its line feed included.
pub const MAX_HEADER_V1: usize = 107;
/// The most bytes of a header of version 2: as many as every host must take in one piece.
pub const MAX_HEADER_V2: usize = 536;

const V1: &[u8] = b"PROXY ";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The part of version 2 that says how long the rest is.
const V2_FIXED: usize = 16;
/// The commands of version 2: the proxy speaks for itself, or for a client.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
/// TCP over IPv4 and over IPv6, in version 2.
const TCP: [u8; 2] = [0x11, 0x21];

/// Whom a header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A client of the proxy, with this address; an IPv4 address that is written as an IPv6 one is IPv4.
    Client(SocketAddr),
    /// Nobody: the proxy itself, which looks whether anybody is there; or a client that came to it by
    /// something else than TCP over IP.
    Local,
}

/// What came is no header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadHeader;

/// What has come of a header, and behind it.
#[derive(Default)]
pub(super) struct Header {
    bytes: Vec<u8>,
    /// Known once it is whole.
    origin: Option<Origin>,
    behind: Vec<u8>,
}

impl Header {
    /// Whether nothing has come of it.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whom it names, once it is whole.
    pub(super) fn origin(&self) -> Option<Origin> {
        self.origin
    }

    /// What came behind it.
    pub(super) fn into_behind(self) -> Vec<u8> {
        self.behind
    }

    /// More has come.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Result<(), BadHeader> {
        if self.origin.is_some() {
            self.behind.extend_from_slice(bytes);
            return Ok(());
        }
        let before = self.bytes.len();
        let most = bytes.len().min(MAX_HEADER_V2 - before);
        self.bytes.extend_from_slice(&bytes[..most]);
        let Some(whole) = len(&self.bytes)?.filter(|len| *len <= self.bytes.len()) else {
            return Ok(());
        };
        self.origin = Some(origin(&self.bytes[..whole])?);
        self.behind = bytes[whole - before..].to_vec();
        Ok(())
    }
}

/// How long a header is that begins with `bytes`, as soon as that can be known. What can't become one
/// is found out at the first byte that says so.
fn len(bytes: &[u8]) -> Result<Option<usize>, BadHeader> {
    if bytes.first() == V2.first() { len_of_v2(bytes) } else { len_of_v1(bytes) }
}

fn len_of_v1(bytes: &[u8]) -> Result<Option<usize>, BadHeader> {
    begins(bytes, V1)?;
    let line = &bytes[..bytes.len().min(MAX_HEADER_V1)];
    match line.iter().position(|byte| *byte == b'\n') {
        None if line.len() == MAX_HEADER_V1 => Err(BadHeader),
        end => Ok(end.map(|at| at + 1)),
    }
}

fn len_of_v2(bytes: &[u8]) -> Result<Option<usize>, BadHeader> {
    begins(bytes, V2)?;
    if bytes.get(V2.len()).is_some_and(|command| ![LOCAL, PROXY].contains(command)) {
        return Err(BadHeader);
    }
    let Some(fixed) = bytes.first_chunk::<V2_FIXED>() else { return Ok(None) };
    let [.., high, low] = *fixed;
    let len = V2_FIXED + usize::from(u16::from_be_bytes([high, low]));
    if len > MAX_HEADER_V2 { Err(BadHeader) } else { Ok(Some(len)) }
}

/// Whether `bytes` begin with `signature`, as far as they go.
fn begins(bytes: &[u8], signature: &[u8]) -> Result<(), BadHeader> {
    let common = bytes.len().min(signature.len());
    if bytes[..common] == signature[..common] { Ok(()) } else { Err(BadHeader) }
}

/// Whom a whole header names.
fn origin(header: &[u8]) -> Result<Origin, BadHeader> {
    let is_local = match header.strip_prefix(V1) {
        Some(line) => is_unknown(line)?,
        None => is_local(header[V2.len()], header[V2.len() + 1])?,
    };
    if is_local {
        return Ok(Origin::Local);
    }
    let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    match ProxyHeader::parse(header, config) {
        Ok((parsed, len)) if len == header.len() => {
            let source = parsed.proxied_address().ok_or(BadHeader)?.source;
            Ok(Origin::Client(SocketAddr::new(source.ip().to_canonical(), source.port())))
        }
        _ => Err(BadHeader),
    }
}

/// Whether a line of version 1, without its first word, names nobody. The crate takes more than the
/// protocol allows: a sign before a port, zeros, and any byte behind the first word.
fn is_unknown(line: &[u8]) -> Result<bool, BadHeader> {
    let line = line.strip_suffix(b"\r\n").ok_or(BadHeader)?;
    let mut words = line.split(|byte| *byte == b' ');
    if words.next() == Some(b"UNKNOWN") {
        return Ok(true);
    }
    let is_number = |word: &[u8]| {
        word == b"0" || word.first().is_some_and(u8::is_ascii_digit) && word[0] != b'0'
    };
    let ports_are_numbers = words.skip(2).all(is_number);
    if ports_are_numbers { Ok(false) } else { Err(BadHeader) }
}

/// Whether a header of version 2 with this command and this family names nobody. A proxy that speaks for
/// itself may say what it likes of the rest.
fn is_local(command: u8, family: u8) -> Result<bool, BadHeader> {
    match (family >> 4, family & 0x0f) {
        _ if command == LOCAL => Ok(true),
        _ if TCP.contains(&family) => Ok(false),
        // Unspecified or Unix; or datagrams, or an unspecified transport.
        (0..=3, 0..=2) => Ok(true),
        _ => Err(BadHeader),
    }
}

#[cfg(test)]
mod tests;

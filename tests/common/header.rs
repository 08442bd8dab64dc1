//! The model of a proxy's header: what comes of the bytes of a whole stream, by another road than the
//! server's. Every beginning of it is looked at by itself, and the first that decides anything decides.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str;

/// What a stream begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// Something that may still become one.
    Part,
    /// Something that is none.
    Bad,
    /// One of so many bytes, which names a client, or nobody.
    Whole(usize, Option<SocketAddr>),
}

const SIGNATURE: &[u8] = b"\r\n\r\n\x00\r\nQUIT\n";

pub(crate) fn header(stream: &[u8]) -> Header {
    let beginnings = (1..=stream.len()).map(|len| decide(&stream[..len]));
    beginnings.into_iter().find(|it| *it != Header::Part).unwrap_or(Header::Part)
}

fn decide(bytes: &[u8]) -> Header {
    match bytes {
        [b'P', ..] => decide_line(bytes),
        [b'\r', ..] => decide_block(bytes),
        _ => Header::Bad,
    }
}

fn decide_line(bytes: &[u8]) -> Header {
    let starts = bytes.starts_with(b"PROXY ") || b"PROXY ".starts_with(bytes);
    if !starts || bytes.len() > 107 {
        return Header::Bad;
    }
    if !bytes.ends_with(b"\n") {
        return if bytes.len() == 107 { Header::Bad } else { Header::Part };
    }
    if bytes.starts_with(b"PROXY UNKNOWN ") && bytes.ends_with(b"\r\n") {
        return Header::Whole(bytes.len(), None);
    }
    let words: Vec<&str> = str::from_utf8(bytes).unwrap_or_default().split(' ').collect();
    let client = match words[..] {
        ["PROXY", "UNKNOWN\r\n"] => return Header::Whole(bytes.len(), None),
        ["PROXY", "TCP4", source, to, port, rest] if is::<Ipv4Addr>(to) && is_port(rest) => {
            source.parse().ok().map(IpAddr::V4).zip(number(port))
        }
        ["PROXY", "TCP6", source, to, port, rest] if is::<Ipv6Addr>(to) && is_port(rest) => {
            source.parse().ok().map(IpAddr::V6).zip(number(port))
        }
        _ => None,
    };
    client.map_or(Header::Bad, |(ip, port)| whole(bytes, ip, port))
}

fn is<T: str::FromStr>(word: &str) -> bool {
    word.parse::<T>().is_ok()
}

/// The last word of the line.
fn is_port(rest: &str) -> bool {
    rest.strip_suffix("\r\n").and_then(number).is_some()
}

/// A number as it is printed.
fn number(word: &str) -> Option<u16> {
    word.parse().ok().filter(|number: &u16| number.to_string() == word)
}

fn whole(bytes: &[u8], ip: IpAddr, port: u16) -> Header {
    let ip = match ip {
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4),
        ip => ip,
    };
    Header::Whole(bytes.len(), Some(SocketAddr::new(ip, port)))
}

fn decide_block(bytes: &[u8]) -> Header {
    let Some(rest) = bytes.strip_prefix(SIGNATURE) else {
        return if SIGNATURE.starts_with(bytes) { Header::Part } else { Header::Bad };
    };
    let (command, family, len, block) = match *rest {
        [] | [0x20 | 0x21] | [0x20 | 0x21, _] | [0x20 | 0x21, _, _] => return Header::Part,
        [command @ (0x20 | 0x21), family, high, low, ref block @ ..] => {
            (command, family, usize::from(high) * 256 + usize::from(low), block)
        }
        _ => return Header::Bad,
    };
    if 16 + len > 536 {
        return Header::Bad;
    }
    if block.len() < len {
        return Header::Part;
    }
    let port = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
    match family {
        _ if command == 0x20 => Header::Whole(bytes.len(), None),
        0x11 if len >= 12 => {
            let source: [u8; 4] = block[..4].try_into().expect("there are so many");
            whole(bytes, source.into(), port(8))
        }
        0x21 if len >= 36 => {
            let source: [u8; 16] = block[..16].try_into().expect("there are so many");
            whole(bytes, source.into(), port(32))
        }
        0x11 | 0x21 => Header::Bad,
        0x00..=0x02 | 0x10 | 0x12 | 0x20 | 0x22 | 0x30..=0x32 => Header::Whole(bytes.len(), None),
        _ => Header::Bad,
    }
}

//! Headers as proxies write them, and all the ways in which something is none.

use super::*;

/// A header of version 2: its command, its family, and what it says it holds.
fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let len = (block.len() as u16).to_be_bytes();
    [V2, &[command, family], &len, block].concat()
}

/// The block of TCP over IPv4, from 192.0.2.7:4660 to 198.51.100.1:443.
const IPV4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0x12, 0x34, 0x01, 0xbb];

/// The block of TCP over IPv6, from this address, port 4660.
fn ipv6(source: &str) -> Vec<u8> {
    let source: std::net::Ipv6Addr = source.parse().unwrap();
    [&source.octets()[..], &[0; 16], &[0x12, 0x34, 0x01, 0xbb]].concat()
}

/// What comes of `bytes`, in pieces of `most`: whom they name and what is behind; `None` where they are
/// only a part of a header.
fn heard(bytes: &[u8], most: usize) -> Result<Option<(Origin, Vec<u8>)>, BadHeader> {
    let mut header = Header::default();
    for piece in bytes.chunks(most) {
        header.hear(piece)?;
        assert!(header.bytes.len() <= MAX_HEADER_V2);
    }
    Ok(header.origin().map(|origin| (origin, header.into_behind())))
}

/// The same in every cut, and with something behind it.
fn names(header: &[u8]) -> Result<Origin, BadHeader> {
    let stream = [header, b"PROXY behind\r\n"].concat();
    let whole = heard(&stream, stream.len());
    for most in (1..stream.len()).filter(|most| *most < 20 || stream.len() < 150) {
        assert_eq!(heard(&stream, most), whole, "{most}: {}", header.escape_ascii());
    }
    let (origin, behind) = whole?.expect("it is whole");
    assert_eq!(behind, b"PROXY behind\r\n");
    for part in 0..header.len() {
        assert_eq!(heard(&header[..part], usize::MAX), Ok(None), "{part}");
    }
    Ok(origin)
}

fn client(address: &str) -> Result<Origin, BadHeader> {
    Ok(Origin::Client(address.parse().unwrap()))
}

#[test]
fn a_client_is_named_in_either_version_and_either_family() {
    let line = |text: &str| names(text.as_bytes());
    assert_eq!(line("PROXY TCP4 192.0.2.7 198.51.100.1 4660 443\r\n"), client("192.0.2.7:4660"));
    assert_eq!(line("PROXY TCP4 192.0.2.7 198.51.100.1 0 65535\r\n"), client("192.0.2.7:0"));
    assert_eq!(line("PROXY TCP6 2001:db8::7 ::1 4660 443\r\n"), client("[2001:db8::7]:4660"));
    assert_eq!(line("PROXY TCP6 2001:DB8:0:0::7 ::1 1 2\r\n"), client("[2001:db8::7]:1"));
    assert_eq!(names(&v2(PROXY, 0x11, &IPV4)), client("192.0.2.7:4660"));
    assert_eq!(names(&v2(PROXY, 0x21, &ipv6("2001:db8::7"))), client("[2001:db8::7]:4660"));
}

#[test]
fn an_ipv4_address_that_is_written_as_an_ipv6_one_is_ipv4() {
    let line = b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 4660 443\r\n";
    assert_eq!(names(line), client("192.0.2.7:4660"));
    assert_eq!(names(&v2(PROXY, 0x21, &ipv6("::ffff:192.0.2.7"))), client("192.0.2.7:4660"));
}

#[test]
fn what_follows_the_addresses_is_skipped() {
    // An authority (0x02) and what nobody knows (0xee), which has a length that is not its own.
    let more = [&IPV4[..], b"\x02\x00\x0bexample.com", b"\xee\xff\xff"].concat();
    assert_eq!(names(&v2(PROXY, 0x11, &more)), client("192.0.2.7:4660"));
    let full = [&IPV4[..], &[0; 520 - 12]].concat();
    assert_eq!(v2(PROXY, 0x11, &full).len(), MAX_HEADER_V2);
    assert_eq!(names(&v2(PROXY, 0x11, &full)), client("192.0.2.7:4660"));
}

#[test]
fn a_proxy_s_own_and_what_is_not_tcp_over_ip_name_nobody_and_are_skipped_unread() {
    for line in ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ::1 whatever \t\r\r\n"] {
        assert_eq!(names(line.as_bytes()), Ok(Origin::Local));
    }
    let longest = format!("PROXY UNKNOWN {:89}\r\n", "x");
    assert_eq!(longest.len(), 105);
    assert_eq!(names(longest.as_bytes()), Ok(Origin::Local));
    // A proxy that speaks for itself may leave dummies there, or nothing.
    for family in 0..=0xff {
        for block in [&[][..], &IPV4, &[0; 520]] {
            assert_eq!(names(&v2(LOCAL, family, block)), Ok(Origin::Local), "{family:#x}");
        }
    }
    // Unspecified, datagrams, Unix: whatever the length.
    for family in [0x00, 0x01, 0x02, 0x10, 0x12, 0x20, 0x22, 0x30, 0x31, 0x32] {
        for block in [&[][..], &IPV4, &[0; 216]] {
            assert_eq!(names(&v2(PROXY, family, block)), Ok(Origin::Local), "{family:#x}");
        }
    }
}

/// Lines that begin as a header does, or don't, and are none.
const MALFORMED: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "PROXYTCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY\tTCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY\r\n",
    "PROXY \r\n",
    "PROXY TCP4\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
    "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.400 1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 -2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 02\r\n",
    "PROXY TCP4 ::1 ::1 1 2\r\n",
    "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
    "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY UNKNOWNS\r\n",
    "PROXY UNKNOWN\n",
];

#[test]
fn what_is_malformed_is_no_header() {
    for line in MALFORMED {
        assert_eq!(names(line.as_bytes()), Err(BadHeader), "{line:?}");
    }
    let mut torn = v2(PROXY, 0x11, &IPV4);
    torn[11] = b'\r';
    assert_eq!(names(&torn), Err(BadHeader));
    for command in (0..=0xff).filter(|command| ![LOCAL, PROXY].contains(command)) {
        assert_eq!(names(&v2(command, 0x11, &IPV4)), Err(BadHeader), "{command:#x}");
    }
    for family in [0x13, 0x1f, 0x23, 0x03, 0x33, 0x40, 0x41, 0x51, 0xf1, 0xff] {
        assert_eq!(names(&v2(PROXY, family, &[0; 216])), Err(BadHeader), "{family:#x}");
    }
    assert_eq!(names(&v2(PROXY, 0x11, &IPV4[..11])), Err(BadHeader));
    assert_eq!(names(&v2(PROXY, 0x21, &ipv6("::1")[..35])), Err(BadHeader));
}

#[test]
fn what_is_too_long_is_no_header_and_nobody_waits_for_its_end() {
    let line = |len: usize| [b"PROXY UNKNOWN ".as_slice(), &vec![b'x'; len - 16], b"\r\n"].concat();
    assert_eq!(names(&line(MAX_HEADER_V1)), Ok(Origin::Local));
    assert_eq!(names(&line(MAX_HEADER_V1 + 1)), Err(BadHeader));
    assert_eq!(heard(&line(1000)[..MAX_HEADER_V1 - 1], 1), Ok(None));
    assert_eq!(heard(&line(1000)[..MAX_HEADER_V1], 1), Err(BadHeader));
    for len in [521_u16, 0xffff] {
        let fixed = [V2, &[PROXY, 0x11], &len.to_be_bytes()].concat();
        for most in [1, V2_FIXED] {
            assert_eq!(heard(&fixed, most), Err(BadHeader), "{len}");
        }
    }
}

#[test]
fn what_can_become_no_header_is_found_out_at_its_first_wrong_byte() {
    for start in ["Q", "PROXX", "PROXY\t", "\r\n\r\n\0\r\nQUIT\r", "\r\n\r\n\0\r\nQUIT\n\x31", "\n"]
    {
        let bytes = start.as_bytes();
        let (last, before) = bytes.split_last().unwrap();
        let mut header = Header::default();
        assert_eq!((header.hear(before), header.hear(&[*last])), (Ok(()), Err(BadHeader)));
    }
    // A line that ends too early can't be mended by what follows.
    assert_eq!(heard(b"PROXY TCP4 1.2.3.4\n", 1), Err(BadHeader));
}

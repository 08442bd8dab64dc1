//! Addresses: which are refused before the kernel sees them, names, and those of Unix.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use rustix::io::Errno;
use sockmodes::socket::{
    Address, Broadcast, Domain, Error, Flags, Socket, ToAddress, Type, UnixAddress,
};

use super::is_errno;

#[test]
fn the_empty_host_is_every_address() {
    let socket = Socket::tcp().unwrap();
    socket.bind(("", 0)).unwrap();
    assert_eq!(socket.local_addr().unwrap().ip(), Ipv4Addr::UNSPECIFIED);
    socket.listen(1).unwrap();
    let port = socket.local_addr().unwrap().port();
    Socket::tcp().unwrap().connect(("127.0.0.1", port)).unwrap();
    let v6 = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
    v6.bind(":0").unwrap();
    assert_eq!(v6.local_addr().unwrap().ip(), Ipv6Addr::UNSPECIFIED);
}

#[test]
fn the_broadcast_address_has_a_name() {
    let found = ("<broadcast>", 7).to_addresses(Domain::IPV4).unwrap();
    assert_eq!(found, [SocketAddr::from((Ipv4Addr::BROADCAST, 7))]);
    assert!(matches!(("<broadcast>", 7).to_addresses(Domain::IPV6), Err(Error::Resolve(_))));
    let socket = Socket::udp().unwrap();
    // Refused for want of the option, hence understood.
    assert!(is_errno(&socket.send_to(b"x", ("<broadcast>", 7)).unwrap_err(), Errno::ACCESS));
    socket.set_option(Broadcast, true).unwrap();
}

#[test]
fn an_address_of_the_wrong_family_is_refused_before_the_kernel_sees_it() {
    let v4 = Socket::udp().unwrap();
    let v6 = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
    let refused = |result: Result<(), Error>| match result {
        Err(Error::Resolve(why)) => assert!(why.code().is_some(), "{why}"),
        other => panic!("{other:?}"),
    };
    let (of_4, of_6) = (SocketAddr::from(([127, 0, 0, 1], 9)), "[::1]:9");
    refused(v4.connect(of_6));
    refused(v4.bind(of_6));
    refused(v4.send_to(b"x", of_6).map(drop));
    refused(v4.connect(("::1", 9)));
    refused(v6.connect(of_4));
    refused(v6.bind(of_4));
    refused(v6.send_to(b"x", of_4).map(drop));
    refused(v6.send_msg(&[], &[], Flags::empty(), Some(&of_4.into())).map(drop));
    refused(v6.connect(("127.0.0.1", 9)));
    assert_eq!(v6.connect_ex(of_4), Errno::AFNOSUPPORT.raw_os_error());
    let unix = UnixAddress::Path("nowhere".into());
    assert!(matches!(v4.connect(&unix), Err(Error::InvalidValue(_))));
    let (pair, _other) = Socket::pair().unwrap();
    assert!(matches!(pair.connect(of_4), Err(Error::InvalidValue(_))));
}

#[test]
fn a_resolver_error_has_its_code() {
    let socket = Socket::tcp().unwrap();
    let Err(Error::Resolve(why)) = socket.connect(("no such host", 9)) else { panic!("found") };
    let python = dns_lookup::getaddrinfo(Some("no such host"), None, None).err().unwrap();
    assert_eq!(why.code(), Some(python.error_num()));
    let Err(Error::Resolve(why)) = socket.connect("no port") else { panic!("found") };
    assert_eq!(why.code(), None);
    assert!(matches!(socket.connect(("null\0byte", 9)), Err(Error::InvalidValue(_))));
}

#[test]
fn a_datagram_is_sent_by_name() {
    let to = Socket::udp().unwrap();
    to.bind("localhost:0").unwrap();
    let port = to.local_addr().unwrap().port();
    Socket::udp().unwrap().send_to(b"hello", ("localhost", port)).unwrap();
    assert_eq!(to.recv(16).unwrap(), b"hello");
}

#[test]
fn a_pair_has_no_names() {
    let (a, _b) = Socket::pair().unwrap();
    assert_eq!(a.local_any().unwrap(), Address::Unix(UnixAddress::Unnamed));
    assert_eq!(a.peer_any().unwrap(), Address::Unix(UnixAddress::Unnamed));
    assert!(is_errno(&a.local_addr().unwrap_err(), Errno::AFNOSUPPORT));
}

/// A Unix stream socket.
fn unix() -> Socket {
    Socket::new(Domain::UNIX, Type::STREAM, None).unwrap()
}

#[test]
fn a_listener_of_unix_gives_connections_and_keeps_what_it_cant_give() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("listener");
    let address = UnixAddress::Path(path.clone());
    let listener = unix();
    listener.bind(&address).unwrap();
    listener.listen(1).unwrap();
    assert_eq!(listener.local_any().unwrap(), Address::Unix(address.clone()));
    let client = unix();
    client.connect(&address).unwrap();
    assert_eq!(client.peer_any().unwrap(), Address::Unix(address));
    assert!(is_errno(&listener.accept().unwrap_err(), Errno::AFNOSUPPORT));
    client.send_all(b"still here").unwrap();
    let (accepted, from) = listener.accept_any().unwrap();
    assert_eq!(from, Address::Unix(UnixAddress::Unnamed));
    assert_eq!(accepted.recv(16).unwrap(), b"still here");
    let long = UnixAddress::Path(PathBuf::from("x".repeat(200)));
    assert!(is_errno(&unix().bind(&long).unwrap_err(), Errno::NAMETOOLONG));
}

#[cfg(target_os = "linux")]
#[test]
fn abstract_names_are_bytes_and_the_kernel_can_pick_one() {
    let name = |socket: &Socket| match socket.local_any().unwrap() {
        Address::Unix(UnixAddress::Abstract(name)) => name,
        other => panic!("{other}"),
    };
    let picked = unix();
    picked.bind(UnixAddress::Unnamed).unwrap();
    assert!(!name(&picked).is_empty());
    // Any bytes, zeros too, up to the last place.
    let mut bytes = format!("sockmodes\0{}", std::process::id()).into_bytes();
    bytes.push(0xff);
    bytes.resize(107, b'x');
    let receiver = Socket::new(Domain::UNIX, Type::DGRAM, None).unwrap();
    receiver.bind(UnixAddress::Abstract(bytes.clone())).unwrap();
    assert_eq!(name(&receiver), bytes);
    let sender = Socket::new(Domain::UNIX, Type::DGRAM, None).unwrap();
    sender.bind(UnixAddress::Unnamed).unwrap();
    sender.send_to(b"by name", receiver.local_any().unwrap()).unwrap();
    let message = receiver.recv_msg(16, 0, Flags::empty()).unwrap();
    assert_eq!(message.bytes, b"by name");
    assert_eq!(message.from, Some(sender.local_any().unwrap()));
    let shown = UnixAddress::Abstract(b"a\0\xff\n".to_vec()).to_string();
    assert_eq!(shown, r"@a\x00\xff\n");
}

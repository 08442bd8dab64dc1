//! Servers and connections in one call, and files that the kernel sends.

use std::fs::File;
use std::io::{Seek, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use sockmodes::socket::{Domain, Error, Mode, OnlyV6, ReuseAddr, ServerOptions, Socket, Type};

use super::is_errno;

#[test]
fn a_server_in_one_call_is_what_python_makes() {
    let server = Socket::create_server(("", 0)).unwrap();
    assert!(server.option(ReuseAddr).unwrap());
    let port = server.local_addr().unwrap().port();
    Socket::create_connection(("localhost", port), Mode::Blocking, None).unwrap();
    assert_eq!(server.accept().unwrap().1.ip(), Ipv4Addr::LOCALHOST);
    let again = Socket::create_server(("127.0.0.1", port)).unwrap_err();
    assert!(is_errno(&again, Errno::ADDRINUSE));
    let both = ServerOptions { domain: Domain::IPV6, dual_stack: true, ..Default::default() };
    let server = Socket::create_server_with(("", 0), both).unwrap();
    assert!(!server.option(OnlyV6).unwrap());
    let port = server.local_addr().unwrap().port();
    Socket::create_connection((Ipv4Addr::LOCALHOST, port), Mode::Blocking, None).unwrap();
    let server = Socket::create_server((Ipv6Addr::LOCALHOST, 0)).unwrap();
    assert!(server.option(OnlyV6).unwrap());
    let v4 = ServerOptions { dual_stack: true, ..Default::default() };
    let refused = Socket::create_server_with(("", 0), v4);
    assert!(matches!(refused, Err(Error::InvalidValue(_))));
    let shared = ServerOptions { reuse_port: true, ..Default::default() };
    let one = Socket::create_server_with("127.0.0.1:0", shared).unwrap();
    Socket::create_server_with(one.local_addr().unwrap(), shared).unwrap();
}

#[test]
fn a_connection_takes_the_first_address_that_answers() {
    let server = Socket::create_server("127.0.0.1:0").unwrap();
    let good = server.local_addr().unwrap();
    // Bound and not listening: it refuses, and nobody else gets its port.
    let nobody = Socket::tcp().unwrap();
    nobody.bind("127.0.0.1:0").unwrap();
    let bad = nobody.local_addr().unwrap();
    let mode = Mode::Timeout(Duration::from_secs(60));
    let addresses: &[SocketAddr] = &[bad, good];
    let source = Some(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0)));
    let socket = Socket::create_connection(addresses, mode, source).unwrap();
    assert_eq!(socket.mode(), mode, "and not what was left of it");
    assert_eq!(server.accept().unwrap().1.ip(), Ipv4Addr::new(127, 0, 0, 2));
    let bad_only: &[SocketAddr] = &[bad, bad];
    let error = Socket::create_connection(bad_only, mode, None).unwrap_err();
    assert!(is_errno(&error, Errno::CONNREFUSED));
    let none: &[SocketAddr] = &[];
    assert!(Socket::create_connection(none, mode, None).is_err());
    let error = Socket::create_connection(addresses, Mode::NonBlocking, None).unwrap_err();
    assert!(error.is_in_progress(), "{error}");
}

#[test]
fn one_deadline_is_for_all_addresses() {
    // A listener whose backlog is full answers nobody.
    let server = Socket::tcp().unwrap();
    server.bind("127.0.0.1:0").unwrap();
    server.listen(0).unwrap();
    let silent = server.local_addr().unwrap();
    let _filling = Socket::create_connection(silent, Mode::Blocking, None).unwrap();
    let answering = Socket::create_server("127.0.0.1:0").unwrap();
    let addresses: &[SocketAddr] = &[silent, answering.local_addr().unwrap()];
    let limit = Duration::from_millis(300);
    let begin = Instant::now();
    let error = Socket::create_connection(addresses, Mode::Timeout(limit), None).unwrap_err();
    assert!(error.is_timed_out(), "{error}");
    assert!(begin.elapsed() >= limit);
    answering.set_blocking(false).unwrap();
    assert!(answering.accept().unwrap_err().is_would_block(), "nobody had time left for it");
}

#[test]
fn a_file_is_sent_by_the_kernel_and_its_position_follows() {
    let bytes: Vec<u8> = (0..3_000_000).map(|at| (at % 251) as u8).collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    for mode in [Mode::Blocking, Mode::Timeout(Duration::from_secs(60))] {
        let send = |offset, count| {
            let (a, b) = Socket::pair().unwrap();
            a.set_mode(mode).unwrap();
            std::thread::scope(|scope| {
                let reader = scope.spawn(move || b.makefile_raw(READ).read_to_end().unwrap());
                let sent = a.send_file(&file, offset, count).unwrap();
                drop(a);
                let got = reader.join().unwrap().unwrap();
                assert_eq!(got.len() as u64, sent);
                got
            })
        };
        assert!(send(0, None) == bytes);
        assert_eq!((&file).stream_position().unwrap(), 3_000_000);
        assert!(send(1_000_000, Some(1_500_000)) == bytes[1_000_000..2_500_000]);
        assert_eq!((&file).stream_position().unwrap(), 2_500_000);
        assert!(send(2_999_990, Some(100)) == bytes[2_999_990..], "what there is");
        assert!(send(5, Some(0)).is_empty());
    }
}

const READ: sockmodes::socket::Access = sockmodes::socket::Access::Read;

#[test]
fn a_file_is_sent_only_where_that_can_be_done_right() {
    let nothing = File::open("/dev/null").unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"something").unwrap();
    let (a, _b) = Socket::pair().unwrap();
    a.set_blocking(false).unwrap();
    assert_eq!(a.send_file(&nothing, 0, None).unwrap(), 0);
    assert!(matches!(a.send_file(&file, 0, None), Err(Error::InvalidValue(_))));
    let (a, _b) = Socket::pair_of(Domain::UNIX, Type::DGRAM, None).unwrap();
    assert!(matches!(a.send_file(&file, 0, None), Err(Error::InvalidValue(_))));
    let (a, _b) = Socket::pair().unwrap();
    a.set_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut large = tempfile::tempfile().unwrap();
    large.write_all(&vec![b'x'; 4_000_000]).unwrap();
    assert!(a.send_file(&large, 0, None).unwrap_err().is_timed_out());
    let sent = large.stream_position().unwrap();
    assert!(sent > 0 && sent < 4_000_000, "the position tells how far it came: {sent}");
}

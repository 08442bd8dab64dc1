use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream as StdStream};

use super::*;

/// A connection as the loop has it, the same that waits, and its other end.
fn connected() -> (TcpStream, StdStream, StdStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let peer = StdStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let waits = accepted.try_clone().unwrap();
    (TcpStream::from_std(accepted), waits, peer)
}

#[test]
fn what_nobody_has_read_is_seen_and_stays_there() {
    let (mut stream, waits, mut peer) = connected();
    let mut buffer = [0; 8];
    // Both are one socket, and a blocking one but for a moment: to wait for the bytes.
    peer.write_all(b"late").unwrap();
    waits.peek(&mut buffer).unwrap();
    assert!(stream.has_unread() && stream.has_unread());
    assert_eq!(Stream::recv(&mut stream, &mut buffer), Ok(4));
    waits.set_nonblocking(true).unwrap();
    assert!(!stream.has_unread(), "nothing for now");
    waits.set_nonblocking(false).unwrap();
    drop(peer);
    waits.peek(&mut buffer).unwrap();
    assert!(!stream.has_unread(), "the end is no byte");
}

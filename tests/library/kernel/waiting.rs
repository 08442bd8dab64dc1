//! More of what the book says of the kernel: of what waits in a queue or in a buffer. It uses what stands in
//! `../kernel.rs`.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::ioctl_fionread;
use socket2::SockRef;

use super::{Edges, PATIENCE, is, pair, register};

/// Rule 9: "Linux hands out the connection of a client that has reset meanwhile, and its first `recv` says ECONNRESET."
#[test]
fn who_has_reset_in_the_queue_is_accepted_all_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    let mut accepted = listener.accept().unwrap().0;
    assert_eq!(accepted.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

/// `loop/log.md`: "The edge is for *writing* (epoll tells the other bits along with it, but nothing new has come to be
/// read)."
#[test]
fn an_edge_for_writing_tells_of_what_lies_there_too() {
    let (mut near, mut far) = pair();
    let mut taken = 0;
    while let Ok(count) = near.write(&[b'x'; 64 * 1024]) {
        taken += count;
    }
    let (_watched, mut edges) = register(&near);
    assert_eq!(edges.now(), []);
    far.write_all(b"unread").unwrap();
    assert_eq!(edges.soon(), [(true, false, false)]);
    assert_eq!(edges.now(), []);
    far.read_exact(&mut vec![0; taken]).unwrap();
    assert_eq!(edges.soon(), [(true, true, false)]);
}

/// `loop.md`: "set to 1, the socket counts as writable only while nothing waits to be sent, and the edge that says so is
/// the one we need".
#[test]
fn the_edge_that_says_that_all_is_sent_does_not_come_before() {
    let (mut near, mut far) = pair();
    SockRef::from(&near).set_tcp_notsent_lowat(1).unwrap();
    let mut taken = 0;
    while let Ok(count) = near.write(&[b'x'; 64 * 1024]) {
        taken += count as u64;
    }
    let (_watched, mut edges) = register(&near);
    let mut read = 0;
    while edges.now().is_empty() {
        read += far.read(&mut [0; 4096]).unwrap() as u64;
    }
    let begun = Instant::now();
    while ioctl_fionread(&far).unwrap() < taken - read {
        assert!(begun.elapsed() < PATIENCE, "some of it has not been sent");
    }
}

/// `loop.md`: "its answers have to go somewhere. First the kernel's send buffer fills. […] Its receive buffer fills up in
/// turn, TCP's window closes, and the peer's own `send` stops going through".
#[test]
fn who_is_not_read_from_can_send_no_more() {
    let (mut near, mut far) = pair();
    while near.write(&[b'x'; 64 * 1024]).is_ok() {}
    assert!(!is(&near, PollFlags::OUT, false));
    let unread = ioctl_fionread(&far).unwrap();
    assert!(unread > 0);
    near.shutdown(Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    far.read_to_end(&mut heard).unwrap();
    assert!(heard.len() as u64 > unread, "none of it waited at the sender's");
}

/// Rule 10: "The connection stays in the kernel's queue, so the listener is still ready."
#[test]
fn who_is_not_accepted_keeps_the_listener_ready() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut told = mio::net::TcpListener::from_std(listener.try_clone().unwrap());
    let mut edges = Edges::of(&mut told);
    let _clients: Vec<_> = (0..2).map(|_| TcpStream::connect(address).unwrap()).collect();
    assert_eq!(edges.soon(), [(true, false, false)]);
    listener.accept().unwrap();
    assert_eq!(edges.now(), [], "the second is no news");
    listener.accept().unwrap();
}

//! What the book says of the kernel's patience and of its buffers, where neither a lesson nor a program in the book shows
//! it; `kernel.rs` has what it says of readiness. Each test stands for a sentence there.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

/// The longest that anything is waited for.
const PATIENCE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// Two ends of a connection; the first doesn't wait.
fn pair() -> (TcpStream, TcpStream) {
    pair_at("127.0.0.1")
}

fn pair_at(address: &str) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    near.set_nonblocking(true).unwrap();
    (near, listener.accept().unwrap().0)
}

/// `lessons/dead_peer.md`: "`TCP_USER_TIMEOUT` also ends a connection whose peer is alive and does not *read*".
#[test]
fn a_user_timeout_ends_a_connection_whose_peer_does_not_read() {
    let (mut near, _far) = pair();
    SockRef::from(&near).set_tcp_user_timeout(Some(Duration::from_millis(100))).unwrap();
    while near.write(&[b'x'; 64 * 1024]).is_ok() {}
    let mut asked = [PollFd::new(&near, PollFlags::empty())];
    poll(&mut asked, Some(&PATIENCE)).unwrap();
    assert!(asked[0].revents().contains(PollFlags::ERR));
    assert_eq!(near.take_error().unwrap().unwrap().kind(), ErrorKind::TimedOut);
}

/// `zero/kernel.md`: "what was set does not grow any more", where another has grown by then.
#[test]
fn a_buffer_that_was_set_does_not_grow() {
    let size_after = |address: &str, is_set: bool| {
        // The kernel remembers how wide the way to an address was, and begins there (tcp_metrics): this one is new.
        let (mut near, mut far) = pair_at(address);
        let size = |near: &TcpStream| SockRef::from(near).send_buffer_size().unwrap();
        if is_set {
            // The kernel doubles what it is asked for.
            SockRef::from(&near).set_send_buffer_size(size(&near) / 2).unwrap();
        }
        let before = size(&near);
        let mut taken = 0;
        while let Ok(count) = near.write(&[b'x'; 64 * 1024]) {
            taken += count;
        }
        far.read_exact(&mut vec![0; taken]).unwrap();
        (before, size(&near))
    };
    let id = process::id();
    let [set, free] =
        [1, 2].map(|last| format!("127.{}.{}.{last}", 100 + id / 250 % 100, id % 250));
    let (before, after) = size_after(&set, true);
    assert_eq!(before, after);
    let (before, after) = size_after(&free, false);
    assert!(before < after, "{before} and {after}: the kernel lets none grow");
}

/// `examples/README.md`, 22: "Who asks for EPOLLOUT alone is told once: an arrival is no edge for it."
#[test]
fn an_arrival_is_no_edge_for_who_asks_for_room_alone() {
    let told = |interest: Interest| {
        let (near, mut far) = pair();
        let mut watched = mio::net::TcpStream::from_std(near);
        let (mut edges, mut events) = (Poll::new().unwrap(), Events::with_capacity(8));
        edges.registry().register(&mut watched, Token(0), interest).unwrap();
        let mut writable = 0;
        for _ in 0..3 {
            edges.poll(&mut events, Some(Duration::ZERO)).unwrap();
            writable += events.iter().filter(|event| event.is_writable()).count();
            far.write_all(b"x").unwrap();
            let mut asked = [PollFd::new(&watched, PollFlags::IN)];
            poll(&mut asked, Some(&PATIENCE)).unwrap();
        }
        edges.poll(&mut events, Some(Duration::ZERO)).unwrap();
        writable + events.iter().filter(|event| event.is_writable()).count()
    };
    assert_eq!(told(Interest::WRITABLE), 1);
    assert_eq!(told(Interest::READABLE | Interest::WRITABLE), 4);
}

//! What the book says of the kernel, where neither a lesson nor a program in the book shows it. Each test stands
//! for a sentence there: where it fails, the book is wrong about that kernel.

mod waiting;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two ends of a connection; the first doesn't wait.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    near.set_nonblocking(true).unwrap();
    (near, listener.accept().unwrap().0)
}

/// Whether `stream` is `what`, as level-triggered readiness; waits for it if that is to be `soon`.
fn is(stream: &TcpStream, what: PollFlags, soon: bool) -> bool {
    let limit = if soon { PATIENCE } else { Duration::ZERO };
    let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: 0 };
    let mut asked = [PollFd::new(stream, what)];
    poll(&mut asked, Some(&limit)).unwrap();
    asked[0].revents().contains(what)
}

/// Who is told of edges, and what was told last.
struct Edges(Poll, Events);

impl Edges {
    fn of(source: &mut impl Source) -> Edges {
        let edges = Edges(Poll::new().unwrap(), Events::with_capacity(8));
        let both = Interest::READABLE | Interest::WRITABLE;
        edges.0.registry().register(source, Token(0), both).unwrap();
        edges
    }

    /// The edges that there are now: readable, writable, and the end of input.
    fn now(&mut self) -> Vec<(bool, bool, bool)> {
        self.within(Duration::ZERO)
    }

    /// The same, but there has to be one, which may take a moment.
    fn soon(&mut self) -> Vec<(bool, bool, bool)> {
        self.within(PATIENCE)
    }

    fn within(&mut self, limit: Duration) -> Vec<(bool, bool, bool)> {
        self.0.poll(&mut self.1, Some(limit)).unwrap();
        let told =
            |it: &mio::event::Event| (it.is_readable(), it.is_writable(), it.is_read_closed());
        self.1.iter().map(told).collect()
    }
}

fn register(stream: &TcpStream) -> (mio::net::TcpStream, Edges) {
    let mut watched = mio::net::TcpStream::from_std(stream.try_clone().unwrap());
    let edges = Edges::of(&mut watched);
    (watched, edges)
}

/// `loop/log.md`: "registering a socket makes an edge for what it *already* is".
#[test]
fn what_a_socket_is_already_is_an_edge_when_it_is_registered() {
    let (near, _far) = pair();
    let (_watched, mut edges) = register(&near);
    assert_eq!(edges.now(), [(false, true, false)]);
    assert_eq!(edges.now(), []);
}

/// `loop.md`: "More bytes are something new, and told, whether or not you have read the first."
#[test]
fn more_bytes_are_an_edge_though_the_first_lie_there_unread() {
    let (near, mut far) = pair();
    let (_watched, mut edges) = register(&near);
    edges.now();
    for round in 1..=3 {
        far.write_all(b"x").unwrap();
        assert_eq!(edges.soon(), [(true, true, false)], "byte {round}");
        assert_eq!(edges.now(), [], "it was told again");
    }
}

/// Rule 1: after a short read "epoll(7) promises an edge for whatever comes later".
#[test]
fn after_a_short_read_what_comes_is_an_edge() {
    let (mut near, mut far) = pair();
    let (_watched, mut edges) = register(&near);
    edges.now();
    for _ in 0..3 {
        far.write_all(b"four").unwrap();
        assert_eq!(edges.soon(), [(true, true, false)]);
        assert_eq!(near.read(&mut [0; 8]).unwrap(), 4);
        assert_eq!(edges.now(), [], "what was read is no news");
    }
}

/// `loop/rules.md`, rule 1: "If the peer sends its last bytes and shuts down, both may come in *one* edge."
#[test]
fn the_last_bytes_and_the_end_may_be_one_edge_and_no_other_comes() {
    let (mut near, mut far) = pair();
    let (_watched, mut edges) = register(&near);
    edges.now();
    far.write_all(b"bye").unwrap();
    far.shutdown(Shutdown::Write).unwrap();
    assert!(is(&near, PollFlags::RDHUP, true));
    assert_eq!(edges.soon(), [(true, true, true)]);
    assert_eq!(near.read(&mut [0; 8]).unwrap(), 3);
    assert_eq!(edges.now(), []);
    assert_eq!(near.read(&mut [0; 8]).unwrap(), 0);
}

/// Rule 3: "a socket that is writable all the time has no edges".
#[test]
fn what_is_sent_and_acknowledged_is_no_edge() {
    let (mut near, mut far) = pair();
    let (_watched, mut edges) = register(&near);
    edges.now();
    for _ in 0..10 {
        near.write_all(b"hello").unwrap();
        far.read_exact(&mut [0; 5]).unwrap();
        assert_eq!(edges.now(), []);
    }
}

/// Rule 4: "the buffer is full, and a writable edge will come when there is room again".
#[test]
fn after_a_short_write_room_is_an_edge() {
    const MUCH: usize = 64 << 20;
    let (mut near, mut far) = pair();
    let (_watched, mut edges) = register(&near);
    edges.now();
    let taken = near.write(&vec![b'x'; MUCH]).unwrap();
    assert!(taken < MUCH);
    assert!(edges.now().iter().all(|(_, writable, _)| !writable));
    far.read_exact(&mut vec![0; taken]).unwrap();
    assert_eq!(edges.soon(), [(false, true, false)]);
}

/// `login.md`: "a reset does not go unnoticed: the kernel reports it as an edge with an error".
#[test]
fn a_reset_is_an_edge_with_an_error_though_nobody_reads() {
    let (near, far) = pair();
    let (_watched, mut edges) = register(&near);
    edges.now();
    SockRef::from(&far).set_linger(Some(Duration::ZERO)).unwrap();
    drop(far);
    assert_eq!(edges.soon(), [(true, true, true)]);
    assert!(edges.1.iter().all(|event| event.is_error()));
    let error = near.take_error().unwrap().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// Rule 9: "one edge for all who have come since you last looked".
#[test]
fn who_has_come_is_told_once_and_the_next_is_told_anew() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut watched = mio::net::TcpListener::from_std(listener);
    let mut edges = Edges::of(&mut watched);
    let _waiting: Vec<_> = (0..3)
        .map(|_| {
            let client = TcpStream::connect(address).unwrap();
            assert_eq!(edges.soon(), [(true, false, false)]);
            assert_eq!(edges.now(), []);
            client
        })
        .collect();
}

/// `loop.md`: "*writable* when `send` would take something, and not too little".
#[test]
fn room_for_a_little_is_not_writable_yet() {
    let (mut near, mut far) = pair();
    while near.write(&[b'x'; 64 * 1024]).is_ok() {}
    assert!(!is(&near, PollFlags::OUT, false));
    let mut took_some = false;
    while !is(&near, PollFlags::OUT, false) {
        far.read_exact(&mut [0; 4096]).unwrap();
        let writable = is(&near, PollFlags::OUT, false);
        took_some |= near.write(b"x").is_ok() && !writable;
    }
    assert!(took_some, "as soon as it took a byte, it was writable");
}

/// `connect_ex.md`: "Its kernel completes connections by itself and keeps them for `accept` in a queue".
#[test]
fn a_connection_is_whole_before_anybody_accepts_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(b"hello").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    listener.accept().unwrap().0.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"hello");
}

/// `past.md`: "Each process must be given the option; one without it gets "address in use"".
#[test]
fn an_address_is_shared_only_by_those_who_all_say_so() {
    let listener = |shares| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_port(shares).unwrap();
        socket
    };
    let listen = |socket: &Socket, at: &SockAddr| socket.bind(at).and_then(|()| socket.listen(1));
    for [first, second] in [[true, true], [true, false], [false, true]] {
        let (one, two) = (listener(first), listener(second));
        listen(&one, &SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let result = listen(&two, &one.local_addr().unwrap()).map_err(|error| error.kind());
        let refused = Err(ErrorKind::AddrInUse);
        assert_eq!(result, if first && second { Ok(()) } else { refused }, "{first}, {second}");
    }
}

/// `ending.md`: "A kernel sends one when something comes for a socket that is gone. It also sends one when a program closes
/// a socket **with bytes in the receive buffer that it has not read**". The second of the two is the next test.
#[test]
fn what_comes_after_a_close_is_answered_with_a_reset() {
    let (mut near, far) = pair();
    drop(far);
    assert!(is(&near, PollFlags::RDHUP, true));
    assert!(!is(&near, PollFlags::ERR, false), "so far it is but the end of input");
    near.write_all(b"late").unwrap();
    assert!(is(&near, PollFlags::ERR, true));
    assert_eq!(near.write(b"later").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// `challenge.md`: "Linux lets the other side read what had arrived before the reset."
#[test]
fn what_had_arrived_before_a_reset_can_be_read() {
    let (mut near, mut far) = pair();
    near.write_all(b"a line that nobody reads").unwrap();
    assert!(is(&far, PollFlags::IN, true));
    far.write_all(b"answer").unwrap();
    drop(far);
    assert!(is(&near, PollFlags::HUP, true));
    let mut answer = [0; 6];
    near.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"answer");
    assert_eq!(near.read(&mut answer).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

/// `loop.md`: "set to 1, the socket counts as writable only while nothing waits to be sent", and "After a shutdown a
/// socket always counts as writable".
#[test]
fn unsent_bytes_are_seen_until_a_shutdown() {
    let (mut near, far) = pair();
    SockRef::from(&far).set_recv_buffer_size(4096).unwrap();
    SockRef::from(&near).set_tcp_notsent_lowat(1).unwrap();
    assert!(is(&near, PollFlags::OUT, false));
    while near.write(&[b'x'; 64 * 1024]).is_ok() {}
    assert!(!is(&near, PollFlags::OUT, false));
    near.shutdown(Shutdown::Write).unwrap();
    assert!(is(&near, PollFlags::OUT, false));
}

/// `loop.md`: "`TCP_USER_TIMEOUT`, set on the listener and inherited by what it accepts".
#[test]
fn what_a_listener_accepts_inherits_its_user_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let limit = Some(Duration::from_millis(12_345));
    SockRef::from(&listener).set_tcp_user_timeout(limit).unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accepted = Socket::from(listener.accept().unwrap().0);
    assert_eq!(accepted.tcp_user_timeout().unwrap(), limit);
}

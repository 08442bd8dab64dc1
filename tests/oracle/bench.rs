//! The parts that conditions are made of: connections, peers, full buffers, full backlogs.
//!
//! Whatever can be waited for is waited for. `reading.rs` and its neighbours, to read next, put the parts together.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sockmodes::socket::{Mode, SendBuffer, Socket};

/// SO_SNDBUF of the socket under test and SO_RCVBUF of its peer.
pub(crate) const SMALL_BUFFER: usize = 32 * 1024;
/// More than both buffers hold.
pub(crate) static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| vec![b'x'; 768 * 1024]);
/// The first line that a peer sends, and its half.
pub(crate) const LINE: &[u8] = b"hello\n";

pub(crate) fn localhost() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// A listener whose connections have a small receive buffer, which they inherit.
pub(crate) fn listener() -> TcpListener {
    let listener =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.set_recv_buffer_size(SMALL_BUFFER).unwrap();
    listener.bind(&localhost().into()).unwrap();
    listener.listen(8).unwrap();
    listener.into()
}

/// The socket under test, connected, and its peer.
pub(crate) fn connected() -> (Socket, TcpStream) {
    let listener = listener();
    let socket = Socket::tcp().unwrap();
    socket.set_option(SendBuffer, SMALL_BUFFER).unwrap();
    socket.connect(listener.local_addr().unwrap()).unwrap();
    (socket, listener.accept().unwrap().0)
}

/// The socket under test, of UDP and bound, and a peer that is connected to it.
pub(crate) fn udp() -> (Socket, UdpSocket) {
    let socket = Socket::udp().unwrap();
    socket.bind(localhost()).unwrap();
    let peer = UdpSocket::bind(localhost()).unwrap();
    peer.connect(socket.local_addr().unwrap()).unwrap();
    (socket, peer)
}

/// An address where no datagram socket is. All of 127/8 is this machine, and nothing here binds to .77,
/// so no other cell can come to own the port.
pub(crate) fn unreachable() -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, 77), 9).into()
}

/// An address that refuses connections, for as long as the socket that holds its port lives.
pub(crate) fn refusing() -> (SocketAddr, socket2::Socket) {
    let holder = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    holder.bind(&localhost().into()).unwrap();
    (holder.local_addr().unwrap().as_socket().unwrap(), holder)
}

/// A listener that answers no more connections, and the ones that fill it.
pub(crate) fn full_backlog() -> (SocketAddr, (TcpListener, Vec<Socket>)) {
    let listener =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&localhost().into()).unwrap();
    listener.listen(0).unwrap();
    let listener = TcpListener::from(listener);
    let address = listener.local_addr().unwrap();
    let mut filling = Vec::new();
    loop {
        let socket = Socket::tcp().unwrap();
        socket.set_mode(Mode::NonBlocking).unwrap();
        let _ = socket.connect_ex(address);
        let limit = Duration::from_millis(100);
        let connected = ready(socket.descriptor().unwrap(), PollFlags::OUT, limit);
        filling.push(socket);
        if !connected {
            return (address, (listener, filling));
        }
    }
}

/// Sends until the kernel has refused for 0.3 s.
///
/// A refusal alone means little: a delayed ACK can make room after 40 ms, and the first retransmission, after
/// 200 ms, once more. Room for a byte is not what poll calls writable, hence the tries in its place.
pub(crate) fn fill(socket: &Socket) {
    socket.set_mode(Mode::NonBlocking).unwrap();
    let mut refused_since = None;
    loop {
        match socket.send(&[b'x'; 4096]).or_else(|_| socket.send(b"x")) {
            Ok(_) => refused_since = None,
            Err(_) => {
                let since = *refused_since.get_or_insert_with(Instant::now);
                if since.elapsed() > Duration::from_millis(300) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Waits until something of `flags` is so.
pub(crate) fn until(socket: &Socket, flags: PollFlags) {
    assert!(
        ready(socket.descriptor().unwrap(), flags, Duration::from_secs(10)),
        "the condition never came about"
    );
}

/// Whether something of `flags` is so within `limit`; errors count whether asked for or not.
pub(crate) fn ready(fd: impl AsFd, flags: PollFlags, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        let left = Timespec::try_from(end.saturating_duration_since(Instant::now())).unwrap();
        match poll(&mut [PollFd::new(&fd, flags)], Some(&left)) {
            Ok(count) => return count > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => panic!("poll: {errno}"),
        }
    }
}

/// Sends and waits for it to arrive.
pub(crate) fn deliver(peer: &mut TcpStream, bytes: &[u8], to: &Socket) {
    peer.write_all(bytes).unwrap();
    until(to, PollFlags::IN);
}

/// Closes in an orderly way and waits for it to arrive.
pub(crate) fn close(peer: TcpStream, socket: &Socket) {
    drop(peer);
    until(socket, PollFlags::RDHUP);
}

/// Closes with a reset, for the peer's act.
pub(crate) fn reset(peer: TcpStream) {
    let peer = socket2::Socket::from(peer);
    peer.set_linger(Some(Duration::ZERO)).unwrap();
}

/// Closes with a reset and waits for it to arrive.
pub(crate) fn reset_and_wait(peer: TcpStream, socket: &Socket) {
    reset(peer);
    until(socket, PollFlags::empty());
}

/// Reads everything until the end; returns how much there was.
pub(crate) fn drain(mut peer: TcpStream) -> usize {
    let (mut total, mut buffer) = (0, vec![0; 64 * 1024]);
    while let Ok(count @ 1..) = peer.read(&mut buffer) {
        total += count;
    }
    total
}

/// Reads everything until the end, 64 KiB every 40 ms.
pub(crate) fn drain_slowly(mut peer: TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let next = Instant::now() + Duration::from_millis(40);
        if peer.read_exact(&mut buffer).is_err() {
            return;
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// The same socket under another descriptor, for the watchdog.
pub(crate) fn waker(socket: &Socket) -> OwnedFd {
    socket.descriptor().unwrap().as_fd().try_clone_to_owned().unwrap()
}

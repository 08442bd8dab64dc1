//! Raw clients: bytes out, bytes in, and no wait without a bound.
#![allow(dead_code)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};
use sockmodes::auth::{Key, Scheme, Secret};

use super::process::PATIENCE;

/// Bytes of a nonce unless the server is told otherwise.
pub(crate) const NONCE_LEN: usize = 32;

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A connection that comes from `source`.
pub(crate) fn connect_from(source: Ipv4Addr, address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

pub(crate) fn digest(scheme: Scheme, secret: &[u8], nonce: &[u8]) -> Vec<u8> {
    Key::new(scheme, &Secret::new(secret.to_vec()).unwrap()).digest(nonce).as_bytes().to_vec()
}

/// Reads a nonce and sends its digest.
pub(crate) fn answer(stream: &mut TcpStream, scheme: Scheme, secret: &[u8]) {
    let nonce: [u8; NONCE_LEN] = read(stream);
    stream.write_all(&digest(scheme, secret, &nonce)).unwrap();
}

pub(crate) fn read<const N: usize>(stream: &mut TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// Makes a call again that was interrupted: one with a time limit is, without any handler, when the process goes on after
/// somebody has stopped it (signal(7)).
pub(crate) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Some of what comes, none at the end.
pub(crate) fn read_some(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    uninterrupted(|| stream.read(buffer))
}

/// Sends `request` and reads a reply that has to be `reply`.
pub(crate) fn exchange(stream: &mut TcpStream, request: &[u8], reply: &[u8]) {
    stream.write_all(request).unwrap();
    let mut got = vec![0; reply.len()];
    stream.read_exact(&mut got).unwrap();
    assert!(got == reply, "another reply than expected");
}

/// Everything up to the end of input; a reset counts as one.
pub(crate) fn read_rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => bytes,
    }
}

/// Sends `request`, ends the sending side, and reads to the end.
pub(crate) fn converse(stream: &mut TcpStream, request: &[u8]) -> Vec<u8> {
    stream.write_all(request).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    read_rest(stream)
}

/// Tries again until it holds: for what the other side does in its own time and without a sign.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::yield_now();
    }
}

/// A stretch without progress that shows that every buffer is full; if it is a busy machine that made
/// it, there is less in them, and no test minds.
const STUFFED: Duration = Duration::from_millis(300);

/// Sends without reading until nothing more goes: the server then owes megabytes. How many bytes went.
pub(crate) fn stuff(stream: &mut TcpStream) -> usize {
    stuff_with(stream, |_| b'x')
}

/// The same, byte number `n` being `byte(n)`.
pub(crate) fn stuff_with(stream: &mut TcpStream, byte: impl Fn(usize) -> u8) -> usize {
    stream.set_write_timeout(Some(STUFFED)).unwrap();
    let mut sent = 0;
    loop {
        let chunk: Vec<u8> = (sent..sent + 64 * 1024).map(&byte).collect();
        match uninterrupted(|| stream.write(&chunk)) {
            Ok(written) => sent += written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    sent
}

/// Byte number `n`, for [`stuff_with`]: no two pages alike.
pub(crate) fn pattern(n: usize) -> u8 {
    (n ^ n >> 8 ^ n >> 16) as u8
}

/// Ends the connection with a reset, as a process that crashes with unread input does.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// The nonce that a connection is sent; `None` if it is closed without one.
pub(crate) fn nonce(stream: &mut TcpStream) -> Option<[u8; NONCE_LEN]> {
    let mut nonce = [0; NONCE_LEN];
    match stream.read_exact(&mut nonce) {
        Ok(()) => Some(nonce),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
        Err(error) => panic!("{error}"),
    }
}

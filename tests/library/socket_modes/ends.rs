//! Both ends of a connection, and bytes to send from one to the other.

use std::io::Read;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use sockmodes::socket::{RecvBuffer, SendBuffer, Socket};

pub(crate) fn listener() -> Socket {
    let listener = Socket::tcp().unwrap();
    listener.set_option(RecvBuffer, 32 * 1024).unwrap();
    listener.bind("127.0.0.1:0").unwrap();
    listener.listen(8).unwrap();
    listener
}

/// A socket with small buffers either way, and its peer.
pub(crate) fn connected() -> (Socket, TcpStream) {
    let listener = listener();
    let socket = Socket::tcp().unwrap();
    socket.set_option(SendBuffer, 32 * 1024).unwrap();
    socket.connect(listener.local_addr().unwrap()).unwrap();
    let (peer, _) = listener.accept().unwrap();
    let peer = peer.detach().unwrap().unwrap();
    (socket, peer.into())
}

/// Bytes in which a loss, a swap or a repetition shows.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 251 + at) as u8).collect()
}

/// Everything to the end, piece by piece with pauses: always some progress, never much.
pub(crate) fn read_slowly(peer: &mut TcpStream, piece: usize) -> Vec<u8> {
    let (mut all, mut some) = (Vec::new(), vec![0; piece]);
    while let Ok(count @ 1..) = peer.read(&mut some) {
        all.extend_from_slice(&some[..count]);
        thread::sleep(Duration::from_millis(2));
    }
    all
}

//! `udp`: `sendto` and `recvfrom`, messages instead of a stream, and an error that comes one call late.
//!
//! Before you run it: a datagram of five bytes is there, and you ask for three. Where are the other two? You send a
//! datagram to a port where nobody is: does `sendto` fail? And what can it mean to "connect" a UDP socket?
//!
//! ```text
//! cargo run --example udp
//! python3 examples/python/udp.py
//! ```
//!
//! Next: `socket_options`.

mod common;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use common::{Lesson, ms};
use rustix::io::Errno;
use sockmodes::socket::{Mode, Result, Socket};

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "udp: messages, not a stream",
        &[
            "two sendto of five bytes each, then one recvfrom(1024): how many bytes?",
            "a datagram of five bytes and recvfrom(3): where are the other two?",
            "recvfrom gives no bytes at all: is that the end of input?",
            "sendto to a port where nobody is: does it fail? And on a connected UDP socket?",
        ],
    );
    boundaries(&mut lesson)?;
    truncation(&mut lesson)?;
    connected_udp(&mut lesson)?;
    the_late_error(&mut lesson)?;
    Ok(lesson.end())
}

fn boundaries(lesson: &mut Lesson) -> Result<()> {
    lesson.part("A datagram is a message: it arrives whole, or not at all");
    let (server, address) = bound()?;
    let client = Socket::udp()?; // Gets its port with the first sendto.
    lesson.told("sendto(b\"hello\", server)", &client.send_to(b"hello", address)?);
    lesson.told("sendto(b\"world\", server)", &client.send_to(b"world", address)?);
    // One socket hears everybody, so every datagram comes with its sender: that is whom to answer.
    let (first, from) = server.recv_from(1024)?;
    lesson.told("server: recvfrom(1024)", &(&first, from));
    let (second, from) = server.recv_from(1024)?;
    lesson.told("server: recvfrom(1024)", &(&second, from));
    lesson.check(
        "two sends, two receives; on TCP both could have come as one",
        first == b"hello" && second == b"world",
    );
    lesson.check(
        "the sender's address is the client's",
        from.map(|from| from.port()) == Some(client.local_addr()?.port()),
    );
    Ok(())
}

fn truncation(lesson: &mut Lesson) -> Result<()> {
    lesson.part("What does not fit is lost, and nothing is something");
    let (server, address) = bound()?;
    let client = Socket::udp()?;
    client.send_to(b"hello", address)?;
    client.send_to(b"", address)?;
    client.send_to(b"next", address)?;
    let (cut, from) = server.recv_from(3)?;
    lesson.told("server: recvfrom(3) of \"hello\"", &(&cut, from));
    let (empty, from) = server.recv_from(1024)?;
    lesson.told("server: recvfrom(1024)", &(&empty, from));
    let (next, from) = server.recv_from(1024)?;
    lesson.told("server: recvfrom(1024)", &(&next, from));
    lesson.check("the rest of a datagram does not come with the next call", cut == b"hel");
    lesson.check("an empty datagram is a message: UDP has no end of input", empty.is_empty());
    lesson.check("and the next one is intact", next == b"next");
    Ok(())
}

fn connected_udp(lesson: &mut Lesson) -> Result<()> {
    lesson.part("connect on UDP sends nothing: it picks the only peer");
    let (socket, address) = bound()?;
    let (peer, peers_address) = bound()?;
    let stranger = Socket::udp()?;
    socket.connect(peers_address)?;
    lesson.did("connect(peer)");
    lesson.told("getpeername()", &socket.peer_addr()?);
    lesson.told("stranger: sendto(b\"psst\", socket)", &stranger.send_to(b"psst", address)?);
    lesson.told("peer: sendto(b\"hello\", socket)", &peer.send_to(b"hello", address)?);
    let got = socket.recv(1024)?;
    lesson.told("recv(1024)", &got);
    socket.set_mode(Mode::Timeout(ms(100)))?;
    let more = socket.recv(1024);
    lesson.told("recv(1024), timeout 0.1", &more);
    lesson.check("the stranger's datagram, though first, was not let in", got == b"hello");
    lesson.check("and does not come later", more.is_err_and(|error| error.is_timed_out()));
    Ok(())
}

fn the_late_error(lesson: &mut Lesson) -> Result<()> {
    lesson.part("Nobody there: the error comes with a later call, and only if connected");
    let (nobody, _holder) = nobody()?;
    let loose = Socket::udp()?;
    lesson.told("sendto(b\"hello\", nobody)", &loose.send_to(b"hello", nobody)?);
    let second = loose.send_to(b"hello", nobody)?;
    lesson.told("sendto(b\"hello\", nobody)", &second);
    // A refusal did come back (ICMP, "port unreachable"). But a socket that may talk to anybody could not
    // say whom it was about, so the kernel does not pass it on.
    lesson.check("not connected: never an error", second == 5);

    let socket = Socket::udp()?;
    socket.set_mode(Mode::Timeout(ms(5000)))?;
    socket.connect(nobody)?;
    let sent = socket.send(b"hello")?;
    lesson.told("connected: send(b\"hello\")", &sent);
    let refused = socket.recv(5);
    lesson.told("connected: recv(5), timeout 5", &refused);
    let was_refused = |result: &Result<Vec<u8>>| {
        let error = result.as_ref().err().and_then(|error| error.raw_os_error());
        error == Some(Errno::CONNREFUSED.raw_os_error())
    };
    lesson.check("the send had succeeded, as far as anyone knew", sent == 5);
    lesson.check("the refusal is told by the next call, whichever it is", was_refused(&refused));
    // Told once, it is over: the socket is as good as before.
    let sent = socket.send(b"hello")?;
    lesson.told("connected: send(b\"hello\")", &sent);
    lesson.check("and only once", sent == 5);
    Ok(())
}

/// A UDP socket with an address of its own.
fn bound() -> Result<(Socket, SocketAddr)> {
    let socket = Socket::udp()?;
    socket.bind("127.0.0.1:0")?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

/// An address where datagrams find nobody, and the socket that keeps it so: it has the port, so that no
/// other program gets it, and is connected to itself, so that it hears nobody else.
fn nobody() -> Result<(SocketAddr, Socket)> {
    let (holder, address) = bound()?;
    holder.connect(address)?;
    Ok((address, holder))
}

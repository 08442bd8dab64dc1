//! `socket_options`: what the kernel knows about a socket, and what it can be told.
//!
//! Before you run it: a server is restarted, and its port is "already in use", by nobody. Why, and what is the cure?
//! You ask for a send buffer of 32,768 bytes: what does the kernel say that it is? Two small sends and then a
//! `recv`, eight times over: how long can that take on one machine?
//!
//! ```text
//! cargo run --example socket_options
//! python3 examples/python/socket_options.py
//! ```
//!
//! Next: `makefile`.

mod common;

use std::error::Error;
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use common::{Lesson, Told, Varies, connected};
use rustix::io::Errno;
use sockmodes::socket::{Access, NoDelay, RecvBuffer, Result, ReuseAddr, SendBuffer, Socket};

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "socket options: what the kernel knows, and can be told",
        &[
            "getsockname before bind, after bind(port 0), and on a closed socket?",
            "a server restarts at once on the same port: does bind succeed?",
            "setsockopt(SO_SNDBUF, 32768): what does getsockopt say then?",
            "two small sends, then wait for the answer: what can that cost?",
        ],
    );
    names_and_numbers(&mut lesson)?;
    reuse_address(&mut lesson)?;
    buffer_sizes(&mut lesson)?;
    no_delay(&mut lesson)?;
    Ok(lesson.end())
}

fn names_and_numbers(lesson: &mut Lesson) -> Result<()> {
    lesson.part("getsockname, getpeername, fileno");
    let listener = Socket::tcp()?;
    let nameless = listener.local_addr()?;
    lesson.told("new: getsockname()", &nameless);
    listener.bind("127.0.0.1:0")?;
    let name = listener.local_addr()?;
    lesson.told("after bind(port 0): getsockname()", &name);
    lesson.check("port 0 means \"you pick\"", nameless.port() == 0 && name.port() != 0);
    listener.listen(1)?;
    let peerless = listener.peer_addr();
    lesson.told("a listener's getpeername()", &peerless);
    lesson.check("a listener is connected to nobody", peerless.is_err());

    let client = Socket::tcp()?;
    client.connect(name)?;
    let (accepted, _) = listener.accept()?;
    // A connection is these two pairs and nothing else; both ends agree on them, crosswise.
    let (here, there) = (client.local_addr()?, client.peer_addr()?);
    lesson.check(
        "each end's name is the other end's peer",
        accepted.peer_addr()? == here && accepted.local_addr()? == there,
    );
    // The file descriptor: the process's number for it, the smallest that was free.
    lesson.told("fileno()", &client.fileno().map(|fd| Varies(fd as usize)));
    client.close()?;
    let closed = client.as_raw_fd().to_string();
    lesson.told("closed: fileno()", &closed);
    let gone = client.local_addr();
    lesson.told("closed: getsockname()", &gone);
    lesson.check("a closed socket is no descriptor at all", closed == "-1" && gone.is_err());
    Ok(())
}

fn reuse_address(lesson: &mut Lesson) -> Result<()> {
    lesson.part("SO_REUSEADDR: a restart must not wait for the past");
    let listener = Socket::tcp()?;
    lesson.told("getsockopt(SO_REUSEADDR)", &listener.option(ReuseAddr)?);
    listener.set_option(ReuseAddr, true)?;
    lesson.did("setsockopt(SO_REUSEADDR, 1)");
    listener.bind("127.0.0.1:0")?;
    listener.listen(1)?;
    let address = listener.local_addr()?;
    let client = Socket::tcp()?;
    client.connect(address)?;
    let (accepted, _) = listener.accept()?;

    let second = Socket::tcp()?;
    second.set_option(ReuseAddr, true)?;
    let while_it_runs = second.bind(address);
    lesson.told("bind to a port that is listened on", &while_it_runs);
    lesson.check("it is not for two servers on one port", is_in_use(&while_it_runs));
    restart(lesson, listener, client, accepted)
}

fn restart(lesson: &mut Lesson, listener: Socket, client: Socket, accepted: Socket) -> Result<()> {
    let address = listener.local_addr()?;
    // Whoever closes first keeps the memory of the connection for a minute (TIME_WAIT), so that
    // late segments can't be taken for a newer connection's. Here the server closes first.
    drop(accepted);
    client.recv(1)?; // The end of input: the server's close has arrived.
    drop(client);
    drop(listener);
    let hasty = Socket::tcp()?;
    let without = hasty.bind(address);
    lesson.told("restart without it: bind", &without);
    let patient = Socket::tcp()?;
    patient.set_option(ReuseAddr, true)?;
    let with = patient.bind(address);
    lesson.told("restart with it: bind", &with);
    lesson.check("in use, by connections that are over", is_in_use(&without));
    lesson.check("SO_REUSEADDR says: I know, bind nevertheless", with.is_ok());
    Ok(())
}

fn buffer_sizes(lesson: &mut Lesson) -> Result<()> {
    lesson.part("SO_SNDBUF and SO_RCVBUF: ask for one, get two");
    let socket = Socket::tcp()?;
    lesson.told("getsockopt(SO_SNDBUF)", &Varies(socket.option(SendBuffer)?));
    socket.set_option(SendBuffer, 32768)?;
    lesson.did("setsockopt(SO_SNDBUF, 32768)");
    let doubled = socket.option(SendBuffer)?;
    lesson.told("getsockopt(SO_SNDBUF)", &doubled);
    // The kernel charges its own book-keeping (some hundred bytes a packet) to the same account. It
    // doubles what you ask for, so that about as many bytes fit as you asked for. See socket(7).
    lesson.check("Linux doubles it", !cfg!(target_os = "linux") || doubled == 65536);
    socket.set_option(SendBuffer, 1)?;
    lesson.did("setsockopt(SO_SNDBUF, 1)");
    let least = socket.option(SendBuffer)?;
    lesson.told("getsockopt(SO_SNDBUF)", &Varies(least));
    lesson.check("it is a wish: there is a least, and a most", least > 2);

    let listener = Socket::tcp()?;
    listener.set_option(RecvBuffer, 32768)?;
    listener.bind("127.0.0.1:0")?;
    listener.listen(1)?;
    let client = Socket::tcp()?;
    client.connect(listener.local_addr()?)?;
    let (accepted, _) = listener.accept()?;
    let inherited = accepted.option(RecvBuffer)?;
    lesson.told("accepted: getsockopt(SO_RCVBUF)", &inherited);
    // How much the other side may send ahead is agreed on in the first segments, before accept.
    lesson.check(
        "set it on the listener: accepted sockets inherit it",
        inherited == listener.option(RecvBuffer)?,
    );
    Ok(())
}

fn no_delay(lesson: &mut Lesson) -> std::result::Result<(), Box<dyn Error>> {
    lesson.part("TCP_NODELAY: when two algorithms wait for each other");
    let mut answers = Vec::new();
    for wanted in [false, true] {
        let (socket, peer) = connected()?;
        let label = format!("setsockopt(TCP_NODELAY, {})", u8::from(wanted));
        socket.set_option(NoDelay, wanted)?;
        lesson.did(&label);
        let set = socket.option(NoDelay)?;
        lesson.told("getsockopt(TCP_NODELAY)", &set);
        lesson.check("the kernel took it", set == wanted);
        let answering = thread::spawn(move || answer_pairs(&peer));
        let begun = Instant::now();
        let mut got = Vec::new();
        for _ in 0..ROUNDS {
            // Nagle: the second small segment waits for the ACK of the first. Delayed ACK: the peer, which has
            // only half a question, sends no ACK for 40 ms, in the hope of an answer to put it on.
            socket.send_all(b"a")?;
            socket.send_all(b"b")?;
            got.extend(socket.recv(1)?);
        }
        let took = begun.elapsed().as_secs_f64();
        lesson.note(&format!("8 questions in two sends each: {took:.3} s"));
        drop(socket);
        answering.join().expect("the peer answers")?;
        answers.push(got.told());
    }
    lesson.note("(One send a question, not two, is as good a cure.)");
    lesson.check("the answers are the same; only the waiting differs", answers[0] == answers[1]);
    Ok(())
}

const ROUNDS: usize = 8;

/// A peer that answers every two bytes with one.
fn answer_pairs(peer: &Socket) -> Result<()> {
    let mut questions = peer.makefile(Access::Read);
    while questions.read(2)?.is_some_and(|question| question.len() == 2) {
        peer.send_all(b"!")?;
    }
    Ok(())
}

fn is_in_use(result: &Result<()>) -> bool {
    let error = result.as_ref().err().and_then(|error| error.raw_os_error());
    error == Some(Errno::ADDRINUSE.raw_os_error())
}

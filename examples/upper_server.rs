//! `upper_server`: a whole server in a screenful, and its flaw.
//!
//! The source document's socketserver pair: a client sends a line, the server sends it back in upper case,
//! both hang up. Blocking sockets, one thread, nothing to get wrong. Or is there?
//!
//! Before you run it: a first client connects and says nothing. Then a second one connects and asks at once.
//! Does its `connect` succeed? Does its `sendall`? When does its answer come?
//!
//! ```text
//! cargo run --example upper_server
//! python3 examples/python/upper_server.py
//! ```
//!
//! Next: `edge_trap`. (`server_designs` has four ways to mend the flaw, and what each costs.)

mod common;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;

use common::{Lesson, ms};
use sockmodes::socket::{Result, Socket};

/// The server, all of it: Python's `socketserver.TCPServer` with a `handle` of three lines.
fn serve(listener: &Socket) -> Result<()> {
    loop {
        let (client, _) = listener.accept()?;
        let request = client.recv(1024)?; // <- Here it stops until this client says something.
        client.send_all(&request.trim_ascii().to_ascii_uppercase())?;
    } // `client` is dropped, and that closes the connection.
}

fn main() -> std::result::Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "upper_server: a server in a screenful, and its flaw",
        &[
            "client 1 connects and says nothing: what does the server do?",
            "client 2 connects and asks: do its connect and its sendall succeed?",
            "when does client 2 get its answer?",
        ],
    );
    let listener = Socket::tcp()?;
    listener.bind("127.0.0.1:0")?;
    listener.listen(5)?;
    let address = listener.local_addr()?;
    thread::spawn(move || serve(&listener));
    one_client(&mut lesson, address)?;
    let (first, second) = (Socket::tcp()?, Socket::tcp()?);
    nothing_to_say_yet(&mut lesson, address, &first, &second)?;
    client_1_speaks(&mut lesson, &first, &second)?;
    Ok(lesson.end())
}

fn one_client(lesson: &mut Lesson, address: SocketAddr) -> Result<()> {
    lesson.part("One client: everything is fine");
    let client = Socket::tcp()?;
    client.connect(address)?;
    lesson.did("connect");
    client.send_all(b"hello\n")?;
    lesson.did("sendall(\"hello\\n\")");
    let reply = client.recv(1024)?;
    lesson.told("recv(1024)", &reply);
    lesson.check("it is served", reply == b"HELLO");
    Ok(())
}

fn nothing_to_say_yet(
    lesson: &mut Lesson,
    address: SocketAddr,
    first: &Socket,
    second: &Socket,
) -> Result<()> {
    lesson.part("Two clients, and the first has nothing to say yet");
    first.connect(address)?;
    lesson.did("client 1: connect");
    // It is the kernel that takes connections, and keeps them in the backlog until somebody accepts. And it
    // is the kernel that takes the bytes. So to client 2 all looks well.
    second.connect(address)?;
    lesson.did("client 2: connect");
    second.send_all(b"second\n")?;
    lesson.did("client 2: sendall(\"second\\n\")");
    second.set_timeout(Some(ms(500)))?;
    let nothing = second.recv(1024);
    lesson.told("client 2: recv(1024), for 0.5 s at most", &nothing);
    // The server is not busy: it is asleep, in the `recv` of client 1. A single telephone call in which nobody
    // speaks, and the whole exchange is dead. (Doing it on purpose to a web server has a name: Slowloris.)
    lesson.check("client 2 waits", nothing.is_err_and(|error| error.is_timed_out()));
    Ok(())
}

fn client_1_speaks(lesson: &mut Lesson, first: &Socket, second: &Socket) -> Result<()> {
    lesson.part("Client 1 speaks at last");
    first.send_all(b"first\n")?;
    lesson.did("client 1: sendall(\"first\\n\")");
    let reply = first.recv(1024)?;
    lesson.told("client 1: recv(1024)", &reply);
    lesson.check("client 1 is served", reply == b"FIRST");
    // A timeout broke nothing: the same call on the same socket goes on where the first one left off.
    second.set_timeout(None)?;
    let reply = second.recv(1024)?;
    lesson.told("client 2: recv(1024)", &reply);
    lesson.check("and then, and only then, client 2", reply == b"SECOND");
    Ok(())
}

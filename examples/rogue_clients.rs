//! `rogue_clients`: the legal client, the one that does not know the scheme, the one with the wrong key.
//!
//! The source document's authenticated server, and its three clients. The server says nothing but
//! its nonce until it is content, and if it never is, it hangs up without a word. So the
//! interesting question is what somebody who does not belong there sees.
//!
//! Before you run it: the second client expects a plain server and sends `hello` at once. What does it take
//! for the reply? How does it learn that something is wrong, and when? And the third: what tells it that its
//! key is wrong?
//!
//! ```text
//! cargo run --example rogue_clients
//! python3 examples/python/rogue_clients.py
//! ```
//!
//! Next: `upper_server`, a server that trusts everybody.

mod common;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use common::{Counted, Lesson, Told, ms, recv_exactly};
use sockmodes::auth::{Challenge, Entry, Key, NonceLen, Scheme, Secret};
use sockmodes::observe::{Detail, Event, Observer, Record};
use sockmodes::server::{Config, Handle, Server};
use sockmodes::session::{Protocol, Reason, Service};
use sockmodes::socket::{Error as SocketError, Socket};

/// The nonce of the source's `os.urandom(32)`.
const NONCE_LEN: usize = 32;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut lesson = Lesson::begin(
        "rogue_clients: one belongs here, two do not; what each of them sees",
        &[
            "a client that knows no nonce says hello and reads: what is the reply?",
            "how long does the server wait for a digest that never becomes whole?",
            "a client answers with the wrong key: what does the server tell it?",
        ],
    );
    let secret = Secret::new("linhaifeng bang bang bang".into())?;
    let (address, handle, verdicts) = start_server(&secret, ms(10_000))?;
    legal(&mut lesson, address, &verdicts, &secret)?;
    without_the_scheme(&mut lesson, &secret)?;
    with_the_wrong_key(&mut lesson, address, &verdicts)?;
    handle.stop();
    Ok(lesson.end())
}

fn legal(
    lesson: &mut Lesson,
    address: SocketAddr,
    verdicts: &Receiver<Reason>,
    secret: &Secret,
) -> Result<(), Box<dyn Error>> {
    lesson.part("The legal client: it knows the scheme and the key");
    let client = say_hello(lesson, address, secret)?;
    let reply = client.recv(1024)?;
    lesson.told("recv(1024)", &reply);
    // No "welcome" came in between. Being served is how one learns that the digest was right.
    lesson.check("it is served", reply == b"HELLO");
    drop(client); // Python's close(): end of input for the server.
    let verdict = verdicts.recv().map(Verdict)?;
    lesson.told("the server, about it", &verdict);
    lesson.check("for the server all went well", verdict.0 == Reason::Done);
    Ok(())
}

fn without_the_scheme(lesson: &mut Lesson, secret: &Secret) -> Result<(), Box<dyn Error>> {
    lesson.part("The client without the scheme: it expects a server that just answers");
    // The same server, but less patient: it gives a client 0.3 s to be let in, and not ten seconds.
    let (impatient, handle, verdicts) = start_server(secret, ms(300))?;
    let client = connect(lesson, impatient)?;
    client.send_all(b"hello")?;
    lesson.did("sendall(\"hello\")");
    let reply = recv_exactly(&client, NONCE_LEN)?;
    lesson.told("recv(1024)", &Counted(&reply));
    // Its five bytes are the beginning of a digest to the server, and the nonce is a reply to the client. The
    // source's client decodes it as UTF-8, which random bytes are not, and dies of a UnicodeDecodeError.
    lesson.check("it takes the nonce for the reply", reply.len() == NONCE_LEN);
    // The server waits for eleven more bytes, until its deadline, which nothing moves: not even a client
    // that sends a byte now and then to stay in the conversation.
    let end = client.recv(1024)?;
    lesson.told("recv(1024)", &end);
    lesson.check("then the connection ends, without a word", end.is_empty());
    drop(client);
    let verdict = verdicts.recv().map(Verdict)?;
    lesson.told("the server, about it", &verdict);
    lesson.check("it was not let in within the time", verdict.0 == Reason::HandshakeTimeout);
    handle.stop();
    Ok(())
}

fn with_the_wrong_key(
    lesson: &mut Lesson,
    address: SocketAddr,
    verdicts: &Receiver<Reason>,
) -> Result<(), Box<dyn Error>> {
    lesson.part("The client with the wrong key: it does everything right, but for four digits");
    let wrong = Secret::new("linhaifeng bang bang bang1111".into())?;
    let client = say_hello(lesson, address, &wrong)?;
    let end = client.recv(1024)?;
    lesson.told("recv(1024)", &end);
    // It can't tell this from a server that crashed, and that is as it should be: the less a refusal says,
    // the less there is to learn from it.
    lesson.check("the connection ends, without a word", end.is_empty());
    drop(client);
    let verdict = verdicts.recv().map(Verdict)?;
    lesson.told("the server, about it", &verdict);
    lesson.check("the server knows why, and keeps it to itself", verdict.0 == Reason::WrongDigest);
    Ok(())
}

/// What a client does that knows the scheme: it answers the nonce, and goes on without waiting to hear how that was.
fn say_hello(
    lesson: &mut Lesson,
    address: SocketAddr,
    secret: &Secret,
) -> Result<Socket, SocketError> {
    let client = connect(lesson, address)?;
    let nonce = recv_exactly(&client, NONCE_LEN)?;
    lesson.told("recv(32)", &Counted(&nonce));
    let digest = Key::new(Scheme::HmacMd5, secret).digest(&nonce);
    client.send_all(digest.as_bytes())?;
    lesson.did("sendall(digest)");
    client.send_all(b"hello")?;
    lesson.did("sendall(\"hello\")");
    Ok(client)
}

fn connect(lesson: &mut Lesson, address: SocketAddr) -> Result<Socket, SocketError> {
    let client = Socket::tcp()?;
    client.connect(address)?;
    lesson.did("connect");
    Ok(client)
}

/// `sockmodes serve`, as a library: the scheme hmac-md5 and the service upper, which are its defaults.
fn start_server(
    secret: &Secret,
    patience: Duration,
) -> Result<(SocketAddr, Handle, Receiver<Reason>), Box<dyn Error>> {
    let key = Key::new(Scheme::HmacMd5, secret);
    let entry = Entry::Challenge(Challenge::new(key, NonceLen::new(NONCE_LEN)?));
    let mut protocol = Protocol::new(entry, Service::Upper);
    protocol.handshake_timeout = patience.into();
    let mut server = Server::bind(Config::new(vec!["127.0.0.1:0".parse()?], protocol))?;
    let (tell, verdicts) = mpsc::channel();
    server.add_observer(Box::new(Endings(tell)));
    let (address, handle) = (server.local_addr(), server.handle());
    thread::spawn(move || server.run());
    Ok((address, handle, verdicts))
}

/// The server tells everything that it does in one stream of events. This reader picks out how each
/// of the connections ends.
struct Endings(Sender<Reason>);

impl Observer for Endings {
    fn detail(&self) -> Detail {
        Detail::Life
    }

    fn observe(&mut self, record: &Record) {
        if let Event::Closed { reason, .. } = record.event {
            // It fails once the lesson is over, and then nobody wants to know.
            let _ = self.0.send(reason);
        }
    }
}

/// Why the server ended a connection, in its own word.
struct Verdict(Reason);

impl Told for Verdict {
    fn told(&self) -> String {
        self.0.name().into()
    }
}

impl Told for mpsc::RecvError {
    fn told(&self) -> String {
        "the server is gone".into()
    }
}

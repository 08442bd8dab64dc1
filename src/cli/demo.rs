//! `sockmodes demo`: the whole story in one terminal, with no set-up.
//!
//! A real server on a port of its own and three clients: the one that knows the secret, the one that does
//! not know that it must answer, and the one with the wrong secret. What each of them sees is checked, so
//! that the story can't lie.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use sockmodes::auth::{Challenge, Entry, Key, NonceLen, Scheme, Secret};
use sockmodes::client::{Client, ClientError};
use sockmodes::server::{Config, Server};
use sockmodes::session::{Protocol, Service};
use sockmodes::socket::{Mode, Socket};

use super::{Done, Failure};

const SECRET: &str = "linhaifeng bang bang bang";
const WRONG_SECRET: &str = "linhaifeng bang bang bang1111";
const NONCE_LEN: usize = 32;
/// For each wait of a client: far more than loopback takes.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run() -> Done {
    let key = key(SECRET)?;
    let entry = Entry::Challenge(Challenge::new(key.clone(), NonceLen::new(NONCE_LEN)?));
    let protocol = Protocol::new(entry, Service::Upper);
    let server = Server::bind(Config::new(vec![([127, 0, 0, 1], 0).into()], protocol))?;
    let (address, handle) = (server.local_addr(), server.handle());
    let running = thread::Builder::new().name("server".into()).spawn(move || server.run())?;

    let mut story = Story { out: io::stdout().lock(), holds: true };
    let told = story.tell(address, &key);
    handle.stop();
    running.join().map_err(|_| Failure::Failed("the server panicked".into()))??;
    told?;
    match story.holds {
        true => Ok(ExitCode::SUCCESS),
        false => Err(Failure::Failed("a client saw what it should not have seen".into())),
    }
}

fn key(secret: &str) -> Result<Key, Failure> {
    Ok(Key::new(Scheme::HmacMd5, &Secret::new(secret.into())?))
}

struct Story<W> {
    out: W,
    holds: bool,
}

impl<W: Write> Story<W> {
    fn tell(&mut self, address: SocketAddr, key: &Key) -> Result<(), Failure> {
        self.say(&format!(
            "A server listens on {address}. It gives back in capitals what it is sent, but only to\n\
             those who know its secret. To find out, it sends each newcomer {NONCE_LEN} random bytes, the\n\
             nonce, and waits for the digest: a number computed from the nonce and the secret\n\
             together. The secret itself never crosses the wire.\n"
        ))?;
        self.legal(address, key)?;
        self.without_the_scheme(address)?;
        self.wrong_secret(address)?;
        self.say(
            "Nobody was told why: a server that explains a refusal helps whoever is guessing.\n\
             Next: 'serve -vv' in place of 'demo' shows the same from the inside, call by call.",
        )
    }

    fn legal(&mut self, address: SocketAddr, key: &Key) -> Result<(), Failure> {
        self.say("1. The client that knows the secret")?;
        let mut client = Client::connect(&[address], Some(key), NONCE_LEN, Some(PATIENCE))?;
        self.say(&format!(
            "   got the nonce, sent its digest of {} bytes",
            key.scheme().digest_len()
        ))?;
        let mut reply = Vec::new();
        client.exchange(b"hello, server", |part| {
            reply.extend_from_slice(part);
            Ok(())
        })?;
        self.say("   sent  hello, server")?;
        self.saw(&String::from_utf8_lossy(&reply), reply == b"HELLO, SERVER")
    }

    fn without_the_scheme(&mut self, address: SocketAddr) -> Result<(), Failure> {
        self.say("2. The client that does not know that it must answer")?;
        let socket = Socket::tcp()?;
        socket.set_mode(Mode::Timeout(PATIENCE))?;
        socket.connect(address)?;
        let sent = b"hello? can anybody hear me?";
        socket.send_all(sent).map_err(sockmodes::socket::Error::from)?;
        self.say("   sent  hello? can anybody hear me?")?;
        let (mut received, mut ended) = (0, false);
        while !ended {
            let part = socket.recv(1024)?;
            received += part.len();
            ended = part.is_empty();
        }
        self.say("   The server took the first 16 bytes of that for a digest, and a wrong one.")?;
        self.saw(
            &format!("{received} bytes that mean nothing to it (the nonce), then the end"),
            received == NONCE_LEN,
        )
    }

    fn wrong_secret(&mut self, address: SocketAddr) -> Result<(), Failure> {
        self.say("3. The client with the wrong secret")?;
        let mut client =
            Client::connect(&[address], Some(&key(WRONG_SECRET)?), NONCE_LEN, Some(PATIENCE))?;
        self.say("   got the nonce, sent a digest: right in form, wrong in value")?;
        let outcome = client.exchange(b"hello, server", |_| Ok(()));
        self.say("   sent  hello, server")?;
        match outcome {
            Err(ClientError::RefusedBeforeReply) => self.saw("the end, and not one byte", true),
            Err(error) => self.saw(&error.to_string(), false),
            Ok(()) => self.saw("a reply", false),
        }
    }

    fn saw(&mut self, what: &str, as_expected: bool) -> Result<(), Failure> {
        self.holds &= as_expected;
        let verdict = if as_expected { "" } else { "   <- this should not be" };
        self.say(&format!("   saw   {what}{verdict}\n"))
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "{text}")
            .and_then(|()| self.out.flush())
            .map_err(|error| Failure::writing("to standard output", &error))
    }
}

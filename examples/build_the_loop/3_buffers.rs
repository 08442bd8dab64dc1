//! 3, buffers: bytes come and go as they like.
//!
//! The idea: what has come and what is still to go are two buffers, and each connection has its own. What the kernel did
//! not take stays in the *outbox* until `poll` says that there is room again. And while an outbox is full its client is
//! not read from: the bytes stay in the kernel, whose buffers fill up too, and in the end the client itself has to wait.
//! This is called back-pressure. Without it, whoever sends and never reads fills our memory.
//!
//! So what we ask `poll` for changes from turn to turn: see `wants`.
//!
//! ```text
//! cargo build --example build_3_buffers
//! sockmodes check -- target/debug/examples/build_3_buffers {port}
//! ```
//!
//! It reaches level 4, "the other side is slow". What it can't do yet: let go of who never says anything
//! (`deadline-silent`), and live with too few descriptors (`descriptors-out`).
//! The same in Python: `3_buffers.py`. Next: `4_edges.rs`, at the same level in fewer calls.

use std::env;
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStringExt;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use rand::Rng;
use rustix::event::{PollFd, PollFlags, poll};

const NONCE_LEN: usize = 32;
const DIGEST_LEN: usize = 16;
const PIECE: usize = 16 * 1024;
const FULL: usize = 64 * 1024; // With so much in its outbox, a client is not read from.

/// One connection: how far it has come, what it has said, and what it is owed.
struct Client {
    stream: TcpStream,
    right: Hmac<Md5>,
    is_in: bool,
    /// Whether it has ended its side.
    ended: bool,
    /// What has come and is not understood yet.
    inbox: Vec<u8>,
    /// What is to go and was not taken yet.
    outbox: Vec<u8>,
}

impl Client {
    fn new(stream: TcpStream, secret: &[u8]) -> io::Result<Client> {
        stream.set_nonblocking(true)?;
        let mut nonce = [0; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        let right = Hmac::<Md5>::new_from_slice(secret).map_err(io::Error::other)?;
        let right = right.chain_update(nonce);
        let (inbox, outbox) = (Vec::new(), nonce.to_vec());
        Ok(Client { stream, right, is_in: false, ended: false, inbox, outbox })
    }

    /// What to wake us for: asked for without need, it would wake us again and again, for nothing.
    fn wants(&self) -> PollFlags {
        let mut wants = PollFlags::empty();
        wants.set(PollFlags::IN, !self.ended && self.outbox.len() < FULL);
        wants.set(PollFlags::OUT, !self.outbox.is_empty());
        wants
    }

    /// Moves what can be moved. False once the client is to be let go.
    fn turn(&mut self, events: PollFlags) -> io::Result<bool> {
        if events.intersects(PollFlags::ERR | PollFlags::HUP) {
            return Ok(false); // These come unasked, and mean that nothing can be sent any more.
        }
        if events.contains(PollFlags::IN) && !self.read()? {
            return Ok(false);
        }
        self.write()?;
        // The end of its input is not the end of its output: whoever has said all still gets all that it is owed.
        Ok(!self.outbox.is_empty() || !self.ended)
    }

    fn read(&mut self) -> io::Result<bool> {
        let mut room = [0; PIECE];
        let count = self.stream.read(&mut room)?;
        self.ended = count == 0;
        self.inbox.extend_from_slice(&room[..count]);
        Ok(self.understand())
    }

    /// Takes from the inbox what is complete. Where the network has cut it no longer matters.
    fn understand(&mut self) -> bool {
        if !self.is_in {
            if self.inbox.len() < DIGEST_LEN {
                return !self.ended; // Half a digest: the rest will come, unless this was the end.
            }
            let digest: Vec<u8> = self.inbox.drain(..DIGEST_LEN).collect();
            if self.right.clone().verify_slice(&digest).is_err() {
                return false;
            }
            self.is_in = true;
        }
        // A request of this service may be any number of bytes, so all that is here is complete.
        self.inbox.make_ascii_uppercase();
        self.outbox.append(&mut self.inbox);
        true
    }

    /// Offers the outbox to the kernel. At once, and not when `poll` says so: mostly there is room.
    fn write(&mut self) -> io::Result<()> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        match self.stream.write(&self.outbox) {
            Ok(taken) => _ = self.outbox.drain(..taken),
            // No room. `wants` now says OUT, and `poll` will tell.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).or(env::var("PORT").ok()).ok_or("no port is given")?;
    let secret = env::var_os("SOCKMODES_SECRET").ok_or("SOCKMODES_SECRET is not set")?.into_vec();
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?))?;
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let (someone_comes, events) = wait(&listener, &clients)?;
        let mut events = events.into_iter();
        clients.retain_mut(|client| {
            let events = events.next().unwrap_or(PollFlags::empty());
            events.is_empty() || stays(client, events)
        });
        if someone_comes {
            let (stream, _) = listener.accept()?;
            let mut client = Client::new(stream, &secret)?;
            // A newcomer's first turn sends its nonce, by the same way as everything else.
            if stays(&mut client, PollFlags::empty()) {
                clients.push(client);
            }
        }
    }
}

/// Sleeps until something can be done: whether somebody comes, and what of the clients can.
fn wait(listener: &TcpListener, clients: &[Client]) -> io::Result<(bool, Vec<PollFlags>)> {
    let streams = clients.iter().map(|client| PollFd::new(&client.stream, client.wants()));
    let mut all = vec![PollFd::new(listener, PollFlags::IN)];
    all.extend(streams);
    poll(&mut all, None)?;
    let events: Vec<PollFlags> = all.iter().map(PollFd::revents).collect();
    Ok((!events[0].is_empty(), events[1..].to_vec()))
}

fn stays(client: &mut Client, events: PollFlags) -> bool {
    client.turn(events).unwrap_or_else(|error| {
        eprintln!("a client is lost: {error}");
        false
    })
}

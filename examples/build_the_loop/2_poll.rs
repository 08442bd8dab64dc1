//! 2, poll: many clients in one thread.
//!
//! The idea: don't sleep in `read`, where only one client can wake you. Sleep in `poll`, which is given all the sockets
//! and returns as soon as *one* of them has something. Then a `read` does not have to wait.
//!
//! It has a price. In `1_blocking.rs`, how far a client has come was the line at which `serve` stood. Here everybody is
//! somewhere else, and it has to be written down: that is `Client`.
//!
//! ```text
//! cargo build --example build_2_poll
//! sockmodes check -- target/debug/examples/build_2_poll {port}
//! ```
//!
//! It reaches level 2, "with many". What it can't do yet: send more than the kernel takes at once (`ten-mebibytes`).
//! The same in Python: `2_poll.py`. Next: `3_buffers.rs`.

use std::env;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStringExt;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use rand::Rng;
use rustix::event::{PollFd, PollFlags, poll};

const NONCE_LEN: usize = 32;
const DIGEST_LEN: usize = 16;
const PIECE: usize = 16 * 1024; // Read at most so much at a time.

/// One connection, and how far it has come.
struct Client {
    stream: TcpStream,
    /// Computes the right digest, as soon as there is one to compare it with.
    right: Hmac<Md5>,
    /// What has come of the digest so far.
    digest: Vec<u8>,
    is_in: bool,
}

impl Client {
    fn new(mut stream: TcpStream, secret: &[u8]) -> io::Result<Client> {
        // From now on no call on this socket waits: what can't be done at once gives the error WouldBlock.
        stream.set_nonblocking(true)?;
        let mut nonce = [0; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        let right = Hmac::<Md5>::new_from_slice(secret).map_err(io::Error::other)?;
        stream.write_all(&nonce)?;
        Ok(Client { stream, right: right.chain_update(nonce), digest: Vec::new(), is_in: false })
    }

    /// There is something to hear: one `read`, one answer. False once the client is to be let go.
    fn turn(&mut self) -> io::Result<bool> {
        if !self.is_in {
            return self.hear_digest();
        }
        let mut room = [0; PIECE];
        let count = self.stream.read(&mut room)?;
        if count == 0 {
            return Ok(false);
        }
        // The flaw. The kernel takes as much as there is room for, and `write` returns how much that was: the rest is
        // lost. If there is no room at all it gives WouldBlock, and the client is treated like one that crashed. With
        // short answers neither ever happens. It is the kind of fault that waits for the first large file.
        let _ = self.stream.write(&room[..count].to_ascii_uppercase())?;
        Ok(true)
    }

    fn hear_digest(&mut self) -> io::Result<bool> {
        // Half a digest may come, and the other half whenever it likes: keep it, and see to the others meanwhile.
        let mut part = [0; DIGEST_LEN];
        let count = self.stream.read(&mut part[self.digest.len()..])?;
        let before = self.digest.len();
        self.digest.extend_from_slice(&part[before..before + count]);
        if count > 0 && self.digest.len() < DIGEST_LEN {
            return Ok(true);
        }
        self.is_in = self.right.clone().verify_slice(&self.digest).is_ok();
        Ok(self.is_in)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).or(env::var("PORT").ok()).ok_or("no port is given")?;
    let secret = env::var_os("SOCKMODES_SECRET").ok_or("SOCKMODES_SECRET is not set")?.into_vec();
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?))?;
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let (someone_comes, has_something) = wait(&listener, &clients)?;
        // `retain_mut` goes through all of them and keeps those for which it hears true: nobody is skipped because
        // somebody before it has left.
        let mut has_something = has_something.into_iter();
        clients.retain_mut(|client| !has_something.next().unwrap_or(false) || stays(client));
        if someone_comes {
            let (stream, _) = listener.accept()?;
            // One that has gone already is no client.
            clients.extend(Client::new(stream, &secret));
        }
    }
}

/// Sleeps until somebody has something: at the listener (there, that is somebody to accept), and of the clients which.
///
/// It is level-triggered: as long as something is left to read, it says so again.
fn wait(listener: &TcpListener, clients: &[Client]) -> io::Result<(bool, Vec<bool>)> {
    let streams = clients.iter().map(|client| PollFd::new(&client.stream, PollFlags::IN));
    let mut all = vec![PollFd::new(listener, PollFlags::IN)];
    all.extend(streams);
    poll(&mut all, None)?; // The only line that sleeps.
    let ready: Vec<bool> = all.iter().map(|one| !one.revents().is_empty()).collect();
    Ok((ready[0], ready[1..].to_vec()))
}

fn stays(client: &mut Client) -> bool {
    client.turn().unwrap_or_else(|error| {
        eprintln!("a client is lost: {error}");
        false
    })
}

//! 1, one after another: the whole protocol, for one client at a time.
//!
//! Whoever connects gets a nonce, 32 random bytes. Whoever knows the secret answers with its digest, 16 bytes, and from
//! then on gets back in upper case what it sends. That is all there is to it, and this is about the shortest server that
//! does it.
//!
//! ```text
//! cargo build --example build_1_blocking
//! sockmodes check -- target/debug/examples/build_1_blocking {port}
//! ```
//!
//! It reaches level 1, "it talks". What it can't do yet: serve anybody while one client is silent (`beside-silent`).
//! The same in Python: `1_blocking.py`. Next: `2_poll.rs`.

use std::env;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStringExt;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use rand::Rng;

const NONCE_LEN: usize = 32;
const DIGEST_LEN: usize = 16; // Of MD5, and so of hmac-md5.

fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).or(env::var("PORT").ok()).ok_or("no port is given")?;
    // Bytes: a secret need not be text.
    let secret = env::var_os("SOCKMODES_SECRET").ok_or("SOCKMODES_SECRET is not set")?.into_vec();
    // A socket that listens does not talk to anybody. Its `accept` gives a new socket for each client.
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?))?;
    loop {
        let (client, _) = listener.accept()?; // Sleeps until somebody comes.
        if let Err(error) = serve(client, &secret) {
            // It crashed, or its network did. That is its own affair, and the next one is waiting.
            eprintln!("a client is lost: {error}");
        }
    }
}

/// Talks to one client, to its end. Every `read` in here sleeps until this client says something.
fn serve(mut client: TcpStream, secret: &[u8]) -> io::Result<()> {
    let mut nonce = [0; NONCE_LEN];
    rand::rng().fill_bytes(&mut nonce);
    client.write_all(&nonce)?;
    // Not more than 16: what comes behind the digest is the first request already.
    let mut digest = [0; DIGEST_LEN];
    let count = client.read(&mut digest)?;
    // Not `==`, which may stop at the first byte that differs: its time tells a guesser how far it has got.
    let right = Hmac::<Md5>::new_from_slice(secret).map_err(io::Error::other)?;
    if right.chain_update(nonce).verify_slice(&digest[..count]).is_err() {
        return Ok(()); // Without a word: a stranger is told nothing.
    }
    let mut room = [0; 1024];
    loop {
        let count = client.read(&mut room)?;
        if count == 0 {
            return Ok(()); // No bytes means: the client has ended its side. There is no other way to say so.
        }
        client.write_all(&room[..count].to_ascii_uppercase())?;
    }
} // `client` is dropped here, and that closes the connection.

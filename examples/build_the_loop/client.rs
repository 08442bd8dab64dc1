//! One connection, as from `4_edges.rs` on: what it says and hears is as in `3_buffers.rs`; new is what it remembers of
//! what the kernel has said about it, once.
//!
//! A file of its own, since the steps that follow leave it as it is. Never here: more than one connection, and time.

use std::io::{self, ErrorKind, Read, Write};

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rand::Rng;

const NONCE_LEN: usize = 32;
const DIGEST_LEN: usize = 16;
const PIECE: usize = 16 * 1024;
const FULL: usize = 64 * 1024;
const BUDGET: usize = 8; // How many pieces one client may move until it is the others' turn.

/// One connection: how far it has come, what it is owed, and what the kernel has said about it.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    right: Hmac<Md5>,
    pub(crate) is_in: bool,
    pub(crate) ended: bool,
    /// An end of input has been announced; it may lie behind unread bytes.
    end_is_near: bool,
    can_read: bool,
    can_write: bool,
    inbox: Vec<u8>,
    pub(crate) outbox: Vec<u8>,
}

impl Client {
    /// Registers it as well, for both directions: asked for once, and never changed. mio's sockets are non-blocking from
    /// the beginning.
    pub(crate) fn new(
        mut stream: TcpStream,
        token: Token,
        registry: &Registry,
        secret: &[u8],
    ) -> io::Result<Client> {
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let mut nonce = [0; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        let right = Hmac::<Md5>::new_from_slice(secret).map_err(io::Error::other)?;
        let right = right.chain_update(nonce);
        let (is_in, ended, end_is_near) = (false, false, false);
        // Nobody has said so. Trying is how to find out.
        let (can_read, can_write) = (true, true);
        let (inbox, outbox) = (Vec::new(), nonce.to_vec());
        Ok(Client { stream, right, is_in, ended, end_is_near, can_read, can_write, inbox, outbox })
    }

    /// An edge. It is a hint: one too many costs a call that finds nothing, one too few a connection that hangs.
    pub(crate) fn note(&mut self, edge: &Event) {
        self.can_read |= edge.is_readable() || edge.is_read_closed() || edge.is_error();
        self.can_write |= edge.is_writable() || edge.is_error();
        self.end_is_near |= edge.is_read_closed() || edge.is_error();
    }

    /// Moves bytes until none moves. True if it would have gone on; an error once the client is to be let go, and be it
    /// because all is said and done.
    pub(crate) fn turn(&mut self) -> io::Result<bool> {
        for _ in 0..BUDGET {
            let reads = self.can_read && !self.ended && self.outbox.len() < FULL;
            let writes = self.can_write && !self.outbox.is_empty();
            if reads {
                self.read()?;
            }
            if writes {
                self.write()?;
            }
            if !reads && !writes {
                let over = self.ended && self.outbox.is_empty();
                return if over { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(false) };
            }
        }
        Ok(true)
    }

    fn read(&mut self) -> io::Result<()> {
        let mut room = [0; PIECE];
        match self.stream.read(&mut room) {
            Ok(count) => {
                // A short read has emptied the kernel's buffer, and saves the call that would only say so. Unless an
                // end of input lies behind it: that had its edge already.
                self.can_read = count == PIECE || self.end_is_near;
                self.ended = count == 0;
                self.inbox.extend_from_slice(&room[..count]);
                self.understand()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.can_read = false;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn understand(&mut self) -> io::Result<()> {
        if !self.is_in {
            if self.inbox.len() < DIGEST_LEN {
                return Ok(());
            }
            let digest: Vec<u8> = self.inbox.drain(..DIGEST_LEN).collect();
            let refused = |_| io::Error::from(ErrorKind::PermissionDenied);
            self.right.clone().verify_slice(&digest).map_err(refused)?;
            self.is_in = true;
        }
        self.inbox.make_ascii_uppercase();
        self.outbox.append(&mut self.inbox);
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        match self.stream.write(&self.outbox) {
            Ok(taken) => _ = self.outbox.drain(..taken),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.can_write = false,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

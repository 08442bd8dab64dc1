//! The blocking client: connect, answer the nonce, talk.
//!
//! It is built on [`Socket`] in timeout mode. Only an exchange of request and reply makes the socket
//! non-blocking and waits for either direction, to read while it sends: see `exchange.rs`. Never
//! here: terminals, lines, exit statuses.

mod exchange;
mod login;

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

use crate::auth::Key;
use crate::socket::{self, Domain, NoDelay, Socket, Type};

/// A connection to a server, its digest sent.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
    /// Something came after the nonce: the server has let this client in.
    let_in: bool,
}

/// What went wrong.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There was nothing to connect to.
    #[error("cannot connect: no address was given")]
    NoAddress,
    /// No connection came about.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// Why not.
        source: socket::Error,
    },
    /// The stream ended before the nonce was whole: the server takes no more connections, or expects
    /// no digest, or sends shorter nonces.
    #[error("refused: the connection ended before the nonce was whole")]
    RefusedBeforeNonce,
    /// The stream ended before the first byte of the first reply: the digest was wrong, or late.
    #[error("refused: the connection ended before the first reply")]
    RefusedBeforeReply,
    /// The stream ended later.
    #[error("the connection ended before the reply did: {received} of {expected} bytes came")]
    Ended {
        /// Bytes of this reply that came.
        received: usize,
        /// Bytes that it should have had.
        expected: usize,
    },
    /// The stream ended after the answer to the last login: the server takes no more tries.
    #[error("the server has ended the connection")]
    EndedBetween,
    /// What came is no answer to a login.
    #[error("the reply is neither success! nor failed!: this is another service")]
    NoAnswer,
    /// Nothing happened for as long as this client waits.
    #[error("timed out while waiting for {0}")]
    TimedOut(&'static str),
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Socket(socket::Error),
    /// The reply could not be passed on.
    #[error("cannot write the reply: {0}")]
    Output(std::io::Error),
}

impl Client {
    /// Connects to the first of `addresses` that takes the connection, and answers its nonce of
    /// `nonce_len` bytes with `key`; without a key, to a server that asks for no proof. `timeout` bounds
    /// each wait: connecting, and the next bytes.
    ///
    /// # Errors
    ///
    /// [`ClientError::Connect`] names the last of the addresses, and [`ClientError::NoAddress`] says that there
    /// was none. The others are told of the first that took the connection.
    pub fn connect(
        addresses: &[SocketAddr],
        key: Option<&Key>,
        nonce_len: usize,
        timeout: Option<Duration>,
    ) -> Result<Client, ClientError> {
        let mut last = ClientError::NoAddress;
        for &address in addresses {
            match open(address, timeout) {
                Ok(socket) => return Client::over(socket, key, nonce_len, timeout),
                Err(source) => last = ClientError::Connect { address, source },
            }
        }
        Err(last)
    }

    /// The same over a connection that is there already.
    pub(crate) fn over(
        socket: Socket,
        key: Option<&Key>,
        nonce_len: usize,
        timeout: Option<Duration>,
    ) -> Result<Client, ClientError> {
        socket.set_timeout(timeout).map_err(ClientError::Socket)?;
        let mut client = Client { socket, let_in: false };
        if let Some(key) = key {
            client.answer_nonce(key, nonce_len)?;
        }
        Ok(client)
    }

    /// The socket, in timeout mode.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    fn answer_nonce(&mut self, key: &Key, nonce_len: usize) -> Result<(), ClientError> {
        let mut nonce = vec![0; nonce_len];
        let mut have = 0;
        while have < nonce_len {
            match self.socket.recv_into(&mut nonce[have..]) {
                Ok(0) => return Err(ClientError::RefusedBeforeNonce),
                Ok(received) => have += received,
                Err(error) if error.is_peer_gone() => return Err(ClientError::RefusedBeforeNonce),
                Err(error) => return Err(waiting_for("the nonce", error)),
            }
        }
        match self.socket.send_all(key.digest(&nonce).as_bytes()) {
            Err(error) if error.source.is_peer_gone() => Err(ClientError::RefusedBeforeReply),
            Err(error) => Err(waiting_for("room to send the digest", error.source)),
            Ok(()) => Ok(()),
        }
    }
}

fn open(address: SocketAddr, timeout: Option<Duration>) -> socket::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_timeout(timeout)?;
    socket.connect(address)?;
    socket.set_option(NoDelay, true)?;
    Ok(socket)
}

fn waiting_for(what: &'static str, error: socket::Error) -> ClientError {
    if error.is_timed_out() { ClientError::TimedOut(what) } else { ClientError::Socket(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_an_address_is_no_timeout() {
        let Err(error) = Client::connect(&[], None, 32, None) else { panic!("no address") };
        assert!(matches!(error, ClientError::NoAddress), "{error}");
    }
}

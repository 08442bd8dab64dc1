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
    /// TCP has connected the socket to itself, and no other connection came about. Nobody listens there: the
    /// kernel had given the socket the very port that it was to reach, and two ends that connect to each other
    /// at once become a connection (RFC 9293, 3.5).
    #[error("cannot connect to {0}: nobody listens there, and TCP connected to itself")]
    ItsOwnPeer(SocketAddr),
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
    /// [`ClientError::Connect`] and [`ClientError::ItsOwnPeer`] name the last of the addresses, and
    /// [`ClientError::NoAddress`] says that there was none. The others are told of the first that took the
    /// connection.
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
                // It took the connection and reset it before this side had looked: who takes none is refused
                // by the kernel, with another error.
                Err(ClientError::Connect { source, .. }) if source.is_peer_gone() => {
                    return Err(match key {
                        Some(_) => ClientError::RefusedBeforeNonce,
                        None => ClientError::RefusedBeforeReply,
                    });
                }
                Err(error) => last = error,
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

/// A socket that is connected to `address`, and to somebody else there.
fn open(address: SocketAddr, timeout: Option<Duration>) -> Result<Socket, ClientError> {
    open_with(address, || Socket::new(Domain::for_address(address), Type::STREAM, None), timeout)
}

/// The same, from what `new` makes: a test binds its sockets.
fn open_with(
    address: SocketAddr,
    new: impl Fn() -> socket::Result<Socket>,
    timeout: Option<Duration>,
) -> Result<Socket, ClientError> {
    let connect = || -> socket::Result<Socket> {
        let socket = new()?;
        socket.set_timeout(timeout)?;
        socket.connect(address)?;
        socket.set_option(NoDelay, true)?;
        Ok(socket)
    };
    let failed = |source| ClientError::Connect { address, source };
    let first = connect().map_err(failed)?;
    if !is_its_own_peer(&first) {
        return Ok(first);
    }
    // It still has the port, so the next one is given another.
    connect().ok().filter(|second| !is_its_own_peer(second)).ok_or(ClientError::ItsOwnPeer(address))
}

fn is_its_own_peer(socket: &Socket) -> bool {
    // A peer that is gone already has no address any more.
    socket.peer_addr().is_ok_and(|peer| socket.local_addr().is_ok_and(|here| here == peer))
}

fn waiting_for(what: &'static str, error: socket::Error) -> ClientError {
    if error.is_timed_out() { ClientError::TimedOut(what) } else { ClientError::Socket(error) }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::net::TcpListener;

    use super::*;
    use crate::socket::ReuseAddr;

    /// A socket that has a port, where nobody listens; and the address that it will connect to.
    fn bound() -> (Socket, SocketAddr) {
        let socket = Socket::tcp().unwrap();
        socket.set_option(ReuseAddr, true).unwrap();
        socket.bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    #[test]
    fn a_socket_that_connected_to_itself_is_no_connection() {
        let (first, address) = bound();
        let first = RefCell::new(Some(first));
        let new = || first.take().map_or_else(Socket::tcp, Ok);
        let error = open_with(address, new, None).unwrap_err();
        assert!(matches!(error, ClientError::ItsOwnPeer(it) if it == address), "{error}");
    }

    #[test]
    fn and_whoever_listens_there_by_then_is_reached() {
        let (first, address) = bound();
        let (first, listener) = (RefCell::new(Some(first)), RefCell::new(None));
        let new = || {
            first.take().map_or_else(
                || {
                    *listener.borrow_mut() = Some(TcpListener::bind(address).unwrap());
                    Socket::tcp()
                },
                Ok,
            )
        };
        let socket = open_with(address, new, None).unwrap();
        assert_eq!(socket.peer_addr().unwrap(), address);
        assert_ne!(socket.local_addr().unwrap(), address);
    }

    #[test]
    fn a_list_without_an_address_is_no_timeout() {
        let Err(error) = Client::connect(&[], None, 32, None) else { panic!("no address") };
        assert!(matches!(error, ClientError::NoAddress), "{error}");
    }
}

//! A server on real sockets, for what a simulated kernel can't show.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;

use sockmodes::auth::Entry;
use sockmodes::server::{Config, Handle, Server};
use sockmodes::session::{Protocol, Service};

use crate::common::drive::buffer;

/// Stopped when dropped.
pub(crate) struct RealServer {
    handle: Handle,
    address: SocketAddr,
    running: Option<thread::JoinHandle<()>>,
}

impl RealServer {
    pub(crate) fn start(service: Service) -> RealServer {
        let protocol = Protocol::new(Entry::Open, service);
        let listen = "127.0.0.1:0".parse().expect("an address");
        let mut config = Config::new(vec![listen], protocol);
        // So little that a read of what a test sends fills it.
        config.max_buffer = buffer(4096);
        let server = Server::bind(config).expect("a free port");
        let (handle, address) = (server.handle(), server.local_addr());
        let run = move || {
            server.run().expect("it can wait");
        };
        RealServer { handle, address, running: Some(thread::spawn(run)) }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).expect("the server listens")
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(running) = self.running.take() {
            assert!(running.join().is_ok() || thread::panicking(), "the server panicked");
        }
    }
}

/// Sends `request` and the end, and reads to the end, which no reset may be.
pub(crate) fn converse(mut client: TcpStream, request: &[u8]) -> Vec<u8> {
    client.write_all(request).expect("the server takes what comes");
    client.shutdown(Shutdown::Write).expect("it is connected");
    let mut got = Vec::new();
    client.read_to_end(&mut got).expect("no reset");
    got
}

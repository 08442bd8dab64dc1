//! A port for the server: free now, and no other `check`'s for as long as this one runs.
//!
//! It knows of no process; see `process.rs`, which puts its number into the command.

use std::net::Ipv4Addr;
use std::ops::Range;

use rand::rngs::{StdRng, SysRng};
use rand::{RngExt, SeedableRng};

use crate::socket::Socket;

/// Ports that no kernel gives to clients by itself: a client of somebody else could take the port while the server is
/// being started anew.
const PORTS: Range<u16> = 10_000..32_000;

/// A port of 127.0.0.1 for TCP, held without being in the server's way.
///
/// Between two starts of the server nobody listens at it, and a socket that did would keep the server from it. So the
/// same number is bound for UDP, where it is another port: who has that one has both, and the kernel takes it back
/// however this program ends.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) number: u16,
    _held: Socket,
}

impl Port {
    /// One that is free.
    pub(super) fn free() -> Option<Port> {
        let rng = StdRng::try_from_rng(&mut SysRng).ok();
        let ports =
            rng.into_iter().flat_map(|mut rng| (0..1000).map(move |_| rng.random_range(PORTS)));
        // The last resort is the kernel's choice.
        ports.chain([0]).find_map(Port::take)
    }

    /// This one, if it is free.
    fn take(number: u16) -> Option<Port> {
        // First this one: to try the other is to be in the way of the server of who has it.
        let held = Socket::udp().ok()?;
        held.bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        let number = held.local_addr().ok()?.port();
        // Without SO_REUSEADDR, for the server may do without, too.
        Socket::tcp().ok()?.bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Port { number, _held: held })
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Else two that run at once would both start a server on it, and one of them would try the other's.
    #[test]
    fn a_port_is_one_check_s_alone_and_the_server_s_to_listen_at() {
        let port = Port::free().unwrap();
        assert!(Port::take(port.number).is_none());
        TcpListener::bind((Ipv4Addr::LOCALHOST, port.number)).unwrap();
    }
}

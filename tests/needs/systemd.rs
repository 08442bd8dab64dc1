//! systemd's own side of socket activation: `systemd-socket-activate` makes the sockets and starts the server at
//! the first connection, as the socket unit does.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, id};

use rustix::process::Signal;
use sockmodes::auth::Scheme;

use crate::common::client::{answer, connect, eventually, exchange};
use crate::common::harness::{Need, Test, missing_program};
use crate::common::process::Program;
use crate::common::program::SECRET;

pub(crate) const TESTS: &[Test] = &[(
    "whoever_comes_first_starts_it_and_is_served",
    &[Need::Peer(|| missing_program("systemd-socket-activate"))],
    whoever_comes_first_starts_it,
)];

/// Addresses that nobody else has: the tool takes no port 0, and an address of this process's own leaves the kernel's
/// choice of a port to nobody else.
fn addresses() -> [SocketAddr; 2] {
    let [.., high, low] = id().to_be_bytes();
    let own = Ipv4Addr::new(127, 77, high, low);
    let ports = [(); 2].map(|()| TcpListener::bind((own, 0)).unwrap());
    ports.map(|listener| listener.local_addr().unwrap())
}

fn whoever_comes_first_starts_it() {
    let addresses = addresses();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let mut command = Command::new("systemd-socket-activate");
    for address in addresses {
        command.arg(format!("--listen={address}"));
    }
    command.args([env!("CARGO_BIN_EXE_sockmodes"), "serve", "--secret-file"]).arg(&secret);
    let program = Program::start(&mut command);
    program.wait_for_log("Listening on");
    eventually("both sockets", || {
        program.log_so_far().matches("Listening on").count() == addresses.len()
    });
    // Nobody has started the server yet.
    assert!(!program.log_so_far().contains("listening address"));
    for address in addresses {
        let mut stream = connect(address);
        answer(&mut stream, Scheme::HmacMd5, SECRET.as_bytes());
        exchange(&mut stream, b"hello", b"HELLO");
    }
    // They are told on a thread of their own, which an end does not wait for.
    let lines = addresses.map(|address| format!("listening on {address}\n")).concat();
    program.wait_for_output(&lines);
    program.signal(Signal::TERM);
    let done = program.finish().expect(0);
    assert_eq!(done.out(), lines);
}

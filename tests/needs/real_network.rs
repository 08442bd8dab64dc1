//! A real network, and a bad one: two network namespaces, between them a wire that is 20 ms long, loses two
//! packets of a hundred, delivers some out of order, and is cut for three seconds.
//!
//! The wire is `real_network/wire.py` between two TUN devices, since few kernels have netem and all have TUN.
//! The namespaces have no names: they are gone with the last process in them, however this one ends. Making
//! them takes root; without it the test is skipped, in CI too.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use sockmodes::auth::Scheme;

use crate::common::client::{self, answer, read_rest};
use crate::common::harness::{LONG, Need, Test, missing_program};
use crate::common::network::{enter, ip, missing_namespace};
use crate::common::process::Program;
use crate::common::program::{SECRET, Server, sockmodes};

const CONNECTIONS: usize = 200;
/// Bytes that each sends and gets back, half of them before the wire is cut.
const BYTES: usize = 60_000;
const CUT: Duration = Duration::from_secs(3);

/// Devices and addresses, which nobody outside the namespaces sees.
const SERVER: (&str, &str) = ("wire0", "10.99.0.1");
const CLIENTS: (&str, &str) = ("wire1", "10.99.0.2");

pub(crate) const TESTS: &[Test] = &[(
    "every_byte_gets_through_a_bad_network",
    &[
        LONG,
        Need::Peer(|| missing_program("python3")),
        Need::Peer(|| missing_program("ip")),
        Need::Machine(namespaces_and_tun),
    ],
    every_byte_gets_through,
)];

fn namespaces_and_tun() -> Option<String> {
    let tun = || OpenOptions::new().read(true).write(true).open("/dev/net/tun");
    missing_namespace()
        .or_else(|| tun().err().map(|error| format!("/dev/net/tun cannot be opened: {error}")))
}

fn up((device, address): (&str, &str)) {
    ip(&format!("address add {address}/24 dev {device}"));
    ip(&format!("link set {device} up"));
}

/// The server and the wire, in a network of their own; the wire's other end in the network at `clients`.
fn server_side(clients: &str) -> (Server, Program) {
    enter();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/needs/real_network/wire.py");
    let wire = Program::start(Command::new("python3").args([script, SERVER.0, CLIENTS.0]));
    wire.wait_for_output("ready");
    ip(&format!("link set {} netns {clients}", CLIENTS.0));
    up(SERVER);
    let listen = format!("{}:0", SERVER.1);
    let args = ["serve", "--listen", &listen, "--service", "echo", "--handshake-timeout", "1m"];
    // A packet that is lost twice after the cut may take half a minute to be sent again.
    // All come from one address.
    let open = ["--max-pending", "none", "--max-pending-per-source", "none"];
    let patient = ["--write-timeout", "2m"];
    let server = Server::of(&mut sockmodes(args.iter().chain(&open).chain(&patient)));
    (server, wire)
}

/// Byte number `n` of connection `id`: no two connections, and no two pages of one, are alike.
fn pattern(id: usize, n: usize) -> u8 {
    (id ^ n ^ n >> 8 ^ id << 3) as u8
}

fn every_byte_gets_through() {
    // In a thread of its own: other tests come after it on the harness's.
    thread::scope(|scope| scope.spawn(in_two_networks).join().unwrap());
}

fn in_two_networks() {
    let here = enter();
    let (server, wire) = thread::scope(|scope| scope.spawn(|| server_side(&here)).join().unwrap());
    up(CLIENTS);
    let before_the_cut = Barrier::new(CONNECTIONS + 1);
    thread::scope(|scope| {
        for id in 0..CONNECTIONS {
            let (server, before_the_cut) = (&server, &before_the_cut);
            scope.spawn(move || converse(server.connect(), id, before_the_cut));
        }
        before_the_cut.wait();
        ip(&format!("link set {} down", CLIENTS.0));
        // This is no waiting for something: it is how long the wire is cut.
        thread::sleep(CUT);
        ip(&format!("link set {} up", CLIENTS.0));
    });
    let done = server.stop();
    assert_eq!(done.err().matches("reason=done").count(), CONNECTIONS, "{}", done.err());
    let wire = wire.finish().expect(0);
    println!("{CONNECTIONS} times {BYTES} bytes: {}", wire.out().lines().last().unwrap());
    assert!(!wire.out().contains("=0"), "the wire was too good: {}", wire.out());
}

/// Sends the second half while the wire is cut, and then reads.
fn converse(mut stream: TcpStream, id: usize, before_the_cut: &Barrier) {
    let bytes: Vec<u8> = (0..BYTES).map(|n| pattern(id, n)).collect();
    let (first, second) = bytes.split_at(BYTES / 2);
    answer(&mut stream, Scheme::HmacMd5, SECRET.as_bytes());
    client::exchange(&mut stream, &first[..1000], &first[..1000]);
    stream.write_all(&first[1000..]).unwrap();
    before_the_cut.wait();
    stream.write_all(second).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let reply = read_rest(&mut stream);
    let differs = reply.iter().zip(&bytes[1000..]).position(|(got, sent)| got != sent);
    assert_eq!((reply.len(), differs), (BYTES - 1000, None), "connection {id}");
}

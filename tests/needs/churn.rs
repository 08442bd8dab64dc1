//! Memory and descriptors after a great many connections: back to where they were.
//!
//! `SOCKMODES_CHURN=1000000` makes an hour's worth of them, in some minutes.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use sockmodes::auth::Scheme;

use crate::common::client::{NONCE_LEN, converse, digest, eventually, read, read_rest, reset};
use crate::common::harness::{Need, Test};
use crate::common::program::{SECRET, Server};
use crate::common::usage::{open_files, resident};

/// Connections, unless the environment says otherwise.
const CONNECTIONS: u32 = 20_000;
/// Before them, to fill every pool that is only ever filled once.
const WARM_UP: u32 = 4_000;
/// Clients at once.
const CLIENTS: usize = 4;
/// Connections from one address: its ports stay taken for a minute after each.
const FROM_ONE: u32 = 2_500;
const ALLOWED: u64 = 1 << 20;

pub(crate) const TESTS: &[Test] =
    &[("nothing_is_left_of_them", &[Need::Machine(proc)], nothing_is_left)];

fn proc() -> Option<String> {
    (!Path::new("/proc/self/status").exists()).then(|| "memory is read from /proc".into())
}

fn connections() -> u32 {
    match std::env::var("SOCKMODES_CHURN") {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("SOCKMODES_CHURN={value}: no number")),
        Err(_) => CONNECTIONS,
    }
}

fn nothing_is_left() {
    let args = ["-q", "--service", "echo", "--max-pending-per-source", "1000"];
    let server = Server::start(&args);
    let pid = server.program.pid();
    let files = open_files(pid);
    churn(&server, 0, WARM_UP);
    eventually("the descriptors of the warm-up to be closed", || open_files(pid) == files);
    let before = resident(pid);
    let connections = connections();
    churn(&server, WARM_UP, connections);
    eventually("every descriptor to be closed", || open_files(pid) == files);
    let after = resident(pid);
    let grown = after.saturating_sub(before);
    println!("{connections} connections: {before} bytes resident before, {after} after");
    println!("{files} descriptors before and after");
    assert!(grown <= ALLOWED, "it grew by {grown} bytes over {connections} connections");
    server.stop();
}

/// `count` connections, the first of them number `first`.
fn churn(server: &Server, first: u32, count: u32) {
    let next = AtomicU32::new(first);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= first + count {
                        return;
                    }
                    live(connect(server, number), number);
                }
            });
        }
    });
}

fn connect(server: &Server, number: u32) -> TcpStream {
    let source = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + number / FROM_ONE);
    server.connect_from(source)
}

/// The life of one connection: most come in, speak, and leave in peace.
fn live(mut stream: TcpStream, number: u32) {
    let nonce: [u8; NONCE_LEN] = read(&mut stream);
    let digest = digest(Scheme::HmacMd5, SECRET.as_bytes(), &nonce);
    match number % 10 {
        0 => reset(stream),
        1 => {
            stream.write_all(&[0; 16]).unwrap();
            assert!(read_rest(&mut stream).is_empty(), "a wrong digest is refused");
        }
        2 => {
            stream.write_all(&digest).unwrap();
            stream.write_all(&[b'x'; 10_000]).unwrap();
            reset(stream);
        }
        _ => {
            stream.write_all(&digest).unwrap();
            let said = format!("number {number}");
            assert_eq!(converse(&mut stream, said.as_bytes()), said.as_bytes());
        }
    }
}

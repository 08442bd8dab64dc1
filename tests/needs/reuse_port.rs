//! Several processes at one address, and what becomes of whoever waits in the queue of one that ends. The kernel
//! drops them, unless it is told to give them to another; the book says so, and how they are not lost at all.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use rustix::process::Signal;

use crate::common::client::eventually;
use crate::common::harness::{Need, Test};
use crate::common::network::{NEEDS, alone};
use crate::common::program::{Server, sockmodes};

pub(crate) const TESTS: &[Test] = &[(
    "the_kernel_drops_a_closed_queue_unless_it_may_migrate_it",
    &[NEEDS[0], NEEDS[1], Need::Machine(no_migration)],
    the_kernel_drops_a_closed_queue,
)];

const MIGRATE: &str = "/proc/sys/net/ipv4/tcp_migrate_req";
/// So many that each of two processes has some of them: that one has none is less likely than 1 in 10^19.
const CLIENTS: usize = 64;

/// Since Linux 5.14.
fn no_migration() -> Option<String> {
    (!Path::new(MIGRATE).exists()).then(|| format!("there is no {MIGRATE}"))
}

fn the_kernel_drops_a_closed_queue() {
    alone(|| {
        for (migrate, loses) in [("0", true), ("1", false)] {
            fs::write(MIGRATE, migrate).unwrap();
            let (waited, lost) = clients_of_two_of_which_one_ends();
            assert_eq!(lost, if loses { waited } else { 0 }, "of {waited} who waited");
        }
    });
}

/// How many waited in the queue of the one that ended, and how many of them were not served.
fn clients_of_two_of_which_one_ends() -> (usize, usize) {
    let args = ["serve", "--auth", "none", "--reuse-port", "--listen"];
    let first = Server::of(&mut sockmodes(args.iter().copied().chain(["127.0.0.1:0"])));
    let address = first.address.to_string();
    let second = Server::of(&mut sockmodes(args.iter().copied().chain([address.as_str()])));
    // It accepts nobody; its queue goes on taking connections.
    first.program.signal(Signal::STOP);
    let stat = format!("/proc/{}/stat", first.program.pid());
    eventually("it to stand still", || fs::read_to_string(&stat).unwrap().contains(") T "));
    let mut streams: Vec<_> = (0..CLIENTS).map(|_| first.connect()).collect();
    let mut waited = 0;
    eventually("the second to take its share", || {
        let waiting = waiting(first.address.port());
        waited = waiting.iter().sum();
        waiting.contains(&0)
            && second.program.log_so_far().matches("let in").count() + waited == CLIENTS
    });
    first.program.signal(Signal::KILL);
    let served = |stream: &mut TcpStream| {
        let mut reply = [0; 5];
        stream.write_all(b"hello").and_then(|()| stream.read_exact(&mut reply)).is_ok()
    };
    let lost = streams.iter_mut().map(served).filter(|served| !served).count();
    second.stop();
    (waited, lost)
}

/// How many wait to be accepted at `port`, in the queue of each who listens there (proc_net_tcp).
fn waiting(port: u16) -> Vec<usize> {
    const LISTEN: &str = "0A";
    let sockets = fs::read_to_string("/proc/thread-self/net/tcp").unwrap();
    let queue = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (_, at) = fields[1].split_once(':')?;
        let listens = fields[3] == LISTEN && u16::from_str_radix(at, 16) == Ok(port);
        let (_, received) = fields[4].split_once(':')?;
        listens.then(|| usize::from_str_radix(received, 16).unwrap())
    };
    sockets.lines().skip(1).filter_map(queue).collect()
}

//! No descriptor left: accepting pauses without spinning, those who are in are served, and it goes on
//! when one is freed.

use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sockmodes::auth::Scheme;

use crate::common::client::{NONCE_LEN, answer, eventually, exchange, nonce};
use crate::common::harness::{Need, Test};
use crate::common::program::{SECRET, Server, cpu_time, sockmodes_in_shell};

/// What the server may open, and how many want to come.
const FILES: usize = 64;
const CLIENTS: usize = 200;
/// For so long the server has nothing to do but to know that it can't accept.
const WATCHED: Duration = Duration::from_secs(2);

pub(crate) const TESTS: &[Test] = &[
    ("without_a_free_descriptor", &[Need::Machine(proc)], without_a_free_descriptor),
    ("the_default_limit_leaves_a_reserve", &[], the_default_limit_leaves_a_reserve),
];

fn proc() -> Option<String> {
    (!Path::new("/proc/self/stat").exists()).then(|| "processor time is read from /proc".into())
}

fn start(args: &[&str]) -> Server {
    let script = format!(r#"ulimit -n {FILES}; exec "$@""#);
    Server::of(&mut sockmodes_in_shell(&script, Server::args(args)))
}

/// How many of `clients` have something to read, waiting until at least `enough` have.
fn served(clients: &[TcpStream], enough: usize, timeout: Duration) -> Vec<usize> {
    let start = Instant::now();
    loop {
        let mut polled: Vec<_> =
            clients.iter().map(|client| PollFd::new(client, PollFlags::IN)).collect();
        poll(&mut polled, Some(&Timespec::default())).unwrap();
        let ready: Vec<_> =
            (0..clients.len()).filter(|&n| !polled[n].revents().is_empty()).collect();
        if ready.len() >= enough || start.elapsed() > timeout {
            return ready;
        }
        // Until one more of the others is.
        let others: Vec<BorrowedFd<'_>> =
            (0..clients.len()).filter(|n| !ready.contains(n)).map(|n| clients[n].as_fd()).collect();
        let mut polled: Vec<_> =
            others.iter().map(|client| PollFd::new(client, PollFlags::IN)).collect();
        let left = timeout.saturating_sub(start.elapsed());
        poll(&mut polled, Some(&Timespec::try_from(left).unwrap())).unwrap();
    }
}

fn without_a_free_descriptor() {
    let server = start(&["--max-connections", "none", "--handshake-timeout", "none"]);
    // All are connected: the kernel does that, and keeps those that are not accepted.
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    server.program.wait_for_log("accepting pauses");
    let before = cpu_time(server.program.pid());
    let inside = served(&clients, CLIENTS, WATCHED);
    let spent = cpu_time(server.program.pid()) - before;
    // A loop that spins would take all of it, on a busy machine still a good part.
    assert!(spent < WATCHED / 4, "{spent:?} of processor time in {WATCHED:?} of waiting");
    assert!((FILES / 2..FILES).contains(&inside.len()), "{} are in", inside.len());
    println!("{} of {CLIENTS} are in; {spent:?} of processor time in {WATCHED:?}", inside.len());

    // Who is in is served; they came in the order in which they connected.
    assert_eq!(inside, (0..inside.len()).collect::<Vec<_>>());
    for client in &mut clients[..inside.len()] {
        answer(client, Scheme::HmacMd5, SECRET.as_bytes());
        exchange(client, b"hello", b"HELLO");
    }
    // Each that leaves lets one in, until all have been there.
    let mut waiting = clients.split_off(inside.len());
    for mut next in waiting.drain(..) {
        drop(clients.remove(0));
        answer(&mut next, Scheme::HmacMd5, SECRET.as_bytes());
        exchange(&mut next, b"at last", b"AT LAST");
        clients.push(next);
    }
    drop(clients);
    exchange(&mut server.enter(), b"afterwards", b"AFTERWARDS");
    let done = server.stop();
    assert!(done.err().contains("accepting goes on"), "{}", done.err());
}

/// By itself it takes fewer than the limit allows, and refuses the others at once.
fn the_default_limit_leaves_a_reserve() {
    let server = start(&["--handshake-timeout", "none"]);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    let nonces: Vec<Option<[u8; NONCE_LEN]>> = clients.iter_mut().map(nonce).collect();
    let inside = nonces.iter().flatten().count();
    assert!((FILES / 2..FILES - 8).contains(&inside), "{inside} are in");
    drop(clients);
    eventually("all the places to be free again", || {
        let mut clients: Vec<_> = (0..inside).map(|_| server.connect()).collect();
        clients.iter_mut().all(|client| nonce(client).is_some())
    });
    let done = server.stop();
    assert!(done.err().contains("too_many_connections"), "{}", done.err());
    assert!(!done.err().contains("accepting pauses"), "{}", done.err());
}

//! No descriptor left: accepting pauses without spinning, those who are in are served, and it goes on
//! when one is freed.

use std::collections::VecDeque;
use std::fs;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use sockmodes::auth::Scheme;

use crate::common::admin;
use crate::common::client::{NONCE_LEN, answer, connect, eventually, exchange, nonce};
use crate::common::harness::{Need, Test};
use crate::common::program::{SECRET, Server, sockmodes_in_shell};
use crate::common::usage::{cpu_time, open_files};

/// What the server may open, and how many want to come.
const FILES: usize = 64;
const CLIENTS: usize = 200;
/// For so long the server has nothing to do but to know that it can't accept.
const WATCHED: Duration = Duration::from_secs(2);

pub(crate) const TESTS: &[Test] = &[
    ("without_a_free_descriptor", &[Need::Machine(proc)], without_a_free_descriptor),
    ("the_default_limit_leaves_a_reserve", &[], the_default_limit_leaves_a_reserve),
    (
        "the_reserve_is_for_all_that_is_open",
        &[Need::Machine(proc)],
        the_reserve_is_for_all_that_is_open,
    ),
    ("clients_that_come_and_go_are_no_flood_of_lines", &[], come_and_go_without_a_descriptor),
];

fn proc() -> Option<String> {
    (!Path::new("/proc/self/stat").exists()).then(|| "processor time is read from /proc".into())
}

fn start(args: &[&str]) -> Server {
    start_with(FILES, args)
}

fn start_with(files: usize, args: &[&str]) -> Server {
    let script = format!(r#"ulimit -n {files}; exec "$@""#);
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

/// With many listeners, a trace, users and an admin address whose places are all taken, there is a
/// descriptor for all of them beside as many connections as may come.
fn the_reserve_is_for_all_that_is_open() {
    const MANY: usize = 256;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (users, trace) = (path("users"), path("trace"));
    fs::write(&users, "# nobody\n").unwrap();
    let mut args = vec!["--service", "login", "--users", &users, "--trace", &trace];
    args.extend(["--admin", "127.0.0.1:0", "--handshake-timeout", "none", "--max-pending", "none"]);
    args.extend(["--listen", "127.0.0.1:0"].repeat(40));
    let server = start_with(MANY, &args);
    let admin = admin::address(&server.program);
    let mut clients: Vec<_> = (0..MANY).map(|_| server.connect()).collect();
    let inside = clients.iter_mut().filter_map(nonce).count();
    assert!(inside >= MANY / 4, "{inside} are in");
    let _slow: Vec<_> = (0..100).map(|_| connect(admin)).collect();
    for _ in 0..20 {
        assert_eq!(admin::get(admin, "/healthz").status, 200);
    }
    // The trace is opened anew, and the users are read again.
    fs::write(&users, "# nobody yet\n").unwrap();
    server.program.signal(Signal::HUP);
    server.program.wait_for_log("users read again");
    assert!(open_files(server.program.pid()) < MANY);
    let done = server.stop();
    assert!(done.err().contains("too_many_connections"), "{}", done.err());
    for trouble in ["accepting pauses", "cannot open the trace", "the users have changed"] {
        assert!(!done.err().contains(trouble), "{}", done.err());
    }
    println!("{inside} of {MANY} descriptors are for connections");
}

/// Each that leaves lets another in, and no more: accepting goes on, and pauses again.
fn come_and_go_without_a_descriptor() {
    let server = start(&["-q", "--max-connections", "none", "--handshake-timeout", "none"]);
    let begin = Instant::now();
    let mut clients: VecDeque<_> = (0..FILES).map(|_| server.connect()).collect();
    server.program.wait_for_log("accepting pauses");
    for _ in 0..3000 {
        clients.pop_front();
        clients.push_back(server.connect());
        // The oldest is in by now, or was just let in.
        assert!(nonce(&mut clients[0]).is_some());
    }
    let log = server.program.wait_for_log("accepting pauses, too");
    let seconds = begin.elapsed().as_secs() as usize + 2;
    let lines = log.lines().count();
    // Ten lines and a count a second.
    assert!(lines <= 11 * seconds, "{lines} lines in {seconds} s:\n{log}");
    println!("{lines} lines in less than {seconds} s");
    server.stop();
}

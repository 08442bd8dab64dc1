//! Many connections, large ones, greedy ones: who is served, in what order, and what it costs in
//! memory. How long it takes is for `benches/serving.rs`.

use std::collections::HashSet;
use std::io::Write;
use std::net::Shutdown;
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::common::client::{exchange, nonce, read, read_rest, stuff};
use crate::common::harness::{Need, Test};
use crate::common::program::Server;
use crate::common::usage::resident;

/// Connections at once, and how many of them never say a word.
const ALL: usize = 5000;
const SILENT: usize = 300;

pub(crate) const TESTS: &[Test] = &[
    ("five_thousand_with_silent_ones_among_them", &[Need::Machine(open_files)], five_thousand),
    ("peers_that_never_read_cost_no_memory", &[], peers_that_never_read_cost_no_memory),
    ("two_thousand_nonces_all_different", &[], two_thousand_nonces_all_different),
];

/// Raises this process's limit of open files; the server, which takes it over, raises its own.
fn open_files() -> Option<String> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let enough = maximum.is_none_or(|files| files >= ALL as u64 + 200);
    (!enough).then(|| format!("only {} files may be open", maximum.unwrap_or_default()))
}

/// What connection `n` says the second time.
fn message(n: usize) -> String {
    format!("number {n} again")
}

fn five_thousand() {
    let server = Server::start(&["--max-pending", "none", "--handshake-timeout", "none"]);
    let mut silent: Vec<_> = (0..SILENT).map(|_| server.connect()).collect();
    let mut served: Vec<_> = (SILENT..ALL).map(|_| server.enter()).collect();
    // All speak, twice and the second time in two pieces, before anybody listens.
    for (n, stream) in served.iter_mut().enumerate() {
        stream.write_all(format!("number {n}, ").as_bytes()).unwrap();
    }
    for (n, stream) in served.iter_mut().enumerate() {
        stream.write_all(&message(n).as_bytes()[..5]).unwrap();
    }
    for (n, stream) in served.iter_mut().enumerate() {
        stream.write_all(&message(n).as_bytes()[5..]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    }
    // Each hears its own words, in their order, and the end.
    for (n, stream) in served.iter_mut().enumerate().rev() {
        let expected = format!("number {n}, {}", message(n)).to_uppercase();
        assert_eq!(String::from_utf8(read_rest(stream)).unwrap(), expected);
    }
    // The silent ones are still there, each with its nonce and nothing more; one more is served.
    let mut late = server.enter();
    exchange(&mut late, b"late", b"LATE");
    late.shutdown(Shutdown::Write).unwrap();
    assert!(read_rest(&mut late).is_empty());
    let nonces: HashSet<[u8; 32]> = silent.iter_mut().map(read).collect();
    assert_eq!(nonces.len(), SILENT);
    let program = server.program;
    program.signal(rustix::process::Signal::TERM);
    assert!(silent.iter_mut().all(|stream| read_rest(stream).is_empty()));
    let done = program.finish().expect(0);
    assert!(done.err().contains(&format!("stopping connections={SILENT}")), "{}", done.err());
}

fn peers_that_never_read_cost_no_memory() {
    let server = Server::start(&["--drain-timeout", "100ms"]);
    let mut other = server.enter();
    exchange(&mut other, b"before", b"BEFORE");
    let before = resident(server.program.pid());
    let mut greedy: Vec<_> = (0..4).map(|_| server.enter()).collect();
    let sent: usize = thread::scope(|scope| {
        let threads: Vec<_> =
            greedy.iter_mut().map(|stream| scope.spawn(move || stuff(stream))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    exchange(&mut other, b"meanwhile", b"MEANWHILE");
    let growth = resident(server.program.pid()).saturating_sub(before);
    assert!(growth < 16 << 20, "it grew by {growth} bytes for {sent} bytes");
    println!("four peers sent {sent} bytes and read none: the server grew by {growth} bytes");
    drop(greedy);
    exchange(&mut other, b"after", b"AFTER");
    server.stop();
}

fn two_thousand_nonces_all_different() {
    let server = Server::start(&["--max-pending", "none"]);
    let nonces: HashSet<[u8; 32]> =
        (0..2000).map(|_| nonce(&mut server.connect()).unwrap()).collect();
    assert_eq!(nonces.len(), 2000);
    // Nor do they share a part: each half of each is new too.
    let halves: HashSet<&[u8]> = nonces.iter().flat_map(|nonce| nonce.chunks(16)).collect();
    assert_eq!(halves.len(), 4000);
    server.stop();
}

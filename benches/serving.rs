//! How long it takes to be served: the timed halves of `tests/needs/many.rs`, which asserts who is served.
//!
//! `cargo bench --bench serving` prints one table. Client and server share the machine, so these are
//! times that a client sees, with all that its own side costs. Nothing is asserted.

#[path = "../tests/common/client.rs"]
mod client;
#[path = "../tests/common/process.rs"]
mod process;
#[path = "../tests/common/program.rs"]
mod program;
#[path = "../tests/common/usage.rs"]
mod usage;

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use client::{exchange, stuff};
use program::Server;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use usage::resident;

const ALL: usize = 5000;
const SILENT: usize = 300;
/// Requests of each connection that is served.
const ROUNDS: usize = 4;
const REQUEST: &[u8] = b"a request of thirty-two letters.";
const REPLY: &[u8] = b"A REQUEST OF THIRTY-TWO LETTERS.";

fn main() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    if maximum.is_some_and(|files| files < ALL as u64 + 200) {
        println!("skipped: serving, because only {} files may be open", maximum.unwrap());
        return;
    }
    println!("{:<58} {:>9} {:>9} {:>9} {:>8}", "", "p50", "p99", "most", "times");
    beside_silent_ones();
    beside_a_sender_without_pause();
    beside_four_that_never_read();
    ten_mebibytes();
}

fn row(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| format!("{:.1?}", times[(times.len() - 1) * part / 100]);
    println!("{what:<58} {:>9} {:>9} {:>9} {:>8}", at(50), at(99), at(100), times.len());
}

fn timed<R>(times: &mut Vec<Duration>, action: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = action();
    times.push(start.elapsed());
    result
}

fn ask(streams: &mut [TcpStream]) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        for stream in &mut *streams {
            timed(&mut times, || exchange(stream, REQUEST, REPLY));
        }
    }
    times
}

fn beside_silent_ones() {
    let server = Server::start(&["-q", "--max-pending", "none", "--handshake-timeout", "none"]);
    let silent: Vec<_> = (0..SILENT).map(|_| server.connect()).collect();
    let mut entering = Vec::new();
    let mut served: Vec<_> = (SILENT..ALL)
        .map(|_| {
            timed(&mut entering, || {
                let mut stream = server.enter();
                exchange(&mut stream, b"a", b"A");
                stream
            })
        })
        .collect();
    row("connect, be let in, first answer", entering);
    row(&format!("one request, {SILENT} silent among {ALL}"), ask(&mut served));
    // All at once: each waits for those before it, and the last for everybody.
    let (mut times, start) = (Vec::new(), Instant::now());
    served.iter_mut().for_each(|stream| stream.write_all(REQUEST).unwrap());
    for stream in &mut served {
        assert_eq!(&client::read::<{ REPLY.len() }>(stream), REPLY);
        times.push(start.elapsed());
    }
    row(&format!("{} requests sent at once, since the first", served.len()), times);
    println!("{:<58} {:>9}", "resident memory with all of them", mebibytes(&server));
    drop(silent);
    server.stop();
}

fn mebibytes(server: &Server) -> String {
    format!("{:.1} MiB", resident(server.program.pid()) as f64 / f64::from(1 << 20))
}

fn beside_a_sender_without_pause() {
    let server = Server::start(&["-q"]);
    let mut others: Vec<_> = (0..20).map(|_| server.enter()).collect();
    let mut busy = server.enter();
    let mut reader = busy.try_clone().unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut buffer = vec![0; 256 * 1024];
            while black_box(reader.read(&mut buffer).unwrap()) > 0 {}
        });
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                busy.write_all(&[b'x'; 256 * 1024]).unwrap();
            }
            busy.shutdown(Shutdown::Write).unwrap();
        });
        let times = (0..25).flat_map(|_| ask(&mut others)).collect();
        row("one request, beside a sender without pause", times);
        stop.store(true, Ordering::Relaxed);
    });
    server.stop();
}

fn beside_four_that_never_read() {
    let server = Server::start(&["-q", "--drain-timeout", "100ms"]);
    let mut greedy: Vec<_> = (0..4).map(|_| server.enter()).collect();
    greedy.iter_mut().for_each(|stream| _ = stuff(stream));
    let mut others: Vec<_> = (0..20).map(|_| server.enter()).collect();
    let times = (0..25).flat_map(|_| ask(&mut others)).collect();
    row("one request, beside four that never read", times);
    server.stop();
}

fn ten_mebibytes() {
    let server = Server::start(&["-q", "--service", "echo"]);
    let bytes = vec![b'x'; 10 << 20];
    let mut times = Vec::new();
    for _ in 0..20 {
        let mut stream = server.enter();
        let mut sender = stream.try_clone().unwrap();
        timed(&mut times, || {
            thread::scope(|scope| {
                scope.spawn(|| {
                    sender.write_all(&bytes).unwrap();
                    sender.shutdown(Shutdown::Write).unwrap();
                });
                assert_eq!(client::read_rest(&mut stream).len(), bytes.len());
            });
        });
    }
    row("10 MiB there and back through one connection", times);
    server.stop();
}

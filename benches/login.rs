//! What logins cost others, and what they give away: `cargo bench --bench login`.
//!
//! First, the time that each way to fail takes, which must not tell them apart. Then waves of 24
//! argon2id logins at once, and meanwhile the time until a new connection has its nonce, from the
//! same server and from another, and the round trips of an echo server beside it.

#[path = "../tests/common/client.rs"]
mod client;
#[path = "../tests/common/login.rs"]
mod login;
#[path = "../tests/common/process.rs"]
mod process;
#[path = "../tests/common/program.rs"]
mod program;
#[path = "../tests/common/usage.rs"]
mod usage;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use login::{Server, argon2id_line, login, md5_line};
use process::PATIENCE;
use program::SECRET;
use sockmodes::auth::{Key, Scheme, Secret};
use sockmodes::client::Client;

const LOGINS: usize = 24;
const WAVES: usize = 20;
const TRIES: usize = 300;

fn main() {
    // Cargo passes `--bench`, or `--test` where nothing is to be measured.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    ways_to_fail();
    waves();
}

fn key() -> Key {
    Key::new(Scheme::HmacMd5, &Secret::new(SECRET.into()).expect("it is not empty"))
}

fn connect(address: SocketAddr) -> Client {
    Client::connect(&[address], Some(&key()), 32, Some(PATIENCE)).expect("it is let in")
}

fn waves() {
    let login_server = Server::start_with_secret(&argon2id_line("eva", "x"));
    let [upper_server, echo_server] =
        ["upper", "echo"].map(|service| program::Server::start(&["--service", service]));
    let before = login_server.memory("VmRSS:");
    let (busy, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let (mut logins, mut all) = (Vec::new(), Vec::new());
    let (mut own, mut other, mut echo) = (vec![], vec![], vec![]);
    let mut idle: Vec<_> = (0..200).map(|_| nonce_time(upper_server.address)).collect();
    thread::scope(|scope| {
        let nonces = |address| {
            let (busy, done) = (&busy, &done);
            scope.spawn(move || while_busy(busy, done, || nonce_time(address)))
        };
        let (own_times, other_times) = (nonces(login_server.address), nonces(upper_server.address));
        let echo_times = scope.spawn(|| {
            let mut client = connect(echo_server.address);
            while_busy(&busy, &done, || round_trip(&mut client))
        });
        for _ in 0..WAVES {
            let (times, took) = wave(login_server.address, &busy);
            logins.extend(times);
            all.push(took);
        }
        done.store(true, Ordering::Relaxed);
        own = own_times.join().expect("it measures");
        other = other_times.join().expect("it measures");
        echo = echo_times.join().expect("it measures");
    });
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!("{WAVES} waves of {LOGINS} argon2id logins (m=19 MiB, t=2, p=1) on {cores} cores");
    row("  a whole wave", &mut all);
    row("  one login of it", &mut logins);
    row("  nonce, nobody logs in", &mut idle);
    row("  nonce of another server meanwhile", &mut other);
    row("  nonce of the same server meanwhile", &mut own);
    row("  echo of 64 bytes meanwhile", &mut echo);
    let growth = login_server.memory("VmHWM:").saturating_sub(before);
    println!("  resident memory grew by at most {:.1} MiB", growth as f64 / 1024.0);
}

/// Measures again and again, and keeps what was measured while a wave was running; a pause after
/// each leaves the cores to those who are measured.
fn while_busy(
    busy: &AtomicBool,
    done: &AtomicBool,
    mut measure: impl FnMut() -> Duration,
) -> Vec<Duration> {
    let mut times = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let before = busy.load(Ordering::Relaxed);
        let time = measure();
        if before && busy.load(Ordering::Relaxed) {
            times.push(time);
        }
        thread::sleep(Duration::from_millis(1));
    }
    times
}

/// From connecting to the last byte of the nonce.
fn nonce_time(address: SocketAddr) -> Duration {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.read_exact(&mut [0; 32]).expect("it sends a nonce");
    start.elapsed()
}

fn round_trip(client: &mut Client) -> Duration {
    let start = Instant::now();
    client.exchange(&[b'x'; 64], |_| Ok(())).expect("it answers");
    start.elapsed()
}

/// All log in at once: the time that each took, and the time that all took.
fn wave(address: SocketAddr, busy: &AtomicBool) -> (Vec<Duration>, Duration) {
    let clients: Vec<_> = (0..LOGINS).map(|_| connect(address)).collect();
    let barrier = Barrier::new(LOGINS + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    let start = Instant::now();
                    assert!(client.log_in("eva", "x").expect("it is answered"));
                    start.elapsed()
                })
            })
            .collect();
        busy.store(true, Ordering::Relaxed);
        barrier.wait();
        let start = Instant::now();
        let times = threads.into_iter().map(|thread| thread.join().expect("it logs in")).collect();
        busy.store(false, Ordering::Relaxed);
        (times, start.elapsed())
    })
}

fn ways_to_fail() {
    let users = argon2id_line("eva", "x") + &md5_line("adam", "x") + "snake | !\n";
    let server = Server::start(&users, &["--max-tries", "none", "-q"]);
    let ways = [
        ("unknown name", login("nobody", "y")),
        ("wrong password, argon2id", login("eva", "y")),
        ("wrong password, md5", login("adam", "y")),
        ("a user with '!'", login("snake", "y")),
        ("no password", r#"{"username":"eva"}"#.into()),
        ("a long password", login("eva", &"y".repeat(2000))),
    ];
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    stream.set_nodelay(true).expect("it is a TCP socket");
    // Once let in, a connection may stay for as long as it talks.
    stream.write_all(login("eva", "x").as_bytes()).expect("it is there");
    stream.read_exact(&mut [0; "success!".len()]).expect("it answers");
    let mut times = vec![(Vec::new(), Vec::new()); ways.len()];
    // In turn, so that whatever else the machine does concerns all of them.
    for _ in 0..TRIES {
        for ((_, login), (times, work)) in ways.iter().zip(&mut times) {
            let (start, before) = (Instant::now(), worked(server.program.pid()));
            stream.write_all(login.as_bytes()).expect("it is there");
            stream.read_exact(&mut [0; "failed!".len()]).expect("it answers");
            times.push(start.elapsed());
            work.push(worked(server.program.pid()).saturating_sub(before));
        }
    }
    println!("{TRIES} tries each, one after another; spread is the standard deviation");
    let unknown = times[0].clone();
    for ((way, _), (times, work)) in ways.iter().zip(&mut times) {
        println!("  {way}");
        compare("    until the answer", times, &unknown.0);
        compare("    processor time of the server", work, &unknown.1);
    }
}

/// How long the threads of a process have been on a processor: unlike the time on the clock, it
/// does not include what else the machine does.
fn worked(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("Linux has it");
    let nanoseconds = tasks.flatten().map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default()
    });
    Duration::from_nanos(nanoseconds.sum())
}

fn compare(what: &str, times: &[Duration], unknown: &[Duration]) {
    let (mean, spread) = mean_and_spread(times);
    let difference = mean - mean_and_spread(unknown).0;
    println!(
        "{what:36} mean {mean:8.3} ms  spread {spread:7.3} ms  {difference:+7.3} ms from unknown"
    );
}

/// In milliseconds, with the standard deviation.
fn mean_and_spread(times: &[Duration]) -> (f64, f64) {
    let times: Vec<_> = times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / times.len() as f64;
    (mean, variance.sqrt())
}

fn row(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |percent: usize| match times.len() {
        0 => f64::NAN,
        len => times[(len * percent / 100).min(len - 1)].as_secs_f64() * 1000.0,
    };
    println!(
        "{what:36} median {:8.3} ms  p99 {:8.3} ms  most {:8.3} ms  ({} times)",
        at(50),
        at(99),
        at(100),
        times.len()
    );
}

//! `cargo bench --bench pure`: the parts without sockets, by themselves: a session's step, the deadlines, the slab.
//!
//! With a thousand connections or a million, an operation is the same few steps; what grows with their number is
//! how often memory is asked that no cache holds.

use std::hint::black_box;
use std::time::Duration;

use divan::Bencher;
use divan::counter::BytesCount;
use slab::Slab;
use sockmodes::auth::{Key, Scheme, Secret};
use sockmodes::server::Deadlines;
use sockmodes::session::{Protocol, Service, Session, Time, Timer};

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const NONCE: [u8; 32] = [7; 32];

fn main() {
    println!("a session in a slab: {} bytes", bytes_in_slab());
    divan::main();
}

fn protocol() -> Protocol {
    let secret = Secret::new(b"the secret of the benchmark".to_vec()).expect("it is not empty");
    Protocol::new(Key::new(Scheme::HmacMd5, &secret), Service::Upper)
}

fn let_in(protocol: &Protocol) -> Session {
    let mut session = Session::new(protocol, &NONCE, Time::START);
    session.handle_flushed(protocol, Time::START);
    let mut digest = protocol.key.digest(&NONCE).as_bytes().to_vec();
    session.handle_bytes(protocol, Time::START, &mut digest);
    session
}

/// Of a million; a slab that grew to it may have twice the room, which the kernel never fills.
fn bytes_in_slab() -> usize {
    /// What the slab keeps at each of its places.
    #[allow(dead_code)]
    enum Entry {
        Free(usize),
        Taken(Session),
    }
    size_of::<Entry>()
}

fn at(nanoseconds: u64) -> Time {
    Time::after_start(Duration::from_nanos(nanoseconds))
}

/// A message comes, is answered, and the kernel takes the answer.
#[divan::bench(args = [64, 1024, 65536])]
fn session_step(bencher: Bencher, bytes: usize) {
    let protocol = protocol();
    let mut session = let_in(&protocol);
    let mut message = vec![b'a'; bytes];
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        black_box(session.handle_bytes(&protocol, Time::START, black_box(&mut message)));
        session.handle_flushed(&protocol, Time::START);
    });
}

/// The nonce and the right answer to it.
#[divan::bench]
fn handshake() -> Session {
    let_in(black_box(&PROTOCOL))
}

static PROTOCOL: std::sync::LazyLock<Protocol> = std::sync::LazyLock::new(protocol);

/// One connection of so many, each in its turn and all over the place, is heard of.
#[divan::bench(args = SIZES)]
fn deadline_moved(bencher: Bencher, connections: usize) {
    let mut deadlines = Deadlines::default();
    for connection in 0..connections {
        deadlines.set(connection, Timer::Idle, at(connection as u64));
    }
    let mut now = connections as u64;
    bencher.bench_local(|| {
        now += 1;
        deadlines.set(scattered(now, connections), Timer::Idle, at(now));
    });
}

/// The earliest falls due and is set anew.
#[divan::bench(args = SIZES)]
fn deadline_due(bencher: Bencher, connections: usize) {
    let mut deadlines = Deadlines::default();
    for connection in 0..connections {
        deadlines.set(connection, Timer::Idle, at(connection as u64));
    }
    let mut now = connections as u64;
    bencher.bench_local(|| {
        now += 1;
        let due = deadlines.pop_due(at(now)).expect("all are due");
        deadlines.set(due, Timer::Idle, at(now));
    });
}

/// One session of so many is found and takes a step.
#[divan::bench(args = SIZES)]
fn session_in_slab(bencher: Bencher, connections: usize) {
    let protocol = protocol();
    let mut sessions = Slab::new();
    for _ in 0..connections {
        sessions.insert(let_in(&protocol));
    }
    let mut message = [b'a'; 64];
    let mut count = 0;
    bencher.bench_local(|| {
        count += 1;
        let session: &mut Session = &mut sessions[scattered(count, connections)];
        black_box(session.handle_bytes(&protocol, Time::START, black_box(&mut message)));
        session.handle_flushed(&protocol, Time::START);
    });
}

/// One session of so many goes, and another comes.
#[divan::bench(args = SIZES)]
fn slab_gone_and_come(bencher: Bencher, connections: usize) {
    let protocol = protocol();
    let mut sessions = Slab::new();
    for _ in 0..connections {
        sessions.insert(let_in(&protocol));
    }
    let mut count = 0;
    bencher.bench_local(|| {
        count += 1;
        let session: Session = sessions.remove(scattered(count, connections));
        sessions.insert(session)
    });
}

/// The places in an order that no cache foresees.
fn scattered(count: u64, places: usize) -> usize {
    (count.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20) as usize % places
}

//! `cargo bench --bench pure`: the parts without sockets, by themselves: a session's step, the deadlines, the slab.
//!
//! With a thousand connections or a million, an operation is the same few steps: with the
//! connections in order its time is the same, too. In random order it grows with the number of
//! cache misses.

#[path = "../src/server/event_loop/deadlines.rs"]
// Its tests come along, and nothing here runs them.
#[allow(dead_code, unused_imports)]
mod deadlines;

use std::fmt;
use std::hint::black_box;
use std::time::Duration;

use deadlines::Deadlines;
use divan::Bencher;
use divan::counter::BytesCount;
use slab::Slab;
use sockmodes::auth::{Challenge, Entry, Key, NonceLen, Scheme, Secret};
// By this name the file below finds what it imports.
use session::{Protocol, Service, Session, Time, Timer};
use sockmodes::session;

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const VISITS: [Visits; 8] = visits();

fn main() {
    println!("a session in a slab: {} bytes", bytes_in_slab());
    divan::main();
}

fn protocol() -> Protocol {
    let secret = Secret::new(b"the secret of the benchmark".to_vec()).expect("it is not empty");
    let challenge = Challenge::new(Key::new(Scheme::HmacMd5, &secret), NonceLen::default());
    Protocol::new(Entry::Challenge(challenge), Service::Upper)
}

fn let_in(protocol: &Protocol) -> Session {
    let Entry::Challenge(challenge) = &protocol.entry else { panic!("it asks for a digest") };
    let (mut session, nonce) = Session::new(protocol, Time::START, |bytes| bytes.fill(7));
    session.handle_flushed(protocol, Time::START);
    let mut digest = challenge.key().digest(&nonce).as_bytes().to_vec();
    session.handle_bytes(protocol, Time::START, &mut digest);
    session
}

/// The size of one place; a slab that has grown may have room for twice as many as it holds, which
/// the kernel never fills.
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

/// How many connections, and the order in which something happens to them.
#[derive(Clone, Copy)]
struct Visits {
    connections: usize,
    in_order: bool,
}

const fn visits() -> [Visits; 8] {
    let mut all = [Visits { connections: 0, in_order: true }; 8];
    let mut case = 0;
    while case < all.len() {
        all[case] = Visits { connections: SIZES[case % SIZES.len()], in_order: case < SIZES.len() };
        case += 1;
    }
    all
}

impl fmt::Display for Visits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if self.in_order { "in order" } else { "at random" };
        write!(f, "{} {order}", self.connections)
    }
}

impl Visits {
    fn sessions(&self, protocol: &Protocol) -> Slab<Session> {
        (0..self.connections).map(|key| (key, let_in(protocol))).collect()
    }

    /// Which connection's turn it is; at random: in an order that no cache foresees.
    fn next(&self, count: u64) -> usize {
        let random = count.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        (if self.in_order { count } else { random }) as usize % self.connections
    }
}

/// Deadlines of so many connections, in the order of their numbers.
fn one_for_each(connections: usize) -> Deadlines {
    let mut deadlines = Deadlines::default();
    for connection in 0..connections {
        deadlines.set(connection, Timer::Idle, at(connection as u64));
    }
    deadlines
}

/// The deadline of one of the connections moves.
#[divan::bench(args = VISITS)]
fn deadline_moved(bencher: Bencher, visits: Visits) {
    let mut deadlines = one_for_each(visits.connections);
    let mut now = visits.connections as u64;
    bencher.bench_local(|| {
        now += 1;
        deadlines.set(visits.next(now), Timer::Idle, at(now));
    });
}

/// The earliest falls due and is set anew.
#[divan::bench(args = SIZES)]
fn deadline_due(bencher: Bencher, connections: usize) {
    let mut deadlines = one_for_each(connections);
    let mut now = connections as u64;
    bencher.bench_local(|| {
        now += 1;
        let due = deadlines.due(at(now)).expect("all are due");
        deadlines.remove(due);
        deadlines.set(due, Timer::Idle, at(now));
    });
}

/// One of the sessions is found and takes a step.
#[divan::bench(args = VISITS)]
fn session_in_slab(bencher: Bencher, visits: Visits) {
    let protocol = protocol();
    let mut sessions = visits.sessions(&protocol);
    let mut message = [b'a'; 64];
    let mut count = 0;
    bencher.bench_local(|| {
        count += 1;
        let session: &mut Session = &mut sessions[visits.next(count)];
        black_box(session.handle_bytes(&protocol, Time::START, black_box(&mut message)));
        session.handle_flushed(&protocol, Time::START);
    });
}

/// One of the sessions goes, and another comes.
#[divan::bench(args = VISITS)]
fn slab_gone_and_come(bencher: Bencher, visits: Visits) {
    let mut sessions = visits.sessions(&protocol());
    let mut count = 0;
    bencher.bench_local(|| {
        count += 1;
        let session: Session = sessions.remove(visits.next(count));
        sessions.insert(session)
    });
}

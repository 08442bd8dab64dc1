//! What an edge-triggered loop has to get right: a test for each of its rules, named after the rule.
//!
//! Most play in a simulated network whose edges are as sparing as the contract allows, and count
//! calls; where a real kernel adds to the truth, the rule is shown on real sockets too.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use common::drive::{Drive, config};
use common::sim::client::{Client, End, Finale};
use common::sim::{Act, Faults};
use sockmodes::auth::{Key, Nonces, Scheme};
use sockmodes::observe::{Detail, Event, Record};
use sockmodes::server::{Config, Handle, MIN_MAX_BUFFER, Server};
use sockmodes::session::{Protocol, Reason, Service, Time};

/// The seed of the simulated network here; with no faults it only decides how segments are cut.
const SEED: u64 = 7;
const SPARING: Faults = Faults {
    sparing: true,
    interrupted: 0,
    pressure: 0,
    hurry: 0,
    spurious: 0,
    stale: 0,
    urgent: 0,
    aborted: 0,
    few_events: 0,
    descriptors: None,
};
/// Turns that no schedule here needs.
const MOST_TURNS: usize = 100_000;

fn drive(service: Service, faults: Faults) -> Drive {
    println!("seed {SEED}");
    Drive::new(SEED, config(Scheme::None, service), faults, Detail::Calls)
}

fn letters(len: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(len).collect()
}

/// What was told of connection `number`.
fn told_of(drive: &Drive, number: u64) -> Vec<Event> {
    let of = |record: Record| (record.connection == Some(number)).then_some(record.event);
    drive.told().into_iter().filter_map(of).collect()
}

fn received(event: &Event) -> Option<usize> {
    match event {
        Event::Received { result: Ok(bytes) } => Some(*bytes),
        _ => None,
    }
}

fn would_block(event: &Event) -> bool {
    let again = std::io::Error::from(ErrorKind::WouldBlock).kind();
    let kind = |errno: i32| std::io::Error::from_raw_os_error(errno).kind();
    matches!(event, Event::Received { result: Err(errno) } if kind(*errno) == again)
}

#[test]
fn readiness_is_a_hint_read_until_would_block_under_a_budget() {
    // A full read is followed by another without a further edge; a short one is not.
    let mut config = config(Scheme::None, Service::Echo);
    config.max_buffer = 100;
    let mut drive = Drive::new(SEED, config, SPARING, Detail::Calls);
    let id = drive.connect(Client { finale: Finale::Wait, ..Client::new(&letters(250)) });
    while drive.got(id).len() < 250 {
        drive.turn();
    }
    let calls: Vec<_> = told_of(&drive, 1).iter().filter_map(received).collect();
    assert_eq!(calls, [100, 100, 50]);
    assert!(!told_of(&drive, 1).iter().any(would_block), "a short read shows the same");

    // Readiness that was no readiness costs one call and changes nothing.
    let mut drive = self::drive(Service::Echo, Faults { spurious: 300, ..SPARING });
    let id = drive.connect(Client { pace: 20, segment: 5, ..Client::new(&letters(100)) });
    drive.run(MOST_TURNS);
    assert_eq!(drive.got(id), letters(100));
    assert!(told_of(&drive, 1).iter().any(would_block), "nothing was tried in vain");
}

#[test]
fn a_busy_peer_is_queued_up_again_and_starves_nobody() {
    let mut config = config(Scheme::None, Service::Echo);
    config.max_buffer = 64 * 1024;
    let mut drive = Drive::new(SEED, config, SPARING, Detail::Calls);
    let large = 4 << 20;
    let busy =
        Client { server_buffers: (large, large), window: large, ..Client::new(&letters(large)) };
    let (busy, quick) = (drive.connect(busy), drive.connect(Client::new(b"hello")));
    drive.run(MOST_TURNS);
    assert_eq!((drive.got(busy), drive.got(quick)), (letters(large), b"hello".to_vec()));

    let told = drive.told();
    let mut in_one_turn = 0;
    let mut served_at = None;
    let mut requeued = 0;
    for record in &told {
        match (&record.event, record.connection) {
            (Event::Turn { .. }, _) => in_one_turn = 0,
            (Event::Received { result: Ok(bytes) }, Some(1)) => in_one_turn += bytes,
            (Event::Requeued, Some(1)) => requeued += 1,
            (Event::Sent { .. }, Some(2)) => served_at = served_at.or(Some(requeued)),
            _ => {}
        }
        assert!(in_one_turn <= 256 * 1024 + 64 * 1024, "{in_one_turn} bytes in one turn");
    }
    assert!(requeued >= large / (256 * 1024 + 64 * 1024), "{requeued}");
    assert!(served_at <= Some(1), "the other one waited for {served_at:?} budgets");
}

#[test]
fn a_paused_read_is_resumed_by_the_loop_itself() {
    // Everything the client sends is there, its end included, before the reading is paused: the
    // network has no further edge to give when the client takes its answers at last.
    let mut config = config(Scheme::None, Service::Upper);
    config.max_buffer = 64;
    let mut drive = Drive::new(SEED, config, SPARING, Detail::Calls);
    let payload = letters(5000);
    let id = drive.connect(Client {
        rest: Some((20, Duration::from_secs(20))),
        window: 50,
        server_buffers: (1 << 16, 100),
        ..Client::new(&payload)
    });
    drive.run(MOST_TURNS);
    assert_eq!(drive.got(id), payload.to_ascii_uppercase());
    assert_eq!(drive.reason(id), Reason::Done);
    let ends = |event: &Event| matches!(event, Event::Ready { read_closed: true, .. });
    let first = told_of(&drive, 1).iter().position(ends).expect("the end is told with the data");
    assert!(first < 5, "the end was told late: this shows nothing");
}

#[test]
fn a_real_client_that_sends_more_than_all_buffers_hold_gets_it_all_back() {
    let server = RealServer::start(Key::none(), Service::Upper);
    let mut client = server.connect();
    let payload = letters(8 << 20);
    let mut sending = client.try_clone().expect("a descriptor");
    let sent = payload.clone();
    // Whenever its answers fill every buffer, the server stops reading, and goes on by itself.
    let sender = thread::spawn(move || {
        sending.write_all(&sent).expect("the server reads");
        sending.shutdown(Shutdown::Write).expect("it is connected");
    });
    let mut got = Vec::new();
    client.read_to_end(&mut got).expect("no reset");
    sender.join().expect("it has sent everything");
    assert!(got == payload.to_ascii_uppercase(), "{} bytes came back", got.len());
}

#[test]
fn interest_is_registered_once() {
    // The simulated network refuses a second registration of one connection by itself.
    let mut drive = drive(Service::Echo, SPARING);
    let ids = [1, 2, 3].map(|_| {
        drive.connect(Client {
            segment: 3,
            pace: 5,
            server_buffers: (10, 5),
            ..Client::new(&letters(600))
        })
    });
    drive.run(MOST_TURNS);
    assert!(ids.iter().all(|id| drive.got(*id) == letters(600)));
    assert_eq!(drive.world.borrow().calls.registers, 3);
}

#[test]
fn send_first_queue_only_what_the_kernel_did_not_take() {
    let sends = |drive: &Drive| -> Vec<_> {
        let sent = |event: &Event| match event {
            Event::Sent { offered, result } => Some((*offered, *result)),
            _ => None,
        };
        told_of(drive, 1).iter().filter_map(sent).collect()
    };
    // With room, a message is one `recv` and one `send`, and nothing is ever kept.
    let mut drive = self::drive(Service::Echo, SPARING);
    drive.connect(Client { finale: Finale::HalfCloseWhenAnswered, ..Client::new(b"hello") });
    drive.run_watched(MOST_TURNS, |drive| assert_eq!(drive.event_loop.owed(), 0));
    assert_eq!(sends(&drive), [(5, Ok(5))]);
    let receives = told_of(&drive, 1).iter().filter_map(received).collect::<Vec<_>>();
    assert_eq!(receives, [5, 0], "the message and the end");

    // Without, what is left waits for an edge, and is offered alone.
    let mut drive = self::drive(Service::Echo, SPARING);
    let small = Client { server_buffers: (100, 10), ..Client::new(&letters(25)) };
    let id = drive.connect(small);
    let mut kept = Vec::new();
    drive.run_watched(MOST_TURNS, |drive| kept.push(drive.event_loop.owed()));
    assert_eq!(drive.got(id), letters(25));
    assert_eq!(sends(&drive)[..2], [(25, Ok(10)), (15, Ok(10))]);
    assert!(kept.contains(&15), "{kept:?}");
}

#[test]
fn a_full_queue_stops_the_reading() {
    let mut config = config(Scheme::None, Service::Echo);
    config.max_buffer = 4096;
    config.write_timeout = Some(Duration::from_secs(30));
    // Each arrival makes an edge here, and still nothing more is read.
    let faults = Faults { sparing: false, ..SPARING };
    let mut drive = Drive::new(SEED, config, faults, Detail::Calls);
    let id = drive.connect(Client {
        segment: 1000,
        pace: 1,
        rest: Some((1, Duration::from_secs(10_000))),
        window: 1000,
        server_buffers: (50_000, 1000),
        ..Client::new(&letters(1 << 18))
    });
    let mut most = 0;
    drive.run_watched(MOST_TURNS, |drive| most = most.max(drive.event_loop.owed()));
    let world = drive.world.borrow();
    let record = &world.sockets[id].record;
    assert!(most > 0 && most <= 4096, "{most} bytes were kept");
    // One byte of the window is read, the rest of it and both buffers are full, and one read more.
    assert!(record.read.len() <= 1 + 1000 + 1000 + 4096, "{} bytes were read", record.read.len());
    assert!(world.calls.recvs < 20, "{} calls for nothing", world.calls.recvs);
    assert_eq!(drive.reason(id), Reason::WriteTimeout);
}

#[test]
fn a_late_event_never_reaches_the_one_that_took_its_slot() {
    // Three in ten looks also report the first connection, which is gone, as readable and ended.
    let mut drive = drive(Service::Echo, Faults { stale: 300, ..SPARING });
    let first = drive.connect(Client::new(b"x"));
    while !drive.world.borrow().sockets[first].gone {
        drive.turn();
    }
    let second = Client { segment: 1, pace: 3, finale: Finale::Wait, ..Client::new(&letters(300)) };
    let second = drive.connect(second);
    while drive.got(second).len() < 300 {
        drive.turn();
    }
    let world = drive.world.borrow();
    let slot = |id: usize| world.sockets[id].token().map(|token| token.0 as u32);
    assert_eq!(slot(first), slot(second), "they had the same place");
    let stale = drive.told().iter().filter(|record| matches!(record.event, Event::Stale)).count();
    assert!(stale > 20, "{stale}");
    let ended = |event: &Event| matches!(event, Event::Ready { read_closed: true, .. });
    assert!(
        !told_of(&drive, 2).iter().any(ended),
        "the second one was told of the first one's end"
    );
}

#[test]
fn end_of_input_is_not_end_of_output() {
    // The end comes with the data, in one event, and most answers go out long after it.
    let mut drive = drive(Service::Upper, SPARING);
    let id = drive.connect(Client {
        window: 10,
        server_buffers: (1 << 16, 10),
        delivery: (7, 2),
        ..Client::new(&letters(3000))
    });
    drive.run(MOST_TURNS);
    assert_eq!(drive.got(id), letters(3000).to_ascii_uppercase());
    assert_eq!(drive.world.borrow().sockets[id].client.end, Some(End::Eof));

    let server = RealServer::start(Key::none(), Service::UpperOnce);
    let mut client = server.connect();
    client.write_all(b" no line feed ").expect("it is connected");
    client.shutdown(Shutdown::Write).expect("it is connected");
    let mut got = Vec::new();
    client.read_to_end(&mut got).expect("no reset");
    assert_eq!(got, b"NO LINE FEED");
}

#[test]
fn a_refusal_lingers_so_that_no_reset_destroys_what_is_owed() {
    // The client sends on and on, long after its one answer, and reads it slowly: closing with
    // its bytes unread would be a reset, and the answer lost.
    let mut drive = drive(Service::UpperOnce, SPARING);
    let mut payload = letters(500);
    payload.push(b'\n');
    payload.extend(letters(2000));
    let id = drive.connect(Client {
        segment: 20,
        pace: 20,
        delivery: (20, 20),
        stubborn: true,
        window: 20,
        server_buffers: (100, 1000),
        ..Client::new(&payload)
    });
    drive.run(MOST_TURNS);
    assert_eq!(drive.got(id), letters(500).to_ascii_uppercase());
    let world = drive.world.borrow();
    let socket = &world.sockets[id];
    assert_eq!((socket.client.end, socket.record.destroyed), (Some(End::Eof), 0));
    assert_eq!(
        socket.record.read, payload,
        "what came after the request was thrown away, not left"
    );
    let shut = told_of(&drive, 1).iter().filter(|e| matches!(e, Event::ShutDown { .. })).count();
    assert_eq!(shut, 1);
}

#[test]
fn a_real_client_that_sends_more_than_its_request_still_gets_the_answer() {
    let server = RealServer::start(Key::none(), Service::UpperOnce);
    let mut client = server.connect();
    let mut request = b"hello\n".to_vec();
    // More than the server reads at one go, and little enough to be sent at one go.
    request.resize(8000, b'x');
    client.write_all(&request).expect("the server takes what comes");
    client.shutdown(Shutdown::Write).expect("it is connected");
    let mut got = Vec::new();
    client.read_to_end(&mut got).expect("no reset");
    assert_eq!(got, b"HELLO");
}

#[test]
fn accept_until_would_block_and_go_on_after_econnaborted_and_eintr() {
    let faults = Faults { aborted: 200, interrupted: 200, ..SPARING };
    let mut drive = drive(Service::Echo, faults);
    let ids: Vec<_> = (0..50).map(|_| drive.connect(Client::new(b"hello"))).collect();
    drive.turn();
    let looks = drive.told().iter().filter(|r| matches!(r.event, Event::Turn { .. })).count();
    assert_eq!(looks, 1, "one look, one edge of the listener");
    let failed: Vec<_> = drive.told().iter().filter_map(accept_errno).collect();
    use rustix::io::Errno;
    for errno in [Errno::CONNABORTED, Errno::INTR, Errno::AGAIN] {
        assert!(failed.contains(&errno.raw_os_error()), "{errno} did not come: {failed:?}");
    }
    assert_eq!(failed.last(), Some(&Errno::AGAIN.raw_os_error()), "accept until there are no more");
    drive.run(MOST_TURNS);
    let world = drive.world.borrow();
    let aborted = ids.iter().filter(|id| world.sockets[**id].record.number == 0).count();
    let served = ids.iter().filter(|id| drive.got(**id) == b"hello").count();
    assert!(aborted > 0 && served + aborted == 50, "{served} served, {aborted} aborted");
}

fn accept_errno(record: &Record) -> Option<i32> {
    match record.event {
        Event::AcceptFailed { errno } => Some(errno),
        _ => None,
    }
}

#[test]
fn emfile_pauses_accepting_without_spinning_and_it_resumes() {
    let mut drive = drive(Service::Echo, Faults { descriptors: Some(2), ..SPARING });
    // Two hold every descriptor; the one of them talks all the time.
    let talker = drive.connect(Client { segment: 1, pace: 40, ..Client::new(&letters(1000)) });
    let silent = drive.connect(Client { finale: Finale::Wait, ..Client::new(b"hello") });
    let late: Vec<_> = (0..3).map(|_| drive.connect(Client::new(b"late"))).collect();
    let start = drive.world.borrow().now;
    let passed = |drive: &Drive| drive.world.borrow().now.since(start);
    while passed(&drive) < Duration::from_secs(10) {
        drive.turn();
    }
    let open = drive.event_loop.connections();
    assert_eq!((open, drive.got(silent)), (2, b"hello".to_vec()), "those that are open are served");
    assert!(drive.got(talker).len() > 200, "those that are open are served");
    let accepts = drive.world.borrow().calls.accepts;
    assert!((30..50).contains(&accepts), "{accepts} calls of accept in 10 s: four a second");

    // When there is room again, nothing tells the loop, and it finds out by itself.
    drive.world.borrow_mut().after(Duration::ZERO, Act::FreeDescriptors);
    let freed_at = drive.world.borrow().now;
    while late.iter().any(|id| drive.got(*id) != b"late") {
        drive.turn();
    }
    for id in late {
        let waited = drive.world.borrow().sockets[id].record.accepted_at.since(freed_at);
        assert!(waited <= Duration::from_millis(250), "it resumed after {waited:?}");
    }
}

#[test]
fn a_freed_descriptor_is_used_at_once() {
    let mut drive = drive(Service::Echo, Faults { descriptors: Some(1), ..SPARING });
    let first = Client { segment: 1, pace: 100, ..Client::new(&letters(30)) };
    let (first, second) = (drive.connect(first), drive.connect(Client::new(b"late")));
    drive.run(MOST_TURNS);
    assert_eq!((drive.got(first), drive.got(second)), (letters(30), b"late".to_vec()));
    let world = drive.world.borrow();
    let record = |id: usize| &world.sockets[id].record;
    assert_eq!(record(first).closed_at, Some(record(second).accepted_at));
}

#[test]
fn one_peers_error_closes_one_connection() {
    let mut drive = drive(Service::Echo, SPARING);
    let slow = || Client { segment: 5, pace: 50, ..Client::new(&letters(500)) };
    let ids = [drive.connect(slow()), drive.connect(slow()), drive.connect(slow())];
    let broken = drive.connect(Client { finale: Finale::Reset, ..slow() });
    let gone = drive.connect(Client { finale: Finale::Close, ..slow() });
    drive.run(MOST_TURNS);
    assert!(ids.iter().all(|id| drive.got(*id) == letters(500)));
    assert!(ids.iter().all(|id| drive.reason(*id) == Reason::Done));
    assert_eq!(drive.reason(broken), Reason::Reset);
    assert!(matches!(drive.reason(gone), Reason::Done | Reason::Reset));

    let server = RealServer::start(Key::none(), Service::Echo);
    let mut client = server.connect();
    for _ in 0..100 {
        let other = server.connect();
        // With no time to linger, closing is a reset.
        let other = socket2::Socket::from(other);
        other.set_linger(Some(Duration::ZERO)).expect("it is a socket");
    }
    client.write_all(b"still here").expect("it is connected");
    client.shutdown(Shutdown::Write).expect("it is connected");
    let mut got = Vec::new();
    client.read_to_end(&mut got).expect("no reset");
    assert_eq!(got, b"still here");
}

#[test]
fn deadlines_are_absolute_trickling_does_not_move_them() {
    println!("seed {SEED}");
    let mut config = config(Scheme::HmacSha256, Service::Echo);
    config.protocol.handshake_timeout = Some(Duration::from_secs(10));
    let mut drive = Drive::new(SEED, config, SPARING, Detail::Life);
    let trickler = || Client { segment: 1, pace: 1300, ..Client::new(b"hello") };
    // Others come all the time, each with a later deadline.
    let ids: Vec<_> = (0..40)
        .map(|second| drive.world.borrow_mut().add(trickler(), Duration::from_millis(500 * second)))
        .collect();
    drive.run(MOST_TURNS);
    let world = drive.world.borrow();
    for id in ids {
        let record = &world.sockets[id].record;
        assert_eq!(drive.reason(id), Reason::HandshakeTimeout);
        let deadline: Time = record.accepted_at + Duration::from_secs(10);
        assert_eq!(record.shut_at, Some(deadline), "connection {}", record.number);
        assert!(record.read.len() > 5, "it trickled {} bytes only", record.read.len());
    }
}

/// A server on real sockets, stopped when dropped.
struct RealServer {
    handle: Handle,
    address: std::net::SocketAddr,
    running: Option<thread::JoinHandle<()>>,
}

impl RealServer {
    fn start(key: Key, service: Service) -> RealServer {
        let protocol = Protocol::new(key, service);
        let listen = "127.0.0.1:0".parse().expect("an address");
        let mut config = Config::new(listen, protocol, Nonces::none());
        config.max_buffer = MIN_MAX_BUFFER;
        let server = Server::bind(config).expect("a free port");
        let (handle, address) = (server.handle(), server.local_addr());
        let run = move || {
            server.run().expect("it can wait");
        };
        RealServer { handle, address, running: Some(thread::spawn(run)) }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).expect("the server listens")
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(running) = self.running.take() {
            assert!(running.join().is_ok() || thread::panicking(), "the server panicked");
        }
    }
}

//! Many argon2id logins at once: who is served, in which order, and with how much memory.
//!
//! What takes how long is measured by `cargo bench --bench login`, where nothing else runs.
#![cfg(target_os = "linux")]

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use socket2::{Domain, Socket, Type};
use sockmodes::auth::{Key, Scheme, Secret};
use sockmodes::client::Client;

use crate::common::login::{Peer, Server, argon2id_line, login};
use crate::common::process::PATIENCE;
use crate::common::program::{self, SECRET};

const LOGINS: usize = 24;
const MAX_GROWTH_KIB: u64 = 600 * 1024;

#[test]
fn a_wave_of_argon2id_logins_is_served_within_its_memory_and_others_beside_it() {
    let login_server = Server::start(&argon2id_line("eva", "x"), &[]);
    let upper_server = program::Server::start(&["--service", "upper"]);
    let mut waiting: Vec<_> = (0..LOGINS).map(|_| login_server.connect()).collect();
    let before = login_server.memory("VmRSS:");

    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let others = scope.spawn(|| serve_others(&upper_server, &done, &served));
        // Each twice: a success and, behind it in the same segment, a failure.
        for peer in &mut waiting {
            peer.send(login("eva", "x") + &login("nobody", "x"));
        }
        for peer in &mut waiting {
            assert_eq!(peer.end().hear_all(), "success!failed!");
        }
        done.store(true, Ordering::Relaxed);
        others.join().unwrap();
    });
    let growth = login_server.memory("VmHWM:").saturating_sub(before);
    assert!(growth < MAX_GROWTH_KIB, "grew by {growth} KiB");
    let most = thread::available_parallelism().unwrap().get() as u64;
    let each = 19 * 1024 + 4 * 1024;
    assert!(growth < each * most + 16 * 1024, "grew by {growth} KiB with {most} workers");
    eprintln!("grew by {growth} KiB; {} others served meanwhile", served.into_inner());
}

/// One client after the other, until it is `done`; counts those that were `served`.
fn serve_others(server: &program::Server, done: &AtomicBool, served: &AtomicUsize) {
    let key = Key::new(Scheme::HmacMd5, &Secret::new(SECRET.into()).unwrap());
    while !done.load(Ordering::Relaxed) || served.load(Ordering::Relaxed) == 0 {
        let addresses = [server.address];
        let mut client = Client::connect(&addresses, Some(&key), 32, Some(PATIENCE)).unwrap();
        for _ in 0..10 {
            let mut reply = Vec::new();
            let keep = |part: &[u8]| {
                reply.extend_from_slice(part);
                Ok(())
            };
            client.exchange(b"hello", keep).unwrap();
            assert_eq!(reply, b"HELLO");
        }
        served.fetch_add(1, Ordering::Relaxed);
    }
}

/// A client of the same machine and another source.
fn connect_from(source: Ipv4Addr, server: &Server) -> Peer {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.connect(&server.address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Peer(stream)
}

/// The numbers of the lines of `log` that have all these `words` in them.
fn lines_with(log: &str, words: &[&str]) -> Vec<usize> {
    let has_all = |line: &str| words.iter().all(|word| line.contains(word));
    let lines = log.lines().enumerate().filter(|(_, line)| has_all(line));
    lines.map(|(number, _)| number).collect()
}

#[test]
fn a_source_with_many_logins_holds_up_another_s_by_a_few_checks() {
    let users = argon2id_line("eva", "x");
    let server = Server::start(&users, &["-v", "--max-pending", "none"]);
    let mut flood: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for peer in &mut flood {
        peer.send(login("nobody", "x"));
    }
    let mut honest = connect_from(Ipv4Addr::new(127, 0, 0, 2), &server);
    assert!(honest.log_in("eva", "x"));
    let log = server.program.wait_for_log("name=\"eva\"");
    // It is the last that came, so what it waited for is what the log has between its two lines.
    let waits = lines_with(&log, &["conn=101 ", "to=verifying"])[0];
    let logged_in = lines_with(&log, &["name=\"eva\""])[0];
    let before = lines_with(&log, &["login", "name=\"nobody\""]);
    let between = before.iter().filter(|line| (waits..logged_in).contains(*line)).count();
    // In turn it waits for what the workers have and one more (see the unit tests of the queue); but a
    // worker that the machine holds up may be overtaken by the others. Out of turn it would wait for all.
    let most = flood.len() / 4;
    assert!(between <= most, "{between} logins of the other source came first, at most {most}");
    assert!(before.len() < flood.len(), "all were checked before: that shows nothing");
    eprintln!("{between} logins of the other source came first, {} in all", before.len());
}

//! Many argon2id logins at once: who is served, in which order, and with how much memory.
//!
//! What takes how long is measured by `cargo bench --bench login`, where nothing else runs.
#![cfg(target_os = "linux")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use sockmodes::auth::{Key, Scheme, Secret};
use sockmodes::client::Client;

use crate::common::login::{Server, argon2id_line, login};
use crate::common::program::{self, PATIENCE, SECRET};

const LOGINS: usize = 24;
const MAX_GROWTH_KIB: u64 = 600 * 1024;

#[test]
fn a_wave_of_argon2id_logins_is_served_within_its_memory_and_others_beside_it() {
    let login_server = Server::start(&argon2id_line("eva", "x"), &[]);
    let upper_server = program::Server::start(&["--service", "upper"]);
    let key = Key::new(Scheme::HmacMd5, &Secret::new(SECRET.into()).unwrap());
    let mut waiting: Vec<_> = (0..LOGINS).map(|_| login_server.connect()).collect();
    let before = login_server.memory("VmRSS:");

    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let others = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) || served.load(Ordering::Relaxed) == 0 {
                let addresses = [upper_server.address];
                let mut client =
                    Client::connect(&addresses, Some(&key), 32, Some(PATIENCE)).unwrap();
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
        });
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

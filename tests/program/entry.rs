//! Attacks by those who are not let in: who holds places, who wants more than their share, and that
//! neither costs anybody else anything.
//!
//! That every way out gives a place back, one by one, is in `limits.rs`; thousands of resets, in `resets.rs`; a digest
//! that trickles, in `sockmodes check`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use sockmodes::auth::Scheme;

use crate::common::client::{answer, eventually, exchange, nonce, read_rest};
use crate::common::program::{SECRET, Server};

/// Connections that say nothing.
const SILENT: usize = 300;

#[test]
fn hundreds_of_silent_ones_time_out_and_give_every_place_back() {
    let limit = format!("{SILENT}:100:{SILENT}");
    let server = Server::start(&["-v", "--max-pending", &limit, "--handshake-timeout", "1s"]);
    let mut inside = server.enter();
    for _ in 0..2 {
        let mut silent = Vec::new();
        eventually("a place for each of them", || {
            let mut stream = server.connect();
            silent.extend(nonce(&mut stream).map(|_| stream));
            silent.len() == SILENT
        });
        exchange(&mut inside, b"beside them", b"BESIDE THEM");
        // Nobody hangs up: it is the server that ends them, and says nothing.
        assert!(silent.iter_mut().all(|stream| read_rest(stream).is_empty()));
    }
    drop(inside);
    let done = server.stop();
    assert_eq!(done.err().matches("reason=handshake_timeout").count(), 2 * SILENT);
}

/// One source tries to come in as fast as it can, and keeps what it gets; another is let in every time.
#[test]
fn a_flood_from_one_source_keeps_no_other_out() {
    let server = Server::start(&["--max-pending-per-source", "3", "--handshake-timeout", "none"]);
    let (over, refused) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut held = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let mut stream = server.connect_from([127, 0, 0, 2]);
                    match nonce(&mut stream) {
                        Some(_) => held.push(stream),
                        None => _ = refused.fetch_add(1, Ordering::Relaxed),
                    }
                    assert!(held.len() <= 3, "the flood has more places than one source may have");
                }
            });
        }
        eventually("the flood to be refused", || refused.load(Ordering::Relaxed) > 0);
        for round in 0..200 {
            let mut other = server.connect_from([127, 0, 0, 3]);
            answer(&mut other, Scheme::HmacMd5, SECRET.as_bytes());
            let said = format!("round {round}");
            exchange(&mut other, said.as_bytes(), said.to_uppercase().as_bytes());
        }
        over.store(true, Ordering::Relaxed);
    });
    println!("200 were served beside {refused:?} that were refused");
    assert!(server.stop().err().contains("reason=too_many_from_source"));
}

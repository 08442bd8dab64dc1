//! Attacks by those who are not let in: who holds places, who wants more than their share, and that
//! neither costs anybody else anything.
//!
//! That every way out gives a place back, one by one, is in `limits.rs`; thousands of resets, in `resets.rs`.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use sockmodes::auth::Scheme;

use crate::common::client::{answer, eventually, exchange, nonce, read, read_rest};
use crate::common::program::{SECRET, Server};

/// Connections that say nothing.
const SILENT: usize = 300;
/// Bytes of a digest of the scheme `md5`.
const DIGEST: usize = 32;

/// The one that trickles came first, so its deadline is the earlier; had any byte moved it, it would be the
/// later. Which of two ends first is the same on a busy machine.
#[test]
fn trickling_the_digest_gains_no_time() {
    let server = Server::start(&["--auth", "md5", "--handshake-timeout", "500ms"]);
    let mut trickling = server.connect();
    let _nonce: [u8; 32] = read(&mut trickling);
    let mut silent = server.connect();
    let _nonce: [u8; 32] = read(&mut silent);
    silent.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    // All but the last byte, or the digest would be whole, and wrong.
    let mut left = DIGEST - 1;
    while !is_over(&mut silent) {
        if left > 0 {
            // It may be closed by now.
            let _ = trickling.write_all(b"0");
            left -= 1;
        }
    }
    trickling.set_nonblocking(true).unwrap();
    assert!(is_over(&mut trickling), "the later of two is over, and the earlier is not");
    drop((trickling, silent));
    assert_eq!(server.stop().err().matches("reason=handshake_timeout").count(), 2);
}

/// Whether the stream has ended; false if nothing came in the time that a read may take.
fn is_over(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => true,
        Err(error) => panic!("{error}"),
    }
}

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

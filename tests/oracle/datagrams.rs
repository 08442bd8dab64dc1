//! The conditions of reading datagrams.
//!
//! `reading.rs` has those of streams, and what reads.

use rustix::event::PollFlags;

use crate::bench;
use crate::cell::Cell;
use crate::reading::Reading;
use crate::trial::Trial;

pub(crate) fn udp(cell: &Cell, condition: &str) -> Trial {
    let (socket, peer) = bench::udp();
    let later = peer.try_clone().unwrap();
    let (reading, mode) = (Reading::new(cell, socket), cell.mode());
    let socket = &reading.socket;
    let send = |bytes: &[u8]| {
        peer.send(bytes).unwrap();
        bench::until(socket, PollFlags::IN);
    };
    match condition {
        "udp-no-data-ever" | "udp-zero-length-no-data" | "udp-data-after-100ms" => {}
        "udp-data-ready" | "udp-datagram-larger-than-asked" => send(b"hello"),
        "udp-empty-datagram" => send(b""),
        "udp-rest-of-a-truncated-datagram" => {
            send(b"hello");
            assert_eq!(socket.recv(3).unwrap(), b"hel");
        }
        "udp-connected-port-unreachable" => {
            socket.connect(bench::unreachable()).unwrap();
            socket.send(b"hello").unwrap();
            bench::until(socket, PollFlags::empty());
        }
        other => panic!("no such condition of UDP: {other}"),
    }
    let trial = reading.trial(mode, peer);
    match condition {
        "udp-data-after-100ms" => trial.peer(move || drop(later.send(b"hello"))),
        _ => trial,
    }
}

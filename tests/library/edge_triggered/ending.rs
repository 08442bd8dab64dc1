//! The end of a connection: by its client, by the server, by an error, by its deadline.

use std::time::Duration;

use sockmodes::auth::Scheme;
use sockmodes::observe::{Detail, Event};
use sockmodes::session::{Reason, Service, Time};

use super::real_server::{RealServer, converse};
use super::{MOST_TURNS, SEED, SPARING, drive, letters, told_of};
use crate::common::drive::{Drive, config};
use crate::common::sim::client::{Client, End, Finale};

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

    let server = RealServer::start(Service::UpperOnce);
    assert_eq!(converse(server.connect(), b" no line feed "), b"NO LINE FEED");
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
    let server = RealServer::start(Service::UpperOnce);
    let mut request = b"hello\n".to_vec();
    // More than the server reads at one go, and little enough to be sent at one go.
    request.resize(8000, b'x');
    assert_eq!(converse(server.connect(), &request), b"HELLO");
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

    let server = RealServer::start(Service::Echo);
    let client = server.connect();
    for _ in 0..100 {
        let other = server.connect();
        // With no time to linger, closing is a reset.
        let other = socket2::Socket::from(other);
        other.set_linger(Some(Duration::ZERO)).expect("it is a socket");
    }
    assert_eq!(converse(client, b"still here"), b"still here");
}

#[test]
fn deadlines_are_absolute_trickling_does_not_move_them() {
    println!("seed {SEED}");
    let mut config = config(Some(Scheme::HmacSha256), Service::Echo);
    config.protocol.handshake_timeout = Duration::from_secs(10).into();
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

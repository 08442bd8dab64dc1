//! The end of a connection: by its client, by the server, by an error, by its deadline.

use std::time::Duration;

use sockmodes::auth::Scheme;
use sockmodes::observe::{Detail, Event};
use sockmodes::session::{Reason, Service, Time};
use sockmodes::sim::{End, Finale, Pieces};

use super::real_server::{RealServer, converse};
use super::{MOST_TURNS, SEED, drive, letters, sparing, told_of};
use crate::common::drive::{config, got, reason, script, simulate};

#[test]
fn end_of_input_is_not_end_of_output() {
    // The end comes with the data, in one event, and most answers go out long after it.
    let mut drive = drive(Service::Upper, sparing(|_| {}));
    let id = drive.connect(script(&letters(3000), |script| {
        (script.window, script.send_buffer) = (10, 10);
        script.receiving = Pieces { most: 7, pause: Duration::from_millis(2) };
    }));
    drive.run(MOST_TURNS);
    assert_eq!(got(&drive, id), letters(3000).to_ascii_uppercase());
    assert_eq!(drive.world().client(id).end, Some(End::Eof));

    let server = RealServer::start(Service::UpperOnce);
    assert_eq!(converse(server.connect(), b" no line feed "), b"NO LINE FEED");
}

#[test]
fn a_refusal_lingers_so_that_no_reset_destroys_what_is_owed() {
    // The client sends on and on, long after its one answer, and reads it slowly: closing with
    // its bytes unread would be a reset, and the answer lost.
    let mut drive = drive(Service::UpperOnce, sparing(|_| {}));
    let mut payload = letters(500);
    payload.push(b'\n');
    payload.extend(letters(2000));
    let slowly = Pieces { most: 20, pause: Duration::from_millis(20) };
    let id = drive.connect(script(&payload, |script| {
        (script.sending, script.receiving) = (slowly, slowly);
        script.stubborn = true;
        script.window = 20;
        (script.receive_buffer, script.send_buffer) = (100, 1000);
    }));
    drive.run(MOST_TURNS);
    assert_eq!(got(&drive, id), letters(500).to_ascii_uppercase());
    let (client, transcript) = (drive.world().client(id), drive.world().transcript(id));
    assert_eq!((client.end, transcript.destroyed), (Some(End::Eof), 0));
    assert_eq!(transcript.read, payload, "what came after the request was thrown away, not left");
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
    let mut drive = drive(Service::Echo, sparing(|_| {}));
    let slowly = |finale| {
        script(&letters(500), |script| {
            script.sending = Pieces { most: 5, pause: Duration::from_millis(50) };
            script.finale = finale;
        })
    };
    let ids = [(); 3].map(|()| drive.connect(slowly(Finale::HalfClose)));
    let broken = drive.connect(slowly(Finale::Reset));
    let gone = drive.connect(slowly(Finale::Close));
    drive.run(MOST_TURNS);
    assert!(ids.iter().all(|id| got(&drive, *id) == letters(500)));
    assert!(ids.iter().all(|id| reason(&drive, *id) == Reason::Done));
    assert_eq!(reason(&drive, broken), Reason::Reset);
    assert!(matches!(reason(&drive, gone), Reason::Done | Reason::Reset));

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
    let mut drive = simulate(SEED, config, sparing(|_| {}), Detail::Life);
    let trickle = Pieces { most: 1, pause: Duration::from_millis(1300) };
    let trickler = || script(b"hello", |script| script.sending = trickle);
    // Others come all the time, each with a later deadline.
    let ids: Vec<_> = (0..40)
        .map(|second| drive.world().connect(trickler(), Duration::from_millis(500 * second)))
        .collect();
    drive.run(MOST_TURNS);
    for id in ids {
        let transcript = drive.world().transcript(id);
        assert_eq!(reason(&drive, id), Reason::HandshakeTimeout);
        let deadline: Time = transcript.accepted_at + Duration::from_secs(10);
        assert_eq!(transcript.shut_at, Some(deadline), "connection {}", transcript.number);
        let trickled = transcript.read.len();
        assert!(trickled > 5, "it trickled {trickled} bytes only");
    }
}

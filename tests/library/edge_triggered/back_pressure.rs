//! Back-pressure: what the kernel does not take waits for it, and nothing more is read meanwhile.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use sockmodes::observe::{Detail, Event};
use sockmodes::session::{Reason, Service};
use sockmodes::sim::{Finale, Pieces, Rest, Simulation};

use super::real_server::RealServer;
use super::{MOST_TURNS, SEED, drive, letters, received, sparing, told_of};
use crate::common::drive::{buffer, config, got, reason, script, simulate};

#[test]
fn send_first_queue_only_what_the_kernel_did_not_take() {
    let sends = |drive: &Simulation| -> Vec<_> {
        let sent = |event: &Event| match event {
            Event::Sent { offered, result } => Some((*offered, *result)),
            _ => None,
        };
        told_of(drive, 1).iter().filter_map(sent).collect()
    };
    // With room, a message is one `recv` and one `send`, and nothing is ever kept.
    let mut drive = self::drive(Service::Echo, sparing(|_| {}));
    drive.connect(script(b"hello", |script| script.finale = Finale::HalfCloseAfter(5)));
    drive.run_watched(MOST_TURNS, |drive| assert_eq!(drive.event_loop().owed(), 0));
    assert_eq!(sends(&drive), [(5, Ok(5))]);
    let receives = told_of(&drive, 1).iter().filter_map(received).collect::<Vec<_>>();
    assert_eq!(receives, [5, 0], "the message and the end");

    // Without, what is left waits for an edge, and is offered alone.
    let mut drive = self::drive(Service::Echo, sparing(|_| {}));
    let id = drive.connect(script(&letters(25), |script| script.send_buffer = 10));
    let mut kept = Vec::new();
    drive.run_watched(MOST_TURNS, |drive| kept.push(drive.event_loop().owed()));
    assert_eq!(got(&drive, id), letters(25));
    assert_eq!(sends(&drive)[..2], [(25, Ok(10)), (15, Ok(10))]);
    assert!(kept.contains(&15), "{kept:?}");
}

#[test]
fn a_full_queue_stops_the_reading() {
    let mut config = config(None, Service::Echo);
    config.max_buffer = buffer(4096);
    config.write_timeout = Duration::from_secs(30).into();
    // Each arrival makes an edge here, and still nothing more is read.
    let faults = sparing(|faults| faults.sparing = false);
    let mut drive = simulate(SEED, config, faults, Detail::Calls);
    let id = drive.connect(script(&letters(1 << 18), |script| {
        script.sending = Pieces { most: 1000, pause: Duration::from_millis(1) };
        script.rest = Some(Rest { after: 1, lasts: Duration::from_secs(10_000) });
        script.window = 1000;
        (script.receive_buffer, script.send_buffer) = (50_000, 1000);
    }));
    let mut most = 0;
    drive.run_watched(MOST_TURNS, |drive| most = most.max(drive.event_loop().owed()));
    let (read, calls) = (drive.world().transcript(id).read.len(), drive.world().calls());
    assert!(most > 0 && most <= 4096, "{most} bytes were kept");
    // One byte of the window is read, the rest of it and both buffers are full, and one read more.
    assert!(read <= 1 + 1000 + 1000 + 4096, "{read} bytes were read");
    assert!(calls.recvs < 20, "{} calls for nothing", calls.recvs);
    assert_eq!(reason(&drive, id), Reason::WriteTimeout);
}

#[test]
fn a_real_client_that_sends_more_than_all_buffers_hold_gets_it_all_back() {
    let server = RealServer::start(Service::Upper);
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

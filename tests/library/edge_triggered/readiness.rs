//! Readiness: what an edge says, how long it is remembered, and whose it is.

use std::time::Duration;

use sockmodes::observe::{Detail, Errno, Event};
use sockmodes::session::{Reason, Service};
use sockmodes::sim::{ClientId, Faults, Finale, Pieces, Rest, Script};

use super::{MOST_TURNS, SEED, drive, letters, received, sparing, told_of};
use crate::common::drive::{buffer, config, got, reason, script, simulate};
use crate::common::model::{NAME, PASSWORD};

fn would_block(event: &Event) -> bool {
    matches!(event, Event::Received { result: Err(Errno::AGAIN), .. })
}

#[test]
fn readiness_is_a_hint_read_until_would_block_under_a_budget() {
    // A full read is followed by another without a further edge; a short one is not.
    let mut config = config(None, Service::Echo);
    config.max_buffer = buffer(100);
    let mut drive = simulate(SEED, config, sparing(|_| {}), Detail::Calls);
    let id = drive.connect(script(&letters(250), |script| script.finale = Finale::Wait));
    while got(&drive, id).len() < 250 {
        drive.turn();
    }
    let calls: Vec<_> = told_of(&drive, 1).iter().filter_map(received).collect();
    assert_eq!(calls, [100, 100, 50]);
    assert!(!told_of(&drive, 1).iter().any(would_block), "a short read shows the same");

    // Readiness that was no readiness costs one call and changes nothing.
    let mut drive = self::drive(Service::Echo, sparing(|faults| faults.spurious = 300));
    let slowly = Pieces { most: 5, pause: Duration::from_millis(20) };
    let id = drive.connect(script(&letters(100), |script| script.sending = slowly));
    drive.run(MOST_TURNS);
    assert_eq!(got(&drive, id), letters(100));
    assert!(told_of(&drive, 1).iter().any(would_block), "nothing was tried in vain");
}

#[test]
fn a_busy_peer_is_queued_up_again_and_starves_nobody() {
    serve_a_busy_peer(sparing(|_| {}));
    // Every look reports an edge here, and whoever is queued has no second turn for it.
    serve_a_busy_peer(sparing(|faults| faults.spurious = 1000));
}

fn serve_a_busy_peer(faults: Faults) {
    let mut config = config(None, Service::Echo);
    config.max_buffer = buffer(64 * 1024);
    let mut drive = simulate(SEED, config, faults, Detail::Calls);
    let large = 4 << 20;
    let busy = drive.connect(script(&letters(large), |script| {
        (script.receive_buffer, script.send_buffer, script.window) = (large, large, large);
    }));
    let quick = drive.connect(Script::new(b"hello"));
    drive.run(MOST_TURNS);
    assert_eq!((got(&drive, busy), got(&drive, quick)), (letters(large), b"hello".to_vec()));

    let told = drive.events();
    let mut in_one_turn = 0;
    let mut served_at = None;
    let mut requeued = 0;
    for record in &told {
        match (&record.event, record.connection) {
            (Event::Turn { .. }, _) => in_one_turn = 0,
            (Event::Received { result: Ok(bytes), .. }, Some(1)) => in_one_turn += bytes,
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
    let mut config = config(None, Service::Upper);
    config.max_buffer = buffer(64);
    let mut drive = simulate(SEED, config, sparing(|_| {}), Detail::Calls);
    let payload = letters(5000);
    let id = drive.connect(script(&payload, |script| {
        script.rest = Some(Rest { after: 20, lasts: Duration::from_secs(20) });
        (script.window, script.send_buffer) = (50, 100);
    }));
    drive.run(MOST_TURNS);
    assert_eq!(got(&drive, id), payload.to_ascii_uppercase());
    assert_eq!(reason(&drive, id), Reason::Done);
    let ends = |event: &Event| matches!(event, Event::Ready { read_closed: true, .. });
    let first = told_of(&drive, 1).iter().position(ends).expect("the end is told with the data");
    assert!(first < 5, "the end was told late: this shows nothing");
}

#[test]
fn what_a_verdict_changes_is_told_before_the_read_that_waited_for_it() {
    let mut drive = drive(Service::Login, sparing(|_| {}));
    drive.world().set_checks(1, Duration::from_secs(1));
    // A login, and 10 ms later a line that nobody reads while it is being checked.
    let login = format!(r#"{{"username":"{NAME}","passwd":"{PASSWORD}"}}"#);
    let pieces = Pieces { most: login.len(), pause: Duration::from_millis(10) };
    let payload = format!("{login}\n");
    let id = drive.connect(script(payload.as_bytes(), |script| script.sending = pieces));
    drive.run(MOST_TURNS);
    assert_eq!(got(&drive, id), b"success!");
    let told = told_of(&drive, 1);
    let after =
        |from: usize, is: fn(&Event) -> bool| from + told[from..].iter().position(is).unwrap();
    let checked = after(0, |event| matches!(event, Event::Login { .. }));
    let let_in = after(checked, |event| matches!(event, Event::LetIn { .. }));
    assert!(let_in < after(checked, |event| matches!(event, Event::Received { .. })), "{told:?}");
}

#[test]
fn interest_is_registered_once() {
    // The simulated network refuses a second registration of one connection by itself.
    let mut drive = drive(Service::Echo, sparing(|_| {}));
    let ids = [1, 2, 3].map(|_| {
        drive.connect(script(&letters(600), |script| {
            script.sending = Pieces { most: 3, pause: Duration::from_millis(5) };
            (script.receive_buffer, script.send_buffer) = (10, 5);
        }))
    });
    drive.run(MOST_TURNS);
    assert!(ids.iter().all(|id| got(&drive, *id) == letters(600)));
    assert_eq!(drive.world().calls().registers, 3);
}

#[test]
fn a_late_event_never_reaches_the_one_that_took_its_slot() {
    // Three in ten looks also report the first connection, which is gone, as readable and ended.
    let mut drive = drive(Service::Echo, sparing(|faults| faults.stale = 300));
    let first = drive.connect(Script::new(b"x"));
    while !drive.world().is_over() {
        drive.turn();
    }
    let second = drive.connect(script(&letters(300), |script| {
        script.sending = Pieces { most: 1, pause: Duration::from_millis(3) };
        script.finale = Finale::Wait;
    }));
    while got(&drive, second).len() < 300 {
        drive.turn();
    }
    let slot = |id: ClientId| drive.world().transcript(id).token.map(|token| token.0 as u32);
    assert_eq!(slot(first), slot(second), "they had the same place");
    let stale = drive.events().iter().filter(|record| matches!(record.event, Event::Stale)).count();
    assert!(stale > 20, "{stale}");
    let ended = |event: &Event| matches!(event, Event::Ready { read_closed: true, .. });
    assert!(
        !told_of(&drive, 2).iter().any(ended),
        "the second one was told of the first one's end"
    );
}

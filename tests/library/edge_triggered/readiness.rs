//! Readiness: what an edge says, how long it is remembered, and whose it is.

use std::time::Duration;

use sockmodes::observe::{Detail, Errno, Event};
use sockmodes::session::{Reason, Service};

use super::{MOST_TURNS, SEED, SPARING, drive, letters, received, told_of};
use crate::common::drive::{Drive, buffer, config};
use crate::common::model::{NAME, PASSWORD};
use crate::common::sim::Faults;
use crate::common::sim::client::{Client, Finale};

fn would_block(event: &Event) -> bool {
    matches!(event, Event::Received { result: Err(Errno::AGAIN) })
}

#[test]
fn readiness_is_a_hint_read_until_would_block_under_a_budget() {
    // A full read is followed by another without a further edge; a short one is not.
    let mut config = config(None, Service::Echo);
    config.max_buffer = buffer(100);
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
    serve_a_busy_peer(SPARING);
    // Every look reports an edge here, and whoever is queued has no second turn for it.
    serve_a_busy_peer(Faults { spurious: 1000, ..SPARING });
}

fn serve_a_busy_peer(faults: Faults) {
    let mut config = config(None, Service::Echo);
    config.max_buffer = buffer(64 * 1024);
    let mut drive = Drive::new(SEED, config, faults, Detail::Calls);
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
    let mut config = config(None, Service::Upper);
    config.max_buffer = buffer(64);
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
fn what_a_verdict_changes_is_told_before_the_read_that_waited_for_it() {
    let mut drive = drive(Service::Login, SPARING);
    drive.world.borrow_mut().checks.longest = 1000;
    // A login, and 10 ms later a line that nobody reads while it is being checked.
    let login = format!(r#"{{"username":"{NAME}","passwd":"{PASSWORD}"}}"#);
    let id = drive.connect(Client {
        segment: login.len(),
        pace: 10,
        ..Client::new(format!("{login}\n").as_bytes())
    });
    drive.run(MOST_TURNS);
    assert_eq!(drive.got(id), b"success!");
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

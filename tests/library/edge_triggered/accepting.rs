//! Accepting: until nobody waits any more, past those who have gone again, and without a descriptor.

use std::time::Duration;

use sockmodes::observe::{Errno, Event, Record};
use sockmodes::session::Service;

use super::{MOST_TURNS, SPARING, drive, letters};
use crate::common::drive::Drive;
use crate::common::sim::client::{Client, Finale};
use crate::common::sim::{Act, Faults};

#[test]
fn accept_until_would_block_and_go_on_after_econnaborted_and_eintr() {
    let faults = Faults { aborted: 200, interrupted: 200, ..SPARING };
    let mut drive = drive(Service::Echo, faults);
    let ids: Vec<_> = (0..50).map(|_| drive.connect(Client::new(b"hello"))).collect();
    drive.turn();
    let looks = drive.told().iter().filter(|r| matches!(r.event, Event::Turn { .. })).count();
    assert_eq!(looks, 1, "one look, one edge of the listener");
    let failed: Vec<_> = drive.told().iter().filter_map(accept_errno).collect();
    for errno in [Errno::CONNABORTED, Errno::INTR, Errno::AGAIN] {
        assert!(failed.contains(&errno), "{errno} did not come: {failed:?}");
    }
    assert_eq!(failed.last(), Some(&Errno::AGAIN), "accept until there are no more");
    drive.run(MOST_TURNS);
    let world = drive.world.borrow();
    let aborted = ids.iter().filter(|id| world.sockets[**id].record.number == 0).count();
    let served = ids.iter().filter(|id| drive.got(**id) == b"hello").count();
    assert!(aborted > 0 && served + aborted == 50, "{served} served, {aborted} aborted");
}

fn accept_errno(record: &Record) -> Option<Errno> {
    match record.event {
        Event::AcceptFailed { errno } => Some(errno),
        _ => None,
    }
}

#[test]
fn emfile_pauses_accepting_without_spinning_and_it_resumes() {
    let mut drive = drive(Service::Echo, Faults { descriptors: Some(2), ..SPARING });
    // Two hold every descriptor; the one of them talks all the time.
    let talker = drive.connect(Client { segment: 1, pace: 40, ..Client::new(&letters(1000)) });
    let silent = drive.connect(Client { finale: Finale::Wait, ..Client::new(b"hello") });
    let late: Vec<_> = (0..3).map(|_| drive.connect(Client::new(b"late"))).collect();
    let start = drive.world.borrow().now;
    let passed = |drive: &Drive| drive.world.borrow().now.since(start);
    while passed(&drive) < Duration::from_secs(10) {
        drive.turn();
    }
    let open = drive.event_loop.connections();
    assert_eq!((open, drive.got(silent)), (2, b"hello".to_vec()), "those that are open are served");
    assert!(drive.got(talker).len() > 200, "those that are open are served");
    let accepts = drive.world.borrow().calls.accepts;
    assert!((30..50).contains(&accepts), "{accepts} calls of accept in 10 s: four a second");

    // When there is room again, nothing tells the loop, and it finds out by itself.
    drive.world.borrow_mut().after(Duration::ZERO, Act::FreeDescriptors);
    let freed_at = drive.world.borrow().now;
    while late.iter().any(|id| drive.got(*id) != b"late") {
        drive.turn();
    }
    for id in late {
        let waited = drive.world.borrow().sockets[id].record.accepted_at.since(freed_at);
        assert!(waited <= Duration::from_millis(250), "it resumed after {waited:?}");
    }
}

#[test]
fn a_freed_descriptor_is_used_at_once() {
    let mut drive = drive(Service::Echo, Faults { descriptors: Some(1), ..SPARING });
    let first = Client { segment: 1, pace: 100, ..Client::new(&letters(30)) };
    let (first, second) = (drive.connect(first), drive.connect(Client::new(b"late")));
    drive.run(MOST_TURNS);
    assert_eq!((drive.got(first), drive.got(second)), (letters(30), b"late".to_vec()));
    let world = drive.world.borrow();
    let record = |id: usize| &world.sockets[id].record;
    assert_eq!(record(first).closed_at, Some(record(second).accepted_at));
}

//! Accepting: until nobody waits any more, past those who have gone again, and without a descriptor.

use std::time::Duration;

use sockmodes::observe::{Detail, Errno, Event, Record};
use sockmodes::session::Service;
use sockmodes::sim::{Finale, Pieces, Script, Simulation};

use super::{MOST_TURNS, SEED, drive, letters, sparing};
use crate::common::drive::{config, got, script, simulate};

#[test]
fn accept_until_would_block_and_go_on_after_econnaborted_and_eintr() {
    let faults = sparing(|faults| (faults.aborted, faults.interrupted) = (200, 200));
    let mut drive = drive(Service::Echo, faults);
    let ids: Vec<_> = (0..50).map(|_| drive.connect(Script::new(b"hello"))).collect();
    drive.turn();
    let looks = drive.events().iter().filter(|r| matches!(r.event, Event::Turn { .. })).count();
    assert_eq!(looks, 1, "one look, one edge of the listener");
    let failed: Vec<_> = drive.events().iter().filter_map(accept_errno).collect();
    for errno in [Errno::CONNABORTED, Errno::INTR, Errno::AGAIN] {
        assert!(failed.contains(&errno), "{errno} did not come: {failed:?}");
    }
    assert_eq!(failed.last(), Some(&Errno::AGAIN), "accept until there are no more");
    drive.run(MOST_TURNS);
    let world = drive.world();
    let aborted = ids.iter().filter(|id| world.transcript(**id).number == 0).count();
    let served = ids.iter().filter(|id| got(&drive, **id) == b"hello").count();
    assert!(aborted > 0 && served + aborted == 50, "{served} served, {aborted} aborted");
}

fn accept_errno(record: &Record) -> Option<Errno> {
    match record.event {
        Event::AcceptFailed { errno } => Some(errno),
        _ => None,
    }
}

/// How many are let in at so many listeners: all at once, and half of them at the first.
const CROWD: usize = 1000;

fn crowd(listeners: usize) -> Simulation {
    let mut config = config(None, Service::Echo);
    config.listen = vec![config.listen[0]; listeners];
    let mut drive = simulate(SEED, config, sparing(|_| {}), Detail::Calls);
    for client in 0..CROWD {
        let listener = if client % 2 == 0 { 0 } else { client / 2 };
        drive.connect(script(b"hello", |script| script.listener = listener));
    }
    drive.run(MOST_TURNS);
    drive
}

#[test]
fn listeners_share_the_budget_of_a_turn_and_none_is_passed_over() {
    const LISTENERS: usize = 16;
    let (alone, shared) = (crowd(1), crowd(LISTENERS));
    let (alone, world) = (alone.world().calls().most_accepts, shared.world());
    assert_eq!(world.calls().most_accepts, alone, "calls of accept in one turn");
    let mut first = [u64::MAX; LISTENERS];
    for id in world.clients() {
        let first = &mut first[world.client(id).script.listener % LISTENERS];
        *first = world.transcript(id).number.min(*first);
    }
    let in_two_turns = first.iter().all(|number| (1..=2 * alone).contains(number));
    assert!(in_two_turns, "the first of each listener: {first:?}");
}

#[test]
fn emfile_pauses_accepting_without_spinning_and_it_resumes() {
    let mut drive = drive(Service::Echo, sparing(|faults| faults.descriptors = Some(2)));
    // Two hold every descriptor; the one of them talks all the time.
    let bytewise = Pieces { most: 1, pause: Duration::from_millis(40) };
    let talker = drive.connect(script(&letters(1000), |script| script.sending = bytewise));
    let silent = drive.connect(script(b"hello", |script| script.finale = Finale::Wait));
    let late: Vec<_> = (0..3).map(|_| drive.connect(Script::new(b"late"))).collect();
    let start = drive.world().now();
    let passed = |drive: &Simulation| drive.world().now().since(start);
    while passed(&drive) < Duration::from_secs(10) {
        drive.turn();
    }
    let open = drive.event_loop().connections();
    assert_eq!((open, got(&drive, silent)), (2, b"hello".to_vec()), "who is open is served");
    assert!(got(&drive, talker).len() > 200, "who is open is served");
    let accepts = drive.world().calls().accepts;
    assert!((30..50).contains(&accepts), "{accepts} calls of accept in 10 s: four a second");

    // When there is room again, nothing tells the loop, and it finds out by itself.
    drive.world().free_descriptors_after(Duration::ZERO);
    let freed_at = drive.world().now();
    while late.iter().any(|id| got(&drive, *id) != b"late") {
        drive.turn();
    }
    for id in late {
        let waited = drive.world().transcript(id).accepted_at.since(freed_at);
        assert!(waited <= Duration::from_millis(250), "it resumed after {waited:?}");
    }
}

#[test]
fn a_freed_descriptor_is_used_at_once() {
    let mut drive = drive(Service::Echo, sparing(|faults| faults.descriptors = Some(1)));
    let bytewise = Pieces { most: 1, pause: Duration::from_millis(100) };
    let first = drive.connect(script(&letters(30), |script| script.sending = bytewise));
    let second = drive.connect(Script::new(b"late"));
    drive.run(MOST_TURNS);
    assert_eq!((got(&drive, first), got(&drive, second)), (letters(30), b"late".to_vec()));
    let (first, second) = (drive.world().transcript(first), drive.world().transcript(second));
    assert_eq!(first.closed_at, Some(second.accepted_at));
}

//! The trace on a disk that is full for a while, and in files that come and go.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::sync::Mutex;

use super::*;
use crate::observe::whole::tests::Shared as Disk;
use crate::session::{Reason, State, Time};

/// A disk whose writes go as the test has it: so many bytes at the most, none at all being an error.
struct Faulty {
    disk: Disk,
    room: Arc<Mutex<VecDeque<usize>>>,
}

impl Write for Faulty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.room.lock().unwrap().pop_front() {
            None => self.disk.write(bytes),
            Some(0) => Err(ErrorKind::StorageFull.into()),
            Some(most) => self.disk.write(&bytes[..most.min(bytes.len())]),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Target for Faulty {
    fn take_back(&mut self, bytes: usize) -> bool {
        self.disk.take_back(bytes)
    }
}

fn turn(ready: usize) -> Record {
    Record { time: Time::START, connection: None, event: Event::Turn { ready } }
}

fn line(ready: usize) -> String {
    format!("{{\"time\":0.0,\"event\":\"turn\",\"ready\":{ready}}}\n")
}

fn lost(lines: u64) -> String {
    format!("{{\"event\":\"lost\",\"lines\":{lines}}}\n")
}

/// What five turns leave where the writes go as `room` says; and how many lines are said to be lost.
fn written(room: impl IntoIterator<Item = usize>) -> (String, u64) {
    let disk = Disk::default();
    let room = Arc::new(Mutex::new(room.into_iter().collect()));
    let target = Faulty { disk: disk.clone(), room };
    let (mut trace, lines) = Trace::start(target, || Ok(None)).unwrap();
    (1..=5).for_each(|ready| trace.observe(&turn(ready)));
    let counts = lines.counts.clone();
    drop(lines);
    (disk.text(), counts.dropped.load(Ordering::Relaxed))
}

#[test]
fn what_is_lost_is_counted_where_it_is_missing_and_no_line_is_half() {
    let all = |lines: &[String]| lines.concat();
    assert_eq!(written([]).0, all(&[1, 2, 3, 4, 5].map(line)));
    // The first line is whole; of the second there is room for a piece, and for the third for none.
    let (text, dropped) = written([99, 7, 0, 0]);
    assert_eq!(text, all(&[line(1), lost(2), line(4), line(5)]));
    assert_eq!(dropped, 2);
    // There is room for the count, and then for half a line.
    let (text, dropped) = written([0, 99, 7, 0]);
    assert_eq!(text, all(&[lost(1), lost(1), line(3), line(4), line(5)]));
    assert_eq!(dropped, 2);
    // There is room again only at the end.
    let (text, dropped) = written([99, 0, 0, 0, 0]);
    assert_eq!((text, dropped), (all(&[line(1), lost(4)]), 4));
}

#[test]
fn what_finds_the_queue_full_is_counted_where_it_is_missing() {
    /// A disk that writes nothing until it may.
    struct Held(Disk, crossbeam_channel::Receiver<()>);
    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.1.recv();
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Target for Held {}
    const MORE: usize = crate::observe::writer::QUEUE + 10;
    let disk = Disk::default();
    let (hold, held) = crossbeam_channel::bounded(0);
    let (mut trace, lines) = Trace::start(Held(disk.clone(), held), || Ok(None)).unwrap();
    (0..MORE).for_each(|ready| trace.observe(&turn(ready)));
    let dropped = lines.dropped();
    assert!((9..=10).contains(&dropped), "{dropped}");
    drop(hold);
    drop(lines);
    let expected = (0..MORE - dropped as usize).map(line).collect::<String>() + &lost(dropped);
    assert!(disk.text() == expected);
}

#[test]
fn after_a_hangup_it_goes_on_in_another_file_with_what_is_open() {
    let (old, new) = (Disk::default(), Disk::default());
    let mut next = Some(new.clone());
    let (mut trace, lines) = Trace::start(old.clone(), move || Ok(next.take())).unwrap();
    let peer = ([127, 0, 0, 1], 50_000).into();
    let told = |connection, event| Record { time: Time::START, connection, event };
    trace.observe(&told(None, Event::Listening { address: peer, max_buffer: 1 }));
    for number in 1..=2 {
        trace.observe(&told(
            Some(number),
            Event::Opened { peer, state: State::SendNonce, via: None },
        ));
    }
    let to = State::AwaitDigest;
    trace.observe(&told(Some(2), Event::State { from: State::SendNonce, to }));
    trace.observe(&told(None, Event::Hangup));
    let (reason, let_in) = (Reason::Reset, false);
    trace.observe(&told(
        Some(2),
        Event::Closed { peer, reason, let_in, received: 0, sent: 0, cut_off: false },
    ));
    drop(lines);
    assert!(old.text().ends_with("{\"time\":0.0,\"event\":\"hangup\"}\n"), "{}", old.text());
    let peer = "\"peer\":\"127.0.0.1:50000\"";
    let expected = [
        "{\"time\":0.0,\"event\":\"listening\",\"address\":\"127.0.0.1:50000\",\"max_buffer\":1}",
        &format!(
            "{{\"time\":0.0,\"connection\":1,\"event\":\"opened\",{peer},\"state\":\"send_nonce\"}}"
        ),
        &format!(
            "{{\"time\":0.0,\"connection\":2,\"event\":\"opened\",{peer},\"state\":\"await_digest\"}}"
        ),
        &format!(
            "{{\"time\":0.0,\"connection\":2,\"event\":\"closed\",{peer},\"reason\":\"reset\",\
             \"let_in\":false,\"received\":0,\"sent\":0,\"cut_off\":false}}"
        ),
    ];
    assert_eq!(new.text().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_cannot_be_opened_anew_goes_on_where_it_was() {
    let disk = Disk::default();
    let gone = || Err(ErrorKind::NotFound.into());
    let (mut trace, lines) = Trace::start(disk.clone(), gone).unwrap();
    trace.observe(&Record { event: Event::Hangup, ..turn(0) });
    trace.observe(&turn(1));
    drop(lines);
    assert_eq!(disk.text(), "{\"time\":0.0,\"event\":\"hangup\"}\n".to_owned() + &line(1));
}

//! What is told of strangers, one by one and in sum.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use tracing::subscriber::with_default;

use super::flood::MOST;
use super::*;
use crate::session::{Reason, State, Verdict};

/// Gives each line to whoever waits for it.
#[derive(Clone)]
struct Told(Sender<String>);

impl io::Write for Told {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(String::from_utf8(line.to_vec()).unwrap().trim().into());
        Ok(line.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged while `act` observes.
fn logged(verbosity: Verbosity, act: impl FnOnce(&mut Log, &Receiver<String>)) {
    let (sender, lines) = unbounded();
    let told = Told(sender);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(verbosity.level())
        .with_writer(move || told.clone())
        .with_ansi(false)
        .with_target(false)
        .without_time();
    with_default(subscriber.finish(), || act(&mut Log::new(verbosity), &lines));
}

fn at(milliseconds: u64, connection: u64, event: Event) -> Record {
    let time = Time::after_start(Duration::from_millis(milliseconds));
    Record { time, connection: Some(connection), event }
}

fn peer() -> SocketAddr {
    ([192, 0, 2, 1], 50_000).into()
}

fn opened(connection: u64) -> Record {
    at(0, connection, Event::Opened { peer: peer(), state: State::SendNonce, via: None })
}

fn refused(milliseconds: u64) -> Record {
    at(milliseconds, 1, Event::Refused { peer: peer(), reason: Reason::Penalized })
}

/// The lines so far that hold `text`.
fn count(lines: &Receiver<String>, text: &str) -> usize {
    lines.try_iter().filter(|line| line.contains(text)).count()
}

/// What the counts behind `text` add up to: a machine that stands still for a second gets two of them.
fn sum(lines: &[String], text: &str) -> usize {
    lines
        .iter()
        .filter_map(|line| line.strip_prefix(text))
        .map(|n| n.parse::<usize>().unwrap())
        .sum()
}

/// Waits until the counts behind `text` add up to `all`; what came until then.
fn wait(lines: &Receiver<String>, text: &str, all: usize) -> Vec<String> {
    let mut told = Vec::new();
    while sum(&told, text) < all {
        told.push(lines.recv_timeout(Duration::from_secs(60)).unwrap());
    }
    assert_eq!(sum(&told, text), all);
    told
}

#[test]
fn ten_of_a_kind_are_told_in_any_second_and_the_others_are_counted_even_if_nothing_else_happens() {
    thread::scope(|scope| {
        for verbosity in [Verbosity::Quiet, Verbosity::Normal] {
            scope.spawn(move || tells_ten_of_a_kind(verbosity));
        }
    });
}

fn tells_ten_of_a_kind(verbosity: Verbosity) {
    let told_of = |told: &[String], text| told.iter().filter(|line| line.contains(text)).count();
    logged(verbosity, |log, lines| {
        (0..100).for_each(|number| log.observe(&refused(number)));
        // No other event comes: it is a clock that says so.
        let told = wait(lines, "WARN refused, too connections=", 90);
        assert_eq!(told_of(&told, "WARN refused conn="), MOST);
        // The first of them was told a second ago, the second was not.
        (0..5).for_each(|_| log.observe(&refused(1000)));
        let told = wait(lines, "WARN refused, too connections=", 4);
        assert_eq!(told_of(&told, "WARN refused conn="), 1);
        let errno = crate::observe::Errno::MFILE;
        (0..20).for_each(|_| log.observe(&at(1000, 0, Event::AcceptPaused { errno })));
        let told = wait(lines, "WARN accepting pauses, too times=", 10);
        assert_eq!(told_of(&told, "WARN accepting pauses error="), MOST);
    });
}

#[test]
fn of_who_is_let_in_everything_is_told_and_of_strangers_the_same_number_of_each_kind() {
    const COME: u64 = 30;
    logged(Verbosity::Normal, |log, lines| {
        (1..=COME).for_each(|number| log.observe(&opened(number)));
        let (friend, reason) = (COME, Reason::Done);
        log.observe(&at(0, friend, Event::LetIn { peer: peer() }));
        let told: Vec<_> = lines.try_iter().collect();
        assert!(told[0].contains("opened conn=30 ") && told[1].contains("let in conn=30 "));
        (1..=COME).for_each(|number| {
            let (source, let_in) = ("192.0.2.1".to_owned(), number == friend);
            let reason = if let_in { reason } else { Reason::WrongDigest };
            log.observe(&at(0, number, Event::Penalty { source, reason, seconds: 5. }));
            let closed = Event::Closed {
                peer: peer(),
                reason,
                let_in,
                received: 16,
                sent: 32,
                cut_off: false,
            };
            log.observe(&at(0, number, closed));
        });
        log.observe(&at(0, 0, Event::Stopped { connections: 0 }));
        let told: Vec<_> = lines.try_iter().collect();
        let count = |text| told.iter().filter(|line| line.contains(text)).count();
        assert_eq!((count(" refused conn="), count(" closed conn=30 ")), (MOST, 1));
        assert_eq!(count(" penalized conn="), MOST + 1);
        for kind in ["opened", "refused", "penalized"] {
            assert_eq!(sum(&told, &format!("INFO {kind}, too connections=")), 19, "{told:?}");
        }
        assert_eq!(told.last().unwrap(), "INFO stopped cut_off=0");
        assert!(log.strangers.lock().are_none());
    });
}

#[test]
fn logins_of_strangers_that_fail_are_counted_and_those_of_who_is_let_in_are_told() {
    let login = |connection, result| at(0, connection, Event::Login { name: "eva".into(), result });
    logged(Verbosity::Normal, |log, lines| {
        log.observe(&opened(1));
        (0..20).for_each(|_| log.observe(&login(1, Verdict::Failure)));
        log.observe(&login(1, Verdict::Success));
        log.observe(&at(0, 1, Event::LetIn { peer: peer() }));
        (0..20).for_each(|_| log.observe(&login(1, Verdict::Failure)));
        log.observe(&at(0, 0, Event::Stopped { connections: 0 }));
        let told: Vec<_> = lines.try_iter().collect();
        // Of the stranger's, the success, and all after it.
        let one_by_one = told.iter().filter(|line| line.contains("login conn=1")).count();
        assert_eq!(one_by_one, MOST + 1 + 20);
        assert_eq!(sum(&told, "INFO login, too logins="), 10);
    });
}

#[test]
fn a_log_that_looks_closely_tells_all() {
    for verbosity in [Verbosity::States, Verbosity::Calls] {
        logged(verbosity, |log, lines| {
            (0..100).for_each(|_| log.observe(&refused(0)));
            (1..=100).for_each(|number| log.observe(&opened(number)));
            let told: Vec<_> = lines.try_iter().collect();
            assert_eq!(told.len(), 200);
        });
    }
}

fn closed(connection: u64, reason: Reason, let_in: bool, received: u64) -> Record {
    let peer = peer();
    at(0, connection, Event::Closed { peer, reason, let_in, received, sent: 32, cut_off: false })
}

/// What somebody is told who has come in `state`, and was let in at once where nothing is asked.
fn comes(connection: u64, state: State) -> Vec<Record> {
    let opened = at(0, connection, Event::Opened { peer: peer(), state, via: None });
    let let_in = at(0, connection, Event::LetIn { peer: peer() });
    [opened].into_iter().chain((state == State::Serving).then_some(let_in)).collect()
}

#[test]
fn nothing_is_told_of_who_leaves_without_a_word_and_all_of_who_leaves_otherwise() {
    for (state, lines_of_one) in [(State::SendNonce, 2), (State::Serving, 3)] {
        let let_in = state == State::Serving;
        for (reason, received, is_told) in [
            (Reason::ShortDigest, 0, false),
            (Reason::Done, 0, false),
            (Reason::Reset, 0, false),
            (Reason::ShortDigest, 1, true),
            (Reason::Done, 1, true),
            (Reason::Reset, 1, true),
            (Reason::HandshakeTimeout, 0, true),
            (Reason::Stopped, 0, true),
        ] {
            logged(Verbosity::Normal, |log, lines| {
                comes(1, state).iter().for_each(|record| log.observe(record));
                log.observe(&closed(1, reason, let_in, received));
                let told: Vec<_> = lines.try_iter().collect();
                assert_eq!(
                    told.len(),
                    if is_told { lines_of_one } else { 0 },
                    "{reason}: {told:?}"
                );
                assert!(told.first().is_none_or(|line| line.contains("INFO opened conn=1 ")));
                assert!(log.strangers.lock().are_none());
            });
        }
        logged(Verbosity::States, |log, lines| {
            comes(1, state).iter().for_each(|record| log.observe(record));
            log.observe(&closed(1, Reason::Reset, let_in, 0));
            assert_eq!(lines.try_iter().count(), lines_of_one);
        });
    }
}

#[test]
fn of_who_stays_without_a_word_it_is_told_even_if_nothing_else_happens() {
    logged(Verbosity::Normal, |log, lines| {
        comes(1, State::SendNonce).iter().for_each(|record| log.observe(record));
        comes(2, State::Serving).iter().for_each(|record| log.observe(record));
        let next = || lines.recv_timeout(Duration::from_secs(60)).unwrap();
        // No other event comes: it is a clock that says so.
        assert!(next().contains("opened conn=1 "));
        assert!(next().contains("opened conn=2 ") && next().contains("let in conn=2 "));
        log.observe(&closed(1, Reason::ShortDigest, false, 0));
        log.observe(&closed(2, Reason::Done, true, 0));
        assert!(next().contains("refused conn=1 ") && next().contains("closed conn=2 "));
        assert!(log.strangers.lock().are_none());
    });
}

/// All that happens to three who come through a proxy: the proxy's own, one who may not stay, and a client.
fn through_a_proxy() -> Vec<Record> {
    let via: SocketAddr = ([10, 0, 0, 1], 4000).into();
    let accepted = |conn| at(0, conn, Event::Accepted { peer: via, state: State::AwaitHeader });
    let opened = Event::Opened { peer: peer(), state: State::SendNonce, via: Some(via) };
    vec![
        accepted(1),
        at(0, 1, Event::Local { peer: via }),
        at(0, 1, Event::LetIn { peer: via }),
        at(0, 1, Event::Login { name: "eva".into(), result: Verdict::Failure }),
        closed(1, Reason::WrongDigest, false, 16),
        accepted(2),
        closed(2, Reason::Penalized, false, 28),
        accepted(3),
        at(0, 3, opened),
        at(0, 3, Event::LetIn { peer: peer() }),
        closed(3, Reason::Done, true, 21),
        accepted(4),
        closed(4, Reason::BadProxyHeader, false, 5),
        accepted(5),
        closed(5, Reason::Done, false, 0),
    ]
}

#[test]
fn behind_a_proxy_clients_are_told_and_the_proxy_s_own_are_not() {
    let via = "via=10.0.0.1:4000";
    logged(Verbosity::Normal, |log, lines| {
        through_a_proxy().iter().for_each(|record| log.observe(record));
        let told: Vec<_> = lines.try_iter().collect();
        let peer = "peer=192.0.2.1:50000";
        assert_eq!(told[0], format!("WARN refused conn=2 {peer} reason=penalized"));
        assert_eq!(told[1], format!("INFO opened conn=3 {peer} {via}"));
        assert_eq!(told[2], format!("INFO let in conn=3 {peer}"));
        assert!(told[3].contains("INFO closed conn=3") && told[3].contains("reason=done"));
        assert!(told[4].contains("INFO refused conn=4") && told[4].contains("bad_proxy_header"));
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(log.strangers.lock().are_none());
    });
    logged(Verbosity::States, |log, lines| {
        through_a_proxy().iter().for_each(|record| log.observe(record));
        assert_eq!(lines.try_iter().count(), through_a_proxy().len());
    });
    // It hears of nobody but who may not stay.
    logged(Verbosity::Quiet, |log, lines| {
        log.observe(&closed(2, Reason::Penalized, false, 28));
        assert_eq!(count(lines, "WARN refused conn=2"), 1);
    });
}

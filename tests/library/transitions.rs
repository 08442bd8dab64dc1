//! The code against the table: every state, every input, for every scheme and service in which they
//! can be brought about; and the picture of the states, drawn from the same table.

mod driven;
mod picture;

use std::collections::HashSet;

use sockmodes::auth::{Entry, Scheme};
use sockmodes::session::{
    Input, Origin, Protocol, Reason, Service, Session, State, Step, TRANSITIONS, Time,
};

use crate::common::{self, SCHEMES};
use driven::Driven;

#[test]
fn the_code_does_what_the_table_says() {
    let mut reached = HashSet::new();
    let mut exercised = HashSet::new();
    for (new, scheme, service) in ways_in() {
        for (state, owing) in State::ALL.into_iter().flat_map(|s| [(s, false), (s, true)]) {
            for input in Input::ALL {
                let mut driven = new(scheme, service);
                if !driven.bring_to(state, owing) {
                    continue;
                }
                reached.insert(state);
                if !driven.let_happen(input) {
                    continue;
                }
                assert_eq!(
                    driven.session.state(),
                    state.after(input),
                    "{scheme:?} {}: {state} (owing: {owing}) and {input:?}",
                    service.name()
                );
                exercised.insert((state, input));
            }
        }
    }
    let unreached: Vec<_> = State::ALL.iter().filter(|state| !reached.contains(state)).collect();
    assert!(unreached.is_empty(), "never reached: {unreached:?}");
    let rows = TRANSITIONS.iter().map(|row| (row.from, row.input));
    let unused: Vec<_> = rows.filter(|row| !exercised.contains(row)).collect();
    assert!(unused.is_empty(), "rows that nothing exercises: {unused:?}");
}

/// All pairs of a scheme and a service.
fn pairs() -> impl Iterator<Item = (Option<Scheme>, Service)> {
    SCHEMES.into_iter().flat_map(|scheme| Service::ALL.map(|service| (scheme, service)))
}

/// A way to come in.
type New = fn(Option<Scheme>, Service) -> Driven;

/// All pairs, directly and through a proxy.
fn ways_in() -> impl Iterator<Item = (New, Option<Scheme>, Service)> {
    let ways: [New; 2] = [Driven::new, Driven::behind_proxy];
    ways.into_iter().flat_map(|new| pairs().map(move |(scheme, service)| (new, scheme, service)))
}

/// In which state what happens, with which service, and what it ends with.
const ENDINGS: &[(State, Input, Service, Reason)] = &[
    (State::AwaitHeader, Input::BadHeader, Service::Echo, Reason::BadProxyHeader),
    (State::AwaitHeader, Input::RefusedHeader, Service::Echo, Reason::Penalized),
    (State::AwaitHeader, Input::EndOfInput, Service::Echo, Reason::Done),
    (State::AwaitHeader, Input::Deadline, Service::Echo, Reason::HandshakeTimeout),
    (State::AwaitHeader, Input::Stop, Service::Echo, Reason::Stopped),
    (State::AwaitHeader, Input::DrainDeadline, Service::Echo, Reason::DrainTimeout),
    (State::AwaitHeader, Input::Lost, Service::Echo, Reason::Reset),
    (State::SendNonce, Input::WrongDigest, Service::Echo, Reason::WrongDigest),
    (State::SendNonce, Input::EndOfInput, Service::Echo, Reason::ShortDigest),
    (State::SendNonce, Input::Deadline, Service::Echo, Reason::HandshakeTimeout),
    (State::SendNonce, Input::Stop, Service::Echo, Reason::Stopped),
    (State::SendNonce, Input::DrainDeadline, Service::Echo, Reason::DrainTimeout),
    (State::AwaitDigest, Input::WrongDigest, Service::Echo, Reason::WrongDigest),
    (State::AwaitDigest, Input::EndOfInput, Service::Echo, Reason::ShortDigest),
    (State::AwaitDigest, Input::Deadline, Service::Echo, Reason::HandshakeTimeout),
    (State::AwaitDigest, Input::Stop, Service::Echo, Reason::Stopped),
    (State::AwaitDigest, Input::Lost, Service::Echo, Reason::Reset),
    (State::Serving, Input::LastRequest, Service::UpperOnce, Reason::Done),
    (State::Serving, Input::EndOfInput, Service::Upper, Reason::Done),
    (State::Serving, Input::Deadline, Service::Upper, Reason::IdleTimeout),
    (State::Serving, Input::Stop, Service::Upper, Reason::Stopped),
    (State::Serving, Input::DrainDeadline, Service::Upper, Reason::DrainTimeout),
    (State::Serving, Input::BadRequest, Service::Login, Reason::BadRequest),
    (State::Verifying, Input::LastVerdict, Service::Login, Reason::TooManyTries),
    (State::Verifying, Input::NoVerdict, Service::Login, Reason::VerifierFailed),
    (State::Verifying, Input::DrainDeadline, Service::Login, Reason::DrainTimeout),
    (State::Verifying, Input::Lost, Service::Login, Reason::Reset),
    (State::Draining, Input::Delivered, Service::Upper, Reason::Done),
    (State::Draining, Input::DrainDeadline, Service::Upper, Reason::DrainTimeout),
    (State::Draining, Input::Lost, Service::Upper, Reason::Reset),
    (State::Ending, Input::Delivered, Service::UpperOnce, Reason::Done),
    (State::Ending, Input::Delivered, Service::Upper, Reason::Stopped),
    (State::Ending, Input::EndOfInput, Service::Upper, Reason::Stopped),
    (State::Ending, Input::Deadline, Service::UpperOnce, Reason::Done),
    (State::Ending, Input::DrainDeadline, Service::Upper, Reason::DrainTimeout),
    // Everything was handed over before: what it lingers with stays the reason.
    (State::Lingering, Input::EndOfInput, Service::UpperOnce, Reason::Done),
    (State::Lingering, Input::Deadline, Service::UpperOnce, Reason::Done),
    (State::Lingering, Input::DrainDeadline, Service::UpperOnce, Reason::Done),
    (State::Lingering, Input::Lost, Service::Upper, Reason::Stopped),
    (State::Closed, Input::Lost, Service::Upper, Reason::Reset),
    (State::Closed, Input::DrainDeadline, Service::Upper, Reason::Reset),
];

#[test]
fn every_ending_has_its_reason() {
    for (state, input, service, reason) in ENDINGS {
        let new = if *state == State::AwaitHeader { Driven::behind_proxy } else { Driven::new };
        let mut driven = new(Some(Scheme::HmacMd5), *service);
        let delivers = [Input::Delivered, Input::EndOfInput, Input::Deadline].contains(input);
        let owing = *state == State::SendNonce
            || matches!(state, State::Draining | State::Ending) && !delivers;
        assert!(driven.bring_to(*state, owing) && driven.let_happen(*input));
        // Whatever is still to be done ends with the reason, not with another.
        driven.flushed();
        driven.deadline();
        driven.let_happen(Input::Delivered);
        let end = Step::Close(*reason);
        assert_eq!(
            driven.session.poll_step(),
            end,
            "{state} and {input:?} with {}",
            service.name()
        );
    }
}

#[test]
fn half_a_header_is_a_bad_one() {
    let mut driven = Driven::behind_proxy(Some(Scheme::HmacMd5), Service::Echo);
    assert!(driven.let_happen(Input::Bytes) && driven.let_happen(Input::EndOfInput));
    assert_eq!(driven.session.poll_step(), Step::Close(Reason::BadProxyHeader));
}

#[test]
fn a_write_timeout_cuts_off_whoever_answers_are_under_way_to() {
    for (state, service, cut_off) in [
        (State::AwaitDigest, Service::Echo, false),
        (State::Serving, Service::Echo, true),
        (State::Verifying, Service::Login, true),
        (State::Draining, Service::Echo, true),
        (State::Ending, Service::Echo, true),
        // All is sent; what is not acknowledged is the end.
        (State::Lingering, Service::UpperOnce, false),
    ] {
        let mut driven = Driven::new(Some(Scheme::HmacMd5), service);
        assert!(driven.bring_to(state, matches!(state, State::Draining | State::Ending)));
        driven.session.handle_lost(Reason::WriteTimeout);
        assert_eq!(driven.session.is_cut_off(), cut_off, "{state}");
    }
}

#[test]
fn what_a_one_shot_service_has_too_late_is_a_handshake_that_timed_out() {
    let mut driven = Driven::new(None, Service::UpperOnce);
    driven.bytes(b"no line feed");
    driven.deadline();
    assert_eq!(driven.session.poll_step(), Step::Deliver);
    assert!(driven.let_happen(Input::Delivered));
    assert_eq!(driven.session.poll_step(), Step::Linger);
    driven.deadline();
    assert_eq!(driven.session.poll_step(), Step::Close(Reason::HandshakeTimeout));
    assert!(!driven.session.is_cut_off());
}

#[test]
fn the_last_answer_is_given_once_and_waits_until_it_is_taken() {
    let protocol = Protocol::new(Entry::Open, Service::UpperOnce);
    let (now, mut line) = (Time::START, *b"hello\n");
    let mut session = common::session(&protocol, &[], now);
    assert!(session.handle_bytes(&protocol, now, &mut line).is_empty());
    session.handle_flushed(&protocol, now);
    session.handle_end_of_input();
    session.handle_stop(now, false);
    assert_eq!((session.state(), session.poll_step()), (State::Ending, Step::Answer));
    assert_eq!((session.poll_answer(), session.poll_answer()), (b"HELLO".to_vec(), vec![]));
    assert_eq!((session.state(), session.poll_step()), (State::Ending, Step::Wait));
    session.handle_flushed(&protocol, now);
    assert_eq!((session.state(), session.poll_step()), (State::Ending, Step::Deliver));
    session.handle_delivered(now);
    assert_eq!(session.poll_step(), Step::Linger);
}

#[test]
fn what_comes_behind_a_header_waits_until_the_nonce_is_out_and_is_given_out_once() {
    let protocol = Protocol::new(common::entry(Some(Scheme::Md5), 8), Service::Echo);
    let now = Time::START;
    let mut session = Session::behind_proxy(&protocol, now);
    assert_eq!(session.poll_step(), Step::Read);
    let mut header = *b"PROXY UNKNOWN\r\nbehind";
    assert!(session.handle_bytes(&protocol, now, &mut header).is_empty());
    assert_eq!((session.poll_step(), session.origin()), (Step::Admit, Some(Origin::Local)));
    assert_eq!(session.handle_admitted(&protocol, now, |bytes| bytes.fill(7)).len(), 8);
    assert_eq!((session.state(), session.poll_step()), (State::SendNonce, Step::Wait));
    assert!(session.poll_behind().is_empty() && session.origin().is_none());
    session.handle_flushed(&protocol, now);
    assert_eq!((session.state(), session.poll_step()), (State::AwaitDigest, Step::Hear));
    assert_eq!(session.poll_behind(), b"behind");
    assert_eq!((session.state(), session.poll_step()), (State::AwaitDigest, Step::Read));
    assert!(session.poll_behind().is_empty());
    // It is decided.
    assert!(session.handle_admitted(&protocol, now, |_| panic!("nothing is drawn")).is_empty());
    session.handle_refused(Reason::Penalized, now);
    assert_eq!(session.state(), State::AwaitDigest);
}

#[test]
fn no_order_of_calls_panics_or_leaves_the_table() {
    use Input::{BadHeader, Header, OpenHeader, RefusedHeader};
    let of_proxies = [Header, OpenHeader, BadHeader, RefusedHeader];
    let others = Input::ALL.into_iter().filter(|input| !of_proxies.contains(input)).collect();
    play_every_sequence(Driven::new, others, 4);
    play_every_sequence(Driven::behind_proxy, Input::ALL.to_vec(), 3);
}

/// Every sequence of so many inputs from the start, those included that make no sense.
fn play_every_sequence(new: New, inputs: Vec<Input>, len: u32) {
    for (scheme, service) in pairs() {
        for sequence in 0..inputs.len().pow(len) {
            let mut driven = new(scheme, service);
            let mut rest = sequence;
            for _ in 0..len {
                let input = inputs[rest % inputs.len()];
                rest /= inputs.len();
                let before = driven.session.state();
                if driven.let_happen(input) {
                    let after = driven.session.state();
                    assert_eq!(after, before.after(input), "{before}, {input:?}");
                }
            }
        }
    }
}

#[test]
fn names_are_unique() {
    assert_unique(State::ALL.map(State::name));
    assert_unique(Input::ALL.map(Input::label));
    assert_unique(Reason::ALL.map(Reason::name));
    let rows: Vec<_> = TRANSITIONS.iter().map(|row| (row.from, row.input)).collect();
    assert_eq!(rows.iter().collect::<HashSet<_>>().len(), rows.len(), "two rows for one case");
}

fn assert_unique<const N: usize>(names: [&str; N]) {
    assert_eq!(HashSet::from(names).len(), N, "not unique: {names:?}");
}

#[test]
fn the_picture_in_the_book_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/states.svg");
    let drawn = picture::svg();
    if std::env::var_os("SOCKMODES_BLESS").is_some() {
        std::fs::write(path, &drawn).expect("the picture can be written");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == drawn,
        "{path} is not what TRANSITIONS gives: SOCKMODES_BLESS=1 cargo test --test library transitions \
         draws it anew"
    );
}

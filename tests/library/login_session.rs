//! The service `login` as a pure session: any cut of the stream, any order of events, every limit.

mod talk;

use std::time::Duration;

use proptest::prelude::*;
use sockmodes::auth::{Challenge, Entry, Key, NonceLen, Scheme, Secret};
use sockmodes::session::{
    IDLE_SLACK, MAX_OBJECT, Protocol, Reason, Service, Session, State, Step, Time, Timer, Verdict,
};

use talk::{ESCAPED, RIGHT, Talk, WRONG, verifying};

#[test]
fn json_cut_at_every_byte_gives_the_same_answers() {
    let stream = format!("{RIGHT}{WRONG}\r\n {ESCAPED}\t{WRONG}{RIGHT}");
    let whole = Talk::answer_to(stream.as_bytes(), stream.len());
    assert_eq!(whole, ("success!failed!success!failed!success!".into(), None));
    for cut in 1..stream.len() {
        assert_eq!(Talk::answer_to(stream.as_bytes(), cut), whole, "cut after each {cut}");
        let (first, second) = stream.as_bytes().split_at(cut);
        let mut talk = Talk::new();
        talk.hear(first);
        talk.hear(second);
        assert_eq!(talk.said(), whole.0, "cut once, at {cut}");
    }
}

#[test]
fn ten_objects_in_one_segment_are_answered_in_order() {
    let objects = [RIGHT, WRONG, RIGHT, RIGHT, WRONG, WRONG, RIGHT, WRONG, RIGHT, RIGHT];
    let answers = objects.map(|object| if object == WRONG { "failed!" } else { "success!" });
    assert_eq!(Talk::answer_to(objects.concat().as_bytes(), 1 << 20), (answers.concat(), None));
}

#[test]
fn what_is_no_object_ends_it() {
    let ten_mib = vec![b'['; 10 << 20];
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(16), "]".repeat(16));
    let long = format!("{{\"username\":\"{}\"", "x".repeat(MAX_OBJECT));
    for bad in [&*ten_mib, b"\xff", b"{\"username\":\"\xff\"}", b"x", b"{,}", b"[]"] {
        for cut in [1 << 20, 4096] {
            assert_eq!(Talk::answer_to(bad, cut), (String::new(), Some(Reason::BadRequest)));
        }
    }
    for bad in [deep, long] {
        for cut in [1, 1000, 1 << 20] {
            let expected = (String::new(), Some(Reason::BadRequest));
            assert_eq!(Talk::answer_to(bad.as_bytes(), cut), expected);
        }
    }
    // What was whole before it is answered.
    let after = format!("{RIGHT}{WRONG}]{RIGHT}");
    let expected = ("success!failed!".to_owned(), Some(Reason::BadRequest));
    assert_eq!(Talk::answer_to(after.as_bytes(), 1 << 20), expected);
}

#[test]
fn a_missing_or_mistyped_field_is_a_failed_try() {
    let long = format!(r#"{{"username":"旭哥","passwd":"{}"}}"#, "x".repeat(1025));
    for object in [
        "{}",
        r#"{"username":"旭哥"}"#,
        r#"{"passwd":"老司机"}"#,
        r#"{"username":"旭哥","passwd":1}"#,
        r#"{"username":null,"passwd":"老司机"}"#,
        r#"{"username":{"username":"旭哥"},"passwd":"老司机"}"#,
        &long,
    ] {
        assert_eq!(Talk::answer_to(object.as_bytes(), 7), ("failed!".into(), None), "{object}");
    }
}

#[test]
fn the_sixth_failure_ends_it_and_a_success_between_does_not_reset() {
    let stream = [WRONG, WRONG, RIGHT, WRONG, WRONG, WRONG, RIGHT, WRONG, RIGHT].concat();
    let answers = "failed!failed!success!failed!failed!failed!success!failed!";
    let expected = (answers.to_owned(), Some(Reason::TooManyTries));
    assert_eq!(Talk::answer_to(stream.as_bytes(), 1 << 20), expected);

    let mut talk = Talk::with(|protocol| protocol.max_tries = None);
    talk.hear(WRONG.repeat(100).as_bytes());
    assert_eq!(talk.said(), "failed!".repeat(100));
    assert_eq!(talk.reason(), None);
}

#[test]
fn without_a_scheme_the_first_success_lets_in() {
    let mut talk = Talk::new();
    let deadline = talk.now + Duration::from_secs(10);
    for _ in 0..3 {
        talk.now = talk.now + Duration::from_secs(3);
        talk.hear(WRONG.as_bytes());
        assert!(talk.session.is_pending() && !talk.session.is_admitted());
        assert_eq!(talk.session.poll_deadline(), Some((Timer::Handshake, deadline)));
    }
    talk.hear(RIGHT.as_bytes());
    assert!(!talk.session.is_pending() && talk.session.is_admitted());
    let idle = Duration::from_secs(300);
    let deadline = talk.now + idle + idle / IDLE_SLACK;
    assert_eq!(talk.session.poll_deadline(), Some((Timer::Idle, deadline)));

    let mut talk = Talk::new();
    talk.hear(WRONG.as_bytes());
    talk.session.handle_deadline(deadline);
    assert_eq!(talk.reason(), Some(Reason::HandshakeTimeout));
}

#[test]
fn with_a_scheme_the_digest_lets_in_and_logins_may_follow_in_its_segment() {
    let key = Key::new(Scheme::HmacMd5, &Secret::new(b"secret".to_vec()).unwrap());
    let digest = key.digest(&[7; 32]).as_bytes().to_vec();
    let entry = Entry::Challenge(Challenge::new(key, NonceLen::new(32).unwrap()));
    let protocol = Protocol::new(entry, Service::Login);
    let mut session = crate::common::session(&protocol, &[7; 32], Time::START);
    session.handle_flushed(&protocol, Time::START);
    let mut talk = Talk { protocol, session, now: Time::START, said: vec![], closed: None };
    talk.hear(&[&digest, RIGHT.as_bytes(), WRONG.as_bytes()].concat());
    assert!(talk.session.is_admitted());
    assert_eq!(talk.said(), "success!failed!");
}

#[test]
fn time_that_runs_out_during_a_check_makes_a_failure_the_last() {
    for (verdict, reason) in
        [(Verdict::Failure, Some(Reason::HandshakeTimeout)), (Verdict::Success, None)]
    {
        let mut talk = verifying(WRONG);
        let (timer, at) = talk.session.poll_deadline().expect("it is still pending");
        assert_eq!((timer, at), (Timer::Handshake, Time::START + Duration::from_secs(10)));
        talk.now = at;
        talk.session.handle_deadline(at);
        assert_eq!(talk.session.state(), State::Verifying);
        assert_eq!(talk.session.poll_deadline(), None);
        talk.verdict(verdict);
        assert_eq!(talk.said.as_slice(), verdict.answer());
        assert_eq!(talk.reason(), reason);
        if verdict == Verdict::Success {
            // Whoever is let in after all may mistype later.
            talk.hear(WRONG.as_bytes());
            talk.verdict(Verdict::Failure);
            assert_eq!(talk.said(), "success!failed!");
            assert_eq!(talk.reason(), None);
        }
    }
}

#[test]
fn a_stop_during_a_check_still_answers_every_whole_object() {
    let mut talk = verifying(&[WRONG, RIGHT, WRONG, "{\"username\":"].concat());
    talk.session.handle_stop(talk.now, false);
    assert_eq!(talk.session.state(), State::Verifying);
    talk.verdict(Verdict::Failure);
    talk.check_logins();
    assert_eq!(talk.said(), "failed!success!failed!");
    assert_eq!(talk.reason(), Some(Reason::Stopped));
    // When nothing is owed there is nothing to wait for.
    let mut talk = Talk::new();
    talk.hear([RIGHT, "{\"username\":"].concat().as_bytes());
    talk.session.handle_stop(talk.now, false);
    assert_eq!(talk.session.poll_step(), Step::Close(Reason::Stopped));
}

#[test]
fn an_end_of_input_answers_every_whole_object_and_drops_a_part() {
    let mut talk = verifying(&[WRONG, RIGHT, "{\"username\":"].concat());
    talk.session.handle_end_of_input();
    assert!(talk.session.poll_answer().is_empty());
    talk.verdict(Verdict::Failure);
    talk.check_logins();
    talk.session.handle_delivered(talk.now);
    assert_eq!(
        (talk.said(), talk.session.poll_step()),
        ("failed!success!", Step::Close(Reason::Done))
    );

    let mut talk = Talk::new();
    talk.hear(b"{\"username\":");
    talk.session.handle_end_of_input();
    talk.session.handle_delivered(talk.now);
    assert_eq!(talk.session.poll_step(), Step::Close(Reason::Done));
}

#[test]
fn the_next_login_is_not_given_before_the_answer_to_the_last_is_out() {
    let mut talk = verifying(&[WRONG, RIGHT].concat());
    let answer = talk.session.handle_verdict(&talk.protocol, talk.now, Verdict::Failure);
    assert_eq!(answer, b"failed!");
    assert_eq!((talk.session.state(), talk.session.poll_step()), (State::Verifying, Step::Wait));
    assert!(talk.session.poll_login().is_none());
    talk.session.handle_flushed(&talk.protocol, talk.now);
    assert_eq!(talk.session.poll_step(), Step::Verify);
}

#[test]
fn a_verdict_that_nobody_asked_for_changes_nothing() {
    let mut talk = Talk::new();
    talk.verdict(Verdict::Success);
    assert!(talk.session.is_pending() && talk.said.is_empty());
    let mut bytes = WRONG.as_bytes().to_vec();
    talk.session.handle_bytes(&talk.protocol, talk.now, &mut bytes);
    // It is whole, but it was not handed out: nobody can have checked it.
    talk.verdict(Verdict::Success);
    assert_eq!(talk.session.poll_step(), Step::Verify);
    assert!(talk.session.is_pending() && talk.said.is_empty());
}

#[test]
fn a_loss_or_the_end_of_a_drain_ends_a_check_at_once() {
    let mut talk = verifying(RIGHT);
    talk.session.handle_lost(Reason::Reset);
    assert_eq!(talk.session.poll_step(), Step::Close(Reason::Reset));
    talk.verdict(Verdict::Success);
    assert_eq!((talk.said(), talk.closed), ("", Some(Reason::Reset)));
    let mut talk = verifying(RIGHT);
    talk.session.handle_drain_deadline();
    assert_eq!(talk.session.poll_step(), Step::Close(Reason::DrainTimeout));
}

#[test]
fn a_session_is_small() {
    assert!(size_of::<Session>() <= 40, "{}", size_of::<Session>());
}

proptest! {
    #[test]
    fn any_bytes_in_any_cut_end_the_same(
        parts in prop::collection::vec(
            prop_oneof![
                Just(RIGHT.as_bytes().to_vec()),
                Just(WRONG.as_bytes().to_vec()),
                Just(b"{}".to_vec()),
                Just(b" \n".to_vec()),
                prop::collection::vec(prop::sample::select(&b"{}[]\"\\:, a\xff"[..]), 0..12),
            ],
            0..12,
        ),
        cut in 1..40_usize,
    ) {
        let stream = parts.concat();
        let whole = Talk::answer_to(&stream, stream.len().max(1));
        prop_assert_eq!(Talk::answer_to(&stream, cut), whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// The limit may fall within a character.
    #[test]
    fn an_object_is_too_long_by_its_bytes_in_any_cut(
        len in MAX_OBJECT - 6..MAX_OBJECT + 6,
        character in prop::sample::select(vec!["x", "\u{e9}", "\u{65ed}", "\u{1f600}"]),
        cut in prop_oneof![1..5_usize, MAX_OBJECT - 6..MAX_OBJECT + 6],
    ) {
        let (head, tail) = ("{\"username\":\"", "\",\"passwd\":\"x\"}");
        let room = len - head.len() - tail.len();
        let name = "y".repeat(room % character.len()) + &character.repeat(room / character.len());
        let object = [head, &name, tail].concat();
        let expected = if object.len() > MAX_OBJECT {
            (String::new(), Some(Reason::BadRequest))
        } else {
            ("failed!".to_owned(), None)
        };
        prop_assert_eq!(Talk::answer_to(object.as_bytes(), cut), expected);
    }
}

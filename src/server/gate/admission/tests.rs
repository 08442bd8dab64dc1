//! The limits against OpenSSH's own words, and the places that have to be given back.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn source(address: &str) -> Source {
    Source::of(ip(address))
}

/// `should_drop_connection` of OpenSSH's sshd.c, line by line, without its last two: the number
/// below which a throw from 0 to 99 drops the connection.
fn openssh(begin: i64, rate: i64, max: i64, startups: i64) -> i64 {
    if startups < begin {
        return 0;
    }
    if startups >= max {
        return 100;
    }
    if rate == 100 {
        return 100;
    }
    let mut p = 100 - rate;
    p *= startups - begin;
    p /= max - begin;
    p += rate;
    p
}

#[test]
fn the_formula_is_openssh_s() {
    for full in 0..=24 {
        for start in 0..=full {
            for rate in 0..=100 {
                let limit = MaxPending::new(start, rate, full).unwrap();
                for pending in 0..=full + 2 {
                    let [begin, max, now] = [start, full, pending].map(|n| n as i64);
                    assert_eq!(
                        i64::from(limit.refusal_percent(pending)),
                        openssh(begin, rate.into(), max, now),
                        "{start}:{rate}:{full} with {pending}"
                    );
                }
            }
        }
    }
    // Far beyond any number of connections, where products would not fit in 32 bits.
    let large = MaxPending::new(0, 0, usize::MAX / 200).unwrap();
    assert_eq!(large.refusal_percent(usize::MAX / 400), 50);
}

#[test]
fn refusals_come_as_often_as_the_formula_says() {
    const THROWS: u32 = 40_000;
    let seed = 2;
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for pending in [0, 99, 100, 101, 325, 550, 775, 999, 1000, 5000] {
        let limits = Limits::default();
        let mut admission = Admission::new(limits);
        admission.pending = pending;
        let refused = (0..THROWS).filter(|_| admission.judge(0, || rng.next_u32()).is_err());
        let share = f64::from(refused.count() as u32) / f64::from(THROWS);
        let percent = limits.pending.unwrap().refusal_percent(pending);
        let expected = f64::from(percent) / 100.0;
        let deviation = (expected * (1.0 - expected) / f64::from(THROWS)).sqrt();
        assert!((share - expected).abs() <= 4.0 * deviation, "{pending}: {share}");
    }
}

#[test]
fn a_source_is_an_ipv4_address_or_an_ipv6_64() {
    let limits = Limits { pending_per_source: Some(2), ..Limits::NONE };
    let mut admission = Admission::new(limits);
    let arrives = |admission: &mut Admission, address: &str| {
        assert_eq!(admission.judge(0, || panic!("no random number is needed")), Ok(()));
        let judgement = admission.judge_source(ip(address));
        judgement.map(|()| admission.pending_began(Some(source(address))))
    };
    for address in ["192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"] {
        assert_eq!(arrives(&mut admission, address), Ok(()));
    }
    for address in ["192.0.2.1", "2001:db8::7"] {
        assert_eq!(arrives(&mut admission, address), Err(Reason::TooManyFromSource));
    }
    // Their neighbours are other sources.
    for address in ["192.0.2.2", "2001:db8:0:1::1"] {
        assert_eq!(arrives(&mut admission, address), Ok(()));
    }
    // Every place is given back, and no source is remembered.
    admission.pending_ended(Some(source("192.0.2.1")));
    assert_eq!(arrives(&mut admission, "192.0.2.1"), Ok(()));
    let left =
        ["192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"];
    for address in left {
        admission.pending_ended(Some(source(address)));
    }
    assert_eq!(admission.pending, 0);
    assert!(admission.pending_by_source.is_empty());
}

#[test]
fn who_comes_through_a_proxy_is_pending_at_once_and_counts_for_a_source_once_that_is_known() {
    let limits = Limits { pending_per_source: Some(1), ..Limits::NONE };
    let (mut admission, (one, address)) =
        (Admission::new(limits), (source("192.0.2.1"), ip("192.0.2.1")));
    admission.pending_began(None);
    admission.pending_began(None);
    assert_eq!((admission.pending, admission.judge_source(address)), (2, Ok(())));
    admission.source_known(one);
    assert_eq!(admission.judge_source(address), Err(Reason::TooManyFromSource));
    assert_eq!(admission.judge_source(ip("192.0.2.2")), Ok(()));
    admission.assert_pending([Some(one), None].into_iter());
    // The one was never said to be anybody's.
    admission.pending_ended(None);
    assert_eq!(admission.judge_source(address), Err(Reason::TooManyFromSource));
    admission.pending_ended(Some(one));
    assert_eq!((admission.pending, admission.judge_source(address)), (0, Ok(())));
}

#[test]
fn there_is_a_last_place_even_where_no_limit_is_set() {
    let mut limits = Limits { pending: None, ..Limits::default() };
    let judge = |limits, open| Admission::new(limits).judge(open, || 0);
    assert_eq!(judge(limits, MAX_CONNECTIONS - 1), Ok(()));
    assert_eq!(judge(limits, MAX_CONNECTIONS), Err(Reason::TooManyConnections));
    for limit in [0, 7, usize::MAX] {
        limits.connections = Some(limit);
        let last = limit.min(MAX_CONNECTIONS);
        assert_eq!(judge(limits, last), Err(Reason::TooManyConnections));
        assert!(last == 0 || judge(limits, last - 1).is_ok());
    }
}

#[test]
fn one_source_has_64_places_unless_it_is_this_machine() {
    let judge = |limits: Limits, address: &str| {
        let mut admission = Admission::new(limits);
        for _ in 0..64 {
            assert_eq!(admission.judge(0, || 99), Ok(()));
            assert_eq!(admission.judge_source(ip(address)), Ok(()));
            admission.pending_began(Some(source(address)));
        }
        admission.judge_source(ip(address))
    };
    let mut limits = Limits::default();
    let refused = Err(Reason::TooManyFromSource);
    for address in ["192.0.2.1", "2001:db8::1"] {
        assert_eq!(judge(limits, address), refused, "{address}");
    }
    let this_machine = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"];
    for address in this_machine {
        assert_eq!(judge(limits, address), Ok(()), "{address}");
    }
    limits.loopback = true;
    for address in this_machine {
        assert_eq!(judge(limits, address), refused, "{address}");
    }
}

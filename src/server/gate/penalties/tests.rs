//! The penalties against a list that is too simple to be wrong, hour by hour of a clock that is not
//! there.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::server::gate::expiring::FORGOTTEN_AT_ONCE;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: f64) -> Time {
    Time::after_start(Duration::from_secs_f64(seconds))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// One address of many.
fn nth(n: u32) -> IpAddr {
    IpAddr::from((0x0a00_0000 + n).to_be_bytes())
}

impl Offenders {
    fn len(&self) -> (usize, usize) {
        (self.ipv4.len(), self.ipv6.len())
    }
}

#[test]
fn nothing_is_felt_below_the_minimum_and_then_everything_that_was_gathered() {
    let mut offenders = Offenders::new(Penalties::default());
    let bad = ip("192.0.2.1");
    // The first three, a second apart, come to 5, 9 and 13 s.
    for second in [0.0, 1.0, 2.0] {
        assert_eq!(offenders.penalize(bad, Offence::AuthFail, at(second)), None);
        assert!(!offenders.refuse(bad, at(second)));
    }
    let penalty = offenders.penalize(bad, Offence::AuthFail, at(3.0)).unwrap();
    assert_eq!((penalty.source, penalty.lasts), (Source::of(bad), 17 * SECOND));
    // In force to its end, also where less than the minimum is left; and then over.
    for second in [3.0, 10.0, 19.999] {
        assert!(offenders.refuse(bad, at(second)), "{second}");
        assert!(!offenders.refuse(ip("192.0.2.2"), at(second)), "another");
    }
    assert!(!offenders.refuse(bad, at(20.0)));
    // What is over counts no more: it begins again.
    assert_eq!(offenders.penalize(bad, Offence::AuthFail, at(20.0)), None);
    assert!(!offenders.refuse(bad, at(20.0)));
}

#[test]
fn who_is_patient_is_never_refused() {
    let mut offenders = Offenders::new(Penalties::default());
    for n in 0..1000 {
        assert_eq!(offenders.penalize(nth(1), Offence::NoAuth, at(f64::from(n))), None);
        assert_eq!(offenders.penalize(nth(2), Offence::AuthFail, at(f64::from(n) * 5.0)), None);
    }
}

#[test]
fn the_maximum_counts_from_the_last_offence() {
    let terms = Penalties { auth_fail: 100 * SECOND, max: 150 * SECOND, ..Penalties::default() };
    let mut offenders = Offenders::new(terms);
    let mut lasts =
        |second| offenders.penalize(nth(1), Offence::AuthFail, at(second)).unwrap().lasts.as_secs();
    assert_eq!([lasts(0.0), lasts(0.0), lasts(10.0), lasts(10.0)], [100, 150, 150, 150]);
    assert!(offenders.refuse(nth(1), at(159.9)) && !offenders.refuse(nth(1), at(160.0)));
    // One alone is held to it, too.
    let mut offenders = Offenders::new(Penalties { auth_fail: 1000 * SECOND, ..terms });
    let penalty = offenders.penalize(nth(1), Offence::AuthFail, at(0.0)).unwrap();
    assert_eq!(penalty.lasts, terms.max);
}

#[test]
fn a_source_is_an_ipv4_address_or_an_ipv6_64_and_loopback_is_none_unless_asked_for() {
    let terms = Penalties { min: Duration::ZERO, ..Penalties::default() };
    let mut offenders = Offenders::new(terms);
    let penalty = offenders.penalize(ip("2001:db8::1"), Offence::Timeout, at(0.0)).unwrap();
    assert_eq!(penalty.source.to_string(), "2001:db8::/64");
    assert!(offenders.refuse(ip("2001:db8::ffff:0:0:1"), at(1.0)));
    assert!(!offenders.refuse(ip("2001:db8:0:1::1"), at(1.0)));
    let penalty = offenders.penalize(ip("192.0.2.1"), Offence::Timeout, at(0.0)).unwrap();
    assert_eq!(penalty.source.to_string(), "192.0.2.1");
    for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"].map(ip) {
        assert_eq!(offenders.penalize(address, Offence::Timeout, at(0.0)), None);
        let mut asked_for = Offenders::new(Penalties { loopback: true, ..terms });
        assert!(asked_for.penalize(address, Offence::Timeout, at(0.0)).is_some());
        assert!(asked_for.refuse(address, at(1.0)), "{address}");
    }
    // A neighbour in the /64 of ::1 does not bring it in.
    assert!(offenders.penalize(ip("::2"), Offence::Timeout, at(0.0)).is_some());
    assert!(offenders.refuse(ip("::3"), at(1.0)) && !offenders.refuse(ip("::1"), at(1.0)));
}

#[test]
fn what_costs_nothing_is_not_remembered() {
    let mut offenders = Offenders::new(Penalties { no_auth: Duration::ZERO, ..Default::default() });
    assert_eq!(offenders.penalize(nth(1), Offence::NoAuth, at(0.0)), None);
    assert_eq!(offenders.len(), (0, 0));
}

#[test]
fn every_reason_is_the_offence_that_it_is() {
    use Offence::*;
    use Reason::*;
    for reason in Reason::ALL {
        let expected = match reason {
            WrongDigest | TooManyTries => [Some(AuthFail); 4],
            HandshakeTimeout => [Some(Timeout); 4],
            Done | ShortDigest | BadRequest | IdleTimeout | WriteTimeout | Reset => {
                [Some(NoAuth), None, Some(AuthFail), Some(AuthFail)]
            }
            VerifierFailed | TooManyFromSource => [None, None, Some(AuthFail), Some(AuthFail)],
            Stopped | DrainTimeout | SocketError | BadProxyHeader => [None; 4],
            TooManyConnections | TooManyPending | Penalized => [None; 4],
        };
        let conducts = [(false, false), (true, false), (false, true), (true, true)];
        let offence =
            |let_in, failed, silent| Offence::of(&Conduct { reason, let_in, failed, silent });
        assert_eq!(conducts.map(|(let_in, failed)| offence(let_in, failed, false)), expected);
        // Without a word it is the same, but for the three ways to leave.
        let leaves = matches!(reason, Done | ShortDigest | Reset);
        let silent = if leaves { Some(Silent) } else { expected[0] };
        assert_eq!([false, true].map(|let_in| offence(let_in, false, true)), [silent, expected[1]]);
    }
}

#[test]
fn any_number_of_sources_stays_within_the_bound_and_the_worst_are_kept() {
    let terms = Penalties { min: SECOND, max_sources: 8192, ..Penalties::default() };
    // Three times as many as are kept.
    let sources = 3 * terms.max_sources as u32;
    let mut offenders = Offenders::new(terms);
    // The worst came first; then everybody, all at once, and some with an IPv6 network of their own.
    for _ in 0..3 {
        offenders.penalize(nth(sources), Offence::Timeout, at(0.0)).unwrap();
    }
    for n in 0..sources {
        offenders.penalize(nth(n), Offence::NoAuth, at(0.0));
        if n < sources / 2 {
            let network = u128::from(0x2001_0db8_0000_0000 + u64::from(n)) << 64;
            offenders.penalize(IpAddr::from(network.to_be_bytes()), Offence::NoAuth, at(0.0));
        }
        if n % 10_000 == 0 {
            let (ipv4, ipv6) = offenders.len();
            assert!(ipv4 <= terms.max_sources && ipv6 <= terms.max_sources);
        }
    }
    assert_eq!(offenders.len(), (terms.max_sources, terms.max_sources));
    assert!(offenders.refuse(nth(sources), at(0.5)));
    // Later they go, a few with each offence, whoever's.
    for _ in 0..terms.max_sources / FORGOTTEN_AT_ONCE + 1 {
        offenders.penalize(nth(1), Offence::NoAuth, at(20.0));
    }
    assert_eq!(offenders.len(), (2, terms.max_sources));
}

/// All that is known, without order and without haste.
#[derive(Default)]
struct Model(Vec<(Source, Time, bool)>);

impl Model {
    fn penalize(&mut self, terms: &Penalties, source: Source, cost: Duration, now: Time) -> bool {
        self.0.retain(|(_, until, _)| *until > now);
        let known = self.0.iter().position(|(known, ..)| *known == source);
        let (_, before, felt) = known.map_or((source, now, false), |at| self.0.remove(at));
        let left = (before.since(now) + cost).min(terms.max);
        let felt = felt || left >= terms.min;
        self.0.push((source, now + left, felt));
        self.0.sort_by_key(|(source, until, _)| (*until, *source));
        let too_many = self.0.len().saturating_sub(terms.max_sources);
        self.0.drain(..too_many);
        felt
    }

    fn refuses(&self, source: Source, now: Time) -> bool {
        self.0.iter().any(|(known, until, felt)| *known == source && *until > now && *felt)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_is_judged_as_the_model_judges_it(
        [auth_fail, no_auth, timeout] in prop::array::uniform3(0..12_u64),
        (min, more) in (0..20_u64, 0..20_u64),
        max_sources in 1..12_usize,
        history in prop::collection::vec((0..15_u32, 0..3_usize, 0..4000_u64), 1..80),
    ) {
        let terms = Penalties {
            auth_fail: auth_fail as u32 * SECOND,
            no_auth: no_auth as u32 * SECOND,
            timeout: timeout as u32 * SECOND,
            min: min as u32 * SECOND,
            max: (min + more) as u32 * SECOND,
            max_sources,
            loopback: false,
        };
        let offences = [Offence::AuthFail, Offence::NoAuth, Offence::Timeout];
        let costs = [terms.auth_fail, terms.no_auth, terms.timeout];
        let (mut offenders, mut model, mut now) = (Offenders::new(terms), Model::default(), at(0.0));
        let mut seen = HashSet::new();
        for (who, what, after) in history {
            now = now + Duration::from_millis(after);
            seen.insert(who);
            let penalty = offenders.penalize(nth(who), offences[what], now);
            if !costs[what].is_zero() {
                let felt = model.penalize(&terms, Source::of(nth(who)), costs[what], now);
                prop_assert_eq!(penalty.is_some(), felt);
            } else {
                prop_assert_eq!(penalty, None);
            }
            prop_assert!(offenders.len().0 <= max_sources);
            for who in &seen {
                let expected = model.refuses(Source::of(nth(*who)), now);
                prop_assert_eq!(offenders.refuse(nth(*who), now), expected);
            }
        }
    }
}

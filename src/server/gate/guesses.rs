//! Who guesses at passwords on many connections: failed logins, by source and name.
//!
//! What a connection has done is judged when it is over. Whoever keeps theirs open, or shares one name
//! out among many, is judged here, at every sixth guess. Never here: what that costs, which is for
//! `penalties.rs` to say.

use super::expiring::{Entry, Expiring};
use super::{Penalties, Source};
use crate::auth::NameId;
use crate::session::Time;

/// So many guesses are an offence: as many tries as one connection has, unless it is told otherwise.
const OFFENCE: u32 = 6;

/// Failed logins that were not made good, as far as they are remembered: for as long as a penalty
/// lasts at most, and as many as there may be sources.
#[derive(Default)]
pub(super) struct Guesses {
    /// Two, as of the penalties.
    ipv4: Expiring<Key, Count>,
    ipv6: Expiring<Key, Count>,
}

/// A name; or, of whoever had logged in on the same connection before, any.
type Key = (Source, Option<NameId>);

#[derive(Clone, Copy, Default)]
struct Count {
    failed: u32,
    /// So many of them count under any name, too.
    with_account: u32,
}

impl Guesses {
    /// A login failed; returns whether `source` has guessed often enough by now to be penalized.
    /// `logged_in`: another had succeeded on the same connection before.
    pub(super) fn add(
        &mut self,
        source: Source,
        name: NameId,
        logged_in: bool,
        now: Time,
        terms: &Penalties,
    ) -> bool {
        let table = self.table(source);
        let mut is_offence = count(table, (source, Some(name)), logged_in, now, terms);
        if logged_in {
            is_offence |= count(table, (source, None), false, now, terms);
        }
        table.forget(now, terms.max_sources);
        is_offence
    }

    /// A login succeeded: that name is no guesser's.
    pub(super) fn make_good(&mut self, source: Source, name: NameId, now: Time) {
        let table = self.table(source);
        let good = table.running((source, Some(name)), now).map(|entry| entry.value);
        table.remove((source, Some(name)));
        if let Some(Entry { until, value: any }) = table.running((source, None), now) {
            let failed = any.failed.saturating_sub(good.unwrap_or_default().with_account);
            table.set((source, None), Entry { until, value: Count { failed, ..any } });
        }
    }

    fn table(&mut self, source: Source) -> &mut Expiring<Key, Count> {
        match source {
            Source::V4(_) => &mut self.ipv4,
            Source::V6(_) => &mut self.ipv6,
        }
    }
}

/// Counts one more failure under `key`; returns whether that makes an offence, with which it begins
/// again.
fn count(
    table: &mut Expiring<Key, Count>,
    key: Key,
    with_account: bool,
    now: Time,
    terms: &Penalties,
) -> bool {
    let mut count = table.running(key, now).map_or(Count::default(), |entry| entry.value);
    count.failed += 1;
    count.with_account += u32::from(with_account);
    if count.failed >= OFFENCE {
        table.remove(key);
        return true;
    }
    table.set(key, Entry { until: now + terms.max, value: count });
    false
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const TERMS: fn() -> Penalties = Penalties::default;

    fn at(seconds: u64) -> Time {
        Time::after_start(Duration::from_secs(seconds))
    }

    fn source(host: u8) -> Source {
        Source::V4([192, 0, 2, host])
    }

    fn add(guesses: &mut Guesses, host: u8, name: &str, logged_in: bool, now: Time) -> bool {
        guesses.add(source(host), NameId::of(name), logged_in, now, &TERMS())
    }

    #[test]
    fn every_sixth_guess_of_a_source_at_one_name_is_an_offence() {
        let mut guesses = Guesses::default();
        for guess in 1..=24 {
            assert_eq!(add(&mut guesses, 1, "bob", false, at(guess)), guess % 6 == 0, "{guess}");
            // Others, who are let in at the same address or mistype at another, are no accomplices.
            assert!(!add(&mut guesses, 1, &format!("user{guess}"), false, at(guess)));
            assert!(!add(&mut guesses, (guess + 1) as u8, "bob", false, at(guess)));
        }
    }

    #[test]
    fn a_success_makes_good_what_failed_at_its_own_name_and_nothing_else() {
        let mut guesses = Guesses::default();
        for _ in 0..5 {
            assert!(!add(&mut guesses, 1, "eva", true, at(0)));
        }
        guesses.make_good(source(1), NameId::of("eva"), at(0));
        for _ in 0..5 {
            assert!(!add(&mut guesses, 1, "bob", true, at(0)));
        }
        guesses.make_good(source(1), NameId::of("eva"), at(0));
        guesses.make_good(source(2), NameId::of("bob"), at(0));
        assert!(add(&mut guesses, 1, "bob", true, at(0)));
    }

    #[test]
    fn who_has_an_account_and_guesses_at_one_name_after_the_other_is_found_too() {
        let mut guesses = Guesses::default();
        let mut guess = |number| add(&mut guesses, 1, &format!("user{number}"), true, at(0));
        let offences: Vec<_> = (1..=18).filter(|number| guess(*number)).collect();
        assert_eq!(offences, [6, 12, 18]);
    }

    #[test]
    fn guesses_are_forgotten_in_time_and_bounded_in_number() {
        let mut guesses = Guesses::default();
        for _ in 0..5 {
            add(&mut guesses, 1, "bob", false, at(0));
        }
        assert!(!add(&mut guesses, 1, "bob", false, at(600)), "the others are ten minutes old");
        let few = Penalties { max_sources: 10, ..TERMS() };
        for number in 0..1000 {
            let name = NameId::of(&format!("user{number}"));
            guesses.add(source(2), name, number % 2 == 0, at(601), &few);
            assert!(guesses.ipv4.len() <= 10);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_history_is_counted_as_a_list_counts_it(
            history in prop::collection::vec((0..2_u8, 0..3_usize, any::<bool>(), 0..5), 1..200),
        ) {
            let mut guesses = Guesses::default();
            // What failed at each name, with an account or without; and with an account at any.
            let mut by_name: HashMap<(u8, usize), Vec<bool>> = HashMap::new();
            let mut with_account: HashMap<u8, usize> = HashMap::new();
            for (host, who, logged_in, what) in history {
                let name = ["eva", "bob", "旭哥"][who];
                let failed = by_name.entry((host, who)).or_default();
                let any = with_account.entry(host).or_default();
                if what == 0 {
                    guesses.make_good(source(host), NameId::of(name), at(0));
                    let good = failed.drain(..).filter(|logged_in| *logged_in).count();
                    *any = any.saturating_sub(good);
                    continue;
                }
                failed.push(logged_in);
                *any += usize::from(logged_in);
                let (one, all) = (failed.len() == 6, *any == 6);
                if one {
                    failed.clear();
                }
                if all {
                    *any = 0;
                }
                prop_assert_eq!(add(&mut guesses, host, name, logged_in, at(0)), one || all);
            }
        }
    }
}

//! `--penalty`: what an offence costs its source.

use std::str::FromStr;
use std::time::Duration;

use sockmodes::server::Penalties;
use sockmodes::session::Timeout;

use super::{Limit, timeout};

/// `authfail:5s,noauth:1s,…`, or `none`. What is not named stays as it is by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Penalty(pub(in crate::cli) Option<Penalties>);

const WORDS: &str = "authfail, noauth, timeout, min, max or max-sources";

impl FromStr for Penalty {
    type Err = String;

    fn from_str(text: &str) -> Result<Penalty, String> {
        if text == "none" {
            return Ok(Penalty(None));
        }
        // Whoever asks for penalties wants to see them, on this machine too.
        let mut terms = Penalties::default();
        terms.loopback = true;
        let mut given = Vec::new();
        for part in text.split(',') {
            let (word, value) = part.trim().split_once(':').ok_or_else(|| {
                format!("expected a list such as authfail:5s,noauth:1s, or none, and not {part:?}")
            })?;
            if given.contains(&word) {
                return Err(format!("{word} is there twice"));
            }
            given.push(word);
            set(&mut terms, word, value)?;
        }
        if terms.min > terms.max {
            let [min, max] = [terms.min, terms.max].map(humantime::format_duration);
            return Err(format!("min ({min}) must not be above max ({max})"));
        }
        Ok(Penalty(Some(terms)))
    }
}

fn set(terms: &mut Penalties, word: &str, value: &str) -> Result<(), String> {
    let cost = match word {
        "authfail" => &mut terms.auth_fail,
        "noauth" => &mut terms.no_auth,
        "timeout" => &mut terms.timeout,
        "min" => &mut terms.min,
        "max" => {
            terms.max =
                time(word, value)?.ok_or("max: penalties that never end are not for here")?;
            return Ok(());
        }
        "max-sources" => {
            let Limit(limit) = value.parse().map_err(|_| not_a_number())?;
            terms.max_sources = limit.ok_or_else(not_a_number)?;
            return Ok(());
        }
        _ => return Err(format!("expected {WORDS}, and not {word:?}")),
    };
    *cost = time(word, value)?.unwrap_or(Duration::ZERO);
    Ok(())
}

fn time(word: &str, value: &str) -> Result<Option<Duration>, String> {
    timeout(value).map(Timeout::duration).map_err(|error| format!("{word}: {error}"))
}

fn not_a_number() -> String {
    "max-sources: expected a whole number from 1".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Penalties {
        text.parse::<Penalty>().unwrap().0.unwrap()
    }

    #[test]
    fn what_is_not_named_stays_as_it_is_and_loopback_counts() {
        let with = |change: fn(&mut Penalties)| {
            let mut terms = Penalties::default();
            terms.loopback = true;
            change(&mut terms);
            terms
        };
        assert_eq!("none".parse(), Ok(Penalty(None)));
        let usual = terms("authfail:5s,noauth:1s,timeout:10s,min:15s,max:10m,max-sources:65536");
        assert_eq!(usual, with(|_| {}));
        let long = terms("authfail:1m 30s");
        assert_eq!(long, with(|terms| terms.auth_fail = Duration::from_secs(90)));
        let several = with(|terms| {
            terms.no_auth = Duration::ZERO;
            terms.min = Duration::from_secs(30);
            terms.max = Duration::from_secs(30);
        });
        assert_eq!(terms("noauth:none, min:0.5m, max:30"), several);
        let strict = with(|terms| {
            terms.min = Duration::ZERO;
            terms.max_sources = 1;
        });
        assert_eq!(terms("min:none,max-sources:1"), strict);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("", "expected a list such as authfail:5s,noauth:1s, or none, and not \"\""),
            ("authfail", "and not \"authfail\""),
            ("authfail:5s,", "and not \"\""),
            ("none,authfail:5s", "and not \"none\""),
            (
                "crash:90s",
                "expected authfail, noauth, timeout, min, max or max-sources, and not \"crash\"",
            ),
            ("authfail:soon", "authfail: expected a time such as 10s or 5m, or none"),
            ("noauth:", "noauth: expected a time"),
            ("timeout:0", "timeout: no time at all; to turn it off, say none"),
            ("max:none", "max: "),
            ("max:5M", "max: M is a month, and m a minute"),
            ("max-sources:+7", "max-sources: expected a whole number from 1"),
            ("max:1000years", "max: more than 100 years"),
            ("max-sources:0", "max-sources: expected a whole number from 1"),
            ("max-sources:none", "max-sources: expected a whole number from 1"),
            ("authfail:5s,authfail:6s", "authfail is there twice"),
            ("min:11m", "min (11m) must not be above max (10m)"),
            ("max:1s", "min (15s) must not be above max (1s)"),
        ];
        for (text, what) in cases {
            let error = text.parse::<Penalty>().unwrap_err();
            assert!(error.contains(what), "{text:?}: {error}");
        }
    }
}

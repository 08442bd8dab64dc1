//! Times: what they look like, and which of those that could be read nobody means.

use std::time::Duration;

use sockmodes::session::Timeout;

use super::number::whole;

/// Longer than anything waits for; beyond it clocks and kernels disagree on what fits.
const LONGEST: Duration = Duration::from_secs(100 * YEAR);
/// Seconds of a year of 365.25 days, as `1y` has it.
const YEAR: u64 = 31_557_600;
/// Shorter than anything takes; and what the kernel counts in milliseconds would be 0, which means something else.
const SHORTEST: Duration = Duration::from_millis(1);
/// A time beyond this is said back: whoever counts in milliseconds waits for days.
const USUAL: Duration = Duration::from_secs(24 * 60 * 60);

/// A time, such as `10s`, `5m` or `1m 30s`, a bare number being seconds; or `none`.
pub(in crate::cli) fn timeout(text: &str) -> Result<Timeout, String> {
    if text == "none" {
        return Ok(Timeout::NEVER);
    }
    let time = match whole(text) {
        Some(seconds) => Duration::from_secs(seconds),
        None => parse(text)?,
    };
    if time.is_zero() {
        Err("no time at all; to turn it off, say none".into())
    } else if time < SHORTEST {
        Err("less than a millisecond".into())
    } else if time > LONGEST {
        Err("more than 100 years; to turn it off, say none".into())
    } else {
        Ok(time.into())
    }
}

fn parse(text: &str) -> Result<Duration, String> {
    let expected = |why| format!("expected a time such as 10s or 5m, or none: {why}");
    let time = humantime::parse_duration(text).map_err(|error| expected(error.to_string()))?;
    let units = pieces(text, char::is_alphabetic);
    if units.contains(&"M") {
        return Err("M is a month, and m a minute".into());
    }
    if pieces(text, |letter| letter.is_ascii_digit() || letter == '.').len() > units.len() {
        return Err(expected("there is a space within a number".into()));
    }
    let one = |unit: &&str| humantime::parse_duration(&format!("1{unit}")).unwrap_or_default();
    if !units.iter().map(one).is_sorted_by(|larger, smaller| larger > smaller) {
        return Err(expected("each unit once, the largest first".into()));
    }
    Ok(time)
}

/// The parts of `text` whose letters are all of one kind.
fn pieces(text: &str, kind: impl Fn(char) -> bool) -> Vec<&str> {
    text.split(|letter| !kind(letter)).filter(|piece| !piece.is_empty()).collect()
}

/// Warns of a time that is longer than is usual.
pub(in crate::cli) fn say_back(option: &str, timeout: Timeout) {
    if let Some(time) = unusual(timeout) {
        tracing::warn!(option, time, "a time of more than a day");
    }
}

/// `timeout` in words, if it is longer than is usual.
fn unusual(timeout: Timeout) -> Option<String> {
    let time = timeout.duration().filter(|time| *time > USUAL)?;
    Some(humantime::format_duration(time).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let time = |text: &str| timeout(text).ok().map(Timeout::duration);
        assert_eq!(time("none"), Some(None));
        for (good, millis) in [
            ("10s", 10_000),
            ("3", 3_000),
            ("1m 30s", 90_000),
            ("1m30s", 90_000),
            ("1h 0.5m", 3_630_000),
            ("2.5s", 2_500),
            ("10 s", 10_000),
            ("250ms", 250),
            ("1000us", 1),
            ("1day", 86_400_000),
        ] {
            assert_eq!(time(good), Some(Some(Duration::from_millis(millis))), "{good}");
        }
        for bad in ["", "0s", "0", "-1s", "ten", "2.5", "200years", "99999999999999999999"] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_nobody_means_is_refused_with_the_reason() {
        for (text, why) in [
            ("5M", "M is a month, and m a minute"),
            ("1h5M", "M is a month, and m a minute"),
            ("999us", "less than a millisecond"),
            ("1ns", "less than a millisecond"),
            ("+10", "expected number at 0"),
            ("+10s", "expected number at 0"),
            ("1 0s", "there is a space within a number"),
            ("1m 3 0s", "there is a space within a number"),
            ("5m 5m", "each unit once, the largest first"),
            ("5min 5m", "each unit once, the largest first"),
            ("30s 1m", "each unit once, the largest first"),
        ] {
            let error = timeout(text).unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn what_is_long_is_said_back() {
        let said = |text: &str| unusual(timeout(text).unwrap());
        assert_eq!((said("none"), said("24h")), (None, None));
        assert_eq!(said("300000").as_deref(), Some("3days 11h 20m"));
        assert_eq!(said("5months").as_deref(), Some("5months"));
    }
}

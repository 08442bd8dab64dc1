//! Numbers for people: what a summary says of times and shares.

use std::time::Duration;

/// A whole number with its thousands separated.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut separated = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            separated.push(',');
        }
        separated.push(digit);
    }
    separated
}

/// A number with its noun.
pub(super) fn many(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count))
}

/// A time in its own unit, with two or three digits that count.
pub(super) fn duration(time: Duration) -> String {
    let (seconds, nanoseconds) = (time.as_secs_f64(), time.as_nanos() as f64);
    match time.as_secs() {
        0 if nanoseconds == 0. => "0 s".to_owned(),
        0 if nanoseconds < 999.5 => format!("{nanoseconds:.0} ns"),
        0 if nanoseconds < 999.5e3 => format!("{} µs", digits(nanoseconds / 1e3)),
        0 if nanoseconds < 999.5e6 => format!("{} ms", digits(nanoseconds / 1e6)),
        0..100 => format!("{} s", digits(seconds)),
        100..6000 => format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60),
        whole => format!("{} h {} min", number(whole / 3600), whole / 60 % 60),
    }
}

/// Two digits behind the point below ten, one below a hundred.
fn digits(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A share in percent; what is not nothing is not rounded to it.
pub(super) fn percent(part: Duration, whole: Duration) -> String {
    let share = 100. * part.as_secs_f64() / whole.as_secs_f64();
    match share {
        _ if part.is_zero() || whole.is_zero() => "0 %".to_owned(),
        ..0.01 => "under 0.01 %".to_owned(),
        ..1. => format!("{share:.2} %"),
        _ => format!("{share:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        let numbers = [0, 7, 999, 1000, 262_144, 1_000_000].map(number);
        assert_eq!(numbers, ["0", "7", "999", "1,000", "262,144", "1,000,000"]);
        assert_eq!([many(1, "turn"), many(2000, "turn")], ["1 turn", "2,000 turns"]);
        for (nanoseconds, said) in [
            (0, "0 s"),
            (1, "1 ns"),
            (2_524, "2.52 µs"),
            (249_122, "249 µs"),
            (999_400, "999 µs"),
            (999_600, "1.00 ms"),
            (12_345_678, "12.3 ms"),
            (999_600_000, "1.00 s"),
            (7_991_412_887, "7.99 s"),
            (99_940_000_000, "99.9 s"),
            (754_000_000_000, "12 min 34 s"),
            (9_000_000_000_000, "2 h 30 min"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanoseconds)), said);
        }
        assert_eq!(duration(Duration::MAX), "5,124,095,576,030,431 h 0 min");
    }

    #[test]
    fn a_share_that_is_not_nothing_is_not_called_nothing() {
        let of_a_second = |part| percent(Duration::from_nanos(part), Duration::from_secs(1));
        for (part, said) in [
            (0, "0 %"),
            (1, "under 0.01 %"),
            (4_240_000, "0.42 %"),
            (9_999_999, "1.00 %"),
            (10_000_000, "1 %"),
            (999_999_999, "100 %"),
        ] {
            assert_eq!(of_a_second(part), said);
        }
        assert_eq!(percent(Duration::ZERO, Duration::ZERO), "0 %");
        assert_eq!(percent(Duration::MAX, Duration::ZERO), "0 %");
    }
}

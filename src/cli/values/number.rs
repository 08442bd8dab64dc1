//! Numbers: digits and nothing else. What reads numbers in Rust takes a plus sign in front, too, and what reads
//! times takes a space between two digits; nobody means either.

use std::str::FromStr;

/// The whole number that `text` is.
pub(super) fn whole<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The same for clap: how many, which one, or a seed.
pub(in crate::cli) fn number<N: FromStr>(text: &str) -> Result<N, String> {
    whole(text).ok_or_else(|| "expected a whole number".to_owned())
}

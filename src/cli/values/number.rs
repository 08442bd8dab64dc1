//! Numbers: digits and nothing else. What reads numbers in Rust takes a plus sign in front, too, and what reads
//! times takes a space between two digits; nobody means either.

use std::str::FromStr;

/// The whole number that `text` is.
pub(super) fn whole<N: FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A number of bytes, for clap.
pub(in crate::cli) fn bytes(text: &str) -> Result<usize, String> {
    whole(text).ok_or_else(|| "expected a whole number".to_owned())
}

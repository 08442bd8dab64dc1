//! Who leaves before they have said a byte, by source: so do those who only look whether anybody is
//! there, several times a second, and that is no offence.
//!
//! Never here: what it costs once it is one, which is for `penalties.rs` to say.

use std::time::Duration;

use super::Source;
use super::expiring::{Entry, Expiring};
use crate::session::Time;

/// So many of one source may do so in a [`SECOND`].
const FREE: u32 = 50;
const SECOND: Duration = Duration::from_secs(1);

/// How many have left in the second that began with the first of them.
#[derive(Default)]
pub(super) struct Leavers {
    /// Two, as of the penalties.
    ipv4: Expiring<Source, u32>,
    ipv6: Expiring<Source, u32>,
}

impl Leavers {
    /// One of `source` has left; returns whether that was one too many. At most `most` sources are
    /// remembered.
    pub(super) fn are_too_many(&mut self, source: Source, now: Time, most: usize) -> bool {
        let table = match source {
            Source::V4(_) => &mut self.ipv4,
            Source::V6(_) => &mut self.ipv6,
        };
        let first = Entry { until: now + SECOND, value: 0 };
        let Entry { until, value } = table.running(source, now).unwrap_or(first);
        table.set(source, Entry { until, value: value + 1 });
        table.forget(now, most);
        value >= FREE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 100;

    fn at(milliseconds: u64) -> Time {
        Time::after_start(Duration::from_millis(milliseconds))
    }

    fn source(host: u8) -> Source {
        Source::V4([192, 0, 2, host])
    }

    #[test]
    fn fifty_a_second_are_free_for_each_source() {
        let mut leavers = Leavers::default();
        for second in 0..10 {
            let now = |n: u64| at(1000 * second + n);
            for n in 0..50 {
                assert!(!leavers.are_too_many(source(1), now(n), MOST), "{second} s, {n}");
                assert!(!leavers.are_too_many(source(2), now(n), MOST), "{second} s, {n}");
            }
            for n in 50..60 {
                assert!(leavers.are_too_many(source(1), now(n), MOST), "{second} s, {n}");
            }
        }
    }

    #[test]
    fn a_proxy_that_looks_every_tenth_of_a_second_never_has_too_many() {
        let mut leavers = Leavers::default();
        let network = Source::V6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0]);
        assert!((0..6000).all(|n| !leavers.are_too_many(network, at(100 * n), MOST)));
        assert_eq!((leavers.ipv4.len(), leavers.ipv6.len()), (0, 1));
    }

    #[test]
    fn no_more_sources_are_remembered_than_may_be() {
        let mut leavers = Leavers::default();
        for n in 0..10_000_u32 {
            leavers.are_too_many(Source::V4(n.to_be_bytes()), at(0), MOST);
            assert!(leavers.ipv4.len() <= MOST);
        }
    }
}

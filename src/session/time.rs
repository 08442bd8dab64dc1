//! Time as sessions and the loop know it: a number that somebody else reads off a clock.

use std::ops::{Add, Div};
use std::time::Duration;

/// A moment, in nanoseconds since counting began: enough for 584 years.
///
/// Unlike `std::time::Instant` it has no `now`: code that takes a `Time` can't look at a clock by
/// accident, and a test sets any hour it likes. It is also half as large, and moving a deadline is
/// one addition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// When counting began.
    pub const START: Time = Time(0);
    /// Later than anything that happens.
    pub const NEVER: Time = Time(u64::MAX);

    /// The moment `elapsed` after the start.
    pub fn after_start(elapsed: Duration) -> Time {
        Time(nanoseconds(elapsed))
    }

    /// How long after the start it is.
    pub fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// How long after `earlier` it is; zero, if it is not.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    /// The moment `duration` after this one; beyond the end of counting, [`Time::NEVER`].
    fn add(self, duration: Duration) -> Time {
        self + Timeout::from(duration)
    }
}

/// How long something may take: some nanoseconds, or for ever.
///
/// As an `Option<Duration>` is, in one number instead of three: with every message a server adds
/// one to a [`Time`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timeout(u64);

impl Timeout {
    /// As long as it likes.
    pub const NEVER: Timeout = Timeout(u64::MAX);

    /// The time that it may take; `None`, if that is for ever.
    pub fn duration(self) -> Option<Duration> {
        (self != Timeout::NEVER).then(|| Duration::from_nanos(self.0))
    }
}

impl From<Duration> for Timeout {
    fn from(duration: Duration) -> Timeout {
        Timeout(nanoseconds(duration))
    }
}

impl Div<u32> for Timeout {
    type Output = Timeout;

    fn div(self, by: u32) -> Timeout {
        Timeout(self.0 / u64::from(by))
    }
}

impl Add<Timeout> for Time {
    type Output = Time;

    /// The moment `timeout` after this one; beyond the end of counting, [`Time::NEVER`].
    fn add(self, timeout: Timeout) -> Time {
        Time(self.0.saturating_add(timeout.0))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

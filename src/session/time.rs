//! Time as sessions and the loop know it: a number that somebody else reads off a clock.

use std::ops::Add;
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

    /// The moment `timeout` after this one; without a timeout, [`Time::NEVER`].
    pub fn later(self, timeout: Option<Duration>) -> Time {
        timeout.map_or(Time::NEVER, |timeout| self + timeout)
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
        Time(self.0.saturating_add(nanoseconds(duration)))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    let whole = duration.as_secs().saturating_mul(1_000_000_000);
    whole.saturating_add(u64::from(duration.subsec_nanos()))
}

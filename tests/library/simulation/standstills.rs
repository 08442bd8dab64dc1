//! When the server's process stood still, and what that puts off.

use std::time::Duration;

use sockmodes::session::Time;
use sockmodes::sim::World;

/// From when until when it stood still, in order.
pub(super) struct Standstills(Vec<(Time, Time)>);

impl Standstills {
    pub(super) fn of(world: &World) -> Standstills {
        Standstills(world.standstills())
    }

    /// The latest that a server does what it has to do at `at`: it can do nothing before it goes on.
    pub(super) fn put_off(&self, at: Time) -> Time {
        self.after(at, Duration::ZERO)
    }

    /// When the process has run for `lasts`, counted from `at`.
    pub(super) fn after(&self, mut at: Time, lasts: Duration) -> Time {
        let mut left = lasts;
        for (from, until) in &self.0 {
            if *until < at {
                continue;
            }
            if *from > at + left {
                break;
            }
            left -= from.since(at);
            at = *until;
        }
        at + left
    }
}

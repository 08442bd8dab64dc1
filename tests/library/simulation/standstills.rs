//! When the server's process stood still, and what that puts off.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sockmodes::session::Time;
use sockmodes::sim::World;

use super::scenario::{Scenario, Stop, milliseconds, one_of};

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

/// For less than a deadline, and for more than several; often while something is under way.
pub(crate) fn draw(seed: u64, scenario: &mut Scenario) {
    let rng = &mut StdRng::seed_from_u64(seed ^ 0x57a);
    if !rng.random_ratio(1, 4) {
        return;
    }
    for _ in 0..one_of(rng, &[1, 1, 2, 3]) {
        let (when, lasts) =
            (one_of(rng, &[3, 500, 5000, 20_000]), one_of(rng, &[10, 4000, 90_000]));
        scenario.standstills.push(Stop {
            when: milliseconds(rng, when),
            calls: one_of(rng, &[0, 0, 0, 1, 2, 5, 10, 30]),
            lasts: milliseconds(rng, lasts),
        });
    }
}

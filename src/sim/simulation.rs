//! A loop in a simulated world, turn by turn, with all that it tells.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::script::Script;
use super::{ClientId, SimNetwork, World};
use crate::observe::{Detail, Events, Observer, Record};
use crate::server::network::Network;
use crate::server::{Config, EventLoop, Outcome};

/// A loop, the world around it, and what the loop has told.
///
/// `N` is what the loop takes for the network: the world's own, unless somebody stands in between.
pub struct Simulation<N: Network = SimNetwork> {
    world: World,
    event_loop: EventLoop<N>,
    found: N::Found,
    told: Told,
    outcome: Option<Outcome>,
}

/// The events so far.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Record>>>);

/// What gathers them.
struct Listener {
    detail: Detail,
    told: Told,
}

impl Simulation {
    /// A loop that serves as `config` says, in a world made from `seed` in which nobody is and nothing
    /// goes wrong yet. Every event is kept.
    #[must_use]
    pub fn new(seed: u64, config: Config) -> Simulation {
        Simulation::telling(seed, config, Detail::Calls)
    }

    /// As [`new`](Simulation::new), but no event more detailed than `detail` is kept.
    #[must_use]
    pub fn telling(seed: u64, config: Config, detail: Detail) -> Simulation {
        let world = World::new(seed, &config);
        let told = Told::default();
        let mut events = Events::default();
        events.add(Box::new(Listener { detail, told: told.clone() }));
        let event_loop = EventLoop::new(world.network(), config, events, world.stop_flag())
            .with_verifier(Box::new(world.verifier()));
        Simulation { told, ..Simulation::of(world, event_loop) }
    }
}

impl<N: Network> Simulation<N> {
    /// A loop that somebody has made in `world`. It tells its events to its own observers, and none
    /// is kept here.
    #[must_use]
    pub fn of(world: World, event_loop: EventLoop<N>) -> Simulation<N> {
        Simulation {
            world,
            event_loop,
            found: N::Found::default(),
            told: Told::default(),
            outcome: None,
        }
    }

    /// The world around the loop.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The loop.
    pub fn event_loop(&self) -> &EventLoop<N> {
        &self.event_loop
    }

    /// A client that connects at once, and then does what `script` says.
    pub fn connect(&self, script: Script) -> ClientId {
        self.world.connect(script, Duration::ZERO)
    }

    /// One turn of the loop; how it has ended, if it has.
    ///
    /// # Panics
    ///
    /// If the loop does what no loop may, and that is not [put up with](World::put_up_with_wrongs): see
    /// the [module](super).
    pub fn turn(&mut self) -> Option<Outcome> {
        match self.event_loop.turn(&mut self.found) {
            Ok(outcome) => self.outcome = outcome,
            Err(errno) => assert!(self.world.is_stuck(), "waiting never fails here: {errno}"),
        }
        if self.world.is_time_to_look() {
            self.event_loop.assert_consistent();
        }
        self.outcome
    }

    /// Turns until every connection is over or the loop has stopped, and lets what is still under way
    /// arrive; how the loop has ended, if it has.
    ///
    /// # Panics
    ///
    /// If that takes more than `most` turns, for a loop that spins is wrong, and where
    /// [`turn`](Simulation::turn) panics.
    pub fn run(&mut self, most: usize) -> Option<Outcome> {
        self.run_watched(most, |_| {})
    }

    /// As [`run`](Simulation::run), with a look at everything after each turn.
    ///
    /// # Panics
    ///
    /// Where `run` or `look` does.
    pub fn run_watched(
        &mut self,
        most: usize,
        mut look: impl FnMut(&Simulation<N>),
    ) -> Option<Outcome> {
        for _ in 0..most {
            if self.is_over() {
                self.world.settle();
                return self.outcome;
            }
            self.turn();
            look(self);
        }
        panic!("after {most} turns it is not over");
    }

    /// Whether nothing will happen any more: every connection is over, or the loop has stopped or is
    /// [stuck](World::is_stuck).
    pub fn is_over(&self) -> bool {
        let nobody_is_left = self.event_loop.connections() == 0 && self.world.is_over();
        nobody_is_left || self.outcome.is_some() || self.world.is_stuck()
    }

    /// How the loop has ended, if it has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// What the loop has told so far, in order.
    pub fn events(&self) -> Vec<Record> {
        self.told.lock().clone()
    }
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, Vec<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Listener {
    fn detail(&self) -> Detail {
        self.detail
    }

    fn observe(&mut self, record: &Record) {
        self.told.lock().push(record.clone());
    }
}

impl<N: Network> fmt::Debug for Simulation<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("world", &self.world)
            .field("event_loop", &self.event_loop)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

//! A loop in a simulated world, turn by turn, with all that it tells.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::script::Script;
use super::{ClientId, SimFound, SimNetwork, World};
use crate::observe::{Detail, Events, Observer, Record};
use crate::server::{Config, EventLoop, Outcome};

/// A loop, the world around it, and what the loop has told.
pub struct Simulation {
    world: World,
    event_loop: EventLoop<SimNetwork>,
    found: SimFound,
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

    /// A loop that somebody has made in `world`. It tells its events to its own observers, and none
    /// is kept here.
    #[must_use]
    pub fn of(world: World, event_loop: EventLoop<SimNetwork>) -> Simulation {
        Simulation {
            world,
            event_loop,
            found: SimFound::default(),
            told: Told::default(),
            outcome: None,
        }
    }

    /// The world around the loop.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The loop.
    pub fn event_loop(&self) -> &EventLoop<SimNetwork> {
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
    /// If the loop does what no loop may: see the [module](super).
    pub fn turn(&mut self) -> Option<Outcome> {
        self.outcome = self.event_loop.turn(&mut self.found).expect("waiting never fails here");
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
        mut look: impl FnMut(&Simulation),
    ) -> Option<Outcome> {
        for _ in 0..most {
            if self.outcome.is_some() || self.is_over() {
                self.world.settle();
                return self.outcome;
            }
            self.turn();
            look(self);
        }
        panic!("after {most} turns it is not over");
    }

    fn is_over(&self) -> bool {
        self.event_loop.connections() == 0 && self.world.is_over()
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

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("world", &self.world)
            .field("event_loop", &self.event_loop)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

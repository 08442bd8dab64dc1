//! The world around a simulated loop, as its users see it. What it consists of is in `state.rs`.

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::client::Client;
use super::faults::Faults;
use super::network::SimNetwork;
use super::script::Script;
use super::state::{Act, State};
use super::transcript::Transcript;
use super::verifier::SimVerifier;
use crate::server::Config;
#[cfg(doc)]
use crate::server::network::Errno;
use crate::server::network::Signal;
use crate::session::Time;

/// Everything outside a loop: a network, its clients, a clock, and who checks logins.
///
/// This is a handle; clones are handles to the same world. [`Simulation`](super::Simulation) makes a
/// loop in one. For a loop of your own, take the parts:
///
/// ```
/// use std::time::Duration;
///
/// use sockmodes::auth::Entry;
/// use sockmodes::observe::Events;
/// use sockmodes::server::{Config, EventLoop};
/// use sockmodes::session::{Protocol, Service};
/// use sockmodes::sim::{Script, Simulation, World};
///
/// let protocol = Protocol::new(Entry::Open, Service::Upper);
/// let config = Config::new(vec!["192.0.2.1:9999".parse()?], protocol);
/// let world = World::new(7, &config);
/// let event_loop = EventLoop::new(world.network(), config, Events::default(), world.stop_flag())
///     .with_verifier(Box::new(world.verifier()));
///
/// let client = world.connect(Script::new(b"hello"), Duration::from_secs(3));
/// Simulation::of(world.clone(), event_loop).run(1000);
/// assert_eq!(world.client(client).answers(), b"HELLO");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone)]
pub struct World(Rc<RefCell<State>>);

/// Names a client in its [`World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(usize);

/// How many system calls the loop has made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calls {
    /// Waits for something to happen.
    pub waits: u64,
    /// Those of them that a signal interrupted.
    pub interrupted: u64,
    /// Calls of `accept`.
    pub accepts: u64,
    /// Calls of `accept` in the turn that had the most of them.
    pub most_accepts: u64,
    /// Registrations for edges.
    pub registers: u64,
    /// Calls of `recv`.
    pub recvs: u64,
    /// Calls of `send`.
    pub sends: u64,
}

impl World {
    /// A world with nobody in it, for a loop that serves as `config` says: with as many listeners as it
    /// has addresses, and one at least. All that is left to chance is drawn from `seed`: the same calls then give the same run.
    #[must_use]
    pub fn new(seed: u64, config: &Config) -> World {
        World(Rc::new(RefCell::new(State::new(seed, config))))
    }

    /// The network, for [`EventLoop::new`](crate::server::EventLoop::new). Whatever addresses the
    /// config has, connections come from a few sources of their own.
    #[must_use]
    pub fn network(&self) -> SimNetwork {
        SimNetwork(self.clone())
    }

    /// What checks logins, for [`EventLoop::with_verifier`](crate::server::EventLoop::with_verifier).
    #[must_use]
    pub fn verifier(&self) -> SimVerifier {
        self.state().checks_logins = true;
        SimVerifier(self.clone())
    }

    /// What [`stop_after`](World::stop_after) sets, for
    /// [`EventLoop::new`](crate::server::EventLoop::new).
    #[must_use]
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        self.state().stop.clone()
    }

    /// From now on `faults` is what goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Lets `name` log in with `password`.
    pub fn add_user(&self, name: &str, password: &str) {
        self.state().checks.users.add(name, password);
    }

    /// From now on so many logins are checked at once, and each takes at most `longest`. At first it
    /// is one, and it takes no time.
    pub fn set_checks(&self, at_once: usize, longest: Duration) {
        let checks = &mut self.state().checks;
        (checks.places, checks.longest) = (at_once, longest);
    }

    /// Looks only once in so many turns whether the loop goes to sleep and has forgotten something,
    /// and whether it agrees with itself: among a thousand connections, that takes longer than all
    /// else.
    pub fn look_every(&self, turns: u64) {
        self.state().look_every = turns.max(1);
    }

    pub(super) fn is_time_to_look(&self) -> bool {
        self.state().is_time_to_look()
    }

    /// A client that connects after `delay`, and then does what `script` says.
    pub fn connect(&self, script: Script, delay: Duration) -> ClientId {
        ClientId(self.state().add(script, delay))
    }

    /// Stops the server after `delay`, as another thread does it.
    pub fn stop_after(&self, delay: Duration) {
        self.state().after(delay, Act::Stop);
    }

    /// Sends the server's process `signal` after `delay`.
    pub fn signal_after(&self, delay: Duration, signal: Signal) {
        self.state().after(delay, Act::Signal(signal));
    }

    /// After `delay` there are descriptors enough: [`Faults::descriptors`] is over.
    pub fn free_descriptors_after(&self, delay: Duration) {
        self.state().after(delay, Act::FreeDescriptors);
    }

    /// Makes the server's process stand still for as long as `lasts`, as by SIGSTOP and SIGCONT, after
    /// `delay`: in the wait that goes on then, or so many `calls` of the loop later, be it in the middle
    /// of a turn, and before its next wait at the latest. The kernel goes on meanwhile, and clients do. A
    /// wait may then be interrupted ([`Errno::INTR`]).
    pub fn stand_still_after(&self, delay: Duration, calls: u32, lasts: Duration) {
        self.state().after(delay, Act::StandStill(calls, lasts));
    }

    /// When the server's process stood still: from when until when, in order.
    pub fn standstills(&self) -> Vec<(Time, Time)> {
        self.state().standstills.over.clone()
    }

    /// What the clock says. It moves when the loop waits or stands still, and at no other time.
    pub fn now(&self) -> Time {
        self.state().now
    }

    /// When the server was first told to stop.
    pub fn stopped_at(&self) -> Option<Time> {
        self.state().stopped_at
    }

    /// When the loop closed its listeners, by the time of its turn.
    pub fn listening_until(&self) -> Option<Time> {
        self.state().listening_until
    }

    /// How many system calls the loop has made.
    pub fn calls(&self) -> Calls {
        self.state().calls
    }

    /// All clients, in the order in which they were added.
    pub fn clients(&self) -> impl Iterator<Item = ClientId> + use<> {
        (0..self.state().sockets.len()).map(ClientId)
    }

    /// A client as it stands now.
    ///
    /// # Panics
    ///
    /// If it is of another world.
    pub fn client(&self, id: ClientId) -> Client {
        self.state().sockets[id.0].client.clone()
    }

    /// What has happened so far on the server's end of a client's connection.
    ///
    /// # Panics
    ///
    /// If the client is of another world.
    pub fn transcript(&self, id: ClientId) -> Transcript {
        self.state().sockets[id.0].transcript.clone()
    }

    /// Whether nobody is connected any more, and nobody will be.
    pub fn is_over(&self) -> bool {
        self.state().present == 0
    }

    /// Whatever is still under way arrives, or does not: for when the server runs no more.
    pub fn settle(&self) {
        self.state().settle();
    }

    /// The inside; nobody keeps it beyond one call.
    pub(super) fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// The same, for what is dropped while a panic unwinds through somebody who has it.
    pub(super) fn try_state(&self) -> Option<RefMut<'_, State>> {
        self.0.try_borrow_mut().ok()
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_state() {
            None => f.write_str("World"),
            Some(state) => f
                .debug_struct("World")
                .field("now", &state.now)
                .field("clients", &state.sockets.len())
                .finish_non_exhaustive(),
        }
    }
}

//! A network that is only simulated: a clock that nobody waits for, TCP with small buffers, edges as
//! epoll reports them, and everything that can go wrong, all of it drawn from one seed.
//!
//! [`SimNetwork`] takes the place of the real network in an
//! [`EventLoop`](sockmodes::server::EventLoop). The clock moves in `wait`, to the next thing that is
//! scheduled or to the loop's own timeout, and nowhere else. Each connection is a
//! [`Socket`](socket::Socket), with what a script makes its [`Client`](client::Client) do.

mod calls;
pub(crate) mod client;
mod listener;
mod network;
pub(crate) mod socket;
pub(crate) mod verifier;
mod wire;

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sockmodes::auth::Scheme;
use sockmodes::session::{Service, Time};

use client::Client;
use socket::Socket;
use verifier::Checks;

/// What goes wrong, and how often in a thousand cases.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// A signal interrupts `recv`, `send` or `accept`.
    pub(crate) interrupted: u32,
    /// The kernel is short of memory: `send` takes less than there is room for, or nothing.
    pub(crate) pressure: u32,
    /// The network moves between two calls of one turn.
    pub(crate) hurry: u32,
    /// A connection is reported without a change.
    pub(crate) spurious: u32,
    /// A connection that was closed is reported.
    pub(crate) stale: u32,
    /// The client sends a byte of urgent data between others; it is no part of the stream.
    pub(crate) urgent: u32,
    /// A connection is reset before it is accepted, and `accept` says so.
    pub(crate) aborted: u32,
    /// `wait` reports few events at a time.
    pub(crate) few_events: u32,
    /// Descriptors there are for connections; `None`: enough.
    pub(crate) descriptors: Option<usize>,
    /// New bytes make an edge only if the loop has seen that there were none: less than epoll gives,
    /// and all that the contract of [`Network`] promises. Otherwise each arrival makes one.
    pub(crate) sparing: bool,
}

/// What server and clients agree on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) scheme: Option<Scheme>,
    pub(crate) service: Service,
    pub(crate) nonce_len: usize,
    /// The kernel's limit on a peer that acknowledges nothing (TCP_USER_TIMEOUT).
    pub(crate) write_timeout: Duration,
}

impl Terms {
    /// Whether a login lets in, and nothing before it.
    pub(crate) fn logs_in(&self) -> bool {
        self.service == Service::Login && self.scheme.is_none()
    }
}

/// System calls, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) waits: u64,
    pub(crate) accepts: u64,
    pub(crate) registers: u64,
    pub(crate) recvs: u64,
    pub(crate) sends: u64,
}

/// What is scheduled to happen, to which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    /// The client connects.
    Connect(usize),
    /// The client does what comes next in its script.
    Go(usize),
    /// The network takes bytes to the client.
    Deliver(usize),
    /// The kernel has memory again for what is to be sent.
    Relieve(usize),
    /// The client reads again.
    Resume(usize),
    /// The kernel looks whether the client acknowledges anything.
    LookAtProgress(usize),
    /// Descriptors are free again.
    FreeDescriptors,
    /// A login has been checked.
    Checked,
    /// Another thread stops the server.
    Stop,
    /// SIGTERM comes.
    Signal,
}

/// What can be on epoll's ready list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Listener,
    Waker,
    Signal,
    Socket(usize),
}

/// The simulated network, as the loop holds it.
pub(crate) struct SimNetwork(Rc<RefCell<World>>);

/// One accepted connection, as the loop holds it.
pub(crate) struct SimStream {
    world: Rc<RefCell<World>>,
    id: usize,
}

/// Everything outside the loop.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) rng: StdRng,
    /// What nonces are drawn from, so that how many are drawn changes nothing else.
    nonces: StdRng,
    pub(crate) faults: Faults,
    pub(crate) terms: Terms,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) calls: Calls,
    pub(crate) checks: Checks,
    /// Set by [`Act::Stop`]; the loop looks at it when it is woken.
    pub(crate) stop: Arc<AtomicBool>,
    /// When the server was first told to stop.
    pub(crate) stopped_at: Option<Time>,
    /// At one in so many waits, a look whether the loop goes to sleep and has forgotten something.
    pub(crate) look_every: u64,
    schedule: BinaryHeap<Reverse<(Time, u64, Act)>>,
    scheduled: u64,
    ready: VecDeque<Item>,
    signalled: bool,
    backlog: VecDeque<usize>,
    listening: bool,
    /// The listener's own edge: see [`Faults::sparing`].
    listener_armed: bool,
    open: usize,
    accepted: u64,
}

/// A new world with one listener and nobody in it; `stop` is what the loop was given.
pub(crate) fn world(
    seed: u64,
    terms: Terms,
    faults: Faults,
    stop: Arc<AtomicBool>,
) -> (Rc<RefCell<World>>, SimNetwork) {
    let world = World {
        now: Time::after_start(Duration::from_secs(1)),
        rng: StdRng::seed_from_u64(seed),
        nonces: StdRng::seed_from_u64(!seed),
        faults,
        terms,
        sockets: Vec::new(),
        calls: Calls::default(),
        checks: Checks::default(),
        stop,
        stopped_at: None,
        look_every: 1,
        schedule: BinaryHeap::new(),
        scheduled: 0,
        ready: VecDeque::new(),
        signalled: false,
        backlog: VecDeque::new(),
        listening: true,
        listener_armed: true,
        open: 0,
        accepted: 0,
    };
    let world = Rc::new(RefCell::new(world));
    (world.clone(), SimNetwork(world))
}

impl World {
    /// Adds a client that connects after `delay`; its place in [`World::sockets`].
    pub(crate) fn add(&mut self, client: Client, delay: Duration) -> usize {
        let id = self.sockets.len();
        self.sockets.push(Socket::new(client));
        self.after(delay, Act::Connect(id));
        id
    }

    /// Schedules `act`.
    pub(crate) fn after(&mut self, delay: Duration, act: Act) {
        self.scheduled += 1;
        self.schedule.push(Reverse((self.now + delay, self.scheduled, act)));
    }

    pub(crate) fn chance(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.rng.random_range(0..1000) < per_mille
    }

    /// The server runs no more: whatever is still under way arrives, or does not.
    pub(crate) fn settle(&mut self) {
        while let Some(Reverse((at, _, act))) = self.schedule.pop() {
            self.now = self.now.max(at);
            self.act(act);
        }
    }

    /// Puts `item` on the ready list, where each is once.
    fn list(&mut self, item: Item) {
        if !self.ready.contains(&item) {
            self.ready.push_back(item);
        }
    }

    fn act_what_is_due(&mut self) {
        while let Some(Reverse((at, _, _))) = self.schedule.peek()
            && *at <= self.now
        {
            let Some(Reverse((_, _, act))) = self.schedule.pop() else { return };
            self.act(act);
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Connect(id) => self.connect(id),
            Act::Go(id) => self.go(id),
            Act::Deliver(id) => self.deliver(id),
            Act::Relieve(id) => self.tell_of_room(id),
            Act::Resume(id) => self.resume(id),
            Act::LookAtProgress(id) => self.look_at_progress(id),
            Act::FreeDescriptors => self.faults.descriptors = None,
            Act::Checked => self.finish_check(),
            Act::Stop => {
                self.stop.store(true, Ordering::Release);
                self.stopped_at.get_or_insert(self.now);
                self.list(Item::Waker);
            }
            Act::Signal => {
                self.stopped_at.get_or_insert(self.now);
                // Two signals of one kind that nobody has looked at yet are one.
                self.signalled = true;
                self.list(Item::Signal);
            }
        }
    }

    /// The loop goes to sleep: what it can do now must be done, for no edge will tell it again.
    fn look_at_sleeper(&self, until: Time) {
        let told = self.ready.contains(&Item::Listener) || self.backlog.is_empty();
        // After it ran out of descriptors it looks again by itself.
        let looks = until <= self.now + Duration::from_millis(250);
        assert!(told || looks, "somebody waits for accept");
        if !self.checks.have_room() {
            // Somebody waits for a check, and who that is, the model can't tell.
            return;
        }
        for socket in self.sockets.iter().filter(|socket| socket.is_watched()) {
            if let Some(what) = socket.is_forgotten(&self.terms) {
                panic!("the loop sleeps at {:?}, but {what}: {socket:?}", self.now);
            }
        }
    }
}

//! What a simulated world consists of, and how time goes on in it.
//!
//! `State` is one thing with many parts, each with a file of its own: the ends of the connections in
//! `socket.rs`, the server's calls in `calls.rs` and `listener.rs`, what moves by itself in `wire.rs`,
//! what clients do in `client.rs`, logins in `verifier.rs`, stops in `standstill.rs`. Here: the clock, the schedule, and what
//! happens when the loop goes to sleep.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::client::Client;
use super::faults::Faults;
use super::listener::{Listener, Turns};
use super::owed;
use super::script::Script;
use super::socket::{Heard, Socket};
use super::standstill::Standstills;
use super::verifier::Checks;
use super::world::Calls;
use super::wrong::Wrongs;
use crate::auth::{Entry, Key};
use crate::server::network::Signal;
use crate::server::{Config, Subnet};
use crate::session::{Protocol, Service, Time};

/// How long Linux goes on sending to a peer that acknowledges nothing, unless it is told otherwise
/// (tcp_retries2, tcp(7)).
const KERNELS_OWN_LIMIT: Duration = Duration::from_millis(924_600);

/// What is scheduled to happen, to which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
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
    /// A signal comes.
    Signal(Signal),
    /// The server's process stands still: at once, or so many of its calls later.
    StandStill(u32, Duration),
}

/// What can be on epoll's ready list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Listener(usize),
    Waker,
    Signal,
    Socket(usize),
}

/// Where the client at this place comes from: one of few sources, so that a limit on one of them can be
/// met.
pub(super) fn source(id: usize) -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, (id / 2 % 5) as u8), 1024 + id as u16 % 50_000).into()
}

/// Everything outside the loop.
pub(super) struct State {
    pub(super) now: Time,
    /// What the last wait gave as the time: the loop knows no other.
    pub(super) turn_at: Time,
    pub(super) rng: StdRng,
    /// What nonces are drawn from, so that how many are drawn changes nothing else.
    pub(super) nonces: StdRng,
    pub(super) faults: Faults,
    protocol: Protocol,
    /// What clients make digests with.
    pub(super) key: Option<Key>,
    nonce_len: usize,
    /// From where connections begin with a proxy's header.
    proxies: Vec<Subnet>,
    /// The kernel's limit on a peer that acknowledges nothing.
    pub(super) write_timeout: Duration,
    pub(super) sockets: Vec<Socket>,
    /// How many of them are not gone.
    pub(super) present: usize,
    pub(super) calls: Calls,
    pub(super) checks: Checks,
    /// Logins are checked here, and not by somebody of whom nothing is known.
    pub(super) checks_logins: bool,
    /// Set by [`Act::Stop`]; the loop looks at it when it is woken.
    pub(super) stop: Arc<AtomicBool>,
    /// When the server was first told to stop.
    pub(super) stopped_at: Option<Time>,
    /// Once in so many waits it is time to look what the loop may have forgotten.
    pub(super) look_every: u64,
    /// By time, and what falls together in the order in which it was scheduled.
    pub(super) schedule: BTreeMap<(Time, u64), Act>,
    scheduled: u64,
    pub(super) ready: VecDeque<Item>,
    /// Two signals of one kind that nobody has taken yet are one.
    pub(super) signals: VecDeque<Signal>,
    /// None, once the loop has closed them.
    pub(super) listeners: Vec<Listener>,
    pub(super) turns: Turns,
    /// When the loop closed its listeners.
    pub(super) listening_until: Option<Time>,
    pub(super) standstills: Standstills,
    pub(super) wrongs: Wrongs,
    /// Connections that the server holds, each with a descriptor.
    pub(super) open: usize,
    pub(super) accepted: u64,
}

impl State {
    pub(super) fn new(seed: u64, config: &Config) -> State {
        let (key, nonce_len) = match &config.protocol.entry {
            Entry::Open => (None, 0),
            Entry::Challenge(challenge) => (Some(challenge.key().clone()), challenge.nonce_len()),
        };
        let now = Time::after_start(Duration::from_secs(1));
        State {
            now,
            turn_at: now,
            rng: StdRng::seed_from_u64(seed),
            nonces: StdRng::seed_from_u64(!seed),
            faults: Faults::default(),
            protocol: config.protocol.clone(),
            key,
            nonce_len,
            proxies: config.proxies.clone(),
            write_timeout: config.write_timeout.duration().unwrap_or(KERNELS_OWN_LIMIT),
            sockets: Vec::new(),
            present: 0,
            calls: Calls::default(),
            checks: Checks::default(),
            checks_logins: false,
            stop: Arc::default(),
            stopped_at: None,
            look_every: 1,
            schedule: BTreeMap::new(),
            scheduled: 0,
            ready: VecDeque::new(),
            signals: VecDeque::new(),
            listeners: (0..config.listen.len().max(1)).map(|_| Listener::default()).collect(),
            turns: Turns::default(),
            listening_until: None,
            standstills: Standstills::default(),
            wrongs: Wrongs::default(),
            open: 0,
            accepted: 0,
        }
    }

    /// Adds a client that connects after `delay`; its place among the sockets.
    pub(super) fn add(&mut self, script: Script, delay: Duration) -> usize {
        let id = self.sockets.len();
        let proxied = self.proxies.iter().any(|proxies| proxies.contains(source(id).ip()));
        self.sockets.push(Socket::new(Client::new(script, self.nonce_len, proxied)));
        self.present += 1;
        self.after(delay, Act::Connect(id));
        id
    }

    /// Schedules `act`.
    pub(super) fn after(&mut self, delay: Duration, act: Act) {
        self.scheduled += 1;
        self.schedule.insert((self.now + delay, self.scheduled), act);
    }

    /// When something happens next.
    pub(super) fn next_at(&self) -> Time {
        self.schedule.first_key_value().map_or(Time::NEVER, |((at, _), _)| *at)
    }

    pub(super) fn chance(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.rng.random_range(0..1000) < per_mille
    }

    pub(super) fn settle(&mut self) {
        while let Some(((at, _), act)) = self.schedule.pop_first() {
            self.now = self.now.max(at);
            self.act(act);
        }
    }

    /// Puts `item` on the ready list, where each is once.
    pub(super) fn list(&mut self, item: Item) {
        if !self.ready.contains(&item) {
            self.ready.push_back(item);
        }
    }

    pub(super) fn act_what_is_due(&mut self) {
        while let Some(next) = self.schedule.first_entry()
            && next.key().0 <= self.now
        {
            let act = next.remove();
            self.act(act);
        }
    }

    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Connect(id) => self.connect(id),
            Act::Go(id) => self.go(id),
            Act::Deliver(id) => self.deliver(id),
            Act::Relieve(id) => self.tell_of_room(id),
            Act::Resume(id) => self.resume(id),
            Act::LookAtProgress(id) => self.look_at_progress(id),
            Act::FreeDescriptors => self.faults.descriptors = None,
            Act::Checked => self.finish_check(),
            Act::StandStill(calls, lasts) => self.standstills.plan(calls, lasts),
            Act::Stop => {
                self.stop.store(true, Ordering::Release);
                self.stopped_at.get_or_insert(self.now);
                self.list(Item::Waker);
            }
            Act::Signal(signal) => {
                if signal == Signal::Stop {
                    self.stopped_at.get_or_insert(self.now);
                }
                if !self.signals.contains(&signal) {
                    self.signals.push_back(signal);
                }
                self.list(Item::Signal);
            }
        }
    }

    /// The loop goes to sleep: what it can do now must be done, for no edge will tell it again.
    pub(super) fn look_at_sleeper(&mut self, until: Time) {
        // After it ran out of descriptors it looks again by itself.
        let looks = until <= self.now + Duration::from_millis(250);
        for at in 0..self.listeners.len() {
            let nobody = self.listeners[at].backlog.is_empty();
            if !nobody && !looks && !self.ready.contains(&Item::Listener(at)) {
                self.wrong(None, &format!("somebody waits for accept at listener {at}"));
            }
        }
        let all_known = self.checks_logins || self.protocol.service != Service::Login;
        if !all_known {
            return;
        }
        // Somebody may wait for a check, and who that is can't be told from here.
        let all_checked = self.checks.have_room();
        for id in 0..self.sockets.len() {
            let socket = &self.sockets[id];
            if !socket.is_watched() {
                continue;
            }
            let forgotten = || socket.is_forgotten(|| self.owed(socket));
            let what = match socket.has_unseen_error() {
                true => Some("there is an error that it has not seen"),
                false => all_checked.then(forgotten).flatten(),
            };
            if let Some(what) = what {
                self.wrong(Some(id), &format!("the loop sleeps, but {what}"));
            }
        }
    }

    /// What the server owes for what it has heard, less what the kernel has.
    fn owed(&self, socket: &Socket) -> usize {
        let transcript = &socket.transcript;
        if transcript.left_at.is_some() {
            // Whether that was too soon, its client will see.
            return 0;
        }
        let taken = transcript.taken.len();
        let nonce = &transcript.taken[..taken.min(self.nonce_len)];
        let (heard, ended) = (transcript.heard(), transcript.end_heard);
        let known = Heard { bytes: heard.len(), end: ended, nonce: nonce.len() };
        let owed = match socket.owed.get() {
            Some((of, owed)) if of == known => owed,
            _ => owed::owed(
                &self.protocol,
                &self.checks.users,
                (nonce, self.nonce_len),
                heard,
                ended,
                socket.client.proxied,
            ),
        };
        socket.owed.set(Some((known, owed)));
        owed.saturating_sub(taken)
    }
}

//! An event loop over a simulated network, turned by a test.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use sockmodes::auth::Scheme;
use sockmodes::observe::{Detail, Event, Events, Observer, Record};
use sockmodes::server::network::Wakeup;
use sockmodes::server::{Config, EventLoop, Outcome};
use sockmodes::session::{Protocol, Reason, Service};

use super::entry;
use super::sim::client::Client;
use super::sim::verifier::SimVerifier;
use super::sim::{Faults, SimNetwork, Terms, World, world};

/// A loop, the world around it, and what the loop told of itself.
pub(crate) struct Drive {
    pub(crate) event_loop: EventLoop<SimNetwork>,
    pub(crate) world: Rc<RefCell<World>>,
    pub(crate) outcome: Option<Outcome>,
    found: Vec<Wakeup>,
    told: Arc<Mutex<Vec<Record>>>,
}

/// What the loop told of the end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) number: u64,
    pub(crate) reason: Reason,
    pub(crate) let_in: bool,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

struct Listener(Detail, Arc<Mutex<Vec<Record>>>);

impl Observer for Listener {
    fn detail(&self) -> Detail {
        self.0
    }

    fn observe(&mut self, record: &Record) {
        self.1.lock().expect("nobody panics with it").push(record.clone());
    }
}

/// A size for [`Config::max_buffer`].
pub(crate) fn buffer(bytes: usize) -> NonZeroUsize {
    NonZeroUsize::new(bytes).expect("a test has some")
}

/// The usual config for `scheme` and `service`, with nonces of 16 bytes.
pub(crate) fn config(scheme: Option<Scheme>, service: Service) -> Config {
    let protocol = Protocol::new(entry(scheme, 16), service);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut config = Config::new(vec![address], protocol);
    // The clients share a few addresses, and one does not pay for another unless that is the subject.
    config.penalties = None;
    config
}

impl Drive {
    /// A loop that serves as `config` says, in a world of `seed` and `faults`.
    pub(crate) fn new(seed: u64, config: Config, faults: Faults, detail: Detail) -> Drive {
        let scheme = config.protocol.entry.scheme();
        let terms = Terms {
            scheme,
            service: config.protocol.service,
            nonce_len: if scheme.is_none() { 0 } else { 16 },
            write_timeout: config.write_timeout.duration().expect("the simulated kernel has one"),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let (world, network) = world(seed, terms, faults, stop.clone());
        let told = Arc::new(Mutex::new(Vec::new()));
        let mut events = Events::default();
        events.add(Box::new(Listener(detail, told.clone())));
        let event_loop = EventLoop::new(network, config, events, stop)
            .with_verifier(Box::new(SimVerifier(world.clone())));
        Drive { event_loop, world, outcome: None, found: Vec::new(), told }
    }

    /// Adds a client that connects at once; its place among the sockets.
    pub(crate) fn connect(&self, client: Client) -> usize {
        self.world.borrow_mut().add(client, std::time::Duration::ZERO)
    }

    /// One turn of the loop.
    pub(crate) fn turn(&mut self) {
        self.outcome = self.event_loop.turn(&mut self.found).expect("waiting never fails here");
    }

    /// Turns until every connection is over, or the loop has stopped; at most `most` times, for a
    /// loop that spins is wrong.
    pub(crate) fn run(&mut self, most: usize) {
        self.run_watched(most, |_| {});
    }

    /// As [`run`](Drive::run), with a look at everything after each turn.
    pub(crate) fn run_watched(&mut self, most: usize, mut look: impl FnMut(&mut Drive)) {
        for _ in 0..most {
            if self.outcome.is_some() || self.is_over() {
                self.world.borrow_mut().settle();
                return;
            }
            self.turn();
            look(self);
        }
        panic!("after {most} turns it is not over");
    }

    fn is_over(&self) -> bool {
        self.event_loop.connections() == 0 && self.world.borrow().sockets.iter().all(|s| s.gone)
    }

    /// What the loop has told so far.
    pub(crate) fn told(&self) -> Vec<Record> {
        self.told.lock().expect("nobody panics with it").clone()
    }

    /// What the loop has told of connections that ended, in that order.
    pub(crate) fn endings(&self) -> Vec<Told> {
        let told = self.told.lock().expect("nobody panics with it");
        let ending = |record: &Record| {
            let number = record.connection?;
            match record.event {
                Event::Closed { reason, let_in, received, sent, .. } => {
                    Some(Told { number, reason, let_in, received, sent })
                }
                Event::Refused { reason, .. } => {
                    Some(Told { number, reason, let_in: false, received: 0, sent: 0 })
                }
                _ => None,
            }
        };
        told.iter().filter_map(ending).collect()
    }

    /// The reason with which the connection of the client at `id` ended.
    pub(crate) fn reason(&self, id: usize) -> Reason {
        let number = self.world.borrow().sockets[id].record.number;
        let ending = self.endings().into_iter().find(|told| told.number == number);
        ending.unwrap_or_else(|| panic!("connection {number} has not ended")).reason
    }

    /// What the client at `id` got after the nonce.
    pub(crate) fn got(&self, id: usize) -> Vec<u8> {
        let world = self.world.borrow();
        let got = &world.sockets[id].client.got;
        got[world.terms.nonce_len.min(got.len())..].to_vec()
    }
}

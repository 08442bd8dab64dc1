//! What stands between the loop and its simulated network: it looks on, and where a rule is broken, it lies.
//!
//! The loop is the real one, and keeps all its rules. For each that is broken it is told what makes it do
//! what a loop without that rule would do. Never here: the words for the rules (see `rule.rs`).

mod stream;

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use self::stream::LyingStream;
use super::rule::Rule;
use super::witness::Witness;
use crate::server::network::{Errno, Network, Readiness, Signal, Token, Wakeup};
use crate::session::Time;
use crate::sim::{SimFound, SimNetwork};

/// Where readiness is a level, the loop never sleeps. The clock has to go on all the same: a turn for
/// nothing takes so long.
const IDLE_TURN: Duration = Duration::from_millis(1);

/// How many bits of a token are the place.
const KEY_BITS: u32 = usize::BITS / 2;

/// A network that lies about another.
pub(super) struct Liar {
    network: SimNetwork,
    lies: Lies,
}

/// What a wait has found, or what the loop is told of it.
#[derive(Default)]
pub(super) struct LyingFound {
    found: SimFound,
    told: Vec<Wakeup>,
}

/// What the liar, its streams and its verifier know together.
#[derive(Clone)]
pub(super) struct Lies(Rc<RefCell<Known>>);

/// There are few connections: lists are looked through as quickly as anything else.
pub(super) struct Known {
    broken: Vec<Rule>,
    pub(super) witness: Witness,
    /// Who has each place now.
    current: Vec<(usize, Token)>,
    /// Connections that are closed, for each of which an edge is still to come.
    late: Vec<Token>,
    /// Connections that are taken to have ended.
    ended: Vec<Token>,
    /// Connections with a short write that was not made good yet.
    pausing: Vec<Token>,
    /// Connections that are not read from until an edge says that they are readable.
    deaf: Vec<Token>,
}

impl Lies {
    pub(super) fn new(broken: &[Rule], witness: Witness) -> Lies {
        Lies(Rc::new(RefCell::new(Known {
            broken: broken.to_vec(),
            witness,
            current: Vec::new(),
            late: Vec::new(),
            ended: Vec::new(),
            pausing: Vec::new(),
            deaf: Vec::new(),
        })))
    }

    /// The inside; nobody keeps it beyond one call.
    pub(super) fn known(&self) -> RefMut<'_, Known> {
        self.0.borrow_mut()
    }

    /// The same, for what is dropped while a panic unwinds through somebody who has it.
    fn try_known(&self) -> Option<RefMut<'_, Known>> {
        self.0.try_borrow_mut().ok()
    }
}

impl Liar {
    pub(super) fn new(network: SimNetwork, lies: Lies) -> Liar {
        Liar { network, lies }
    }

    /// For levels in place of edges: whatever is ready is reported, as often as somebody asks.
    fn wait_for_levels(&mut self, until: Time, found: &mut SimFound) -> Result<Time, Errno> {
        if self.network.levels().is_empty() {
            return self.network.wait(until, found);
        }
        let soon = self.network.now() + IDLE_TURN;
        self.network.wait(until.min(soon), found)
    }
}

impl Known {
    pub(super) fn breaks(&self, rule: Rule) -> bool {
        self.broken.contains(&rule)
    }

    /// What the loop is told in place of `wakeup`, if anything.
    fn bend(&mut self, wakeup: Wakeup) -> Option<Wakeup> {
        let Wakeup::Ready { token, mut readiness } = wakeup else { return Some(wakeup) };
        if readiness.contains(Readiness::FAILED) {
            return Some(Wakeup::Ready { token, readiness });
        }
        if self.breaks(Rule::End) {
            readiness.remove(Readiness::READ_CLOSED);
        }
        if self.pausing.contains(&token) {
            readiness.remove(Readiness::READABLE | Readiness::READ_CLOSED);
        } else if readiness.contains(Readiness::READABLE) {
            self.deaf.retain(|deaf| *deaf != token);
        }
        (!readiness.is_empty()).then_some(Wakeup::Ready { token, readiness })
    }

    fn take_place(&mut self, token: Token) {
        self.current.retain(|(place, _)| *place != key(token));
        self.current.push((key(token), token));
    }

    /// The edges that come late, for connections that are closed: without generations they reach whoever has
    /// the place by now, and say that it has ended.
    fn late_edges(&mut self) -> Vec<Wakeup> {
        let mut edges = Vec::new();
        for gone in std::mem::take(&mut self.late) {
            let here = self.current.iter().find(|(place, _)| *place == key(gone));
            let Some((_, here)) = here.filter(|(_, here)| *here != gone).copied() else {
                self.late.push(gone);
                continue;
            };
            let what = format!(
                "the last edge of connection {}, which has ended, reaches this one",
                number(gone)
            );
            self.witness.note(number(here), what);
            self.ended.push(here);
            let readiness = Readiness::READABLE | Readiness::READ_CLOSED;
            edges.push(Wakeup::Ready { token: here, readiness });
        }
        edges
    }
}

/// The place that `token` names.
fn key(token: Token) -> usize {
    token.0 & ((1 << KEY_BITS) - 1)
}

/// The number of the connection that `token` was made for: there are too few here for it to be cut.
fn number(token: Token) -> u64 {
    (token.0 >> KEY_BITS) as u64
}

impl Network for Liar {
    type Stream = LyingStream;
    type Found = LyingFound;

    fn now(&self) -> Time {
        self.network.now()
    }

    fn random(&mut self, bytes: &mut [u8]) {
        self.network.random(bytes);
    }

    fn wait(&mut self, until: Time, found: &mut LyingFound) -> Result<Time, Errno> {
        let has_levels = self.lies.known().breaks(Rule::Edges);
        let waited = match has_levels {
            true => self.wait_for_levels(until, &mut found.found),
            false => self.network.wait(until, &mut found.found),
        };
        let mut known = self.lies.known();
        known.witness.look_after_wait();
        let heard: Vec<_> = SimNetwork::wakeups(&found.found).collect();
        found.told = heard.into_iter().filter_map(|wakeup| known.bend(wakeup)).collect();
        if known.breaks(Rule::Generation) && waited.is_ok() {
            found.told.extend(known.late_edges());
        }
        if has_levels {
            let is_ready = |wakeup: &Wakeup| matches!(wakeup, Wakeup::Ready { .. });
            found.told.retain(|wakeup| !is_ready(wakeup));
            found.told.extend(self.network.levels());
        }
        waited
    }

    fn wakeups(found: &LyingFound) -> impl Iterator<Item = Wakeup> {
        found.told.iter().copied()
    }

    fn is_whole(found: &LyingFound) -> bool {
        SimNetwork::is_whole(&found.found)
    }

    fn take_signal(&mut self) -> Option<Signal> {
        self.network.take_signal()
    }

    fn accept(&mut self, listener: usize) -> Result<(LyingStream, SocketAddr), Errno> {
        let accepted = self.network.accept(listener);
        self.lies.known().witness.look();
        let (stream, peer) = accepted?;
        Ok((LyingStream::new(stream, self.lies.clone()), peer))
    }

    fn register(&mut self, stream: &mut LyingStream, token: Token) -> Result<(), Errno> {
        self.lies.known().take_place(token);
        stream.register(&mut self.network, token)
    }

    fn close_listeners(&mut self) {
        self.network.close_listeners();
    }
}

impl fmt::Debug for Liar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Liar({:?})", self.network)
    }
}

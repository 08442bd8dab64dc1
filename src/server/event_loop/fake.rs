//! A network for the loop's own tests: it gives what the test has put into it, call by call.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use super::EventLoop;
use crate::auth::Entry;
use crate::observe::{Detail, Event, Events, Observer, Record};
use crate::server::network::{Errno, Network, Signal, Stream, Token, Wakeup};
use crate::server::{Config, Limits};
use crate::session::{Protocol, Reason, Service, Time};

/// Nobody is in it but who is put there, and its time is what it is set to.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) now: Time,
    /// What the next waits find.
    pub(super) found: VecDeque<Vec<Wakeup>>,
    /// The waits that found so much say that they had no room for the rest.
    pub(super) room: Option<usize>,
    /// What the next accepts give, at any listener; after them there is nobody.
    pub(super) accepts: VecDeque<Result<Peer, Errno>>,
    /// The listeners that were asked.
    pub(super) asked: Vec<usize>,
    /// What accept fails with, for ever.
    pub(super) failing: Option<Errno>,
    /// Why nobody can be registered.
    pub(super) unregistered: Option<Errno>,
    /// Signals that have come.
    pub(super) signals: VecDeque<Signal>,
    /// The listeners are closed.
    pub(super) closed: bool,
}

/// What a wait gave.
#[derive(Default)]
pub(super) struct Found {
    wakeups: Vec<Wakeup>,
    is_full: bool,
}

/// A peer who takes answers.
#[derive(Default)]
pub(super) struct Peer {
    /// What the next reads give; after them, nothing for now.
    pub(super) reads: VecDeque<Result<Vec<u8>, Errno>>,
    /// It sends as much as anybody reads, this byte again and again.
    pub(super) is_endless: bool,
    pub(super) fill: u8,
    /// What SO_ERROR says.
    pub(super) error: Option<Errno>,
}

impl Peer {
    pub(super) fn sends(bytes: &[u8]) -> Peer {
        Peer { reads: [Ok(bytes.to_vec())].into(), ..Peer::default() }
    }

    pub(super) fn fails(errno: Errno) -> Peer {
        Peer { reads: [Err(errno)].into(), ..Peer::default() }
    }
}

impl Network for Fake {
    type Stream = Peer;
    type Found = Found;

    fn now(&self) -> Time {
        self.now
    }

    fn random(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }

    fn wait(&mut self, _: Time, found: &mut Found) -> Result<Time, Errno> {
        found.wakeups = self.found.pop_front().unwrap_or_default();
        found.is_full = Some(found.wakeups.len()) == self.room;
        Ok(self.now)
    }

    fn wakeups(found: &Found) -> impl Iterator<Item = Wakeup> {
        found.wakeups.iter().copied()
    }

    fn is_whole(found: &Found) -> bool {
        !found.is_full
    }

    fn take_signal(&mut self) -> Option<Signal> {
        self.signals.pop_front()
    }

    fn accept(&mut self, listener: usize) -> Result<(Peer, SocketAddr), Errno> {
        self.asked.push(listener);
        self.failing.map_or(Ok(()), Err)?;
        let peer = self.accepts.pop_front().unwrap_or(Err(Errno::AGAIN))?;
        Ok((peer, ([127, 0, 0, 1], 1).into()))
    }

    fn register(&mut self, _: &mut Peer, _: Token) -> Result<(), Errno> {
        self.unregistered.map_or(Ok(()), Err)
    }

    fn close_listeners(&mut self) {
        self.closed = true;
    }
}

impl Stream for Peer {
    fn recv(&mut self, buffer: &mut [u8]) -> Result<usize, Errno> {
        if self.is_endless {
            buffer.fill(self.fill);
            return Ok(buffer.len());
        }
        let bytes = self.reads.pop_front().unwrap_or(Err(Errno::AGAIN))?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        Ok(bytes.len())
    }

    fn shut_down_sending(&mut self) -> Result<(), Errno> {
        Ok(())
    }

    fn has_sent_all(&mut self) -> bool {
        true
    }

    fn has_unread(&mut self) -> bool {
        self.is_endless || matches!(self.reads.front(), Some(Ok(bytes)) if !bytes.is_empty())
    }

    fn take_error(&mut self) -> Option<Errno> {
        self.error.take()
    }
}

/// What a loop has told so far.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<Vec<Event>>>);

impl Told {
    pub(super) fn count(&self, like: fn(&Event) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|event| like(event)).count()
    }

    /// How many bytes were read from all.
    pub(super) fn received(&self) -> usize {
        let bytes = |event: &Event| match event {
            Event::Received { result, .. } => result.unwrap_or(0),
            _ => 0,
        };
        self.0.lock().unwrap().iter().map(bytes).sum()
    }

    /// Why connections were closed, in that order.
    pub(super) fn closed(&self) -> Vec<Reason> {
        let reason = |event: &Event| match event {
            Event::Closed { reason, .. } => Some(*reason),
            _ => None,
        };
        self.0.lock().unwrap().iter().filter_map(reason).collect()
    }
}

impl Observer for Told {
    fn detail(&self) -> Detail {
        Detail::Calls
    }

    fn observe(&mut self, record: &Record) {
        self.0.lock().unwrap().push(record.event.clone());
    }
}

/// A config that lets in whoever comes, as many as come.
pub(super) fn config(service: Service) -> Config {
    let protocol = Protocol::new(Entry::Open, service);
    let mut config = Config::new(vec![([127, 0, 0, 1], 0).into()], protocol);
    config.limits = Limits::NONE;
    config.penalties = None;
    config
}

/// A loop over `network`, and what it tells.
pub(super) fn event_loop(network: Fake, config: Config) -> (EventLoop<Fake>, Told) {
    let (told, mut events) = (Told::default(), Events::default());
    events.add(Box::new(told.clone()));
    (EventLoop::new(network, config, events, Arc::default()), told)
}

//! The simulated network in the loop's own terms: the two traits where it meets the operating system.

use std::fmt;
use std::net::SocketAddr;

use rand::{Rng, RngExt};

use super::World;
use super::faults::Faults;
use super::socket::Socket;
use super::state::{Item, State, source};
use crate::server::network::{Errno, Network, Signal, Stream, Token, Wakeup};
use crate::session::Time;

/// The most that one wait reports, as the real network has it.
const EVENTS: usize = 512;

/// A simulated network, as a loop holds it: see [`World::network`].
pub struct SimNetwork(pub(super) World);

/// A connection that was accepted in a simulated network, as a loop holds it.
pub struct SimStream {
    world: World,
    id: usize,
}

/// What a wait on a simulated network has found.
#[derive(Clone, Debug, Default)]
pub struct SimFound {
    wakeups: Vec<Wakeup>,
    /// Something that was ready is still to be reported.
    has_more: bool,
}

impl Network for SimNetwork {
    type Stream = SimStream;
    type Found = SimFound;

    fn now(&self) -> Time {
        self.0.now()
    }

    fn random(&mut self, bytes: &mut [u8]) {
        self.0.state().nonces.fill_bytes(bytes);
    }

    fn wait(&mut self, until: Time, found: &mut SimFound) -> Result<Time, Errno> {
        found.wakeups.clear();
        let state = &mut *self.0.state();
        state.calls.waits += 1;
        if state.is_time_to_look() && until > state.now {
            state.look_at_sleeper(until);
        }
        // What was planned for later in the turn: the turn is over.
        state.stand_still_if_planned();
        loop {
            state.act_what_is_due();
            if state.stands_still_in_wait() && state.rng.random_bool(0.5) {
                state.calls.interrupted += 1;
                return Err(Errno::INTR);
            }
            state.report(&mut found.wakeups);
            found.has_more = !state.ready.is_empty();
            if !found.wakeups.is_empty() || until <= state.now {
                state.begin_turn();
                return Ok(state.now);
            }
            let next = state.next_at().min(until);
            if next == Time::NEVER {
                state.wait_for_ever();
                // There is no waiting for that.
                return Err(Errno::IO);
            }
            state.now = next;
        }
    }

    fn wakeups(found: &SimFound) -> impl Iterator<Item = Wakeup> {
        found.wakeups.iter().copied()
    }

    fn is_whole(found: &SimFound) -> bool {
        !found.has_more
    }

    fn take_signal(&mut self) -> Option<Signal> {
        self.0.state().signals.pop_front()
    }

    fn accept(&mut self, listener: usize) -> Result<(SimStream, SocketAddr), Errno> {
        let id = self.0.state().accept(listener)?;
        Ok((SimStream { world: self.0.clone(), id }, source(id)))
    }

    fn register(&mut self, stream: &mut SimStream, token: Token) -> Result<(), Errno> {
        let state = &mut *self.0.state();
        state.calls.registers += 1;
        state.register(stream.id, token);
        Ok(())
    }

    fn close_listeners(&mut self) {
        let state = &mut *self.0.state();
        state.listening_until = Some(state.turn_at);
        let waiting: Vec<_> = state.listeners.drain(..).flat_map(|it| it.backlog).collect();
        for id in waiting {
            state.break_off(id, Errno::CONNRESET);
            state.leave(id);
        }
    }
}

impl SimNetwork {
    /// What waits would report, again and again, if readiness were a level: each connection that is ready
    /// for something, whether that has changed or not.
    pub fn levels(&self) -> Vec<Wakeup> {
        self.0.state().sockets.iter_mut().filter_map(Socket::readiness).collect()
    }
}

impl State {
    /// Reports what is on the ready list, each with the readiness that it has now, as epoll_wait does.
    fn report(&mut self, wakeups: &mut Vec<Wakeup>) {
        let few = self.faults.few_events;
        let most = if self.chance(few) { self.rng.random_range(1..4) } else { EVENTS };
        while wakeups.len() < most
            && let Some(item) = self.ready.pop_front()
        {
            match item {
                Item::Listener(at) if self.listening_until.is_none() && self.is_acceptable(at) => {
                    wakeups.push(Wakeup::Acceptable(at));
                }
                Item::Listener(_) => {}
                Item::Waker => wakeups.push(Wakeup::Woken),
                Item::Signal => wakeups.push(Wakeup::Signalled),
                Item::Socket(id) => {
                    let socket = &mut self.sockets[id];
                    socket.listed = false;
                    wakeups.extend(socket.readiness());
                }
            }
        }
        if !self.ready.is_empty() {
            // What is reported beside the list takes nobody's place on it.
            return;
        }
        let Faults { spurious, stale, .. } = self.faults;
        if !self.sockets.is_empty() && self.chance(spurious) {
            let id = self.rng.random_range(0..self.sockets.len());
            wakeups.extend(self.sockets[id].spurious());
        }
        if !self.sockets.is_empty() && self.chance(stale) {
            let id = self.rng.random_range(0..self.sockets.len());
            wakeups.extend(self.sockets[id].stale());
        }
    }
}

impl Stream for SimStream {
    fn recv(&mut self, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.world.state().recv(self.id, buffer)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        self.world.state().send(self.id, bytes)
    }

    fn shut_down_sending(&mut self) -> Result<(), Errno> {
        self.world.state().shut_down_sending(self.id)
    }

    fn has_sent_all(&mut self) -> bool {
        self.world.state().has_sent_all(self.id)
    }

    fn has_unread(&mut self) -> bool {
        self.world.state().has_unread(self.id)
    }

    fn take_error(&mut self) -> Option<Errno> {
        self.world.state().sockets[self.id].error.take()
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        if let Some(mut state) = self.world.try_state() {
            state.open -= 1;
            state.close(self.id);
        }
    }
}

impl fmt::Debug for SimNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimNetwork({:?})", self.0)
    }
}

impl fmt::Debug for SimStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimStream({})", self.id)
    }
}

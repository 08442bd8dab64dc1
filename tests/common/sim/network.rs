//! The simulated network in the loop's own terms: the two traits where it meets the operating system.

use std::cmp::Reverse;
use std::net::{Ipv4Addr, SocketAddr};

use rand::{Rng, RngExt};
use sockmodes::server::network::{Errno, Network, Signal, Stream, Token, Wakeup};
use sockmodes::session::Time;

use super::{Faults, Item, SimNetwork, SimStream, World};

impl Network for SimNetwork {
    type Stream = SimStream;
    type Found = Vec<Wakeup>;

    fn now(&self) -> Time {
        self.0.borrow().now
    }

    fn random(&mut self, bytes: &mut [u8]) {
        self.0.borrow_mut().nonces.fill_bytes(bytes);
    }

    fn wait(&mut self, until: Time, found: &mut Vec<Wakeup>) -> Result<Time, Errno> {
        found.clear();
        let world = &mut *self.0.borrow_mut();
        world.calls.waits += 1;
        if world.calls.waits.is_multiple_of(world.look_every) && until > world.now {
            world.look_at_sleeper(until);
        }
        loop {
            world.act_what_is_due();
            world.report(found);
            let next = world.schedule.peek().map_or(Time::NEVER, |Reverse((at, _, _))| *at);
            if !found.is_empty() || until <= world.now {
                return Ok(world.now);
            }
            let next = next.min(until);
            if next == Time::NEVER {
                let left: Vec<_> = world.sockets.iter().filter(|socket| !socket.gone).collect();
                panic!("the loop waits for ever, and nothing will happen: {left:?}");
            }
            world.now = next;
        }
    }

    fn wakeups(found: &Vec<Wakeup>) -> impl Iterator<Item = Wakeup> {
        found.iter().copied()
    }

    fn take_signal(&mut self) -> Option<Signal> {
        std::mem::take(&mut self.0.borrow_mut().signalled).then_some(Signal::Stop)
    }

    fn accept(&mut self, listener: usize) -> Result<(SimStream, SocketAddr), Errno> {
        assert_eq!(listener, 0, "there is one listener");
        let id = self.0.borrow_mut().accept()?;
        // Few sources, so that a limit on one of them can be met.
        let peer = (Ipv4Addr::new(192, 0, 2, (id / 2 % 5) as u8), 1024 + id as u16 % 50_000);
        Ok((SimStream { world: self.0.clone(), id }, peer.into()))
    }

    fn register(&mut self, stream: &mut SimStream, token: Token) -> Result<(), Errno> {
        let world = &mut *self.0.borrow_mut();
        world.calls.registers += 1;
        world.register(stream.id, token);
        Ok(())
    }

    fn close_listeners(&mut self) {
        let world = &mut *self.0.borrow_mut();
        world.listening = false;
        while let Some(id) = world.backlog.pop_front() {
            world.break_off(id, Errno::CONNRESET);
            world.sockets[id].gone = true;
        }
    }
}

impl World {
    /// Reports what is on the ready list, each with the readiness that it has now, as epoll_wait does.
    fn report(&mut self, wakeups: &mut Vec<Wakeup>) {
        let few = self.faults.few_events;
        let most = if self.chance(few) { self.rng.random_range(1..4) } else { 512 };
        while wakeups.len() < most
            && let Some(item) = self.ready.pop_front()
        {
            match item {
                Item::Listener if self.backlog.is_empty() => {}
                Item::Listener => wakeups.push(Wakeup::Acceptable(0)),
                Item::Waker => wakeups.push(Wakeup::Woken),
                Item::Signal => wakeups.push(Wakeup::Signalled),
                Item::Socket(id) => {
                    let socket = &mut self.sockets[id];
                    socket.listed = false;
                    wakeups.extend(socket.readiness());
                }
            }
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
        self.world.borrow_mut().recv(self.id, buffer)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        self.world.borrow_mut().send(self.id, bytes)
    }

    fn shut_down_sending(&mut self) -> Result<(), Errno> {
        self.world.borrow_mut().shut_down_sending(self.id)
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        // A test that panics may have the world still borrowed.
        if let Ok(mut world) = self.world.try_borrow_mut() {
            world.open -= 1;
            world.close(self.id);
        }
    }
}

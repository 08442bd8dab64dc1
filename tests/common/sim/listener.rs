//! The listener: who connects, who waits, and what `accept` makes of them.

use std::io;

use rand::RngExt;
use sockmodes::server::network::Errno;

use super::client::End;
use super::{Faults, Item, World};

/// The way in.
impl World {
    pub(super) fn connect(&mut self, id: usize) {
        if !self.listening {
            self.sockets[id].client.end = Some(End::Refused);
            self.sockets[id].gone = true;
            return;
        }
        self.backlog.push_back(id);
        if self.listener_armed || !self.faults.sparing {
            self.listener_armed = false;
            self.list(Item::Listener);
        }
        if self.terms.scheme.is_none() {
            self.start(id);
        }
    }

    pub(super) fn accept(&mut self) -> io::Result<usize> {
        self.calls.accepts += 1;
        assert!(self.listening, "accept on a listener that is closed");
        let Faults { interrupted, aborted, descriptors, .. } = self.faults;
        if self.chance(interrupted) {
            return Err(Errno::INTR.into());
        }
        // Linux takes the descriptor first, and fails even if nobody waits.
        if descriptors.is_some_and(|most| self.open >= most) {
            let process = self.rng.random_bool(0.5);
            return Err(if process { Errno::MFILE } else { Errno::NFILE }.into());
        }
        let Some(id) = self.backlog.pop_front() else {
            self.listener_armed = true;
            return Err(Errno::AGAIN.into());
        };
        if self.sockets[id].is_broken() && self.rng.random_bool(0.5) || self.chance(aborted) {
            self.break_off(id, Errno::CONNRESET);
            self.sockets[id].gone = true;
            return Err(Errno::CONNABORTED.into());
        }
        self.open += 1;
        self.accepted += 1;
        self.sockets[id].accepted(self.accepted, self.now);
        Ok(id)
    }
}

//! The listener: who connects, who waits, and what `accept` makes of them.

use rand::RngExt;

use super::client::End;
use super::faults::Faults;
use super::state::{Item, State};
use crate::server::network::Errno;

/// The way in.
impl State {
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
        self.introduce(id);
        if self.key.is_none() && !self.sockets[id].client.started {
            self.start(id);
        }
    }

    pub(super) fn accept(&mut self) -> Result<usize, Errno> {
        self.calls.accepts += 1;
        assert!(self.listening, "accept on a listener that is closed");
        let Faults { interrupted, aborted, descriptors, .. } = self.faults;
        if self.chance(interrupted) {
            return Err(Errno::INTR);
        }
        // Linux takes the descriptor first, and fails even if nobody waits.
        if descriptors.is_some_and(|most| self.open >= most) {
            let process = self.rng.random_bool(0.5);
            return Err(if process { Errno::MFILE } else { Errno::NFILE });
        }
        let Some(id) = self.backlog.pop_front() else {
            self.listener_armed = true;
            return Err(Errno::AGAIN);
        };
        if self.sockets[id].broken && self.rng.random_bool(0.5) || self.chance(aborted) {
            self.break_off(id, Errno::CONNRESET);
            self.sockets[id].gone = true;
            return Err(Errno::CONNABORTED);
        }
        self.open += 1;
        self.accepted += 1;
        self.sockets[id].accepted(self.accepted, self.now);
        Ok(id)
    }
}

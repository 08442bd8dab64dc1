//! What no loop may do, and one did: a panic, or a note of it for whoever wants to see what comes of it.
//!
//! Never here: what is wrong, which those find who see it.

use super::World;
use super::state::State;
use crate::session::Time;

/// What no loop may do, and this one did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wrong {
    /// When, on the world's clock.
    pub at: Time,
    /// To which connection, by the loop's number for it; `None`: to nobody in particular.
    pub connection: Option<u64>,
    /// What.
    pub what: String,
}

/// What becomes of it.
#[derive(Default)]
pub(super) struct Wrongs {
    /// `None`: a panic.
    noted: Option<Vec<Wrong>>,
    /// It waits for ever, and was told so.
    is_stuck: bool,
}

impl World {
    /// From now on there is no panic where a loop does what no loop may: it is noted, and the loop goes on.
    /// For a loop that is deceived on purpose, by something between it and its network. One that waits for ever is
    /// told that waiting fails, which ends it ([`is_stuck`](World::is_stuck)).
    pub fn put_up_with_wrongs(&self) {
        self.state().wrongs.noted.get_or_insert_default();
    }

    /// Takes what was noted since this was last called, in order.
    pub fn take_wrongs(&self) -> Vec<Wrong> {
        self.state().wrongs.noted.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether the loop waited for ever, and nothing would have happened any more.
    pub fn is_stuck(&self) -> bool {
        self.state().wrongs.is_stuck
    }
}

impl State {
    /// The loop has done `what`, to the connection of the client at `id` if it is about one.
    pub(super) fn wrong(&mut self, id: Option<usize>, what: &str) {
        let socket = id.map(|id| &self.sockets[id]);
        let Some(noted) = &mut self.wrongs.noted else {
            panic!("at {:?} {what}: {socket:?}", self.now);
        };
        let connection = socket.map(|socket| socket.transcript.number);
        noted.push(Wrong { at: self.now, connection, what: what.to_owned() });
    }

    /// The loop waits for ever, and nothing will happen.
    pub(super) fn wait_for_ever(&mut self) {
        let left = (0..self.sockets.len()).find(|id| !self.sockets[*id].gone);
        self.wrong(left, "the loop waits for ever, and nothing will happen");
        self.wrongs.is_stuck = true;
    }
}

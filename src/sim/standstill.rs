//! The server's process stands still, as by SIGSTOP, in a debugger, or on a machine that sleeps: its clock
//! goes on, and so does its kernel, which takes in what clients send.
//!
//! Never here: what a loop should make of it.

use std::time::Duration;

use super::state::{Act, State};
use crate::session::Time;

/// When the process stood still, and when it will.
#[derive(Default)]
pub(super) struct Standstills {
    /// After so many more calls, for so long.
    planned: Option<(u32, Duration)>,
    /// From when until when, in order.
    pub(super) over: Vec<(Time, Time)>,
}

impl Standstills {
    pub(super) fn plan(&mut self, calls: u32, lasts: Duration) {
        self.planned = Some((calls, lasts));
    }
}

impl Act {
    /// Whether it is the process itself that does it: its other threads stand still as well, and a
    /// signal reaches it only afterwards.
    fn is_of_the_process(self) -> bool {
        matches!(self, Act::Checked | Act::Stop | Act::Signal(_))
    }
}

impl State {
    /// A call of the process begins, in the middle of a turn: it may be the one to stand still in.
    pub(super) fn count_call(&mut self) {
        if let Some((calls, _)) = &mut self.standstills.planned {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                self.stand_still_if_planned();
            }
        }
    }

    /// The process waits: it stands still if that is planned for now. Returns whether it did.
    pub(super) fn stands_still_in_wait(&mut self) -> bool {
        let now = matches!(self.standstills.planned, Some((0, _)));
        if now {
            self.stand_still_if_planned();
        }
        now
    }

    /// It stands still now if it is to stand still at all.
    pub(super) fn stand_still_if_planned(&mut self) {
        if let Some((_, lasts)) = self.standstills.planned.take() {
            self.stand_still(lasts);
        }
    }

    fn stand_still(&mut self, lasts: Duration) {
        let (from, until) = (self.now, self.now + lasts);
        let mut put_off = Vec::new();
        while let Some(next) = self.schedule.first_entry()
            && next.key().0 <= until
        {
            let ((at, _), act) = next.remove_entry();
            if act.is_of_the_process() {
                put_off.push(act);
            } else {
                self.now = self.now.max(at);
                self.act(act);
            }
        }
        self.now = until;
        put_off.into_iter().for_each(|act| self.after(Duration::ZERO, act));
        self.standstills.over.push((from, until));
    }
}

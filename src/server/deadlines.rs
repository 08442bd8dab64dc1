//! When each connection has to be looked at again: a queue for each kind of deadline.
//!
//! All deadlines of one kind last equally long, so they fall due in the order in which they are set,
//! and a queue needs no sorting: to set, to move and to remove one costs the same with ten
//! connections and with a million. The queues are linked lists whose links lie in one array, at
//! the place that the connection has in the slab. Nothing here reads a clock.

use crate::session::{Time, Timer};

/// How many kinds of deadline there are; the first links are the ends of their queues.
const KINDS: usize = 3;

/// The deadlines of all connections, at most one each.
pub struct Deadlines {
    links: Vec<Link>,
}

/// A place in a ring: alone in its own ring, it is in no queue.
#[derive(Clone, Copy)]
struct Link {
    at: Time,
    previous: u32,
    next: u32,
}

impl Default for Deadlines {
    /// None yet.
    fn default() -> Deadlines {
        let mut deadlines = Deadlines { links: Vec::new() };
        deadlines.grow(KINDS);
        deadlines
    }
}

impl Deadlines {
    /// Sets or moves the deadline of `connection`. No deadline of the same kind may have been set
    /// to a later time before.
    #[inline]
    pub fn set(&mut self, connection: usize, timer: Timer, at: Time) {
        let link = KINDS + connection;
        if link >= self.links.len() {
            self.grow(link + 1);
        }
        self.unlink(link);
        let end = timer as usize;
        let last = self.links[end].previous;
        self.links[link] = Link { at, previous: last, next: end as u32 };
        self.links[last as usize].next = link as u32;
        self.links[end].previous = link as u32;
    }

    /// Removes the deadline of `connection`, if it has one.
    #[inline]
    pub fn remove(&mut self, connection: usize) {
        let link = KINDS + connection;
        if link < self.links.len() {
            self.unlink(link);
            self.links[link].previous = link as u32;
            self.links[link].next = link as u32;
        }
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Time> {
        self.earliest().map(|earliest| self.links[earliest].at)
    }

    /// Takes out a connection whose deadline is `now` or earlier, the earliest first.
    pub fn pop_due(&mut self, now: Time) -> Option<usize> {
        let earliest = self.earliest()?;
        if self.links[earliest].at > now {
            return None;
        }
        self.remove(earliest - KINDS);
        Some(earliest - KINDS)
    }

    fn earliest(&self) -> Option<usize> {
        (0..KINDS)
            .map(|end| self.links[end].next as usize)
            .filter(|first| *first >= KINDS)
            .min_by_key(|first| self.links[*first].at)
    }

    fn unlink(&mut self, link: usize) {
        let Link { previous, next, .. } = self.links[link];
        self.links[previous as usize].next = next;
        self.links[next as usize].previous = previous;
    }

    fn grow(&mut self, len: usize) {
        for link in self.links.len() as u32..len as u32 {
            self.links.push(Link { at: Time::START, previous: link, next: link });
        }
    }
}

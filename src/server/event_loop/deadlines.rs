//! When each connection has to be looked at again: a queue for each kind of deadline.
//!
//! All deadlines of one kind last equally long, so they fall due in the order in which they are
//! set, and a queue needs no sorting: setting, moving and removing one cost the same with ten
//! connections as with a million. The queues are linked lists whose links lie in one array, each at
//! the place that its connection has in the slab. Nothing here reads a clock.

use std::iter::successors;

use crate::session::{Time, Timer};

/// How many connections there is room for from the start. Until they come it costs address space,
/// but no memory; and a table this large has a mapping of its own and grows in place, where one
/// that grew from nothing would leave every smaller copy of itself behind in the heap.
pub(super) const ROOM: usize = 8192;
/// How many kinds of deadline there are; the first links are the ends of their queues.
const KINDS: usize = 4;

/// The deadlines of all connections, at most one each.
pub(super) struct Deadlines {
    links: Vec<Link>,
}

/// A place in a ring: alone in its ring, it is in no queue. An end of a queue is never due.
#[derive(Clone, Copy)]
struct Link {
    at: Time,
    previous: u32,
    next: u32,
}

/// What a connection's deadline costs, in bytes.
#[cfg(test)]
pub(crate) const LINK_SIZE: usize = size_of::<Link>();

impl Default for Deadlines {
    /// None yet.
    fn default() -> Deadlines {
        let mut deadlines = Deadlines { links: Vec::with_capacity(ROOM + KINDS) };
        deadlines.grow(KINDS);
        deadlines
    }
}

impl Deadlines {
    /// Sets or moves the deadline of `connection`. No deadline of the same kind may have been set
    /// to a later time before, unless `at` is the time that it has already: then nothing changes. Returns
    /// whether something did.
    pub(super) fn set(&mut self, connection: usize, timer: Timer, at: Time) -> bool {
        let link = KINDS + connection;
        if link >= self.links.len() {
            self.grow(link + 1);
        }
        let links = &mut self.links[..];
        let Link { at: before, previous, next } = links[link];
        if before == at && next != link as u32 {
            // It keeps its place: at the end it would wait behind deadlines later than itself.
            return false;
        }
        links[previous as usize].next = next;
        links[next as usize].previous = previous;
        let end = timer as usize;
        let last = links[end].previous;
        debug_assert!(last == end as u32 || links[last as usize].at <= at, "a later one is set");
        links[link] = Link { at, previous: last, next: end as u32 };
        links[last as usize].next = link as u32;
        links[end].previous = link as u32;
        true
    }

    /// Removes the deadline of `connection`; returns whether it had one.
    pub(super) fn remove(&mut self, connection: usize) -> bool {
        let link = KINDS + connection;
        if link >= self.links.len() || self.links[link].next == link as u32 {
            return false;
        }
        self.unlink(link);
        self.links[link].previous = link as u32;
        self.links[link].next = link as u32;
        true
    }

    /// The earliest deadline; [`Time::NEVER`], if there is none.
    pub(super) fn next(&self) -> Time {
        self.earliest().0
    }

    /// A connection whose deadline is `now` or earlier, the earliest first.
    pub(super) fn due(&self, now: Time) -> Option<usize> {
        let (at, link) = self.earliest();
        (at <= now).then(|| link - KINDS)
    }

    /// How many connections there is a place for by now.
    pub(super) fn places(&self) -> usize {
        self.links.len() - KINDS
    }

    /// All deadlines, each with the connection whose it is, queue by queue.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Time)> {
        let next = |link: usize| self.links[link].next as usize;
        (0..KINDS).flat_map(move |end| {
            let queue = successors(Some(next(end)), move |link| Some(next(*link)));
            let queue = queue.take_while(|link| *link >= KINDS);
            // No queue is longer than all of them: one that is has become a circle.
            queue.take(self.places() + 1).map(|link| (link - KINDS, self.links[link].at))
        })
    }

    /// The earliest deadline and the place of its link. Where nobody waits it is an end's: never.
    fn earliest(&self) -> (Time, usize) {
        self.links[..KINDS]
            .iter()
            .map(|end| (self.links[end.next as usize].at, end.next as usize))
            .fold((Time::NEVER, 0), |a, b| if b.0 < a.0 { b } else { a })
    }

    fn unlink(&mut self, link: usize) {
        let Link { previous, next, .. } = self.links[link];
        self.links[previous as usize].next = next;
        self.links[next as usize].previous = previous;
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        for link in self.links.len() as u32..len as u32 {
            self.links.push(Link { at: Time::NEVER, previous: link, next: link });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const TIMERS: [Timer; KINDS] = [Timer::Handshake, Timer::Idle, Timer::Linger, Timer::Deliver];

    /// What can be done with deadlines. Within a kind times only grow: see [`play`].
    #[derive(Clone, Debug)]
    enum Do {
        Set { connection: usize, kind: usize, later_by: u64 },
        SetAgain { connection: usize },
        Remove { connection: usize },
        Pop { after: u64 },
    }

    fn action() -> impl Strategy<Value = Do> {
        prop_oneof![
            4 => (0..12_usize, 0..KINDS, 0..4_u64)
                .prop_map(|(connection, kind, later_by)| Do::Set { connection, kind, later_by }),
            2 => (0..12_usize).prop_map(|connection| Do::SetAgain { connection }),
            1 => (0..12_usize).prop_map(|connection| Do::Remove { connection }),
            2 => (0..6_u64).prop_map(|after| Do::Pop { after }),
        ]
    }

    /// As the loop does it.
    fn pop_due(deadlines: &mut Deadlines, now: Time) -> Option<usize> {
        let due = deadlines.due(now)?;
        deadlines.remove(due);
        Some(due)
    }

    fn at(nanoseconds: u64) -> Time {
        Time::after_start(Duration::from_nanos(nanoseconds))
    }

    /// Plays `actions` on the queues and on a map, which has to agree at every step.
    fn play(actions: &[Do]) -> Result<(), TestCaseError> {
        let mut deadlines = Deadlines::default();
        let mut model: BTreeMap<usize, (usize, Time)> = BTreeMap::new();
        let (mut newest, mut now) = ([0; KINDS], 0);
        for action in actions {
            match *action {
                Do::Set { connection, kind, later_by } => {
                    newest[kind] += later_by;
                    deadlines.set(connection, TIMERS[kind], at(newest[kind]));
                    model.insert(connection, (kind, at(newest[kind])));
                }
                // As the loop does after every turn in which the deadline did not move.
                Do::SetAgain { connection } => {
                    if let Some((kind, at)) = model.get(&connection) {
                        deadlines.set(connection, TIMERS[*kind], *at);
                    }
                }
                Do::Remove { connection } => {
                    deadlines.remove(connection);
                    model.remove(&connection);
                }
                Do::Pop { after } => {
                    now += after;
                    let earliest = model.values().map(|(_, at)| *at).min();
                    let due = earliest.filter(|earliest| *earliest <= at(now));
                    let popped = pop_due(&mut deadlines, at(now));
                    // Of those that fall due together, any may be the first.
                    let popped_at = popped.and_then(|connection| model.remove(&connection));
                    prop_assert_eq!(popped_at.map(|(_, at)| at), due);
                    prop_assert_eq!(popped.is_some(), due.is_some());
                }
            }
            let earliest = model.values().map(|(_, at)| *at).min();
            prop_assert_eq!(deadlines.next(), earliest.unwrap_or(Time::NEVER));
        }
        let end = at(u64::MAX - 1);
        whoever_is_left_comes_out(&mut deadlines, model, end)
    }

    /// Each once, in order.
    fn whoever_is_left_comes_out(
        deadlines: &mut Deadlines,
        mut model: BTreeMap<usize, (usize, Time)>,
        end: Time,
    ) -> Result<(), TestCaseError> {
        let mut left: Vec<_> = model.values().map(|(_, at)| *at).collect();
        left.sort();
        for expected in left {
            let popped = pop_due(deadlines, end).and_then(|key| model.remove(&key));
            prop_assert_eq!(popped.map(|(_, at)| at), Some(expected));
        }
        prop_assert_eq!(pop_due(deadlines, end), None);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_queues_agree_with_a_sorted_map(actions in vec(action(), 0..80)) {
            play(&actions)?;
        }
    }

    #[test]
    fn to_set_a_deadline_again_that_did_not_move_does_not_put_it_behind_later_ones() {
        let mut deadlines = Deadlines::default();
        deadlines.set(0, Timer::Handshake, at(10));
        deadlines.set(1, Timer::Handshake, at(15));
        deadlines.set(0, Timer::Handshake, at(10));
        assert_eq!(deadlines.next(), at(10));
        assert_eq!(pop_due(&mut deadlines, at(12)), Some(0));
        assert_eq!(pop_due(&mut deadlines, at(12)), None);
    }
}

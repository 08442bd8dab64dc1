//! A queue of queues: whoever waits has their turn by source, one after the other, so that a source
//! with a thousand in it holds up another's only one by one.
//!
//! Whoever leaves is out at once, and costs nobody a turn. Never here: what is waited for.

use std::collections::BTreeMap;

/// Those who wait, each once, and the sources `S` that they come from.
pub(super) struct Waiting<S, T> {
    sources: BTreeMap<S, Queue<T>>,
    /// Whose turn it is: the first's. Numbers grow, so whoever joins comes behind.
    turns: BTreeMap<u64, S>,
    /// Where each is.
    places: BTreeMap<T, (S, u64)>,
    next: u64,
}

/// Those of one source, in the order in which they came.
struct Queue<T> {
    turn: u64,
    waiting: BTreeMap<u64, T>,
}

impl<S, T> Default for Waiting<S, T> {
    fn default() -> Waiting<S, T> {
        let (sources, turns) = (BTreeMap::new(), BTreeMap::new());
        Waiting { sources, turns, places: BTreeMap::new(), next: 0 }
    }
}

impl<S: Ord + Copy, T: Ord + Copy> Waiting<S, T> {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All who wait, in no order that matters.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.keys()
    }

    /// How many of `source` wait.
    pub(super) fn of(&self, source: S) -> usize {
        self.sources.get(&source).map_or(0, |queue| queue.waiting.len())
    }

    /// From now on `who`, of `source`, waits.
    pub(super) fn push(&mut self, source: S, who: T) {
        self.remove(who);
        let place = self.number();
        let queue = self.sources.entry(source).or_insert_with(|| {
            self.turns.insert(place, source);
            Queue { turn: place, waiting: BTreeMap::new() }
        });
        queue.waiting.insert(place, who);
        self.places.insert(who, (source, place));
    }

    /// Whoever comes next; their source then waits until all others had a turn.
    pub(super) fn pop(&mut self) -> Option<T> {
        let (_, source) = self.turns.first_key_value()?;
        let (source, turn) = (*source, self.number());
        let queue = self.sources.get_mut(&source)?;
        self.turns.remove(&queue.turn);
        queue.turn = turn;
        self.turns.insert(turn, source);
        let (_, who) = queue.waiting.first_key_value()?;
        let who = *who;
        self.remove(who);
        Some(who)
    }

    /// `who` waits no longer, if they did.
    pub(super) fn remove(&mut self, who: T) {
        let Some((source, place)) = self.places.remove(&who) else { return };
        let Some(queue) = self.sources.get_mut(&source) else { return };
        queue.waiting.remove(&place);
        if queue.waiting.is_empty() {
            self.turns.remove(&queue.turn);
            self.sources.remove(&source);
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_source_with_a_thousand_has_every_other_turn() {
        let mut waiting = Waiting::default();
        for number in 0..1000_u16 {
            waiting.push(b'a', number);
        }
        assert_eq!([waiting.pop(), waiting.pop()], [Some(0), Some(1)]);
        waiting.push(b'b', 5000);
        waiting.push(b'b', 5001);
        let next = [(); 5].map(|()| waiting.pop().unwrap());
        assert_eq!(next, [2, 5000, 3, 5001, 4]);
    }

    #[test]
    fn who_leaves_costs_nobody_a_turn() {
        let mut waiting = Waiting::default();
        for number in 0..1000_u16 {
            waiting.push(b'a', number);
        }
        waiting.push(b'b', 5000);
        for number in 0..999 {
            waiting.remove(number);
        }
        assert_eq!((waiting.of(b'a'), waiting.of(b'b')), (1, 1));
        assert_eq!([(); 3].map(|()| waiting.pop()), [Some(999), Some(5000), None]);
        assert!(waiting.is_empty() && waiting.sources.is_empty() && waiting.turns.is_empty());
    }

    /// The same, without haste: a line of sources, each with a line of its own.
    #[derive(Default)]
    struct Model(VecDeque<(u8, VecDeque<u16>)>);

    impl Model {
        fn push(&mut self, source: u8, who: u16) {
            self.remove(who);
            match self.0.iter_mut().find(|(known, _)| *known == source) {
                Some((_, line)) => line.push_back(who),
                None => self.0.push_back((source, [who].into())),
            }
        }

        fn pop(&mut self) -> Option<u16> {
            let (source, mut line) = self.0.pop_front()?;
            let who = line.pop_front();
            if !line.is_empty() {
                self.0.push_back((source, line));
            }
            who
        }

        fn remove(&mut self, who: u16) {
            self.0.iter_mut().for_each(|(_, line)| line.retain(|waiting| *waiting != who));
            self.0.retain(|(_, line)| !line.is_empty());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_coming_and_going_is_in_turn(
            steps in prop::collection::vec((0..3_u8, 0..4_u8, 0..40_u16), 1..300),
        ) {
            let (mut waiting, mut model) = (Waiting::default(), Model::default());
            for (what, source, who) in steps {
                match what {
                    0 => {
                        waiting.push(source, who);
                        model.push(source, who);
                    }
                    1 => {
                        waiting.remove(who);
                        model.remove(who);
                    }
                    _ => prop_assert_eq!(waiting.pop(), model.pop()),
                }
                for source in 0..4 {
                    let line = model.0.iter().find(|(known, _)| *known == source);
                    prop_assert_eq!(waiting.of(source), line.map_or(0, |(_, line)| line.len()));
                }
                prop_assert_eq!(waiting.is_empty(), model.0.is_empty());
                prop_assert_eq!(waiting.turns.len(), model.0.len());
            }
        }
    }
}

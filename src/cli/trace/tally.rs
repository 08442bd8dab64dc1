//! How often each of several things is in a trace, and where first: of few things, whatever is in the file.

use std::time::Duration;

/// More things are not told apart: a server has fewer words.
const MOST: usize = 40;

/// Counts by what is counted, in the order in which they came first.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) counts: Vec<Count>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Count {
    pub(super) what: String,
    pub(super) count: u64,
    pub(super) first: Place,
}

/// Where in a trace something is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// Which event it is, counted from 1.
    pub(super) event: u64,
    pub(super) time: Duration,
    pub(super) connection: Option<u64>,
}

impl Tally {
    /// `what` is there once more.
    pub(super) fn add(&mut self, what: String, place: Place) {
        let known = self.counts.iter().position(|count| count.what == what);
        // The last place is for whatever else there may be.
        let others = self.counts.len().checked_sub(MOST).map(|_| MOST - 1);
        if let Some(at) = known.or(others) {
            self.counts[at].count += 1;
            return;
        }
        let what = if self.counts.len() == MOST - 1 { "other".to_owned() } else { what };
        self.counts.push(Count { what, count: 1, first: place });
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().map(|count| count.count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_things_there_are_few_are_told_apart_and_none_is_lost() {
        let place = |event| Place { event, time: Duration::ZERO, connection: None };
        let mut tally = Tally::default();
        for event in 1..=1000 {
            tally.add(format!("thing {}", event % 100), place(event));
        }
        assert_eq!((tally.counts.len(), tally.total()), (MOST, 1000));
        let first = |count: &Count| (count.what.clone(), count.count, count.first.event);
        assert_eq!(first(&tally.counts[0]), ("thing 1".to_owned(), 10, 1));
        let others = first(tally.counts.last().unwrap());
        assert_eq!(others, ("other".to_owned(), 1000 - 10 * (MOST as u64 - 1), MOST as u64));
    }
}

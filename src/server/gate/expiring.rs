//! What is remembered for a time and no longer, in bounded memory.
//!
//! Two trees, because they give memory back as they shrink, and growing one never makes the loop wait
//! for a copy. Never here: what is remembered, and why.

use std::collections::{BTreeMap, BTreeSet};

use crate::session::Time;

/// How many entries whose time is over are forgotten at a time: more than come in.
pub(super) const FORGOTTEN_AT_ONCE: usize = 8;

/// Values by key, and the order in which their time is over.
pub(super) struct Expiring<K, V> {
    entries: BTreeMap<K, Entry<V>>,
    by_end: BTreeSet<(Time, K)>,
}

#[derive(Clone, Copy)]
pub(super) struct Entry<V> {
    pub(super) until: Time,
    pub(super) value: V,
}

impl<K, V> Default for Expiring<K, V> {
    fn default() -> Expiring<K, V> {
        Expiring { entries: BTreeMap::new(), by_end: BTreeSet::new() }
    }
}

impl<K: Ord + Copy, V: Copy> Expiring<K, V> {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry of `key`, if its time is not over.
    pub(super) fn running(&self, key: K, now: Time) -> Option<Entry<V>> {
        self.entries.get(&key).copied().filter(|entry| entry.until > now)
    }

    pub(super) fn set(&mut self, key: K, entry: Entry<V>) {
        if let Some(before) = self.entries.insert(key, entry) {
            self.by_end.remove(&(before.until, key));
        }
        self.by_end.insert((entry.until, key));
    }

    pub(super) fn remove(&mut self, key: K) {
        if let Some(before) = self.entries.remove(&key) {
            self.by_end.remove(&(before.until, key));
        }
    }

    /// Forgets those whose time is over, a few at a time, and however many are more than `most`.
    pub(super) fn forget(&mut self, now: Time, most: usize) {
        let mut over = FORGOTTEN_AT_ONCE;
        while let Some((until, key)) = self.by_end.first().copied() {
            let is_over = until <= now && over > 0;
            if !is_over && self.entries.len() <= most {
                return;
            }
            over = over.saturating_sub(1);
            self.by_end.pop_first();
            self.entries.remove(&key);
        }
    }

    /// How many entries there are, after a look whether both trees say the same.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.entries.len(), self.by_end.len());
        let pairs = self.entries.iter().map(|(key, entry)| (entry.until, *key));
        assert!(pairs.into_iter().all(|pair| self.by_end.contains(&pair)));
        self.entries.len()
    }
}

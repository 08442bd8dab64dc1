//! Memory for hashes: as many at once as there is memory for.
//!
//! A hash is dear in memory on purpose, and there may be as many at once as there are workers. Where
//! they don't all fit, they take turns. Only one that doesn't fit alone is given up. Never here: what is
//! hashed.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use argon2::Block;

/// The fewest blocks of 1 KiB to reserve, used or not. From 32 MiB on, glibc gives an allocation
/// its own mapping and returns it at once when it is freed; smaller ones it learns to keep, and a
/// hash's 19 MiB, aligned as they are, fit into none of the holes that the last one left: after a
/// few logins, 300 MiB are lost.
const MAPPED: usize = 33 * 1024;

/// Those of this process: its memory is one, too.
static LENT: Lent = Lent::new();

/// Memory for a hash, until it is dropped.
pub(super) struct Memory {
    blocks: Vec<Block>,
    lent: usize,
    by: &'static Lent,
}

/// Memory for `blocks` blocks; waits while others have what it needs. `None`: not even alone.
pub(super) fn borrow(blocks: usize) -> Option<Memory> {
    let mut memory = LENT.lend(blocks, reserve, fits)?;
    memory.blocks.resize(blocks, Block::default());
    Some(memory)
}

impl Memory {
    pub(super) fn blocks(&mut self) -> &mut [Block] {
        &mut self.blocks
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // Before somebody is told that it is free.
        drop(std::mem::take(&mut self.blocks));
        let mut now = self.by.lock();
        now.hashes -= 1;
        now.blocks -= self.lent;
        self.by.changed.notify_all();
    }
}

/// Who has memory at present, and who waits.
struct Lent {
    now: Mutex<Now>,
    changed: Condvar,
}

struct Now {
    hashes: usize,
    blocks: usize,
    /// They come in the order of their tickets, so that a large one is not passed by for ever.
    next_ticket: u64,
    next_served: u64,
}

impl Lent {
    const fn new() -> Lent {
        let now = Now { hashes: 0, blocks: 0, next_ticket: 0, next_served: 0 };
        Lent { now: Mutex::new(now), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `reserve` gives blocks if there are any to be had; `fits` says whether so many in all are
    /// sensible, and is not asked about a hash alone.
    fn lend(
        &'static self,
        blocks: usize,
        reserve: impl Fn(usize) -> Option<Vec<Block>>,
        fits: impl Fn(usize) -> bool,
    ) -> Option<Memory> {
        let mut now = self.lock();
        let ticket = now.next_ticket;
        now.next_ticket += 1;
        let found = loop {
            if now.next_served == ticket {
                let is_alone = now.hashes == 0;
                let sensible = is_alone || fits(now.blocks.saturating_add(blocks));
                let found = if sensible { reserve(blocks) } else { None };
                if found.is_some() || is_alone {
                    break found;
                }
            }
            now = self.changed.wait(now).unwrap_or_else(PoisonError::into_inner);
        };
        now.next_served += 1;
        self.changed.notify_all();
        let found = found?;
        now.hashes += 1;
        now.blocks += blocks;
        Some(Memory { blocks: found, lent: blocks, by: self })
    }
}

fn reserve(blocks: usize) -> Option<Vec<Block>> {
    let mut memory = Vec::new();
    // Not less where that fails: what glibc then takes it from, it would never give back.
    memory.try_reserve_exact(blocks.max(MAPPED)).ok()?;
    Some(memory)
}

/// How many MiB a hash of so many blocks takes at least.
pub(super) fn mib(blocks: usize) -> usize {
    blocks.max(MAPPED).div_ceil(1024)
}

/// Whether the machine has memory for so many blocks. The kernel promises more than it has, and ends
/// somebody when it is used; what it says is free is what it has.
fn fits(blocks: usize) -> bool {
    available_kib().is_none_or(|available| blocks as u64 <= available)
}

/// What Linux would give without swapping.
fn available_kib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::thread;

    use super::*;

    fn lent() -> &'static Lent {
        Box::leak(Box::new(Lent::new()))
    }

    /// Has twenty borrow a hundred blocks each, from `left` blocks, where so many `fit` sensibly; how
    /// many had theirs at once, at most.
    fn most_at_once(left: usize, sensible: usize) -> usize {
        let (lent, left) = (lent(), AtomicUsize::new(left));
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let take = |blocks| {
            let taken = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(blocks));
            taken.ok().map(|_| Vec::with_capacity(blocks))
        };
        thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let memory = lent.lend(100, take, |blocks| blocks <= sensible);
                    most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                    thread::yield_now();
                    running.fetch_sub(1, SeqCst);
                    left.fetch_add(100, SeqCst);
                    drop(memory.expect("alone it fits"));
                });
            }
        });
        let now = lent.lock();
        assert_eq!((now.hashes, now.blocks), (0, 0));
        most.into_inner()
    }

    #[test]
    fn what_does_not_fit_at_once_takes_turns() {
        assert!(most_at_once(250, usize::MAX) <= 2);
        assert!(most_at_once(usize::MAX, 300) <= 3);
        assert_eq!(most_at_once(100, usize::MAX), 1);
        // Alone, each is let try.
        assert_eq!(most_at_once(usize::MAX, 0), 1);
    }

    #[test]
    fn what_does_not_fit_alone_is_given_up_and_holds_up_nobody() {
        let lent = lent();
        let small = |blocks| (blocks <= 100).then(|| Vec::with_capacity(blocks));
        assert!(lent.lend(101, small, |_| true).is_none());
        let memory = lent.lend(100, small, |_| true).expect("it fits");
        thread::scope(|scope| {
            let large = scope.spawn(|| lent.lend(101, small, |_| true).is_none());
            drop(memory);
            assert!(large.join().unwrap());
        });
        assert!(lent.lend(100, small, |_| true).is_some());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_says_what_is_free() {
        assert!(available_kib().is_some_and(|available| available > 1024));
        assert!(fits(1) && !fits(usize::MAX));
    }
}

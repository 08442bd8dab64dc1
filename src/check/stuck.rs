//! Level 4 goes on: clients that send and never read. What they send has to stay in the kernels' buffers.
//!
//! Read `deadlines.rs` next.

use std::thread;

use super::catalogue::{Check, Need};
use super::peer::Peer;
use super::slow::{joined, sent, uses_nothing};
use super::story::{Told, bytes, doubtful};
use super::trial::Trial;
use super::usage;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "stuck-others",
        level: 4,
        about: "beside clients that send and never read, another is served",
        matters: "a send that waits for one client's room keeps all the others waiting",
        page: "loop/rules.md#4-send-first-queue-only-what-the-kernel-did-not-take",
        lesson: Some("slow_reader"),
        needs: &[Need::Stream],
        run: stuck_others,
    },
    Check {
        name: "stuck-memory",
        level: 4,
        about: "clients that send and never read cost no memory without bound",
        matters: "a stranger with one connection could take all the memory of the machine",
        page: "loop/rules.md#5-a-full-queue-stops-the-reading",
        lesson: Some("slow_reader"),
        needs: &[Need::Stream],
        run: stuck_memory,
    },
    Check {
        name: "stuck-cpu",
        level: 4,
        about: "while a client is stuck the server uses no processor time",
        matters: "readiness to write, or to read, that is asked for and not used is told again and again: a whole core \
                  to wait for one client",
        page: "lessons/levels_and_edges.md#100--cpu",
        lesson: Some("levels_and_edges"),
        needs: &[Need::Stream, Need::Usage],
        run: stuck_cpu,
    },
];

/// The most that one of them sends. The kernels' buffers on both sides hold less, as long as nobody has made them
/// larger.
const MOST: usize = 64 << 20;
/// More than a garbage collector needs for its own purposes.
const GROWTH: u64 = 48 << 20;

/// So many clients that have sent all that goes, at most so many bytes each; and how many that were.
fn stuck(trial: &mut Trial<'_>, count: usize, most: usize) -> Told<(Vec<Peer>, Vec<usize>)> {
    let mut peers = (0..count).map(|_| trial.enter_narrow()).collect::<Told<Vec<_>>>()?;
    let request = trial.config.service.flood(&mut trial.rng, 1 << 20).request.repeat(most >> 20);
    let still = trial.pace.quiet() * 2;
    let said = thread::scope(|scope| {
        let all: Vec<_> =
            peers.iter_mut().map(|peer| scope.spawn(|| peer.fill_up(&request, still))).collect();
        all.into_iter().map(joined).collect::<Told<Vec<usize>>>()
    })?;
    trial.diary.note(sent(count, said.iter().sum()));
    Ok((peers, said))
}

fn stuck_others(trial: &mut Trial<'_>) -> Told {
    let mut other = trial.enter()?;
    let (stuck, _) = stuck(trial, 3, 16 << 20)?;
    trial.ask(&mut other, 24)?;
    trial.is_served("beside those that never read")?;
    drop(stuck);
    trial.ask(&mut other, 24)?;
    trial.leave(other)
}

fn stuck_memory(trial: &mut Trial<'_>) -> Told {
    let before = trial.memory()?;
    let (stuck, said) = stuck(trial, 2, MOST)?;
    let growth = trial.memory()?.saturating_sub(before);
    let bound = "a server that stops reading from who does not read";
    if growth > GROWTH {
        let all = bytes(said.iter().sum());
        return Err(doubtful(bound, format!("for {all} it grew by {}", bytes(growth as usize))));
    }
    if said.contains(&MOST) {
        return Err(doubtful(bound, format!("it took all {} of one, unread", bytes(MOST))));
    }
    drop(stuck);
    trial.is_served("afterwards")
}

fn stuck_cpu(trial: &mut Trial<'_>) -> Told {
    let (stuck, _) = stuck(trial, 1, 16 << 20)?;
    uses_nothing(trial, "one client has sent all that goes and reads nothing")?;
    drop(stuck);
    Ok(())
}

impl Trial<'_> {
    /// Resident memory of the server; nothing where that is not told.
    fn memory(&mut self) -> Told<u64> {
        if usage::untold().is_some() { Ok(0) } else { self.usage().map(|usage| usage.memory) }
    }
}

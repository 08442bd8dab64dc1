//! Level 4, the other side is slow: who reads late or little gets everything, and nobody waits for anybody.
//!
//! Read `stuck.rs` next, for those who never read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::bulk::Manner;
use super::catalogue::{Check, Need};
use super::many::let_in;
use super::story::{Told, Trouble, bytes, doubtful, seconds};
use super::trial::Trial;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "slow-reader",
        level: 4,
        about: "a client that reads in sips gets everything",
        matters: "a phone in a tunnel is slow, not gone: its download must not lose a byte",
        page: "send.md#see-it",
        lesson: Some("send_vs_sendall"),
        needs: &[Need::Stream],
        run: slow_reader,
    },
    Check {
        name: "late-reader",
        level: 4,
        about: "a client that first sends all it can and then reads gets everything",
        matters: "what a server could not send at once it has to remember, and to send when there is room again",
        page: "loop/rules.md#2-a-paused-read-is-resumed-by-the-loop-itself",
        lesson: Some("slow_reader"),
        needs: &[Need::Stream],
        run: late_reader,
    },
    Check {
        name: "both-ways",
        level: 4,
        about: "four clients at once, all of whom send and read two mebibytes",
        matters: "a server that waits for room before it reads on, and a client that does the same, wait for ever",
        page: "lessons/both_send.md",
        lesson: Some("both_send"),
        needs: &[Need::Stream],
        run: both_ways,
    },
    Check {
        name: "greedy",
        level: 4,
        about: "beside one client that sends without a pause, ten small ones are served",
        matters: "one upload would lock everybody out for as long as it lasts",
        page: "loop/rules.md#1-readiness-is-a-hint",
        lesson: Some("server_designs"),
        needs: &[Need::Stream],
        run: greedy,
    },
    Check {
        name: "idle-cpu",
        level: 4,
        about: "while nothing happens the server uses no processor time",
        matters: "a server that asks again and again whether something has come takes a core to do nothing",
        page: "modes.md#the-flag-and-what-waiting-costs",
        lesson: Some("setblocking"),
        needs: &[Need::Usage],
        run: idle_cpu,
    },
];

fn slow_reader(trial: &mut Trial<'_>) -> Told {
    let mut peer = trial.enter_narrow()?;
    // More than there is room for on the way.
    let question = trial.config.service.flood(&mut trial.rng, 14 << 20);
    let said = peer.fill_up(&question.request, trial.pace.quiet())?;
    peer.note("begins to read, a sip at a time, and later in draughts");
    peer.exchange(&question, said, Manner { sips: 40, ..Manner::default() })?;
    trial.leave(peer)
}

/// On Linux, what is less than a segment and less than half a window waits for the end of this side from now on, and
/// arrives together with it (TCP_CORK, tcp(7); `forced_push` in net/ipv4/tcp.c).
#[cfg_attr(not(target_os = "linux"), expect(unused_variables))]
pub(super) fn hold_back(peer: &super::peer::Peer) -> Told {
    #[cfg(target_os = "linux")]
    peer.socket
        .set_option(crate::socket::Cork, true)
        .map_err(|error| Trouble::Untold(format!("nothing can be held back: {error}")))?;
    Ok(())
}

fn late_reader(trial: &mut Trial<'_>) -> Told {
    let mut peer = trial.enter()?;
    let question = trial.config.service.flood(&mut trial.rng, 16 << 20);
    let said = peer.fill_up(&question.request, trial.pace.quiet())?;
    peer.hear_rest(&question, said)
}

fn both_ways(trial: &mut Trial<'_>) -> Told {
    let mut peers = let_in(trial, 4)?;
    let questions: Vec<_> =
        peers.iter().map(|_| trial.config.service.flood(&mut trial.rng, 2 << 20)).collect();
    thread::scope(|scope| {
        let all: Vec<_> = peers
            .iter_mut()
            .zip(&questions)
            .map(|(peer, question)| scope.spawn(|| peer.exchange(question, 0, Manner::default())))
            .collect();
        all.into_iter().try_for_each(joined)
    })?;
    trial.all_leave(peers)
}

/// What a thread has found out.
pub(super) fn joined<T>(thread: thread::ScopedJoinHandle<'_, Told<T>>) -> Told<T> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn greedy(trial: &mut Trial<'_>) -> Told {
    let mut greedy = trial.enter()?;
    let mut small = let_in(trial, 10)?;
    let piece = trial.config.service.flood(&mut trial.rng, 1 << 20);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let pouring = scope.spawn(|| greedy.pour(&piece, &stop));
        let mut ask = || -> Told {
            for _ in 0..10 {
                for peer in &mut small {
                    trial.ask(peer, 24)?;
                }
            }
            Ok(())
        };
        let asked = ask();
        stop.store(true, Ordering::Relaxed);
        let poured = joined(pouring);
        asked.and(poured)
    })?;
    trial.leave(greedy)?;
    trial.all_leave(small)
}

/// How long the server is watched while nothing happens.
const WATCHED: Duration = Duration::from_millis(1000);
/// One part in so many of that is nothing to speak of.
const NOTHING: u32 = 20;

fn idle_cpu(trial: &mut Trial<'_>) -> Told {
    let mut idle = let_in(trial, 5)?;
    let silent = trial.connect()?;
    if trial.config.service.is_stream() {
        idle.iter_mut().try_for_each(|peer| trial.ask(peer, 24))?;
    }
    uses_nothing(trial, "five clients are let in and one is not, and nobody says anything")?;
    drop(silent);
    if trial.config.service.is_stream() { trial.all_leave(idle) } else { Ok(()) }
}

/// That the server uses no processor time to speak of while `what`.
///
/// On a busy machine it can't use what others have: a server that spins then waits for a processor, nearly all the time
/// that it does not have one, and one that sleeps does not.
pub(super) fn uses_nothing(trial: &mut Trial<'_>, what: &str) -> Told {
    // What it still has to do for what came before.
    trial.settle(trial.pace.quiet());
    let (before, begin) = (trial.usage()?, Instant::now());
    trial.diary.note(format!("for {}, {what}", seconds(WATCHED)));
    trial.pause(WATCHED);
    let (after, watched) = (trial.usage()?, begin.elapsed());
    let spent = after.cpu.saturating_sub(before.cpu);
    let wanted = spent + after.waiting.saturating_sub(before.waiting);
    let spins = !spent.is_zero() && wanted > watched * 3 / 4;
    if spent <= watched / NOTHING && !spins {
        return Ok(());
    }
    let (spent, wanted, watched) = (seconds(spent), seconds(wanted), seconds(watched));
    let came = format!("{spent} of processor time in {watched}, and it wanted {wanted}");
    Err(doubtful(format!("no processor time while {what}"), came))
}

/// For stories: `3 clients have sent 12345 bytes`.
pub(super) fn sent(count: usize, all: usize) -> String {
    format!("{count} clients have sent {} and read none", bytes(all))
}

//! Level 5 goes on: descriptors, of which none may be left behind, and which may run out.
//!
//! Read `end.rs` next.

use std::time::{Duration, Instant};

use super::catalogue::{Check, Need};
use super::many::let_in;
use super::rude::owed;
use super::story::{Told, Trouble, doubtful};
use super::trial::Trial;
use crate::socket::{Domain, Socket, Type};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "descriptors-left",
        level: 5,
        about: "of clients that were served, refused, reset or gone no descriptor is left",
        matters: "a server that loses one now and then stands still after a week",
        page: "withstands.md#once-they-are-in",
        lesson: None,
        needs: &[Need::Usage],
        run: descriptors_left,
    },
    Check {
        name: "descriptors-out",
        level: 5,
        about: "when no descriptor is free, those who are in are served, and others are when one is",
        matters: "a server that ends because too many like it is at its worst when it is needed most",
        page: "loop/rules.md#10-emfile-pauses-accepting-without-spinning-and-it-resumes",
        lesson: None,
        needs: &[Need::Process],
        run: descriptors_out,
    },
];

/// Of each manner of leaving so many; one descriptor lost by one manner is as many lost.
const EACH: usize = 12;
/// Fewer than that a runtime may open for its own purposes.
const SPARE: usize = EACH / 2;

fn descriptors_left(trial: &mut Trial<'_>) -> Told {
    trial.is_served("to begin with")?;
    trial.settle(trial.pace.quiet());
    let before = trial.usage()?.descriptors;
    for _ in 0..EACH {
        trial.is_served("who leaves as one should")?;
        trial.enter()?.reset();
        drop(trial.connect()?);
        let (mut refused, nonce) = trial.greet()?;
        let wrong: Vec<u8> = trial.digest(&nonce).iter().map(|byte| byte ^ 1).collect();
        refused.say_if_heard(&wrong, "a wrong digest")?;
        refused.half_close()?;
        if trial.config.key.is_some() {
            refused.hear_refusal("a wrong digest")?;
        }
        drop(owed(trial)?);
    }
    let all = 5 * EACH;
    trial.diary.note(format!("all {all} are gone"));
    let begin = Instant::now();
    loop {
        let left = trial.usage()?.descriptors.saturating_sub(before);
        if left < SPARE {
            return Ok(());
        }
        if begin.elapsed() > trial.limits.patience {
            let came = format!("{left} more than before, after {all} clients have come and gone");
            return Err(doubtful(format!("{before} descriptors, as before"), came));
        }
        // Nobody tells when a descriptor is closed.
        trial.pause(Duration::from_millis(20));
    }
}

/// What the server may open, and how many want to come.
const FILES: u64 = 64;
const CROWD: usize = 120;
/// In so long a server that can't accept looks again: asyncio waits a second, and the crowd has to be let go first.
const ACCEPTS_AGAIN: Duration = Duration::from_secs(4);

fn descriptors_out(trial: &mut Trial<'_>) -> Told {
    trial.diary.note(format!("the server is started with at most {FILES} descriptors"));
    if let Err(why) = trial.server.start_anew(Some(FILES)) {
        return Err(Trouble::Untold(format!("with {FILES} descriptors it does not start: {why}")));
    }
    let result = crowded(trial);
    // With all its descriptors again for whatever comes next.
    if result.is_ok() {
        trial.server.end();
    }
    result
}

fn crowded(trial: &mut Trial<'_>) -> Told {
    let mut inside = let_in(trial, 3)?;
    let crowd: Vec<Socket> = (0..CROWD).filter_map(|_| knock(trial)).collect();
    trial.diary.note(format!("{} more clients want to come in", crowd.len()));
    trial.settle(trial.pace.quiet());
    for peer in &mut inside {
        trial.ask(peer, 24)?;
    }
    drop(crowd);
    trial.diary.note("the crowd is gone".into());
    trial.limits.patience = trial.limits.patience.max(ACCEPTS_AGAIN);
    trial.is_served("now that there is room again")?;
    drop(inside);
    trial.still_runs("more clients than it has descriptors")
}

/// A client that wants to connect, and does not wait until it has.
fn knock(trial: &mut Trial<'_>) -> Option<Socket> {
    let address = trial.server.address();
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).ok()?;
    socket.set_blocking(false).ok()?;
    // In progress is what it should be; anything else is no client, or one that is connected.
    let _ = socket.connect_ex(address);
    Some(socket)
}

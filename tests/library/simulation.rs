//! The event loop in a simulated network: many schedules, each drawn from a seed, with everything that
//! can go wrong; what must hold of every connection is in `simulation/check.rs`.
//!
//! A seed that fails prints itself. `SOCKMODES_SEED=n` plays that one again, and only it; with `SOCKMODES_TRACE=FILE`,
//! too, what its loop tells goes into that file, which the page shows. `SOCKMODES_SCHEDULES=n` and `SOCKMODES_SEEDS=n`
//! play so many schedules and crowds instead of the usual number, as in CI, or for the night.

mod check;
mod deadlines;
mod proxies;
mod scenario;
mod standstills;
mod terms;

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::thread;

use sockmodes::observe::{Detail, Record};
use sockmodes::server::Config;
use sockmodes::server::network::Signal;
use sockmodes::session::Reason;
use sockmodes::sim::Simulation;

use crate::common::drive::simulate;
use check::{End, check, most_kept};
use scenario::{Stop, scenario};

/// Seeds below this are schedules with one connection or a few, the others crowds.
const CROWDS: u64 = 1 << 32;
/// The most calls of accept in one turn, at all listeners together: a quarter of what one wait reports.
const ACCEPTS: u64 = 128;
/// Turns that no schedule needs: a loop that takes more spins.
const MOST_TURNS: usize = 400_000;

/// Says how to play a seed again, if it fails.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            eprintln!(
                "seed {seed} failed: SOCKMODES_SEED={seed} cargo test --test library simulation\n\
                 and to see it on the page: SOCKMODES_TRACE=seed.jsonl before that, then \
                 sockmodes trace seed.jsonl --html seed.html"
            );
        }
    }
}

/// Where the only seed that is played leaves its trace.
static TRACE: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let path = std::env::var_os("SOCKMODES_TRACE")?;
    assert!(
        from_environment("SOCKMODES_SEED").is_some(),
        "SOCKMODES_TRACE is for one SOCKMODES_SEED"
    );
    Some(path.into())
});

/// Leaves the trace of a simulation, however that ends, if it is wanted.
struct Traced {
    simulation: Simulation,
    is_wanted: bool,
}

impl Drop for Traced {
    fn drop(&mut self) {
        if let Some(path) = TRACE.as_deref().filter(|_| self.is_wanted) {
            let line = |record: &Record| serde_json::to_string(record).unwrap() + "\n";
            let lines: String = self.simulation.events().iter().map(line).collect();
            match std::fs::write(path, lines) {
                Ok(()) => eprintln!("its trace is in {}", path.display()),
                Err(error) => eprintln!("no trace in {}: {error}", path.display()),
            }
        }
    }
}

/// What came of many schedules.
#[derive(Default)]
struct Tally {
    schedules: u64,
    connections: u64,
    /// Clients that got everything and saw the end.
    served: u64,
    /// Schedules in which the process stood still, and waits that were interrupted by that.
    stood_still: u64,
    interrupted: u64,
    /// Connections that were in time, although the clock said that they were late.
    saved: u64,
    /// Schedules with several listeners.
    shared: u64,
    reasons: HashMap<Reason, u64>,
}

impl Tally {
    fn note_schedule(&mut self, simulation: &Simulation, config: &Config) {
        let world = simulation.world();
        self.schedules += 1;
        self.stood_still += u64::from(!world.standstills().is_empty());
        self.interrupted += world.calls().interrupted;
        self.shared += u64::from(config.listen.len() > 1);
    }

    fn note_end(&mut self, end: &End) {
        self.connections += 1;
        self.served += u64::from(end.served);
        self.saved += u64::from(end.saved);
        *self.reasons.entry(end.reason).or_default() += 1;
    }

    fn add(mut self, other: Tally) -> Tally {
        self.schedules += other.schedules;
        self.connections += other.connections;
        self.served += other.served;
        self.stood_still += other.stood_still;
        self.interrupted += other.interrupted;
        self.saved += other.saved;
        self.shared += other.shared;
        for (reason, met) in other.reasons {
            *self.reasons.entry(reason).or_default() += met;
        }
        self
    }
}

fn clients(seed: u64) -> usize {
    if seed >= CROWDS { 1000 } else { [1, 1, 1, 1, 2, 3][seed as usize % 6] }
}

fn play(seed: u64, tally: &mut Tally) {
    let _replay = Replay(seed);
    let scenario = scenario(seed, clients(seed));
    let config = scenario.config.clone();
    let traces = TRACE.is_some();
    let detail = if traces { Detail::Calls } else { Detail::Life };
    let simulation = simulate(seed, scenario.config, scenario.faults, detail);
    let mut traced = Traced { simulation, is_wanted: traces };
    let simulation = &mut traced.simulation;
    let world = simulation.world();
    // The stops first: what falls together comes in this order.
    for (when, signal) in scenario.stops {
        if signal { world.signal_after(when, Signal::Stop) } else { world.stop_after(when) }
    }
    for Stop { when, calls, lasts } in scenario.standstills {
        world.stand_still_after(when, calls, lasts);
    }
    for (script, when) in scenario.clients {
        world.connect(script, when);
    }
    if seed >= CROWDS {
        // With so many, looking at each of them takes longer than all else.
        world.look_every(50);
    }
    world.free_descriptors_after(scenario.descriptors_free);
    let (at_once, longest) = scenario.checks;
    world.set_checks(at_once, longest);
    let most_owed = most_kept(&config);
    simulation.run_watched(MOST_TURNS, |simulation| {
        let event_loop = simulation.event_loop();
        // A look at all of a crowd after each turn would take longer than the turn.
        if event_loop.connections() < 10 {
            assert!(event_loop.owed() <= most_owed * event_loop.connections(), "it owes too much");
        }
    });
    let most = simulation.world().calls().most_accepts;
    assert!(most <= ACCEPTS, "{most} calls of accept in one turn");
    tally.note_schedule(simulation, &config);
    check(simulation, &config, longest).iter().for_each(|end| tally.note_end(end));
}

fn play_each(seeds: impl IntoIterator<Item = u64>) -> Tally {
    let mut tally = Tally::default();
    seeds.into_iter().for_each(|seed| play(seed, &mut tally));
    tally
}

/// Plays on every core: no schedule knows of another.
fn share_out(seeds: Range<u64>) -> Tally {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let shares = (0..cores).map(|first| seeds.clone().skip(first).step_by(cores));
        let players: Vec<_> = shares.map(|share| scope.spawn(|| play_each(share))).collect();
        players.into_iter().map(|it| it.join().unwrap()).fold(Tally::default(), Tally::add)
    })
}

fn play_all(seeds: Range<u64>) -> Tally {
    let tally = match from_environment("SOCKMODES_SEED") {
        Some(seed) if seeds.contains(&seed) => play_each([seed]),
        Some(_) => Tally::default(),
        None => share_out(seeds),
    };
    let Tally { schedules, connections, served, reasons, .. } = &tally;
    println!("{schedules} schedules, {connections} connections, {served} served to the end");
    let Tally { stood_still, interrupted, saved, shared, .. } = &tally;
    println!(
        "{stood_still} stood still, {interrupted} waits interrupted, {saved} late by the clock"
    );
    println!("{shared} with several listeners");
    println!("{reasons:?}");
    tally
}

fn from_environment(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

#[test]
fn any_schedule_gives_the_transcript_of_the_model() {
    let tally = play_all(0..from_environment("SOCKMODES_SCHEDULES").unwrap_or(10_000));
    if tally.schedules > 1 {
        assert!(tally.served * 3 > tally.connections, "too few are served to show anything");
        let Tally { stood_still, interrupted, saved, shared, .. } = tally;
        let often = [stood_still / 20, interrupted / 5, saved, shared / 20];
        assert!(
            often.iter().all(|met| met * 400 >= tally.schedules),
            "what is to be shown is too rare: {often:?}"
        );
        // All that a connection can end with was met, but for a kind of error that there is not here.
        for reason in Reason::ALL.into_iter().filter(|reason| *reason != Reason::SocketError) {
            let met = tally.reasons.get(&reason).copied().unwrap_or(0);
            assert!(met * 1000 >= tally.schedules, "{reason} was met {met} times");
        }
    }
}

#[test]
fn a_thousand_connections_at_once_keep_every_promise() {
    let seeds = from_environment("SOCKMODES_SEEDS").unwrap_or(40);
    play_all(CROWDS..CROWDS + seeds);
}

//! A server that stands still (SIGSTOP, a debugger, a machine that sleeps) while clients say in time what they
//! have to say: what lay in the kernel in time is in time. In a simulated network, with more clients than
//! one wait reports; with everything else that can go wrong, `simulation.rs` plays the same.

use std::time::Duration;

use sockmodes::auth::Scheme;
use sockmodes::observe::{Detail, Event};
use sockmodes::server::{Config, Limits, Penalties};
use sockmodes::session::{Reason, Service};
use sockmodes::sim::{Faults, Finale, Pieces, Script, Simulation};

use crate::common::drive::{config, endings, script, simulate};

/// More than two waits report.
const CLIENTS: usize = 1200;
/// Their deadline, for whatever it is; they need less, and the server stands still for longer.
const DEADLINE: Duration = Duration::from_secs(3);
const STANDSTILL: Duration = Duration::from_secs(4);
const MOST_TURNS: usize = 10_000;

/// A server with nobody near a limit, and where who is late pays for it.
fn strict(scheme: Option<Scheme>) -> Config {
    let mut config = config(scheme, Service::Upper);
    config.protocol.handshake_timeout = DEADLINE.into();
    config.protocol.idle_timeout = DEADLINE.into();
    config.limits = Limits::NONE;
    let mut penalties = Penalties::default();
    penalties.min = Duration::ZERO;
    config.penalties = Some(penalties);
    config
}

/// Clients who do what `script` says; the server stands still as soon as they are there.
fn play(seed: u64, config: Config, script: &Script) -> Simulation {
    let mut simulation = simulate(seed, config, Faults::default(), Detail::Calls);
    for _ in 0..CLIENTS {
        simulation.connect(script.clone());
    }
    simulation.world().stand_still_after(Duration::from_millis(1), 0, STANDSTILL);
    simulation.run(MOST_TURNS);
    simulation
}

/// Whether a wait was interrupted; everybody was served, and nobody paid.
fn all_are_served(simulation: &Simulation) -> bool {
    let endings = endings(simulation);
    let late = endings.iter().filter(|told| told.reason != Reason::Done).count();
    assert_eq!((endings.len(), late), (CLIENTS, 0), "and so many were late");
    for id in simulation.world().clients() {
        assert_eq!(simulation.world().client(id).answers(), b"HELLO");
    }
    let events = simulation.events();
    let is = |of: fn(&Event) -> bool| events.iter().filter(|record| of(&record.event)).count();
    assert_eq!(is(|event| matches!(event, Event::Penalty { .. })), 0);
    assert!(is(|event| matches!(event, Event::Turn { ready: 512 })) >= 2, "full waits");
    simulation.world().calls().interrupted > 0
}

#[test]
fn who_answers_while_the_server_stands_still_is_served_and_pays_nothing() {
    let pause = DEADLINE / 2;
    let client = script(b"hello", |script| script.sending = Pieces { most: usize::MAX, pause });
    for scheme in [Some(Scheme::HmacSha256), None] {
        let waits = (0..8).map(|seed| all_are_served(&play(seed, strict(scheme), &client)));
        let interrupted = waits.filter(|interrupted| *interrupted).count();
        assert!((1..8).contains(&interrupted), "{interrupted} of 8 waits were interrupted");
    }
}

#[test]
fn who_says_nothing_while_the_server_stands_still_is_late() {
    let silent = script(b"", |script| {
        (script.stops_after, script.finale) = (0, Finale::Wait);
    });
    let simulation = play(1, strict(Some(Scheme::HmacSha256)), &silent);
    let reasons: Vec<_> = endings(&simulation).iter().map(|told| told.reason).collect();
    assert_eq!(reasons, [Reason::HandshakeTimeout; CLIENTS]);
}

//! A run: a loop in a simulated world, turn by turn, with all that is to be shown of it.
//!
//! Never here: what is asked for and what is answered (see `answer.rs`).

use std::time::Duration;

use super::liar::{Liar, Lies, LyingFound};
use super::scenario::Scenario;
use super::witness::{Tape, Witness};
use crate::observe::{Event, Events, Record};
use crate::server::{Config, EventLoop, Outcome};
use crate::session::Time;
use crate::sim::World;

/// The most events of a run; it may have some more, to the end of its last turn.
pub(super) const MOST_EVENTS: usize = 50_000;

/// A loop that does nothing in so many turns, one after the other, spins.
const IDLE_TURNS: usize = 200;

/// Why a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody is left.
    Over,
    /// The server was told to stop, and has.
    Stopped,
    /// The loop waits, and nothing will happen any more.
    Stuck,
    /// The loop has turned for nothing, again and again.
    Spins,
    /// It has told more than anybody reads.
    Enough,
}

/// A run so far.
pub(super) struct Run {
    world: World,
    event_loop: EventLoop<Liar>,
    found: LyingFound,
    outcome: Option<Outcome>,
    tape: Tape,
    lies: Lies,
    /// Until then something is still to happen, whoever is connected.
    expected: Time,
    idle_turns: usize,
    /// How many events there were at the end of each turn.
    turns: Vec<usize>,
    end: Option<End>,
}

impl Run {
    pub(super) fn begin(seed: u64, scenario: &Scenario) -> Run {
        let config = scenario.config();
        let world = World::new(seed, &config);
        world.put_up_with_wrongs();
        let tape = Tape::default();
        tape.records().push(listening(world.now(), &config));
        let lies = Lies::new(scenario.broken(), Witness::new(world.clone(), tape.clone()));
        let mut events = Events::default();
        events.add(Box::new(tape.clone()));
        let network = Liar::new(world.network(), lies.clone());
        let event_loop = EventLoop::new(network, config, events, world.stop_flag())
            .with_verifier(Box::new(world.verifier()));
        let signals = [scenario.hangup, scenario.stop];
        let expected = signals.into_iter().flatten().max().unwrap_or(Duration::ZERO);
        let expected = world.now() + expected;
        scenario.begin(&world);
        let mut run = Run {
            world,
            event_loop,
            found: LyingFound::default(),
            outcome: None,
            tape,
            lies,
            expected,
            idle_turns: 0,
            turns: Vec::new(),
            end: None,
        };
        run.end = run.find_end();
        run
    }

    /// Goes on until there are so many events, to the end of a turn, or it is over; how many there are by then,
    /// however many more are known already.
    pub(super) fn go_on(&mut self, events: usize) -> usize {
        while self.end.is_none() && self.tape.len() < events {
            let before = self.tape.len();
            // Where waiting fails, the world says why: it is stuck.
            self.outcome = self.event_loop.turn(&mut self.found).unwrap_or(None);
            let did_something = self.tape.records()[before..].iter().any(is_deed);
            self.idle_turns = if did_something { 0 } else { self.idle_turns + 1 };
            self.end = self.find_end();
            self.turns.push(self.tape.len());
        }
        let turn = self.turns.partition_point(|known| *known < events);
        self.turns.get(turn).copied().unwrap_or_else(|| self.tape.len())
    }

    fn find_end(&self) -> Option<End> {
        let Run { world, event_loop, .. } = self;
        if self.outcome.is_some() {
            Some(End::Stopped)
        } else if world.is_stuck() {
            Some(End::Stuck)
        } else if event_loop.connections() == 0 && world.is_over() && world.now() >= self.expected {
            Some(End::Over)
        } else if self.idle_turns >= IDLE_TURNS {
            Some(End::Spins)
        } else {
            (self.tape.len() >= MOST_EVENTS).then_some(End::Enough)
        }
    }

    /// Why it is over, if it is.
    pub(super) fn end(&self) -> Option<End> {
        self.end
    }

    pub(super) fn tape(&self) -> &Tape {
        &self.tape
    }

    pub(super) fn lies(&self) -> &Lies {
        &self.lies
    }
}

/// What a server tells first.
fn listening(time: Time, config: &Config) -> Record {
    let (address, max_buffer) = (config.listen[0], config.max_buffer.get());
    Record { time, connection: None, event: Event::Listening { address, max_buffer } }
}

/// Whether something was done for somebody, and not only looked at.
fn is_deed(record: &Record) -> bool {
    match &record.event {
        Event::Received { result, .. } | Event::Sent { result, .. } => result.is_ok(),
        Event::Waiting { .. } | Event::Turn { .. } | Event::TurnEnd { .. } => false,
        Event::Ready { .. } | Event::Stale | Event::Requeued | Event::Timer { .. } => false,
        _ => true,
    }
}

impl End {
    /// The word for it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            End::Over => "over",
            End::Stopped => "stopped",
            End::Stuck => "stuck",
            End::Spins => "spins",
            End::Enough => "enough",
        }
    }

    /// What that means, in one sentence.
    pub(super) fn about(self) -> String {
        match self {
            End::Over => "nobody is connected any more, and nobody will come".into(),
            End::Stopped => "the server was told to stop, and has stopped".into(),
            End::Stuck => "the loop waits, and nothing will ever wake it".into(),
            End::Spins => {
                format!("the loop spins: {IDLE_TURNS} turns in a row, and nothing was done")
            }
            End::Enough => format!("it goes on, but more than {MOST_EVENTS} events are not played"),
        }
    }
}

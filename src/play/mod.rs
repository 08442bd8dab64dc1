//! The simulated source of the page: a loop in a simulated network, asked and answered in JSON.
//!
//! A [`Play`] is given a seed and a [`Scenario`], and gives the events of the run that they make, as many as
//! are asked for; with them, what only a simulation can know: how full the buffers of the kernels are, and
//! what went wrong. It is the real [`EventLoop`](crate::server::EventLoop) that runs. In a scenario some of its
//! [rules](Rule) can be broken, by something between it and its network that lies; what comes of that is
//! told like everything else, and neither panics nor goes on for ever.
//!
//! Nothing is remembered but to be quick: the same request has the same answer, whatever was asked before,
//! here and in WebAssembly. `liar.rs` is what lies, `run.rs` goes on turn by turn.
//!
//! ```
//! use sockmodes::play::Play;
//!
//! let mut play = Play::default();
//! let answer = play.ask(r#"{"ask":"events","seed":7,"scenario":"legal\nsilent at 1s","after":0}"#);
//! assert!(answer.starts_with(r#"{"first":1,"records":[{"time":1.0,"event":"listening""#));
//! assert_eq!(Play::default().ask(r#"{"ask":"nonsense"}"#).find("error"), Some(2));
//! ```

mod answer;
mod liar;
mod manner;
mod question;
mod rule;
mod run;
mod scenario;
#[cfg(test)]
mod tests;
mod witness;
mod words;

use std::collections::VecDeque;
use std::fmt;

pub use manner::Manner;
pub use rule::Rule;
pub use scenario::Scenario;
pub use words::ScenarioError;

use answer::{Answer, Ask, Request};
use run::{MOST_EVENTS, Run};

/// So many runs are kept, so that none is played from its start for every turn: one for each tab of somebody
/// who compares.
const KEPT: usize = 4;

/// Numbers from here on are not the same in every reader of JSON (RFC 8259, section 6).
const MOST_SEED: u64 = (1 << 53) - 1;

/// Plays scenarios: see the [module](self).
#[derive(Default)]
pub struct Play {
    /// The one that was asked for last comes first.
    kept: VecDeque<Kept>,
}

struct Kept {
    seed: u64,
    scenario: String,
    run: Run,
}

impl Play {
    /// The answer to `request`. Both are JSON; what a request can be and what is answered, the book says
    /// (`docs/src/reference/play.md`). A request that is none, or a scenario that is none, is answered with an
    /// object that has an `error`.
    pub fn ask(&mut self, request: &str) -> String {
        let answer = match serde_json::from_str(request) {
            Ok(request) => self.answer(request),
            Err(error) => Answer::error(format!("this is no request: {error}")),
        };
        serde_json::to_string(&answer).expect("an answer has only strings for keys")
    }

    fn answer(&mut self, request: Request) -> Answer {
        let Request { ask, seed, scenario, after, until } = request;
        if seed > MOST_SEED {
            return Answer::error(format!("a seed is at most {MOST_SEED}"));
        }
        if after > 2 * MOST_EVENTS {
            return Answer::error(format!("no run has {after} events"));
        }
        let run = match self.run(seed, &scenario) {
            Ok(run) => run,
            Err(error) => return error.into(),
        };
        match ask {
            Ask::Events => Answer::events(run, after, until),
            Ask::Next => Answer::next(run, seed, after),
            Ask::Words => Answer::words(),
        }
    }

    /// The run of `scenario`, as far as it was played.
    fn run(&mut self, seed: u64, scenario: &str) -> Result<&mut Run, ScenarioError> {
        let is_it = |kept: &Kept| kept.seed == seed && kept.scenario == scenario;
        let kept = match self.kept.iter().position(is_it) {
            Some(at) => self.kept.remove(at).expect("it was found there"),
            None => {
                let run = Run::begin(seed, &scenario.parse()?);
                Kept { seed, scenario: scenario.to_owned(), run }
            }
        };
        self.kept.truncate(KEPT - 1);
        self.kept.push_front(kept);
        Ok(&mut self.kept[0].run)
    }
}

impl fmt::Debug for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Play").field("kept", &self.kept.len()).finish()
    }
}

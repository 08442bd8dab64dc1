//! All checks, one after the other: each bounded, tried again if noise could have made its verdict, and the server
//! started anew where it has to be.
//!
//! Never here: what is tried. Read `trial.rs` next.

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::catalogue::Check;
use super::deadlines::Memory;
use super::pace::{Limits, Pace};
use super::report::{Failure, Outcome, Report, Verdict};
use super::server::Server;
use super::story::{Diary, Tale, Told, Trouble, doubtful, wrong};
use super::trial::Trial;
use super::{Config, Target};

/// For all checks together: two minutes, less what it may take to end the server.
const WHOLE: Duration = Duration::from_secs(117);
/// For one attempt at a check, beyond what the promised timeout makes it wait.
const ATTEMPT: Duration = Duration::from_secs(25);
/// How often a doubtful verdict is tried.
const ATTEMPTS: u32 = 2;
/// How often a check is tried that the machine was too busy for.
const TRIES: u32 = 4;

/// Tries `selected` in their order and tells `watch` of each: first that it begins, with no outcome, then its outcome.
pub fn run(
    config: &Config,
    selected: &[&'static Check],
    watch: &mut dyn FnMut(&'static Check, Option<&Outcome>),
) -> Report {
    let mut report = Report { seed: config.seed, outcomes: Vec::new(), never_there: None };
    let until = Instant::now() + WHOLE;
    let server = match &config.target {
        Target::Running(addresses) => Server::at(addresses, until),
        Target::Command { words, leash } => {
            Server::of(words.clone(), config.secret.clone(), leash.clone(), until)
        }
    };
    let mut run = match server.and_then(|server| Run::begin(config, server, until)) {
        Ok(run) => run,
        Err(why) => {
            let ours = matches!(config.target, Target::Command { .. });
            report.fail_all(selected, why, &|check| check.skipped(config, ours), watch);
            return report;
        }
    };
    for check in selected {
        watch(check, None);
        let outcome = Outcome { check, verdict: run.judge(check) };
        watch(check, Some(&outcome));
        report.outcomes.push(outcome);
    }
    report
}

struct Run<'a> {
    config: &'a Config,
    server: Server,
    pace: Pace,
    until: Instant,
    memory: Memory,
}

impl<'a> Run<'a> {
    /// Waits until the server takes its first connection.
    fn begin(config: &'a Config, mut server: Server, until: Instant) -> Result<Run<'a>, String> {
        server.be_there()?;
        Ok(Run { config, server, pace: Pace::default(), until, memory: None })
    }

    fn judge(&mut self, check: &'static Check) -> Verdict {
        if let Some(why) = check.skipped(self.config, self.server.is_ours()) {
            return Verdict::Skipped(why);
        }
        let (mut attempt, mut late) = (0, 0);
        loop {
            if Instant::now() >= self.until {
                return Verdict::Failed(Failure::untried());
            }
            let diary = Diary::new();
            let trouble = match self.attempt(check, attempt, &diary) {
                Ok(()) => return Verdict::Passed,
                Err(trouble) => trouble,
            };
            let tale = match trouble {
                Trouble::Late(_) if late + 1 < TRIES => {
                    late += 1;
                    self.set_right();
                    continue;
                }
                Trouble::Late(why) => {
                    self.set_right();
                    return Verdict::Skipped(format!(
                        "on this machine now it can't be tried: {why}"
                    ));
                }
                Trouble::Untold(why) => return Verdict::Skipped(why),
                Trouble::OutOfTime => Failure::out_of_time(&diary),
                Trouble::Doubtful(_) if attempt + 1 < ATTEMPTS => {
                    attempt += 1;
                    self.set_right();
                    continue;
                }
                Trouble::Wrong(tale) | Trouble::Doubtful(tale) => {
                    Failure::new(&diary, self.with_end(tale))
                }
            };
            self.set_right();
            return Verdict::Failed(tale);
        }
    }

    fn attempt(&mut self, check: &Check, attempt: u32, diary: &Diary) -> Told {
        self.be_there()?;
        if check.level > 1 && !self.pace.is_known() {
            self.baseline()?;
        }
        self.trial(check.name, attempt, diary.clone(), |trial| (check.run)(trial))?;
        self.crashed()
    }

    fn be_there(&mut self) -> Told {
        self.server.be_there().map_err(|came| doubtful("a server that can be started again", came))
    }

    /// What the server needs for an answer, where no check of the first level has shown it.
    fn baseline(&mut self) -> Told {
        let measure = |trial: &mut Trial<'_>| (0..3).try_for_each(|_| trial.is_served("the first"));
        // A server that does not even do this fails at the check itself, in its words.
        let _ = self.trial("baseline", 0, Diary::new(), measure);
        self.be_there()
    }

    fn trial(
        &mut self,
        name: &str,
        attempt: u32,
        diary: Diary,
        tried: impl FnOnce(&mut Trial<'_>) -> Told,
    ) -> Told {
        let bound = ATTEMPT + 2 * self.config.handshake.unwrap_or_default();
        let until = self.until.min(Instant::now() + bound);
        let patience = self.pace.patience(attempt, self.config.handshake);
        let limits = Limits { patience, until };
        // Each check has its own numbers, whatever ran before it.
        let mixed = name.bytes().fold(self.config.seed, |seed, byte| {
            seed.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(byte)
        });
        let rng = StdRng::seed_from_u64(mixed);
        let (config, server, pace) = (self.config, &mut self.server, &mut self.pace);
        let memory = &mut self.memory;
        tried(&mut Trial { config, server, pace, rng, diary, limits, attempt, clients: 0, memory })
    }

    /// That the server did not crash meanwhile.
    fn crashed(&mut self) -> Told {
        if !self.server.has_crashed(self.pace.beat()) {
            return Ok(());
        }
        let came = self.server.end_told().unwrap_or_default();
        Err(wrong("a server that runs on", came))
    }

    /// If a connection ended because the server did, and was not told to, that is the news. (One that ends later may
    /// have been brought to it by clients that were given up.)
    fn with_end(&mut self, mut tale: Tale) -> Tale {
        if !tale.ended || self.server.may_end() {
            return tale;
        }
        // A process that ends closes its connections first.
        self.server.ends_within(self.pace.quiet());
        if let Some(end) = self.server.end_told() {
            tale.came = format!("{}; {end}", tale.came);
        }
        tale
    }

    /// After trouble, a new server: what one check has left behind is no other's fault.
    fn set_right(&mut self) {
        self.server.end();
    }
}

//! What came of all checks, and how it is written: as text and as JSON, and in `junit.rs` as JUnit's XML.
//!
//! The forms are part of the interface: scripts read them. Read `story.rs` for what a failure tells.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Write};

use serde::Serialize;

use super::catalogue::{Check, LEVELS};
use super::story::{Diary, Tale};

/// What came of one check.
#[derive(Debug)]
pub struct Outcome {
    /// Which.
    pub check: &'static Check,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a check.
#[derive(Debug)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not.
    Failed(Failure),
    /// It was not tried, and why not.
    Skipped(String),
}

const NO_TIME: &str = "no time was left: the checks before have used it up, each waiting in vain";

/// Why a check failed.
#[derive(Debug)]
pub struct Failure {
    did: Vec<String>,
    tale: Tale,
    /// It was not even begun: there was no time left.
    untried: bool,
}

impl Failure {
    pub(super) fn new(diary: &Diary, tale: Tale) -> Failure {
        Failure { did: diary.lines(), tale, untried: false }
    }

    /// The time for all checks was over before this one began.
    pub(super) fn untried() -> Failure {
        let tale = Tale { expected: "a check".into(), came: NO_TIME.into(), ended: false };
        Failure { did: Vec::new(), tale, untried: true }
    }

    pub(super) fn out_of_time(diary: &Diary) -> Failure {
        let expected = "an end of this check in the time that it has".into();
        Failure::new(diary, Tale { expected, came: "the time was over".into(), ended: false })
    }

    fn never_there(why: &str) -> Failure {
        let tale = Tale { expected: "a connection".into(), came: why.into(), ended: false };
        Failure { did: Vec::new(), tale, untried: false }
    }

    /// In one line.
    pub(super) fn summary(&self) -> String {
        let first = self.tale.came.lines().next().unwrap_or_default();
        format!("expected {}; came {first}", self.tale.expected)
    }

    /// As a story.
    pub(super) fn told(&self, check: &Check) -> String {
        self.told_with(check, &self.tale.came)
    }

    /// The same, where the last words of a server that crashes in every check are told once.
    fn told_briefly(&self, check: &Check, known: &mut HashMap<String, &'static str>) -> String {
        let Some((came, words)) = self.tale.came.split_once('\n') else { return self.told(check) };
        match known.entry(words.into()) {
            Entry::Occupied(first) => {
                let came = format!("{came}\nthe same as in {}, above", first.get());
                self.told_with(check, &came)
            }
            Entry::Vacant(new) => {
                new.insert(check.name);
                self.told(check)
            }
        }
    }

    fn told_with(&self, check: &Check, came: &str) -> String {
        let mut lines = vec![format!("{}: {}", check.name, check.about)];
        lines.extend(self.did.iter().map(|line| format!("  {line}")));
        lines.push(format!("  expected  {}", indented(&self.tale.expected)));
        lines.push(format!("  came      {}", indented(came)));
        lines.push(format!("  matters   {}", check.matters));
        lines.push(format!("  read      docs/src/{}", check.page));
        if let Some(lesson) = check.lesson {
            lines.push(format!("  lesson    cargo run --example {lesson}"));
        }
        if let Some(chapter) = check.chapter() {
            lines.push(format!("  build     docs/src/{chapter}"));
        }
        lines.join("\n")
    }
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n            ")
}

/// What came of all checks that were selected.
#[derive(Debug)]
pub struct Report {
    /// The seed that gives the same requests again.
    pub seed: u64,
    /// In the order in which they were tried.
    pub outcomes: Vec<Outcome>,
    /// Why the server never took a connection, if it did not.
    pub never_there: Option<String>,
}

#[derive(Serialize)]
struct Json<'r> {
    level: u8,
    passed: usize,
    failed: usize,
    skipped: usize,
    checks: Vec<JsonCheck<'r>>,
}

#[derive(Serialize)]
struct JsonCheck<'r> {
    name: &'r str,
    verdict: &'r str,
    why: String,
}

impl Report {
    pub(super) fn fail_all(
        &mut self,
        selected: &[&'static Check],
        why: String,
        skipped: &dyn Fn(&Check) -> Option<String>,
        watch: &mut dyn FnMut(&'static Check, Option<&Outcome>),
    ) {
        for check in selected {
            let verdict = match skipped(check) {
                Some(why) => Verdict::Skipped(why),
                None => Verdict::Failed(Failure::never_there(&why)),
            };
            let outcome = Outcome { check, verdict };
            watch(check, Some(&outcome));
            self.outcomes.push(outcome);
        }
        self.never_there = Some(why);
    }

    /// The highest level up to which nothing failed and each ran something.
    pub fn level(&self) -> u8 {
        let holds = |level: u8| {
            let of = || self.outcomes.iter().filter(move |outcome| outcome.check.level == level);
            of().any(|outcome| matches!(outcome.verdict, Verdict::Passed))
                && !of().any(|outcome| matches!(outcome.verdict, Verdict::Failed(_)))
        };
        (1..=LEVELS).take_while(|level| holds(*level)).last().unwrap_or(0)
    }

    fn count(&self, which: fn(&Verdict) -> bool) -> usize {
        self.outcomes.iter().filter(|outcome| which(&outcome.verdict)).count()
    }

    fn passed(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Passed))
    }

    /// How many failed.
    pub fn failed(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    pub(super) fn skipped(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Skipped(_)))
    }

    /// What follows the lines of the checks: the stories, the level, the counts.
    pub fn write_text_end(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.never_there {
            Some(why) => writeln!(out, "\n{why}\n")?,
            None => self.write_stories(out)?,
        }
        writeln!(out, "level {} of {LEVELS}", self.level())?;
        let (passed, failed, skipped) = (self.passed(), self.failed(), self.skipped());
        writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")
    }

    fn write_stories(&self, out: &mut dyn Write) -> io::Result<()> {
        let (mut untried, mut last_words) = (Vec::new(), HashMap::new());
        for Outcome { check, verdict } in &self.outcomes {
            match verdict {
                Verdict::Failed(failure) if failure.untried => untried.push(check.name),
                Verdict::Failed(failure) => {
                    let (name, seed) = (check.name, self.seed);
                    let told = failure.told_briefly(check, &mut last_words);
                    writeln!(
                        out,
                        "\n{told}\n  again     sockmodes check --only {name} --seed {seed} …"
                    )?;
                }
                _ => {}
            }
        }
        if !untried.is_empty() {
            writeln!(out, "\n{}: {NO_TIME}", untried.join(", "))?;
        }
        if self.failed() > 0 { writeln!(out) } else { Ok(()) }
    }

    /// One object.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let check = |outcome: &'_ Outcome| JsonCheck {
            name: outcome.check.name,
            verdict: outcome.word(),
            why: outcome.why(),
        };
        let json = Json {
            level: self.level(),
            passed: self.passed(),
            failed: self.failed(),
            skipped: self.skipped(),
            checks: self.outcomes.iter().map(check).collect(),
        };
        serde_json::to_writer(&mut *out, &json)?;
        writeln!(out)
    }
}

const OK: &str = "ok";
pub(super) const FAILED: &str = "FAILED";
pub(super) const SKIPPED: &str = "skipped";

impl Outcome {
    pub(super) fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Passed => OK,
            Verdict::Failed(_) => FAILED,
            Verdict::Skipped(_) => SKIPPED,
        }
    }

    fn why(&self) -> String {
        match &self.verdict {
            Verdict::Passed => String::new(),
            Verdict::Failed(failure) => failure.told(self.check),
            Verdict::Skipped(why) => why.clone(),
        }
    }

    /// Its line of the text.
    pub fn line(&self) -> String {
        match &self.verdict {
            Verdict::Skipped(why) => format!("{SKIPPED} {}: {why}", self.check.name),
            _ => format!("{} {}", self.word(), self.check.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::checks;

    #[test]
    fn what_a_server_said_last_in_every_check_is_told_once() {
        let came = "the end of the connection; it said last:\nTypeError: not bytes".to_string();
        let outcomes = checks().take(3).enumerate().map(|(at, check)| {
            let came = if at == 1 { "nothing for 1.50 s".into() } else { came.clone() };
            let tale = Tale { expected: "an answer".into(), came, ended: true };
            Outcome { check, verdict: Verdict::Failed(Failure::new(&Diary::new(), tale)) }
        });
        let report = Report { seed: 1, outcomes: outcomes.collect(), never_there: None };
        let mut text = Vec::new();
        report.write_text_end(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.matches("TypeError").count(), 1, "{text}");
        let first = report.outcomes[0].check.name;
        let again = format!("it said last:\n            the same as in {first}, above\n");
        assert_eq!(text.matches(&again).count(), 1, "{text}");
        // Who reads one check alone has all of it.
        assert!(report.outcomes[2].why().contains("TypeError"));
    }
}

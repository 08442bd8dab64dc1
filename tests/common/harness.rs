//! Runs tests that need something which the machine may not have.
//!
//! A test whose need is not met says `skipped: …, because …` and is counted as ignored in the last
//! line, where Rust's own harness could only count it as passed. With `SOCKMODES_REQUIRE_PEERS=1` it
//! fails if what is missing is a peer, which can be installed.
#![allow(dead_code)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use libtest_mimic::{Arguments, Completion, Conclusion, Trial};

/// What a test needs. Each looks at the machine, and says what is missing if something is.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    /// A program of others.
    Peer(fn() -> Option<String>),
    /// Something that a machine has or has not.
    Machine(fn() -> Option<String>),
}

impl Need {
    fn missing(self) -> Option<String> {
        match self {
            Need::Peer(look) | Need::Machine(look) => look(),
        }
    }
}

/// That there is time, as in CI: for what takes long, and shows what few changes touch, or more of what a shorter test shows.
pub(crate) const LONG: Need = Need::Machine(|| {
    let asked = env::var_os("SOCKMODES_LONG").is_some_and(|value| value == "1");
    (!asked).then(|| "it takes long: SOCKMODES_LONG=1 runs it".into())
});

/// Name, needs, and the test, which fails by panicking.
pub(crate) type Test = (&'static str, &'static [Need], fn());

/// The tests of `modules`; a test's name begins with its module's.
pub(crate) fn trials(modules: &[(&str, &[Test])]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (module, tests) in modules {
        trials.extend(
            tests
                .iter()
                .map(|&(name, needs, test)| trial(format!("{module}::{name}"), needs, test)),
        );
    }
    trials
}

/// Runs them, as the arguments choose; so many at a time, unless they say otherwise.
pub(crate) fn run(trials: Vec<Trial>, at_a_time: usize) -> Conclusion {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(at_a_time);
    libtest_mimic::run(&arguments, trials)
}

/// Runs them one after the other, whatever the arguments say: for those that don't bear another beside them.
pub(crate) fn run_in_turn(trials: Vec<Trial>) -> Conclusion {
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, trials)
}

/// A test of that name, which fails by panicking.
pub(crate) fn trial(
    name: String,
    needs: &'static [Need],
    test: impl FnOnce() + Send + 'static,
) -> Trial {
    Trial::ignorable_test(name.clone(), move || {
        let missing = needs.iter().find_map(|need| Some((need, need.missing()?)));
        let Some((need, missing)) = missing else {
            test();
            return Ok(Completion::Completed);
        };
        let is_peer = matches!(need, Need::Peer(_));
        if is_peer && env::var_os("SOCKMODES_REQUIRE_PEERS").is_some_and(|value| value == "1") {
            return Err(format!("{missing}, and SOCKMODES_REQUIRE_PEERS is set").into());
        }
        eprintln!("skipped: {name}, because {missing}");
        Ok(Completion::ignored_with(missing))
    })
}

/// Whether a program of this name can be found.
pub(crate) fn missing_program(name: &str) -> Option<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|folder| Path::new(&folder).join(name).is_file());
    (!found).then(|| format!("{name} is not installed"))
}

/// Whether `name` is installed and, asked with `args`, says `text`.
pub(crate) fn missing_feature(name: &str, args: &[&str], text: &str) -> Option<String> {
    missing_program(name).or_else(|| {
        let said = Command::new(name).args(args).output().ok()?;
        let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        (!said.contains(text)).then(|| format!("this {name} knows no {text:?}"))
    })
}

/// Python itself, where there is one: `python3` may be a script that looks for one of several, which takes longer
/// than most of what it is asked for here, and is what strace would show.
pub(crate) fn python() -> &'static Path {
    static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
        let print = ["-c", "import sys; print(sys.executable)"];
        let said = Command::new("python3").args(print).output().expect("python3 is there").stdout;
        String::from_utf8(said).expect("its path is text").trim_end().into()
    });
    &PYTHON
}

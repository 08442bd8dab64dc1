//! A lesson whose output goes where not all of it is taken ends, and says so in one line or, where that is usual, nothing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::PoisonError;

use crate::common::harness;
use crate::{QUIET, at_a_time, build, example, lessons, python_is_there, root, stdout};

#[test]
fn an_output_that_takes_nothing_ends_a_lesson_without_a_backtrace() {
    build();
    let mut programs: Vec<_> = lessons().iter().map(|name| vec![example(name)]).collect();
    if python_is_there() {
        let twin = |name: &String| root(&format!("examples/python/{name}.py"));
        programs.extend(lessons().iter().map(|name| vec![harness::python().into(), twin(name)]));
    }
    let _quiet = QUIET.read().unwrap_or_else(PoisonError::into_inner);
    at_a_time(&programs, |program| {
        ends_after_its_first_line(program);
        ends_where_nothing_fits(program);
    });
}

#[test]
fn a_twin_without_standard_output_runs_all_the_same() {
    if python_is_there() {
        let mut shell = Command::new("sh");
        let twin = root("examples/python/udp.py");
        shell.args(["-c", "exec python3 \"$0\" >&-"]).arg(twin);
        assert_eq!(stdout(&mut shell), Ok(String::new()));
    }
}

/// As into `head`: the first line, and no more.
fn ends_after_its_first_line(program: &[PathBuf]) {
    let mut child = start(program, Stdio::piped());
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(ended(child), (Some(0), String::new()), "{program:?} after {line:?}");
}

fn ends_where_nothing_fits(program: &[PathBuf]) {
    if let Ok(full) = fs::File::options().write(true).open("/dev/full") {
        let (status, error) = ended(start(program, full.into()));
        assert_eq!((status, error.lines().count()), (Some(1), 1), "{program:?}: {error}");
        assert!(error.starts_with("cannot write to standard output: No space"), "{error}");
    }
}

fn start(program: &[PathBuf], stdout: Stdio) -> Child {
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]).env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
    command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap()
}

/// Its status, and what it said of errors.
fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

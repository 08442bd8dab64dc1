//! On a terminal a lesson asks, and waits: it shows its questions, and what happens only after Enter. Anywhere else it
//! waits for nobody, which `main.rs` holds by reading all that it prints through a pipe.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::PoisonError;

use rustix::process::Signal;

use super::common::harness::python;
use super::common::process::Program;
use super::common::terminal::Terminal;
use super::{QUIET, build, example, lessons, python_is_there, root};

/// The last words before it waits.
const QUESTION: &str = "Your guess? Enter shows what happens. ";
/// Ctrl-D, which ends the input at the beginning of a line.
const END_OF_INPUT: &str = "\x04";

#[test]
fn every_lesson_waits_for_a_guess() {
    let _quiet = QUIET.read().unwrap_or_else(PoisonError::into_inner);
    for command in programs(&lessons()) {
        let what = format!("{command:?}");
        let (mut terminal, program) = at_its_question(command);
        terminal.type_in(END_OF_INPUT);
        let finished = program.finish();
        assert_eq!((finished.status.code(), finished.err()), (Some(0), ""), "{what}");
        let asked = terminal.seen();
        assert!(asked.contains("Predict:") && asked.contains("  ? "), "{what}: {asked}");
        assert!(!asked.contains("1. ["), "{what} did not wait: {asked}");
    }
}

#[test]
fn enter_shows_what_happens() {
    for command in programs(&["udp".to_owned()]) {
        let (mut terminal, program) = at_its_question(command);
        // Whatever was guessed: the lesson does not read it.
        terminal.type_in("five bytes\n");
        terminal.wait_for("Claims that hold: 11 of 11");
        assert_eq!(program.finish().expect(0).err(), "");
    }
}

#[test]
fn an_interrupt_at_the_question_is_the_end() {
    for command in programs(&["udp".to_owned()]) {
        let what = format!("{command:?}");
        let (_terminal, program) = at_its_question(command);
        program.signal(Signal::INT);
        let finished = program.finish();
        // As any program ends on Ctrl-C: by the signal, and without a traceback.
        assert_eq!(finished.status.signal(), Some(Signal::INT.as_raw()), "{what}");
        assert_eq!(finished.err(), "", "{what}");
    }
}

fn at_its_question(command: Command) -> (Terminal, Program) {
    let mut terminal = Terminal::open().unwrap();
    let program = terminal.start(command);
    terminal.wait_for(QUESTION);
    (terminal, program)
}

/// Each lesson, and its twin where there is a Python.
fn programs(names: &[String]) -> Vec<Command> {
    build();
    let mut programs: Vec<_> = names.iter().map(|name| Command::new(example(name))).collect();
    if python_is_there() {
        programs.extend(names.iter().map(|name| {
            let mut command = Command::new(python());
            command.arg(root(&format!("examples/python/{name}.py")));
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            command
        }));
    }
    programs
}

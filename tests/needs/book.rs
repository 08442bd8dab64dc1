//! What the book shows as a program or as a command, run: it has to print what stands below it.
//!
//! Three kinds are looked for on every page: a whole program in Python, a whole program in Rust, and a box "See it
//! yourself" with commands for a shell. Numbers differ from machine to machine, and are masked. README and the chapter
//! that is pasted from top to bottom are `first_steps.rs`'s.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use regex_lite::Regex;

use crate::common::harness::{Need, Test, missing_program, python};
use crate::common::network::{NEEDS, alone};
use crate::common::process::run;

pub(crate) const TESTS: &[Test] = &[
    ("what_one_sees_oneself", &BOXES, what_one_sees_oneself),
    ("the_python_prints_what_it_shows", &[PYTHON, SS], the_python_prints_what_it_shows),
    ("the_rust_prints_what_it_shows", &[RUSTC], the_rust_prints_what_it_shows),
];

const PYTHON: Need = Need::Peer(|| missing_program("python3"));
const RUSTC: Need = Need::Peer(|| missing_program("rustc"));
const SS: Need = Need::Peer(|| missing_program("ss"));
const BOXES: [Need; 9] = [
    NEEDS[0],
    NEEDS[1],
    PYTHON,
    SS,
    Need::Peer(|| missing_program("bash")),
    Need::Peer(|| missing_program("nc")),
    Need::Peer(|| missing_program("strace")),
    Need::Peer(|| missing_program("tcpdump")),
    Need::Peer(|| missing_program("curl")),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page, with its path.
fn pages() -> Vec<(PathBuf, String)> {
    let (mut folders, mut pages) = (vec![root().join("docs/src")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "md") {
                let text = fs::read_to_string(&path).unwrap();
                pages.push((path, text));
            }
        }
    }
    pages
}

/// What stands in a block and what stands in the next, wherever `pattern` finds both.
fn shown(pattern: &str) -> Vec<(PathBuf, String, String)> {
    let pattern = Regex::new(pattern).unwrap();
    let of_page = |(path, text): (PathBuf, String)| {
        let pairs: Vec<_> = pattern
            .captures_iter(&text)
            .map(|found| (path.clone(), found[1].to_owned(), found[2].to_owned()))
            .collect();
        pairs
    };
    pages().into_iter().flat_map(of_page).collect()
}

/// Numbers, and how far apart things stand, differ from machine to machine.
fn mask(text: &str) -> Vec<String> {
    let number = Regex::new(r"0x[0-9a-f]+|\d+").unwrap();
    let space = Regex::new(r" +").unwrap();
    let line =
        |line: &str| space.replace_all(&number.replace_all(line, "#"), " ").trim().to_owned();
    text.lines().map(line).collect()
}

/// Where lines are left out, "…" stands in their place: then those that are shown have to be there.
fn agrees(printed: &str, shown: &str) -> bool {
    let (mut printed, mut shown) = (mask(printed), mask(shown));
    if shown.iter().any(|line| line == "…") {
        return shown.iter().all(|line| line == "…" || printed.contains(line));
    }
    // Two programs that print at the same time do so in either order.
    printed.sort();
    shown.sort();
    printed == shown
}

fn the_python_prints_what_it_shows() {
    let programs = shown("\n```python\n(import [^`]*)```\n\n```text\n([^`]*)```");
    for (page, program, expected) in &programs {
        let done = run(&mut Command::new(python()), program.as_bytes()).expect(0);
        assert_eq!(mask(done.out()), mask(expected), "{}", page.display());
    }
    assert!(programs.len() > 5, "the pattern finds {} programs", programs.len());
}

fn the_rust_prints_what_it_shows() {
    let programs = shown("\n```rust\n(use std::[^`]*)```\n\n```text\n([^`]*)```");
    for (page, program, expected) in &programs {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("shown.rs"), program).unwrap();
        let mut rustc = Command::new("rustc");
        rustc.args(["--edition", "2024", "-D", "warnings", "shown.rs"]).current_dir(folder.path());
        run(&mut rustc, b"").expect(0);
        let done = run(&mut Command::new(folder.path().join("shown")), b"").expect(0);
        assert_eq!(mask(done.out()), mask(expected), "{}", page.display());
    }
    assert!(!programs.is_empty(), "the pattern finds no program");
}

fn what_one_sees_oneself() {
    let boxes = shown(
        "\n((?:> [^\n]*\n|>\n)*?> ```sh\n(?:>[^\n]*\n)*?> ```\n)(>\n> ```text\n(?:>[^\n]*\n)*?> ```)",
    );
    let failed = Mutex::new(Vec::new());
    // They mostly sleep.
    thread::scope(|scope| {
        for (page, commands, expected) in &boxes {
            let failed = &failed;
            scope.spawn(move || {
                let (commands, expected) = (block(commands), block(expected));
                let printed = alone_in_a_shell(&commands);
                if !agrees(&printed, &expected) {
                    let page = page.display();
                    failed.lock().unwrap().push(format!(
                        "{page}:\n{commands}\nprinted\n{printed}\nand the page shows\n{expected}"
                    ));
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    let begun: usize = pages().iter().map(|(_, text)| text.matches("\n> ```sh\n").count()).sum();
    assert_eq!(boxes.len(), begun, "a box shows commands, and not what they print");
}

/// The last block in a quotation, without its fences.
fn block(quoted: &str) -> String {
    let lines: Vec<_> = quoted
        .lines()
        .map(|line| line.strip_prefix("> ").unwrap_or(line.trim_start_matches('>')))
        .collect();
    let from = lines.iter().position(|line| line.starts_with("```")).unwrap() + 1;
    let to = lines.iter().rposition(|line| *line == "```").unwrap();
    lines[from..to].join("\n")
}

/// What the commands print, to either output, in an empty home and a network that has nothing else in it.
///
/// Nothing is inherited from whoever runs the tests but where programs are: strace shows what a start-up file, or a
/// shell without `SHELL`, does before the program.
fn alone_in_a_shell(commands: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::create_dir(folder.path().join("target")).unwrap();
    for name in ["examples", "tests"] {
        symlink(root().join(name), folder.path().join(name)).unwrap();
    }
    symlink(env!("CARGO_BIN_EXE_sockmodes"), bin.join("sockmodes")).unwrap();
    symlink(python(), bin.join("python3")).unwrap();
    let printed = Mutex::new(String::new());
    alone(|| {
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("exec 2>&1\n{commands}")]).current_dir(folder.path());
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        shell.env_clear().env("PATH", path).env("HOME", folder.path()).env("LANG", "C.UTF-8");
        shell.env("PYTHONDONTWRITEBYTECODE", "1");
        *printed.lock().unwrap() = run(&mut shell, b"").out().to_owned();
    });
    printed.into_inner().unwrap()
}
